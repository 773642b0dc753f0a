"""POL: policies, and the annuities among them (ACC-FIXED-ANNUITY)."""

import re
from decimal import Decimal
from typing import Any

from tests.reference.records import Crm, Row
from tests.reference.tables import IN_FORCE, KIND, Finding, finding, is_bad, label, money, text

Json = dict[str, Any]
INSURANCE = ("life", "disability", "longTermCare")


def policies_of(crm: Crm, contact_ids: list[int]) -> list[Row]:
    """POL-SCOPE: not deleted, primary contact among `contact_ids`."""
    found = [row for contact_id in contact_ids for row in crm.rows("policy", primary_contact_id=contact_id)]
    return [row for row in found if row.deleted_at is None]


def product_of(crm: Crm, policy: Row) -> Row | None:
    return crm.one("product", product_id=policy.product_id)


def kind(crm: Crm, policy: Row) -> str | None:
    """POL-TYPE: the kind of a type that goes; None for other types and where there is no product."""
    product = product_of(crm, policy)
    return KIND.get(label(product.insurance_type)) if product is not None else None


def name(crm: Crm, policy: Row) -> str | None:
    """POL-NAME; None is POL-NAME-MISSING."""
    product = product_of(crm, policy)
    carrier = crm.one("carrier", carrier_id=product.carrier_id) if product is not None else None
    if product is None or carrier is None or text(carrier.name) is None or text(product.plan_name) is None:
        return None
    return f"{text(carrier.name)} {text(product.plan_name)}"


def why_left_out(crm: Crm, policy: Row, persons: list[int], vendor: str) -> str | None:
    """POL-STATUS, POL-TYPE, POL-INSURED-OTHER: the first rule by which a policy does not go, or None."""
    if label(policy.status) not in IN_FORCE:
        return "POL-STATUS"
    if product_of(crm, policy) is not None and kind(crm, policy) is None:
        return "POL-TYPE"
    is_insurance = kind(crm, policy) in INSURANCE
    insured = policy.primary_insured_id
    if vendor == "profiles" and is_insurance and insured is not None and insured not in persons:
        return "POL-INSURED-OTHER"
    return None


def annual_premium(policy: Row) -> Decimal | None:
    """POL-PREMIUM; 0 is a value."""
    return money(policy.annual_premium if policy.annual_premium is not None else policy.annualized_premium)


def elimination_period(policy: Row) -> Json | None:
    """POL-ELIMINATION: a count and a unit; None where it cannot be read so."""
    found = re.fullmatch(r"(\d+)\s*(day|week|month|year)s?", label(policy.elimination_period))
    return {"count": int(found[1]), "unit": found[2].capitalize() + "s"} if found else None


def beneficiary_ids(crm: Crm, policy: Row) -> list[int]:
    return [row.contact_id for row in crm.rows("policy_beneficiary", policy_id=policy.policy_id)]


def profiles_policy(crm: Crm, policy: Row, party: dict[int, str]) -> Json:
    """A life, disability or LTC policy at Profiles. `party` names client, spouse and dependents as Profiles does."""
    insured = policy.primary_insured_id if policy.primary_insured_id is not None else policy.primary_contact_id
    sort = kind(crm, policy)
    return {
        "externalSourceId": f"policy:{policy.policy_id}",
        "kind": sort,
        "insurancePolicy": name(crm, policy),
        "insured": party[insured],
        "beneficiaries": sorted(party[who] for who in beneficiary_ids(crm, policy) if who in party),
        "annualPremium": annual_premium(policy),
        "owner": party[policy.primary_contact_id],
        "deathBenefit": money(policy.basic_face_amount),
        "eliminationPeriod": elimination_period(policy) if sort in ("disability", "longTermCare") else None,
    }


def profiles_annuity(crm: Crm, policy: Row, party: dict[int, str]) -> Json:
    """ACC-FIXED-ANNUITY."""
    return {
        "externalSourceId": f"policy:{policy.policy_id}",
        "accountName": name(crm, policy),
        "accountType": "Fixed Annuity",
        "holdingsValue": money(policy.gross_cash_value),
        "cashBalance": None,
        "typeOfFund": None,
        "owner": party[policy.primary_contact_id],
        "holdings": [],
    }


def masked_number(policy: Row) -> str | None:
    """POL-NUMBER; the whole of a short number never goes either."""
    number = text(policy.policy_number)
    if number is None:
        return None
    return "***" + number[-4:] if len(number) > 4 else "***"


def owner(policy: Row) -> int:
    """POL-OWNER-EMONEY: recorded owner, else primary insured, else primary contact."""
    recorded = (policy.owner_contact_id, policy.primary_insured_id, policy.primary_contact_id)
    return next(contact_id for contact_id in recorded if contact_id is not None)


def emoney_owner(policy: Row, client: Row, spouse: Row | None) -> str:
    """POL-OWNER-EMONEY, as one of the couple or somebody else."""
    if owner(policy) == client.contact_id:
        return "client"
    return "spouse" if spouse is not None and owner(policy) == spouse.contact_id else "other"


def emoney_policy(crm: Crm, policy: Row, client: Row, spouse: Row | None) -> Json:
    """A policy at eMoney: POL-NAME, POL-NUMBER, POL-OWNER-EMONEY, POL-DEATH-BENEFIT."""
    return {
        "sourceKey": f"policy:{policy.policy_id}",
        "kind": "policy",
        "policyName": name(crm, policy),
        "policyNumber": masked_number(policy),
        "owner": emoney_owner(policy, client, spouse),
        "currentDeathBenefits": money(policy.total_death_benefit),
    }


def _has_bad_benefit(policy: Row, sort: str | None, vendor: str) -> bool:
    """POL-BENEFIT: at Profiles a life policy that pays nothing known, at eMoney a benefit below 0."""
    if vendor == "profiles":
        return sort == "life" and policy.basic_face_amount is None
    benefit = policy.total_death_benefit
    return benefit is not None and bool(benefit.is_finite() and benefit < 0)


def policy_findings(crm: Crm, policy: Row, party: dict[int, str], vendor: str) -> list[Finding]:
    """The POL and annuity rules of one policy that goes."""
    broken = []
    sort = kind(crm, policy)
    if name(crm, policy) is None:
        broken.append("POL-NAME-MISSING")
    if _has_bad_figure(policy, sort, vendor):
        broken.append("ACC-MONEY")
    if _has_bad_benefit(policy, sort, vendor):
        broken.append("POL-BENEFIT")
    if vendor == "emoney" and owner(policy) not in party:
        broken.append("POL-OWNER-OTHER")
    if vendor == "profiles" and sort == "annuity":
        if policy.gross_cash_value is None:
            broken.append("ACC-VALUE-MISSING")
        product = product_of(crm, policy)
        if product is not None and label(product.plan_type) == "va":
            broken.append("ACC-FIXED-ANNUITY-VA")
    if vendor == "profiles" and sort in INSURANCE:
        if policy.annual_premium is None and policy.annualized_premium is None:
            broken.append("POL-PREMIUM-MISSING")
        if any(who not in party for who in beneficiary_ids(crm, policy)):
            broken.append("POL-BENEFICIARY")
        if sort != "life" and label(policy.elimination_period) and elimination_period(policy) is None:
            broken.append("POL-ELIMINATION-TEXT")
    return [finding(rule_id, "policy", policy.policy_id) for rule_id in broken]


def _has_bad_figure(policy: Row, sort: str | None, vendor: str) -> bool:
    """ACC-MONEY for a policy: face amount and premiums; what an annuity is worth; what eMoney gets as death benefit."""
    must_not_be_negative = [policy.basic_face_amount, policy.annual_premium, policy.annualized_premium]
    if vendor == "profiles" and sort == "annuity":
        must_not_be_negative.append(policy.gross_cash_value)
    if any(is_bad(figure, may_be_negative=False) for figure in must_not_be_negative):
        return True
    return vendor == "emoney" and is_bad(policy.total_death_benefit, may_be_negative=True)
