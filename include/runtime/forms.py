"""The forms by which a person triggers a run: each parameter's type, words and examples.

How Airflow shows a field follows from its type: without examples, one of several types is a box for JSON, with them a
line to type into; a list is a box with an item a line, and a box for JSON where its items may be objects.
"""

from collections.abc import Mapping
from typing import Any

from airflow.sdk import Param


def _number(title: str, description: str, example: str, **schema: Any) -> Param:
    """A number in another system; other programs send it as text, too."""
    return Param(
        None, type=["null", "string", "integer"], examples=[example], title=title, description=description, **schema
    )


def _text(title: str, description: str, **schema: Any) -> Param:
    return Param(None, type=["null", "string"], title=title, description=description, **schema)


def _switch(title: str, description: str) -> Param:
    return Param(False, type="boolean", title=title, description=description)


def _list(title: str, description: str, items: Mapping[str, Any]) -> Param:
    return Param(None, type=["null", "array"], items=items, title=title, description=description)


def _as_of() -> Param:
    return _text(
        "As of",
        "The day whose values are sent, for example 2026-03-31. Only a dry run may look ahead. Empty: today, by "
        "the office's clock.",
        format="date",
    )


DIGITS = r"^\s*-?[0-9]*\s*$"

WEEKNIGHT_REFRESH = {
    "as_of": _as_of(),
    "vendors": Param(
        ["profiles", "emoney"],
        type=["array", "null"],
        items={"type": "string"},
        examples=["profiles", "emoney"],
        values_display={"profiles": "Profiles", "emoney": "eMoney"},
        title="Vendors",
        description="The vendors that get data.",
    ),
    "unit_keys": _list(
        "Units",
        "Only these, one a line: H12 (the household with id 12) or C7 (the contact with id 7, who is in no household). "
        "Empty: all that are due.",
        {"type": "string"},
    ),
    "full": _switch("All units", "Take every enrolled unit, whether it changed since the last run or not."),
    "dry_run": _switch("Dry run", "Send nothing; the report says what would be sent, field by field, and what held."),
    "release_guard": _text(
        "Release a guard",
        "Why the stopped run may go on, for example: the migration of all states is right, checked "
        "with Ann. The run goes on only with exactly what was stopped; As of may stay empty. Empty otherwise.",
    ),
}

HOUSEHOLD_SYNC = {
    "household_id": _number(
        "Household",
        "The household's number in SmartOffice, for example 12. Leave it empty to name a contact instead.",
        "12",
        pattern=DIGITS,
    ),
    "contact_id": _number(
        "Contact",
        "Or a contact's number, for example 7. The head or the spouse of a household stands for the household; any "
        "other person goes alone.",
        "7",
        pattern=DIGITS,
    ),
    "vendor": Param(
        type="string",
        enum=["profiles", "emoney"],
        values_display={"profiles": "Profiles", "emoney": "eMoney"},
        title="Vendor",
        description="Where it goes.",
    ),
    "action": Param(
        "auto",
        type="string",
        enum=["auto", "create_client_and_case", "create_case", "update_case", "open_case", "update"],
        values_display={
            "auto": "Auto: update what is linked or matches exactly; else ask (Profiles) or create (eMoney)",
            "create_client_and_case": "Profiles: Create New Client and Case",
            "create_case": "Profiles: Create New Case",
            "update_case": "Profiles: Update Case",
            "open_case": "Profiles: Open Case (writes nothing, gives the address)",
            "update": "eMoney: Update",
        },
        title="Action",
        description="Auto is what the weeknight run does, and asks where that one would not know.",
    ),
    "dry_run": _switch("Dry run", "Send nothing; the report says what would be written, field by field."),
    "requested_by": _text(
        "In the name of",
        "A SmartOffice user name, for example main.morgan, whose licenses count. Empty: you. Naming another user takes "
        "the right to act for others.",
    ),
    "as_of": _as_of(),
    "vendor_household_id": _number(
        "Profiles household", "The Profiles household that was chosen, where it is not linked yet.", "31"
    ),
    "case_id": _number("Profiles case", "The case to update or open, where the household has several.", "31"),
    "update": Param(
        "yes",
        type=["string", "boolean", "null"],
        examples=["yes", "no"],
        title="eMoney: update a known client",
        description="yes or no. No leaves the client's demographics as they are; values are refreshed all the same.",
    ),
    "links": _list(
        "eMoney: link",
        'Accounts and policies to link, for example ["account:5"]; or with a classification and an owner: '
        '[{"source_key": "policy:3", "classification": "Fixed Annuity", "owner": "client"}].',
        {"type": ["string", "object"]},
    ),
    "confirm_life_event": _text(
        "Confirm a life event",
        "The reason, for example: divorced in May, confirmed by phone. Needed where the report says "
        "LIFE-EVENT; empty otherwise.",
    ),
    "are_two": _text(
        "Two people",
        "The reason why the client, or the spouse, and the contact who looks like the same person are two, for "
        "example: twins, seen both. Needed where the report says MATCH-TWICE of two people; empty otherwise.",
    ),
    "unlink": _text(
        "Unlink",
        "The reason why the vendor's record is this household's or contact's no more. The link is ended, nothing is "
        "sent, and the record stays as it is; no night creates another in its place.",
    ),
    "link_to": Param(
        None,
        type=["null", "object"],
        title="Link to",
        description='The vendor\'s record that is this household\'s or contact\'s, and why, for example {"id": "31", '
        '"reason": "same person, corrected name"}; at Profiles also "case_id" where the household has several.',
    ),
    "pin": _list(
        "Profiles: pin fields",
        'A field that only one side may fill from now on, for example [{"field": "clientA.homePhone", '
        '"side": "profiles", "reason": "advisor keeps it"}]; side profiles or smartoffice.',
        {"type": ["string", "object"]},
    ),
    "unpin": _list(
        "Profiles: unpin fields",
        "Fields that go by the usual rule again, one a line, for example clientA.homePhone.",
        {"type": "string"},
    ),
}

OFFICE_TRANSFER = {
    "set_id": _number("Set", "Move the contacts of this set: its number in SmartOffice.", "3"),
    "contact_ids": Param(
        None,
        type=["null", "string", "array"],
        items={"type": ["integer", "string"]},
        examples=["7, 12"],
        title="Contacts",
        description="Or only these contacts and businesses: their numbers in SmartOffice, for example 7, 12.",
    ),
    "source_office_id": _number("Source office", "The office that the contacts leave: its number in SmartOffice.", "1"),
    "target_office_id": _number(
        "Target office",
        "The office that the contacts go to: in the database of the connection `crm_target`, or, where there is none, "
        "in the same as the source office.",
        "2",
    ),
    "requested_by": _text(
        "Requested by",
        "The user of the source office who asks, by user name; needs Data Export and Export contacts to another office "
        "- Button. Empty: you. Naming another user takes the right to act for others.",
    ),
    "receiving_user": _text(
        "Receiving user",
        "The user of the target office who accepts, by user name; needs Data Import. Nobody else can.",
    ),
    "add_related": _switch(
        "Add related contacts",
        "Add the related contacts (the closure list), so that no key relation of the set is lost.",
    ),
    "accept_within": Param(
        7,
        type=["null", "number", "string"],
        examples=[7],
        title="Accept within",
        description="Days until the transfer ends with nothing moved if nobody answers.",
    ),
    "dry_run": _switch("Dry run", "Only check and write the manifest; nobody is asked and nothing moves."),
}
