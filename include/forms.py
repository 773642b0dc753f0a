"""The forms by which a person triggers a run: each parameter's type, words and examples."""

from airflow.sdk import Param

WEEKNIGHT_REFRESH = {
    "as_of": Param(
        None,
        type=["null", "string"],
        format="date",
        title="As of",
        description="The day whose values are sent, for example 2026-03-31. Empty: today, by the office's clock.",
    ),
    "vendors": Param(
        ["profiles", "emoney"],
        type=["array", "null"],
        items={"type": "string"},
        examples=["profiles", "emoney"],
        values_display={"profiles": "Profiles", "emoney": "eMoney"},
        title="Vendors",
        description="Who is sent to.",
    ),
    "unit_keys": Param(
        None,
        type=["null", "array"],
        items={"type": "string"},
        title="Units",
        description="Only these, one a line: H12 (the household with id 12) or C7 (the contact with id 7, who is in no "
        "household). Empty: all that are due.",
    ),
    "full": Param(
        False,
        type="boolean",
        title="All units",
        description="Take every enrolled unit, whether it changed since the last run or not.",
    ),
    "dry_run": Param(
        False,
        type="boolean",
        title="Dry run",
        description="Send nothing; the report says what would be created, updated and held.",
    ),
}

# With examples, a field of several types is one line to type into; without, it is a box for JSON.
HOUSEHOLD_SYNC = {
    "household_id": Param(
        None,
        type=["null", "string", "integer"],
        pattern=r"^\s*[0-9]*\s*$",
        examples=["12"],
        title="Household",
        description="The household's number in SmartOffice, for example 12. Leave it empty to name a contact instead.",
    ),
    "contact_id": Param(
        None,
        type=["null", "string", "integer"],
        pattern=r"^\s*[0-9]*\s*$",
        examples=["7"],
        title="Contact",
        description="Or a contact's number, for example 7. The head or the spouse of a household stands for the "
        "household; any other person goes alone.",
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
    "dry_run": Param(
        False,
        type="boolean",
        title="Dry run",
        description="Send nothing; the report says what would be written, field by field.",
    ),
    "requested_by": Param(
        None,
        type=["null", "string"],
        title="In the name of",
        description="A SmartOffice user name, for example main.morgan, whose licenses count. Empty: the user whom "
        "the client is assigned to.",
    ),
    "as_of": Param(
        None,
        type=["null", "string"],
        format="date",
        title="As of",
        description="The day whose values are sent, for example 2026-03-31. Empty: today, by the office's clock.",
    ),
    "vendor_household_id": Param(
        None,
        type=["null", "string", "integer"],
        examples=["31"],
        title="Profiles household",
        description="The Profiles household that was chosen, where it is not linked yet.",
    ),
    "case_id": Param(
        None,
        type=["null", "string", "integer"],
        examples=["31"],
        title="Profiles case",
        description="The case to update or open, where the household has several.",
    ),
    "update": Param(
        "yes",
        type=["string", "boolean", "null"],
        examples=["yes", "no"],
        title="eMoney: update a known client",
        description="yes or no. No leaves the client's demographics as they are; values are refreshed all the same.",
    ),
    "links": Param(
        None,
        type=["null", "array"],
        title="eMoney: link",
        description='Accounts and policies to link, for example ["account:5"]; or with a classification and an owner: '
        '[{"source_key": "policy:3", "classification": "Fixed Annuity", "owner": "client"}].',
    ),
    "confirm_life_event": Param(
        None,
        type=["null", "string"],
        title="Confirm a life event",
        description="The reason, for example: divorced in May, confirmed by phone. Needed where the report says "
        "LIFE-EVENT; empty otherwise.",
    ),
    "pin": Param(
        None,
        type=["null", "array"],
        title="Profiles: pin fields",
        description='A field that only one side may fill from now on, for example [{"field": "clientA.homePhone", '
        '"side": "profiles", "reason": "advisor keeps it"}]; side profiles or smartoffice.',
    ),
    "unpin": Param(
        None,
        type=["null", "array"],
        title="Profiles: unpin fields",
        description='Fields that go by the usual rule again, for example ["clientA.homePhone"].',
    ),
}

OFFICE_TRANSFER = {
    "set_id": Param(
        None,
        type=["null", "string", "integer"],
        title="Set",
        description="Move the contacts of this set: its number in SmartOffice.",
    ),
    "contact_ids": Param(
        None,
        type=["null", "array", "string"],
        items={"type": ["integer", "string"]},
        title="Contacts",
        description="Or only these contacts and businesses: their numbers in SmartOffice, one a line.",
    ),
    "source_office_id": Param(
        None,
        type=["null", "string", "integer"],
        title="Source office",
        description="The office that the contacts leave: its number in SmartOffice.",
    ),
    "target_office_id": Param(
        None,
        type=["null", "string", "integer"],
        title="Target office",
        description="The office that the contacts go to: in the database of the connection `crm_target`, or, where "
        "there is none, in the same as the source office.",
    ),
    "requested_by": Param(
        None,
        type=["null", "string"],
        title="Requested by",
        description="The user of the source office who asks, by user name; needs Data Export and Export contacts to "
        "another office - Button. Empty: whoever triggers the run.",
    ),
    "receiving_user": Param(
        None,
        type=["null", "string"],
        title="Receiving user",
        description="The user of the target office who accepts, by user name; needs Data Import. Nobody else can.",
    ),
    "add_related": Param(
        False,
        type="boolean",
        title="Add related contacts",
        description="Add the contacts without whom key relations of the set would be lost: the closure list.",
    ),
    "accept_within": Param(
        7,
        type=["null", "number", "string"],
        title="Accept within",
        description="Days until the transfer ends with nothing moved if nobody answers.",
    ),
    "dry_run": Param(
        False,
        type="boolean",
        title="Dry run",
        description="Only check and write the manifest; nobody is asked and nothing moves.",
    ),
}
