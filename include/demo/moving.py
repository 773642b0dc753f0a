"""An advisor retires: the clients who move to another office, and what a transfer meets on the way.

The clients of `RETIRING_USER` in the main office are in the set `MOVING_SET`, most of them whole families, on their
way to the branch `RECEIVING_OFFICE`. Each family of the set shows something: paperwork of every kind, lists whose
people the branch knows or does not know, cases with and without a commission, ties to people who stay.
"""

from include.demo.accounts import add_account
from include.demo.catalog import BROKERAGE
from include.demo.draft import Family, Office, Row
from include.demo.office import MOVING_SET
from include.demo.paperwork import add_case, add_custom_field, add_employee, analyze_account
from include.demo.people import add_business, relate
from include.demo.policies import add_policy

_MOST_CONTACTS = 700
_HEAD_ALONE_EVERY = 11  # families: of one in so many only the head is in the set
_COUPLE_ALONE_EVERY = 7  # ... and of one in so many only the couple
_NOTES = (("Review", "Wants to meet in the new office."), (None, "Ünïcode: naïve – “quoted” 中文 🙂"))
_LETTERS = (("Letter", True), ("Letter", False), ("Document", True), ("E-mail", True))


def arrange_move(families: list[Family], source: Office, target: Office) -> None:
    """Fill the set with the families, and give each something that a transfer has rules for."""
    for person in (source.advisors[0], source.attorneys[0]):  # known in the other office, by name and birth date
        kept = ("record_type", "subsystem_type", "contact_type", "first_name", "last_name", "birth_date", "gender")
        target.draft.add("contact", target.row, **{name: person[name] for name in kept})
    in_set = 0
    for number, family in enumerate(families):
        people = _movers(family, number)
        if in_set + len(people) > _MOST_CONTACTS:
            return
        _SHOWS[number % len(_SHOWS)](family)
        in_set += len(people)
        for person in people:
            source.draft.add("contact_set_member", source.sets[MOVING_SET], person)


def _movers(family: Family, number: int) -> list[Row]:
    if number % _HEAD_ALONE_EVERY == 5:
        return [family.head]
    if number % _COUPLE_ALONE_EVERY == 3:
        return family.couple
    return [*family.couple, *family.children, *family.grown, *family.outsiders]


def _show_paperwork(family: Family) -> None:
    draft, head = family.draft, family.head
    for category, body in _NOTES:
        draft.add("smartpad_note", head, written_at=draft.moment(), category=category, body=body)
    draft.add("activity", head, starts_at=draft.moment(), subject="Farewell lunch", status="Open")
    for kind, sent in _LETTERS:
        draft.add("letter", head, kind=kind, sent_to_contact=sent, sent_at=draft.moment(), subject="News")


def _show_cases(family: Family) -> None:
    """Two cases, one with a commission; each lists a person whom the branch knows and a person new to it."""
    draft, office = family.draft, family.office
    for stage, commission in (("Proposed", None), ("Issued", 1234.56)):
        product_id = family.rng.pick(office.products["Life"])
        case = add_case(family, family.head, product_id, stage=stage, annual_premium=987.65, face_amount=250_000.0)
        for list_name, person in (("Policy Advisor", office.advisors[0]), ("Policy Annuitant", family.head)):
            draft.add("pending_case_contact", case, person, list_name=list_name)
        if commission:
            draft.add("commission", case, amount=commission)


def _show_policy_lists(family: Family) -> None:
    draft, advisors, attorneys = family.draft, family.office.advisors, family.office.attorneys
    policy = add_policy(family, "Life", family.head)
    policy["owner_contact_id"], policy["second_insured_id"] = (each["contact_id"] for each in attorneys[:2])
    for list_name, person in (
        ("Policy Advisor", advisors[0]),
        ("Policy Relationship", attorneys[0]),
        ("Important Contact", attorneys[1]),
    ):
        draft.add("policy_contact", policy, person, list_name=list_name, role="Adviser")
    draft.add("commission", policy, amount=432.10)


def _show_account_lists(family: Family) -> None:
    office = family.office
    account = add_account(family, BROKERAGE, family.head)
    for list_name, person in (("Advisor Relationship", office.advisors[0]), ("Interested Party", office.attorneys[2])):
        family.draft.add("investment_account_contact", account, person, list_name=list_name)
    analyze_account(family, account, 51, 3.75)


def _show_what_stays(family: Family) -> None:
    draft, office, head = family.draft, family.office, family.head
    add_custom_field(draft, head, "Nickname", "Ace")
    for account in family.accounts[:1]:
        add_custom_field(draft, account, "Goal", "House")
    draft.add("lead", office.row, head, last_name=head["last_name"])
    draft.add("referred_contact", head, referred_contact_id=office.businesses[1]["contact_id"])
    draft.add("event_invitation", head, event_name="Open House")
    draft.add("presale_activity", head, kind="Quick Quote")


def _show_business(family: Family) -> None:
    """The head's own business is in the set: one employee is known in the branch, one moves, one is no contact."""
    draft, office = family.draft, family.office
    name = f"{family.head['last_name'].strip()} Cabinets"
    business = add_business(office, name, contact_type="Client", assigned_user_id=family.user_id)
    for employee_id in (office.attorneys[0]["contact_id"], family.head["contact_id"], None):
        add_employee(draft, business, employee_id, "Staff")
    draft.add("smartpad_note", business, written_at=draft.moment(), body="Renewal of the group plan in May.")
    draft.add("contact_set_member", office.sets[MOVING_SET], business)


def _show_ties_that_stay(family: Family) -> None:
    """A key relation to an accountant who does not move breaks all key relations of the head."""
    relate(family.draft, family.head, family.office.attorneys[2], "Accountant", "Professional")


_SHOWS = (
    _show_paperwork,
    _show_cases,
    _show_policy_lists,
    _show_account_lists,
    _show_what_stays,
    _show_business,
    _show_ties_that_stay,
)
