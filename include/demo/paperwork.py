"""What hangs on a family and matters mostly to a transfer between offices: notes, letters, cases, lists, sets."""

from include.demo.book import Row, day
from include.demo.desk import Desk, Family
from include.demo.office import MOVING_SET, PLANNING_SET
from include.demo.policies import add_policy

_NOTES = (
    ("Activities/Tasks", "Annual review done; wants to revisit the education plan."),
    ("E-mail", "Asked for the year-end statements."),
    ("Letters", "Birthday letter sent."),
    (None, "Prefers calls in the evening."),
    ("Review", "Talked about <b>long-term care</b>; no decision. Café «Zoë», 10:30."),
)
_SUBJECTS = (
    "Annual review",
    "Call about premium notice",
    "Sign the application",
    "Beneficiary update",
    "Portfolio review",
)
_LETTERS = (("Letter", True), ("Letter", True), ("Letter", False), ("Document", None), ("E-mail", True))
_STAGES = ("Proposed", "Underwriting", "Approved", "Issued", "Await Approval")
_CUSTOM_FIELDS = (("Favorite Charity", "Lakeside Shelter"), ("Risk Tolerance", "Moderate"), ("T-Shirt Size", "L"))
ASSET_CLASSES = (("US Equity", 55.0), ("Bonds", 35.0), ("Cash", 10.0))


def give_paperwork(desk: Desk, family: Family) -> None:
    """A modest number of everything; nothing here goes to a vendor."""
    dice = desk.dice
    for person in family.couple:
        if dice.chance(0.3):
            _write_to(desk, person)
    _join_sets(desk, family)
    if dice.chance(0.1):
        _add_pending_case(desk, family)
    if family.accounts and dice.chance(0.25):
        _annotate_account(desk, family, dice.pick(family.accounts))
    if dice.chance(0.12):
        _meet_others(desk, family)
    if dice.chance(0.05):
        _add_deleted_records(desk, family)


def list_policy(desk: Desk, family: Family, policy: Row) -> None:
    """Advisor lists, commissions and custom fields of some policies."""
    dice, book = desk.dice, desk.book
    if dice.chance(0.3):
        advisor = dice.pick(family.office.advisors)
        book.add(
            "policy_contact",
            policy_id=policy["policy_id"],
            list_name="Policy Advisor",
            contact_id=advisor,
            role="Writing",
        )
    if dice.chance(0.05):
        attorney = dice.pick(family.office.attorneys)
        list_name = dice.pick(("Policy Relationship", "Important Contact"))
        book.add(
            "policy_contact", policy_id=policy["policy_id"], list_name=list_name, contact_id=attorney, role="Attorney"
        )
    if dice.chance(0.2):
        book.add("commission", policy_id=policy["policy_id"], amount=dice.whole(50_00, 4_000_00) / 100)
    if dice.chance(0.05):
        book.add(
            "custom_field_value", entity="policy", entity_id=policy["policy_id"], field_name="Binder", value="Blue"
        )


def _write_to(desk: Desk, person: Row) -> None:
    dice, book, contact_id = desk.dice, desk.book, person["contact_id"]
    category, body = dice.pick(_NOTES)
    book.add("smartpad_note", contact_id=contact_id, written_at=book.moment(), category=category, body=body)
    if dice.chance(0.6):
        status = dice.pick(("Open", "Completed"))
        book.add(
            "activity", contact_id=contact_id, starts_at=book.moment(), subject=dice.pick(_SUBJECTS), status=status
        )
    if dice.chance(0.6):
        kind, sent = dice.pick(_LETTERS)
        book.add(
            "letter", contact_id=contact_id, kind=kind, sent_to_contact=sent, sent_at=book.moment(), subject="Your plan"
        )
    if dice.chance(0.2):
        field_name, value = dice.pick(_CUSTOM_FIELDS)
        book.add("custom_field_value", entity="contact", entity_id=contact_id, field_name=field_name, value=value)
    if dice.chance(0.15):
        book.add("event_invitation", contact_id=contact_id, event_name="Spring Client Dinner")
    if dice.chance(0.1):
        book.add("presale_activity", contact_id=contact_id, kind=dice.pick(("Quick Quote", "Illustration")))


def _join_sets(desk: Desk, family: Family) -> None:
    """Most clients are in the planning set; a few whole families (or only their heads) are about to move office."""
    dice, sets = desk.dice, family.office.set_ids
    if dice.chance(0.9):
        desk.book.add("contact_set_member", set_id=sets[PLANNING_SET], contact_id=family.head["contact_id"])
    if dice.chance(0.03):
        movers = [*family.couple, *family.children, *family.outsiders] if dice.chance(0.7) else [family.head]
        if family.user_id and family.user_id == family.office.retiring_user:
            movers = []  # all of them move (`include.demo.moving`)
        for person in movers:
            desk.book.add("contact_set_member", set_id=sets[MOVING_SET], contact_id=person["contact_id"])


def _add_pending_case(desk: Desk, family: Family) -> None:
    dice, book, office = desk.dice, desk.book, family.office
    person = dice.pick(family.couple)
    case = book.add(
        "pending_case",
        office_id=office.office_id,
        primary_contact_id=person["contact_id"],
        product_id=dice.pick(office.plans["Life"]).product_id,
        policy_number=f"PC{dice.digits(7)}" if dice.chance(0.5) else None,
        stage=dice.pick(_STAGES),
        primary_insured_id=person["contact_id"],
        annual_premium=dice.whole(300_00, 5_000_00) / 100,
        face_amount=dice.whole(5, 100) * 10_000.0,
    )
    case_id = case["pending_case_id"]
    if dice.chance(0.5):
        lists = (("Policy Advisor", office.advisors), ("Policy Annuitant", [person["contact_id"]]))
        for list_name, contacts in lists:
            book.add(
                "pending_case_contact",
                pending_case_id=case_id,
                list_name=list_name,
                contact_id=dice.pick(contacts),
                role=None,
            )
    if dice.chance(0.3):
        book.add("commission", pending_case_id=case_id, amount=dice.whole(50_00, 2_000_00) / 100)


def _annotate_account(desk: Desk, family: Family, account: Row) -> None:
    dice, book, account_id = desk.dice, desk.book, account["account_id"]
    list_name, contacts = dice.pick(
        (("Advisor Relationship", family.office.advisors), ("Interested Party", family.office.attorneys))
    )
    book.add(
        "investment_account_contact",
        account_id=account_id,
        list_name=list_name,
        contact_id=dice.pick(contacts),
        role=None,
    )
    for asset_class, percentage in ASSET_CLASSES:
        book.add("asset_allocation", account_id=account_id, asset_class=asset_class, percentage=percentage)
    book.add(
        "account_performance",
        account_id=account_id,
        period_end=day(desk.today - 90),
        return_pct=dice.whole(-900, 2100) / 100,
    )


def _meet_others(desk: Desk, family: Family) -> None:
    """Attorneys, business partners, employers and referrals: relations that never make a spouse."""
    dice, book, office = desk.dice, desk.book, family.office
    head_id = family.head["contact_id"]
    attorney = dice.pick(office.attorneys)
    book.add(
        "key_relation",
        contact_id=head_id,
        related_contact_id=attorney,
        relation_type="Professional",
        relation="Attorney",
    )
    if dice.chance(0.5):
        friend = dice.pick(office.attorneys)
        relation_type, relation = dice.pick((("Business", "Partner"), ("Personal", "Friend")))
        book.add(
            "key_relation",
            contact_id=head_id,
            related_contact_id=friend,
            relation_type=relation_type,
            relation=relation,
        )
    if dice.chance(0.5):
        book.add(
            "employee_census",
            business_contact_id=dice.pick(office.businesses),
            employee_contact_id=head_id,
            job_class="Staff",
        )
        book.add("employee_census", business_contact_id=dice.pick(office.businesses), job_class="Not a contact")
    if dice.chance(0.4):
        book.add("referred_contact", contact_id=head_id, referred_contact_id=attorney)
        book.add("lead", office_id=office.office_id, contact_id=attorney, last_name=family.head["last_name"])


def _add_deleted_records(desk: Desk, family: Family) -> None:
    """Records in Deleted Records, broken in ways that would hold the household if they counted."""
    policy = add_policy(desk, family, "Life", family.head)
    policy["product_id"], policy["deleted_at"] = None, desk.book.moment()
    desk.book.add(
        "investment_account",
        office_id=family.office.office_id,
        primary_contact_id=family.head["contact_id"],
        account_name="Entered twice",
        account_value=-1.0,
        deleted_at=desk.book.moment(),
    )
