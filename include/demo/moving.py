"""An advisor retires: whose clients move to another office, and what a transfer meets on the way.

The clients of `RETIRING_USER` in the main office are in the set `MOVING_SET`, most of them whole families; the branch
in `RECEIVING_OFFICE` takes them over. Each family of the set shows something: paperwork of every kind, lists whose
people the branch knows or does not know, cases with and without a commission, ties to people who stay.
"""

from collections.abc import Callable

from include.demo.book import Row, day
from include.demo.catalog import BROKERAGE
from include.demo.desk import Desk, Family, Office
from include.demo.holdings import add_account
from include.demo.office import MOVING_SET, RECEIVING_OFFICE
from include.demo.paperwork import ASSET_CLASSES
from include.demo.policies import add_policy

_MOST_CONTACTS = 700
_HEAD_ALONE_EVERY = 11  # families: of one in so many only the head is in the set
_COUPLE_ALONE_EVERY = 7  # ... and of one in so many only the couple
_LETTERS = (("Letter", True), ("Letter", False), ("Document", True), ("E-mail", True))


def arrange_move(desk: Desk, offices: list[Office]) -> None:
    """Fill the set, and give its families what a transfer has rules for."""
    source, target = offices[0], offices[RECEIVING_OFFICE]
    for person in source.outside_people:
        if person["contact_id"] in (source.advisors[0], source.attorneys[0]):
            _know_in(desk, target, person)
    in_set = 0
    for number, family in enumerate(desk.movers):
        people = _movers(family, number)
        if in_set + len(people) > _MOST_CONTACTS:
            return
        _SHOWS[number % len(_SHOWS)](desk, family)
        in_set += len(people)
        for person in people:
            _join(desk, source, person["contact_id"])


def _movers(family: Family, number: int) -> list[Row]:
    if number % _HEAD_ALONE_EVERY == 5:
        return [family.head]
    if number % _COUPLE_ALONE_EVERY == 3:
        return family.couple
    return [*family.couple, *family.children, *family.grown, *family.outsiders]


def _join(desk: Desk, office: Office, contact_id: int) -> None:
    desk.book.add("contact_set_member", set_id=office.set_ids[MOVING_SET], contact_id=contact_id)


def _know_in(desk: Desk, office: Office, person: Row) -> None:
    """The same person, by name and birth date, in another office."""
    kept = ("record_type", "subsystem_type", "contact_type", "first_name", "last_name", "birth_date", "gender")
    desk.book.add("contact", office_id=office.office_id, **{name: person[name] for name in kept})


def _with_paperwork(desk: Desk, family: Family) -> None:
    book, contact_id = desk.book, family.head["contact_id"]
    for category, body in (("Review", "Wants to meet in the new office."), (None, "Ünïcode: naïve – “quoted” 中文 🙂")):
        book.add("smartpad_note", contact_id=contact_id, written_at=book.moment(), category=category, body=body)
    book.add("activity", contact_id=contact_id, starts_at=book.moment(), subject="Farewell lunch", status="Open")
    for kind, sent in _LETTERS:
        book.add(
            "letter", contact_id=contact_id, kind=kind, sent_to_contact=sent, sent_at=book.moment(), subject="News"
        )


def _with_cases(desk: Desk, family: Family) -> None:
    """Two cases, one of which has a commission; on both lists somebody whom the branch knows and somebody new to it."""
    book, office, contact_id = desk.book, family.office, family.head["contact_id"]
    for stage, commission in (("Proposed", None), ("Issued", 1234.56)):
        case = book.add(
            "pending_case",
            office_id=office.office_id,
            primary_contact_id=contact_id,
            product_id=desk.dice.pick(office.plans["Life"]).product_id,
            stage=stage,
            primary_insured_id=contact_id,
            annual_premium=987.65,
            face_amount=250_000.0,
        )
        key = case["pending_case_id"]
        for list_name, named in (("Policy Advisor", office.advisors[0]), ("Policy Annuitant", contact_id)):
            book.add("pending_case_contact", pending_case_id=key, list_name=list_name, contact_id=named)
        if commission:
            book.add("commission", pending_case_id=key, amount=commission)


def _with_policy_lists(desk: Desk, family: Family) -> None:
    book, office = desk.book, family.office
    policy = add_policy(desk, family, "Life", family.head)
    policy["owner_contact_id"], policy["second_insured_id"] = office.attorneys[0], office.attorneys[1]
    for list_name, named in (
        ("Policy Advisor", office.advisors[0]),
        ("Policy Relationship", office.attorneys[0]),
        ("Important Contact", office.attorneys[1]),
    ):
        book.add("policy_contact", policy_id=policy["policy_id"], list_name=list_name, contact_id=named, role="Adviser")
    book.add("commission", policy_id=policy["policy_id"], amount=432.10)


def _with_account_lists(desk: Desk, family: Family) -> None:
    book, office = desk.book, family.office
    key = add_account(desk, family, BROKERAGE, family.head)["account_id"]
    for list_name, named in (("Advisor Relationship", office.advisors[0]), ("Interested Party", office.attorneys[2])):
        book.add("investment_account_contact", account_id=key, list_name=list_name, contact_id=named)
    for asset_class, percentage in ASSET_CLASSES:
        book.add("asset_allocation", account_id=key, asset_class=asset_class, percentage=percentage)
    book.add("account_performance", account_id=key, period_end=day(desk.today - 51), return_pct=3.75)


def _with_what_stays(desk: Desk, family: Family) -> None:
    book, office, contact_id = desk.book, family.office, family.head["contact_id"]
    book.add("custom_field_value", entity="contact", entity_id=contact_id, field_name="Nickname", value="Ace")
    for account in family.accounts[:1]:
        book.add(
            "custom_field_value", entity="account", entity_id=account["account_id"], field_name="Goal", value="House"
        )
    book.add("lead", office_id=office.office_id, contact_id=contact_id, last_name=family.head["last_name"])
    book.add("referred_contact", contact_id=contact_id, referred_contact_id=office.businesses[1])
    book.add("event_invitation", contact_id=contact_id, event_name="Open House")
    book.add("presale_activity", contact_id=contact_id, kind="Quick Quote")


def _with_ties_that_stay(desk: Desk, family: Family) -> None:
    """A key relation to an accountant who does not move breaks all those of the head."""
    desk.book.add(
        "key_relation",
        contact_id=family.head["contact_id"],
        related_contact_id=family.office.attorneys[2],
        relation_type="Professional",
        relation="Accountant",
    )


def _with_a_business(desk: Desk, family: Family) -> None:
    """The head's own business is in the set: one employee is known in the branch, one moves, one is no contact."""
    book, office = desk.book, family.office
    business = book.add(
        "contact",
        office_id=office.office_id,
        assigned_user_id=family.user_id,
        record_type="Business",
        subsystem_type="Business",
        contact_type="Client",
        business_name=f"{family.head['last_name'].strip()} Cabinets",
    )
    key = business["contact_id"]
    for employee in (office.attorneys[0], family.head["contact_id"], None):
        book.add("employee_census", business_contact_id=key, employee_contact_id=employee, job_class="Staff")
    book.add("smartpad_note", contact_id=key, written_at=book.moment(), body="Renewal of the group plan in May.")
    _join(desk, office, key)


_SHOWS: tuple[Callable[[Desk, Family], None], ...] = (
    _with_paperwork,
    _with_cases,
    _with_policy_lists,
    _with_account_lists,
    _with_what_stays,
    _with_a_business,
    _with_ties_that_stay,
)
