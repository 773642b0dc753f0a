"""Records around a family that matter mostly to a transfer between offices: notes, letters, cases, lists, sets."""

from typing import Any

from include.demo.draft import Draft, Family, Row, entity_of
from include.demo.office import MOVING_SET, PLANNING_SET
from include.demo.people import relate
from include.demo.policies import add_policy

_NOTES = (
    ("Activities/Tasks", "Annual review done; wants to revisit the education plan."),
    ("E-mail", "Asked for the year-end statements."),
    ("Letters", "Birthday letter sent."),
    (None, "Prefers calls in the evening."),
    ("Review", "Talked about <b>long-term care</b>; no decision. Café «Zoë», 10:30."),
)
_SUBJECTS = (
    *("Annual review", "Call about premium notice", "Sign the application"),
    *("Beneficiary update", "Portfolio review"),
)
_LETTERS = (("Letter", True), ("Letter", True), ("Letter", False), ("Document", None), ("E-mail", True))
_STAGES = ("Proposed", "Underwriting", "Approved", "Issued", "Await Approval")
_CUSTOM_FIELDS = (("Favorite Charity", "Lakeside Shelter"), ("Risk Tolerance", "Moderate"), ("T-Shirt Size", "L"))
_ASSET_CLASSES = (("US Equity", 55.0), ("Bonds", 35.0), ("Cash", 10.0))


def give_paperwork(family: Family) -> None:
    """A modest number of everything; nothing here goes to a vendor."""
    rng = family.rng
    for policy in family.policies:
        _list_policy(family, policy)
    for person in family.couple:
        if rng.chance(0.3):
            _write_to(family, person)
    _join_sets(family)
    if rng.chance(0.1):
        _add_pending_case(family)
    if family.accounts and rng.chance(0.25):
        _list_account(family, rng.pick(family.accounts))
    if rng.chance(0.12):
        _meet_others(family)
    if rng.chance(0.05):
        _add_deleted_records(family)


def add_case(family: Family, person: Row, product_id: int, **columns: Any) -> Row:
    """A pending case of a person, who is its primary contact and its insured."""
    key = person["contact_id"]
    columns |= {"primary_contact_id": key, "primary_insured_id": key, "product_id": product_id}
    return family.draft.add("pending_case", family.office.row, **columns)


def analyze_account(family: Family, account: Row, days_ago: int, return_pct: float) -> None:
    """An account's asset classes, and its performance in the period that ended so many days ago."""
    for asset_class, percentage in _ASSET_CLASSES:
        family.draft.add("asset_allocation", account, asset_class=asset_class, percentage=percentage)
    period_end = family.draft.days_ago(days_ago)
    family.draft.add("account_performance", account, period_end=period_end, return_pct=return_pct)


def add_custom_field(draft: Draft, record: Row, name: str, value: str) -> None:
    entity, entity_id = entity_of(record)
    draft.add("custom_field_value", entity=entity, entity_id=entity_id, field_name=name, value=value)


def add_employee(draft: Draft, business: Row, employee_id: int | None, job_class: str) -> None:
    """An entry of a business's census; an employee need not be a contact."""
    key = business["contact_id"]
    draft.add("employee_census", business_contact_id=key, employee_contact_id=employee_id, job_class=job_class)


def _list_policy(family: Family, policy: Row) -> None:
    """Advisor lists, commissions and custom fields of some policies."""
    draft, rng, office = family.draft, family.rng, family.office
    if rng.chance(0.3):
        draft.add("policy_contact", policy, rng.pick(office.advisors), list_name="Policy Advisor", role="Writing")
    if rng.chance(0.05):
        attorney, list_name = rng.pick(office.attorneys), rng.pick(("Policy Relationship", "Important Contact"))
        draft.add("policy_contact", policy, attorney, list_name=list_name, role="Attorney")
    if rng.chance(0.2):
        draft.add("commission", policy, amount=rng.whole(50_00, 4_000_00) / 100)
    if rng.chance(0.05):
        add_custom_field(draft, policy, "Binder", "Blue")


def _write_to(family: Family, person: Row) -> None:
    draft, rng = family.draft, family.rng
    category, body = rng.pick(_NOTES)
    draft.add("smartpad_note", person, written_at=draft.moment(), category=category, body=body)
    if rng.chance(0.6):
        status = rng.pick(("Open", "Completed"))
        draft.add("activity", person, starts_at=draft.moment(), subject=rng.pick(_SUBJECTS), status=status)
    if rng.chance(0.6):
        kind, sent = rng.pick(_LETTERS)
        draft.add("letter", person, kind=kind, sent_to_contact=sent, sent_at=draft.moment(), subject="Your plan")
    if rng.chance(0.2):
        add_custom_field(draft, person, *rng.pick(_CUSTOM_FIELDS))
    if rng.chance(0.15):
        draft.add("event_invitation", person, event_name="Spring Client Dinner")
    if rng.chance(0.1):
        draft.add("presale_activity", person, kind=rng.pick(("Quick Quote", "Illustration")))


def _join_sets(family: Family) -> None:
    """Most clients are in the planning set; a few whole families (or only their heads) are about to move office."""
    rng, office = family.rng, family.office
    if rng.chance(0.9):
        family.draft.add("contact_set_member", office.sets[PLANNING_SET], family.head)
    if rng.chance(0.03):
        movers = [*family.couple, *family.children, *family.outsiders] if rng.chance(0.7) else [family.head]
        if family.user_id and family.user_id == office.retiring_user:
            movers = []  # all of them move (`include.demo.moving`)
        for person in movers:
            family.draft.add("contact_set_member", office.sets[MOVING_SET], person)


def _add_pending_case(family: Family) -> None:
    draft, rng, office = family.draft, family.rng, family.office
    person = rng.pick(family.couple)
    case = add_case(
        family,
        person,
        rng.pick(office.products["Life"]),
        policy_number=f"PC{rng.digits(7)}" if rng.chance(0.5) else None,
        stage=rng.pick(_STAGES),
        annual_premium=rng.whole(300_00, 5_000_00) / 100,
        face_amount=rng.whole(5, 100) * 10_000.0,
    )
    if rng.chance(0.5):
        for list_name, people in (("Policy Advisor", office.advisors), ("Policy Annuitant", [person])):
            draft.add("pending_case_contact", case, rng.pick(people), list_name=list_name)
    if rng.chance(0.3):
        draft.add("commission", case, amount=rng.whole(50_00, 2_000_00) / 100)


def _list_account(family: Family, account: Row) -> None:
    rng, office = family.rng, family.office
    lists = (("Advisor Relationship", office.advisors), ("Interested Party", office.attorneys))
    list_name, people = rng.pick(lists)
    family.draft.add("investment_account_contact", account, rng.pick(people), list_name=list_name)
    analyze_account(family, account, 90, rng.whole(-900, 2100) / 100)


def _meet_others(family: Family) -> None:
    """Attorneys, business partners, employers and referrals: relations that never make a spouse."""
    draft, rng, office, head = family.draft, family.rng, family.office, family.head
    attorney = rng.pick(office.attorneys)
    relate(draft, head, attorney, "Attorney", "Professional")
    if rng.chance(0.5):
        friend = rng.pick(office.attorneys)
        relation_type, relation = rng.pick((("Business", "Partner"), ("Personal", "Friend")))
        relate(draft, head, friend, relation, relation_type)
    if rng.chance(0.5):
        for employee_id, job_class in ((head["contact_id"], "Staff"), (None, "Not a contact")):
            add_employee(draft, rng.pick(office.businesses), employee_id, job_class)
    if rng.chance(0.4):
        draft.add("referred_contact", head, referred_contact_id=attorney["contact_id"])
        draft.add("lead", office.row, attorney, last_name=head["last_name"])


def _add_deleted_records(family: Family) -> None:
    """Records in Deleted Records, broken in ways that would hold the household if they counted."""
    draft = family.draft
    policy = add_policy(family, "Life", family.head)
    policy["product_id"], policy["deleted_at"] = None, draft.moment()
    draft.add(
        "investment_account",
        family.office.row,
        primary_contact_id=family.head["contact_id"],
        account_name="Entered twice",
        account_value=-1.0,
        deleted_at=draft.moment(),
    )
