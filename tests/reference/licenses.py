"""LIC: in whose name a unit goes, and which names that user is missing."""

from dataclasses import dataclass

from tests.reference.households import Unit
from tests.reference.records import Crm
from tests.reference.tables import label

LICENSE = {"profiles": ("LIC-PROFILES", "Profiles Professional - Web"), "emoney": ("LIC-EMONEY", "eMoney")}
POLICY_RIGHTS = ("Policy Tracking", "Pending Case & Policy Setup Administrator")
INVESTMENT_RIGHTS = ("Investment Tracking",)


@dataclass(frozen=True)
class License:
    """Who a unit goes for; `missing` pairs a rule with the missing name, empty = the unit may go."""

    user_name: str
    missing: tuple[tuple[str, str], ...]
    policies_go: bool
    investments_go: bool


def license_of(crm: Crm, unit: Unit, vendor: str, service_user: str) -> License:
    """LIC-PROFILES, LIC-EMONEY, LIC-EMONEY-POLICIES, LIC-EMONEY-INVESTMENTS, LIC-ENABLED for the assigned user."""
    assigned = unit.head.assigned_user_id if unit.head is not None else None
    user = crm.one("crm_user", user_id=assigned) or crm.one("crm_user", user_name=service_user)
    user_name = user.user_name if user is not None else service_user
    rights = {row.right_name for row in crm.rows("user_right", user_id=user.user_id)} if user is not None else set()
    missing = []
    rule_id, needed = LICENSE[vendor]
    if user is None or label(user.status) != "enabled":
        missing.append(("LIC-ENABLED", "Enabled"))
    if needed not in rights:
        missing.append((rule_id, needed))
    return License(
        user_name,
        tuple(missing),
        policies_go=vendor == "profiles" or all(right in rights for right in POLICY_RIGHTS),
        investments_go=vendor == "profiles" or all(right in rights for right in INVESTMENT_RIGHTS),
    )
