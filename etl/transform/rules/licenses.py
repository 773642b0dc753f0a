"""In whose name a unit runs and what that user may do (LIC-*); who owns the client at eMoney (EMY-OWNER)."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from etl.transform.arrays import (
    NULL,
    Flags,
    Frames,
    Ints,
    Objects,
    first_reason,
    integers,
    is_none,
    positions,
    strings,
    texts,
    with_none,
)
from etl.transform.rules.households import Households
from etl.values import (
    EMONEY_INVESTMENT_LICENSES,
    EMONEY_POLICY_LICENSES,
    USER_STATUS_ENABLED,
    USER_STATUSES,
    VENDOR_LICENSES,
    Vendor,
    is_one_of,
)

NO_ACCOUNT = "user account"


@dataclass(frozen=True)
class RunAs:
    """The users in whose names the units run, and what they lack.

    ``users``: unit_key, user_name, missing, missing_rule. The others are by unit number: the names of the rights that
    the user lacks, joined by a comma; null where policies or investments may go.
    """

    users: pd.DataFrame
    lacks_for_policies: Objects
    lacks_for_investments: Objects

    @property
    def may_send_policies(self) -> Flags:
        """By unit number (LIC-EMONEY-POLICIES)."""
        return is_none(self.lacks_for_policies)

    @property
    def may_send_investments(self) -> Flags:
        """By unit number (LIC-EMONEY-INVESTMENTS)."""
        return is_none(self.lacks_for_investments)


def assign(households: Households, frames: Frames, vendor: Vendor, service_user: str) -> RunAs:
    """LIC-ENABLED, LIC-PROFILES, LIC-EMONEY: the user a client is assigned to, else the service user.

    A name is missing where the user may not run; several are joined by a comma, and the first gives the rule.
    LIC-EMONEY-POLICIES, LIC-EMONEY-INVESTMENTS: without them the rest of the unit still goes.
    """
    users = frames["users"]
    user_at = _user_positions(households, users, service_user)
    names = with_none(texts(users["user_name"]))[user_at]
    names[user_at < 0] = service_user
    license_name, license_rule = VENDOR_LICENSES[vendor]
    holds = _Rights(frames, user_at)
    is_enabled = np.append(is_one_of(users["status"], USER_STATUSES), False)[user_at]
    is_licensed = holds(license_name)
    missing = first_reason(
        {
            NO_ACCOUNT: user_at < 0,
            f"{USER_STATUS_ENABLED}, {license_name}": ~is_enabled & ~is_licensed,
            USER_STATUS_ENABLED: ~is_enabled,
            license_name: ~is_licensed,
        },
        len(user_at),
    )
    rules = first_reason({"LIC-ENABLED": ~is_enabled, license_rule: ~is_licensed}, len(user_at))
    run_as = pd.DataFrame(
        {
            "unit_key": households.units["unit_key"],
            "user_name": strings(names),
            "missing": strings(missing),
            "missing_rule": strings(rules),
        }
    )
    if vendor == "profiles":
        nothing = np.full(len(user_at), None, dtype=object)
        return RunAs(run_as, nothing, nothing)
    return RunAs(run_as, holds.lacking(EMONEY_POLICY_LICENSES), holds.lacking(EMONEY_INVESTMENT_LICENSES))


@dataclass(frozen=True)
class Owners:
    """By unit number: ``ids``, the owner's id at the vendor; ``unknown``, the CRM user that the table lacks."""

    ids: Objects
    unknown: Objects


def owners_of(households: Households, users: pd.DataFrame, vendor_users: Mapping[str, str] | None) -> Owners:
    """EMY-OWNER: the vendor user of the CRM user to whom each client is assigned.

    An unassigned client has no owner. Without a table no client has an owner, and none is unknown.
    """
    assigned = np.append(integers(households.book.contacts["assigned_user_id"]), NULL)[households.client_at]
    names = with_none(texts(users["user_name"]))[positions(integers(users["user_id"]), assigned)]
    table = vendor_users or {}
    ids = np.array([table.get(name) for name in names], dtype=object)
    is_missed = [vendor_users is not None and name is not None and name not in table for name in names]
    return Owners(ids, np.where(np.array(is_missed, dtype=np.bool_), names, np.array(None, dtype=object)))


def _user_positions(households: Households, users: pd.DataFrame, service_user: str) -> Ints:
    """The position in ``users`` of each unit's user; -1 where the CRM has no such user."""
    assigned = integers(households.book.contacts["assigned_user_id"])
    user_id = np.append(assigned, NULL)[households.client_at]
    if "user_id" in households.units:  # a run by hand, in the name of a user who was named
        user_id = integers(households.units["user_id"])
    user_at = positions(integers(users["user_id"]), user_id)
    service_at = np.flatnonzero(texts(users["user_name"]) == service_user.strip())
    user_at[user_id == NULL] = service_at[0] if len(service_at) else -1
    return user_at


class _Rights:
    """Which licenses or rights, by their exact names, the users at these positions hold."""

    def __init__(self, frames: Frames, user_at: Ints) -> None:
        self._user_id = np.append(integers(frames["users"]["user_id"]), NULL)[user_at]
        self._right_user_id = integers(frames["rights"]["user_id"])
        self._right_name: Objects = texts(frames["rights"]["right_name"])

    def __call__(self, name: str) -> Flags:
        held: Flags = np.isin(self._user_id, self._right_user_id[self._right_name == name])
        return held

    def lacking(self, names: tuple[str, ...]) -> Objects:
        """Those of the names that each user does not hold, joined by a comma; null where all are held."""
        lacking = np.full(len(self._user_id), None, dtype=object)
        for name in names:
            is_missing = ~self(name)
            is_first = is_missing & is_none(lacking)
            lacking[is_missing & ~is_first] += f", {name}"
            lacking[is_first] = name
        return lacking
