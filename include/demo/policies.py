"""Policies of every type and status, with insured, owner and beneficiaries."""

from include.demo.catalog import ELIMINATION_PERIODS, INSURANCE_TYPES, POLICY_STATUSES
from include.demo.draft import Family, Row
from include.demo.families import YEAR
from include.demo.people import add_business, add_person, relate


def give_policies(family: Family) -> None:
    rng, owners = family.rng, family.couple
    for _ in range(rng.pick((0, 1, 1, 2, 2, 3, 4)) if len(owners) == 2 else rng.pick((0, 0, 1, 1, 2))):
        owner = owners[0] if rng.chance(0.6) else owners[-1]
        add_policy(family, rng.pick(INSURANCE_TYPES), owner, rng.pick(POLICY_STATUSES))


def add_policy(family: Family, insurance_type: str, owner: Row, status: str | None = "Inforce") -> Row:
    """A policy of the owner (its primary contact) with the figures of its type, and its beneficiaries.

    Its product is none of plan type VA: variable annuities are entered as accounts.
    """
    draft, rng = family.draft, family.rng
    annual = rng.whole(200_00, 9_000_00) / 100
    style = rng.random()
    policy = draft.add(
        "policy",
        family.office.row,
        primary_contact_id=owner["contact_id"],
        product_id=rng.pick(family.office.products[insurance_type]),
        policy_number=f"{rng.pick('PLWQ')}{rng.digits(8)}" if rng.chance(0.96) else None,
        status=rng.label(status) if status else None,
        policy_date=draft.days_ago(rng.whole(30, 9000)),
        owner_contact_id=owner["contact_id"] if rng.chance(0.7) else None,
        primary_insured_id=_pick_insured(family, owner),
        # annual premium empty: the annualized one counts; 0 is a value
        annual_premium=None if style < 0.15 else 0.0 if style < 0.18 else annual,
        annualized_premium=annual if style < 0.5 else None,
    )
    _give_benefits(family, policy, insurance_type)
    family.policies.append(policy)
    if insurance_type in ("Life", "Annuity"):
        _add_beneficiaries(family, policy, owner)
    return policy


def _pick_insured(family: Family, owner: Row) -> int | None:
    if family.rng.chance(0.2):
        return None
    insured = owner if family.is_plain or family.rng.chance(0.9) else family.rng.pick(family.couple)
    return int(insured["contact_id"])


def _give_benefits(family: Family, policy: Row, insurance_type: str) -> None:
    rng = family.rng
    if insurance_type == "Life":
        face = rng.whole(5, 200) * 10_000
        policy["basic_face_amount"] = float(face)
        policy["total_death_benefit"] = None if rng.chance(0.1) else face + rng.pick((0, 0, 25_000, 1_234.56))
        policy["gross_cash_value"] = rng.whole(0, 90_000_00) / 100 if rng.chance(0.5) else None
    elif insurance_type == "Annuity":
        policy["gross_cash_value"] = rng.whole(5_000_00, 400_000_00) / 100
        policy["total_death_benefit"] = policy["gross_cash_value"] if rng.chance(0.6) else None
    elif insurance_type in ("Disability", "LTC"):
        policy["basic_face_amount"] = rng.whole(10, 90) * 100.0 if rng.chance(0.7) else None
        policy["elimination_period"] = rng.pick(ELIMINATION_PERIODS)


def _add_beneficiaries(family: Family, policy: Row, owner: Row) -> None:
    """The other half of the couple and the children, else a sibling or a trust."""
    others = [person for person in family.couple if person is not owner]
    heirs = family.children or family.grown
    shares = [(person, "Primary", 100.0) for person in others[:1]]
    shares += [(heir, "Contingent" if others else "Primary", round(100 / len(heirs), 4)) for heir in heirs]
    if not shares and family.rng.chance(0.5):
        shares = [(_outsider(family), "Primary", 100.0)]
    for person, designation, percentage in shares:
        family.draft.add("policy_beneficiary", policy, person, designation=designation, percentage=percentage)


def _outsider(family: Family) -> Row:
    """A sibling or the family's trust: a beneficiary who is nobody's dependent."""
    if not family.outsiders:
        rng, head = family.rng, family.head
        last_name = head["last_name"].strip()
        if rng.chance(0.3):
            outsider = add_business(family.office, f"The {last_name} Family Trust")
        else:
            female = rng.chance(0.5)
            days_old = rng.whole(int(30 * YEAR), int(80 * YEAR))
            outsider = add_person(
                family.office, None, female, days_old, contact_type="Beneficiary", last_name=last_name
            )
            relate(family.draft, head, outsider, "Sister" if female else "Brother")
        family.outsiders.append(outsider)
    return family.outsiders[0]
