"""The fields of the forms by which a person triggers a run: name, kind, words, and the group in which each stands.

Airflow's page is made from them (`forms`), and messages name a field as the page does (`named`).
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Field:
    """One field: its name as a parameter, its kind (`forms.KINDS`), and its words for people.

    ``section``: the group in which the page shows it, folded; None: among what everybody fills in, at the top.
    """

    name: str
    kind: str
    title: str
    description: str
    section: str | None


def _fields(text: str) -> tuple[Field, ...]:
    """The fields that the text describes: name, kind and title on a line, the description below; ``=`` a section."""
    section, found = None, []
    for part in re.split(r"\n(?=\S)", text.strip()):
        if part.startswith("= "):
            section = part.removeprefix("= ")
            continue
        head, description = part.split("\n", 1)
        words, title = head.split(" | ")
        name, kind = words.split()
        found.append(Field(name, kind, title, " ".join(description.split()), section))
    return tuple(found)


WEEKNIGHT_REFRESH = _fields("""
vendors vendors | Vendors
    The vendors that get data.
dry_run switch | Dry run
    Send nothing; the report says what would be sent, field by field, and what held.
= Rarely needed
as_of day | As of
    The day whose values are sent, for example 2026-03-31. Only a dry run may look ahead. Empty: today, by the
    office's clock.
unit_keys texts | Units
    Only these, one a line: H12 (the household with id 12) or C7 (the contact with id 7, who is in no household).
    Empty: all that are due.
full switch | All units
    Take every enrolled unit, whether it changed since the last run or not.
release_guard text | Release a guard
    Why the stopped run may go on, for example: the migration of all states is right, checked with Ann. The run goes
    on only with exactly what was stopped; As of may stay empty. Empty otherwise.
""")

HOUSEHOLD_CHECK = _fields("""
unit_keys texts | Units
    The households and contacts to check again, one a line: H12 (the household with id 12) or C7 (the contact with id 7,
    who is in no household).
""")

HOUSEHOLD_SYNC = _fields("""
household_id key | Household
    The household's number in SmartOffice, for example 12. Leave it empty to name a contact instead.
contact_id key | Contact
    Or a contact's number, for example 7. The head or the spouse of a household stands for the household; any other
    person goes alone.
vendor vendor | Vendor
    Where it goes.
action action | Action
    Auto is what the weeknight run does, and asks where that one would not know.
dry_run switch | Dry run
    Send nothing; the report says what would be written, field by field.
requested_by text | In the name of
    A SmartOffice user name, for example main.morgan, whose licenses count. Empty: you. Naming another user takes the
    right to act for others.
= Only for Profiles
vendor_household_id id | Profiles household
    The Profiles household that was chosen, where it is not linked yet.
case_id id | Profiles case
    The case to update or open, where the household has several.
pin records | Pin fields
    A field that only one side may fill from now on, for example [{"field": "clientA.homePhone", "side": "profiles",
    "reason": "advisor keeps it"}]; side profiles or smartoffice.
unpin texts | Unpin fields
    Fields that go by the usual rule again, one a line, for example clientA.homePhone.
= Only for eMoney
update answer | Update a known client
    Off leaves the client's demographics as they are; values are refreshed all the same.
links records | Link
    Accounts and policies to link, for example ["account:5"]; or with a classification and an owner: [{"source_key":
    "policy:3", "classification": "Fixed Annuity", "owner": "client"}].
= Rarely needed
as_of day | As of
    The day whose values are sent, for example 2026-03-31. Only a dry run may look ahead. Empty: today, by the
    office's clock.
confirm_life_event text | Confirm a life event
    The reason, for example: divorced in May, confirmed by phone. Needed where the report says LIFE-EVENT; empty
    otherwise.
are_two text | Two people
    The reason why the client, or the spouse, and the contact who looks like the same person are two, for example:
    twins, seen both. Needed where the report says MATCH-TWICE of two people; empty otherwise.
unlink text | Unlink
    The reason why the vendor's record is this household's or contact's no more. The link is ended, nothing is sent,
    and the record stays as it is; no night creates another in its place.
link_to record | Link to
    The vendor's record that is this household's or contact's, and why, for example {"id": "31", "reason": "same
    person, corrected name"}; at Profiles also "case_id" where the household has several.
""")

OFFICE_TRANSFER = _fields("""
set_id key | Set
    Move the contacts of this set: its number in SmartOffice.
contact_ids contacts | Contacts
    Or only these contacts and businesses: their numbers in SmartOffice, for example 7, 12.
source_office_id key | Source office
    The office that the contacts leave: its number in SmartOffice.
target_office_id key | Target office
    The office that the contacts go to: in the database of the connection `crm_target`, or, where there is none, in
    the same as the source office.
receiving_user text | Receiving user
    The user of the target office who accepts, by user name; needs Data Import. Nobody else can.
add_related switch | Add related contacts
    Add the related contacts (the closure list), so that no key relation of the set is lost.
dry_run switch | Dry run
    Only check and write the manifest; nobody is asked and nothing moves.
= Rarely needed
requested_by text | In the name of
    The user of the source office who asks, by user name; needs Data Export and Export contacts to another office -
    Button. Empty: you. Naming another user takes the right to act for others.
accept_within days | Accept within
    Days until the transfer ends with nothing moved if nobody answers.
""")

_TITLES = {one.name: one.title for form in (WEEKNIGHT_REFRESH, HOUSEHOLD_SYNC, OFFICE_TRANSFER) for one in form}


def named(name: str) -> str:
    """A field as a message names it: ``“Set” (set_id)``; a name that no form has stays as it is."""
    return f"“{_TITLES[name]}” ({name})" if name in _TITLES else name
