"""Policies of every type and status, with insured, owner and beneficiaries."""

from include.demo.book import Row, day
from include.demo.catalog import ELIMINATION_PERIODS, INSURANCE_TYPES, POLICY_STATUSES
from include.demo.desk import Desk, Family, Plan
from include.demo.families import YEAR, relate
from include.demo.people import add_person

IN_FORCE = "Inforce"


def give_policies(desk: Desk, family: Family) -> None:
    dice, owners = desk.dice, family.couple
    for _ in range(dice.pick((0, 1, 1, 2, 2, 3, 4)) if len(owners) == 2 else dice.pick((0, 0, 1, 1, 2))):
        owner = owners[0] if dice.chance(0.6) else owners[-1]
        add_policy(desk, family, dice.pick(INSURANCE_TYPES), owner, dice.pick(POLICY_STATUSES))


def pick_plan(desk: Desk, family: Family, insurance_type: str) -> Plan:
    """A product for that insurance type; variable annuities are entered as accounts, so not plan type VA."""
    return desk.dice.pick(family.office.plans[insurance_type])


def add_policy(desk: Desk, family: Family, insurance_type: str, owner: Row, status: str | None = IN_FORCE) -> Row:
    """A policy of the owner (its primary contact) with figures that its type has, and its beneficiaries."""
    dice = desk.dice
    annual = dice.whole(200_00, 9_000_00) / 100
    style = dice.random()
    policy = desk.book.add(
        "policy",
        office_id=family.office.office_id,
        primary_contact_id=owner["contact_id"],
        product_id=pick_plan(desk, family, insurance_type).product_id,
        policy_number=f"{dice.pick('PLWQ')}{dice.digits(8)}" if dice.chance(0.96) else None,
        status=dice.label(status) if status else None,
        policy_date=day(desk.today - dice.whole(30, 9000)),
        owner_contact_id=owner["contact_id"] if dice.chance(0.7) else None,
        primary_insured_id=_insured(desk, family, owner),
        # annual premium empty: the annualized one counts; 0 is a value
        annual_premium=None if style < 0.15 else 0.0 if style < 0.18 else annual,
        annualized_premium=annual if style < 0.5 else None,
    )
    _give_benefits(desk, policy, insurance_type)
    family.policies.append(policy)
    if insurance_type in ("Life", "Annuity"):
        _add_beneficiaries(desk, family, policy, owner)
    return policy


def _insured(desk: Desk, family: Family, owner: Row) -> int | None:
    if desk.dice.chance(0.2):
        return None
    insured = owner if family.is_plain or desk.dice.chance(0.9) else desk.dice.pick(family.couple)
    return int(insured["contact_id"])


def _give_benefits(desk: Desk, policy: Row, insurance_type: str) -> None:
    dice = desk.dice
    if insurance_type == "Life":
        face = dice.whole(5, 200) * 10_000
        policy["basic_face_amount"] = float(face)
        policy["total_death_benefit"] = None if dice.chance(0.1) else face + dice.pick((0, 0, 25_000, 1_234.56))
        policy["gross_cash_value"] = dice.whole(0, 90_000_00) / 100 if dice.chance(0.5) else None
    elif insurance_type == "Annuity":
        policy["gross_cash_value"] = dice.whole(5_000_00, 400_000_00) / 100
        policy["total_death_benefit"] = policy["gross_cash_value"] if dice.chance(0.6) else None
    elif insurance_type in ("Disability", "LTC"):
        policy["basic_face_amount"] = dice.whole(10, 90) * 100.0 if dice.chance(0.7) else None
        policy["elimination_period"] = dice.pick(ELIMINATION_PERIODS)


def _add_beneficiaries(desk: Desk, family: Family, policy: Row, owner: Row) -> None:
    """The other half of the couple, else the children at home, else a sibling or a trust."""
    dice = desk.dice
    others = [person for person in family.couple if person is not owner]
    if others:
        _add_beneficiary(desk, policy, others[0], "Primary", 100.0)
    heirs = family.children or family.grown
    for heir in heirs:
        _add_beneficiary(desk, policy, heir, "Contingent" if others else "Primary", round(100 / len(heirs), 4))
    if not others and not heirs and dice.chance(0.5):
        _add_beneficiary(desk, policy, _outsider(desk, family), "Primary", 100.0)


def _add_beneficiary(desk: Desk, policy: Row, person: Row, designation: str, percentage: float) -> None:
    desk.book.add(
        "policy_beneficiary",
        policy_id=policy["policy_id"],
        contact_id=person["contact_id"],
        designation=designation,
        percentage=percentage,
    )


def _outsider(desk: Desk, family: Family) -> Row:
    """A sibling or the family's trust: somebody who may benefit and is nobody's dependent."""
    if not family.outsiders:
        dice, head = desk.dice, family.head
        last_name = head["last_name"].strip()
        if dice.chance(0.3):
            trust = desk.book.add(
                "contact",
                office_id=family.office.office_id,
                record_type="Business",
                subsystem_type="Business",
                business_name=f"The {last_name} Family Trust",
            )
            family.outsiders.append(trust)
        else:
            female = dice.chance(0.5)
            birth = desk.today - dice.whole(int(30 * YEAR), int(80 * YEAR))
            sibling = add_person(
                desk, family.office, None, female, birth, contact_type="Beneficiary", last_name=last_name
            )
            relate(desk, head, sibling, "Sister" if female else "Brother")
            family.outsiders.append(sibling)
    return family.outsiders[0]
