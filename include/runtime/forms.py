"""The forms by which a person triggers a run: each parameter's kind, words and examples.

How Airflow shows a field follows from its type: without examples, one of several types is a box for JSON, with them a
line to type into; a list is a box with an item a line, and a box for JSON where its items may be objects.
"""

import re
from typing import Any

from airflow.sdk import Param

from etl.errors import VENDOR_NAMES

ACTIONS = {
    "auto": "Auto: update what is linked or matches exactly; else ask (Profiles) or create (eMoney)",
    "create_client_and_case": "Profiles: Create New Client and Case",
    "create_case": "Profiles: Create New Case",
    "update_case": "Profiles: Update Case",
    "open_case": "Profiles: Open Case (writes nothing, gives the address)",
    "update": "eMoney: Update",
}
# A number in another system; other programs send it as text, too.
NUMBER = {"type": ["null", "string", "integer"]}
KINDS: dict[str, dict[str, Any]] = {
    "text": {"type": ["null", "string"]},
    "day": {"type": ["null", "string"], "format": "date"},
    "number": NUMBER,
    "key": {**NUMBER, "pattern": r"^\s*-?[0-9]*\s*$"},
    "switch": {"type": "boolean", "default": False},
    "texts": {"type": ["null", "array"], "items": {"type": "string"}},
    "records": {"type": ["null", "array"], "items": {"type": ["string", "object"]}},
    "record": {"type": ["null", "object"]},
    "answer": {"type": ["string", "boolean", "null"], "default": "yes", "examples": ["yes", "no"]},
    "contacts": {
        "type": ["null", "string", "array"], "items": {"type": ["integer", "string"]}, "examples": ["7, 12"],
    },
    "days": {"type": ["null", "number", "string"], "default": 7, "examples": [7]},
    "vendor": {"type": "string", "enum": [*VENDOR_NAMES], "values_display": VENDOR_NAMES},
    "vendors": {
        "type": ["array", "null"], "items": {"type": "string"}, "default": [*VENDOR_NAMES], "examples": [*VENDOR_NAMES],
        "values_display": VENDOR_NAMES,
    },
    "action": {"type": "string", "default": "auto", "enum": [*ACTIONS], "values_display": ACTIONS},
}  # fmt: skip


def _form(text: str) -> dict[str, Param]:
    """The fields that the text describes: name, kind, example and title on a line, the description below."""
    return dict(_field(*field.split("\n", 1)) for field in re.split(r"\n(?=\w)", text.strip()))


def _field(head: str, description: str) -> tuple[str, Param]:
    words, title = head.split(" | ")
    name, kind, *examples = words.split()
    schema = KINDS[kind] | ({"examples": examples} if examples else {})
    # A choice without a default has to be made.
    default = {} if "enum" in schema else {"default": None}
    return name, Param(**default | schema, title=title, description=" ".join(description.split()))


WEEKNIGHT_REFRESH = _form("""
as_of day | As of
    The day whose values are sent, for example 2026-03-31. Only a dry run may look ahead. Empty: today, by the
    office's clock.
vendors vendors | Vendors
    The vendors that get data.
unit_keys texts | Units
    Only these, one a line: H12 (the household with id 12) or C7 (the contact with id 7, who is in no household).
    Empty: all that are due.
full switch | All units
    Take every enrolled unit, whether it changed since the last run or not.
dry_run switch | Dry run
    Send nothing; the report says what would be sent, field by field, and what held.
release_guard text | Release a guard
    Why the stopped run may go on, for example: the migration of all states is right, checked with Ann. The run goes
    on only with exactly what was stopped; As of may stay empty. Empty otherwise.
""")

HOUSEHOLD_SYNC = _form("""
household_id key 12 | Household
    The household's number in SmartOffice, for example 12. Leave it empty to name a contact instead.
contact_id key 7 | Contact
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
as_of day | As of
    The day whose values are sent, for example 2026-03-31. Only a dry run may look ahead. Empty: today, by the
    office's clock.
vendor_household_id number 31 | Profiles household
    The Profiles household that was chosen, where it is not linked yet.
case_id number 31 | Profiles case
    The case to update or open, where the household has several.
update answer | eMoney: update a known client
    yes or no. No leaves the client's demographics as they are; values are refreshed all the same.
links records | eMoney: link
    Accounts and policies to link, for example ["account:5"]; or with a classification and an owner: [{"source_key":
    "policy:3", "classification": "Fixed Annuity", "owner": "client"}].
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
pin records | Profiles: pin fields
    A field that only one side may fill from now on, for example [{"field": "clientA.homePhone", "side": "profiles",
    "reason": "advisor keeps it"}]; side profiles or smartoffice.
unpin texts | Profiles: unpin fields
    Fields that go by the usual rule again, one a line, for example clientA.homePhone.
""")

OFFICE_TRANSFER = _form("""
set_id number 3 | Set
    Move the contacts of this set: its number in SmartOffice.
contact_ids contacts | Contacts
    Or only these contacts and businesses: their numbers in SmartOffice, for example 7, 12.
source_office_id number 1 | Source office
    The office that the contacts leave: its number in SmartOffice.
target_office_id number 2 | Target office
    The office that the contacts go to: in the database of the connection `crm_target`, or, where there is none, in
    the same as the source office.
requested_by text | Requested by
    The user of the source office who asks, by user name; needs Data Export and Export contacts to another office -
    Button. Empty: you. Naming another user takes the right to act for others.
receiving_user text | Receiving user
    The user of the target office who accepts, by user name; needs Data Import. Nobody else can.
add_related switch | Add related contacts
    Add the related contacts (the closure list), so that no key relation of the set is lost.
accept_within days | Accept within
    Days until the transfer ends with nothing moved if nobody answers.
dry_run switch | Dry run
    Only check and write the manifest; nobody is asked and nothing moves.
""")
