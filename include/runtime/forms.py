"""The forms by which a person triggers a run, as Airflow's page shows them.

How Airflow shows a field follows from its schema. Several types make a box for JSON; with examples, the first of the
types counts. A text with examples is shown as a search in a list. A field without a type is a line to type into. A list
is a box with an item a line, and a box for JSON where its items may be objects.
"""

from collections.abc import Iterable
from typing import Any

from airflow.sdk import Param

from etl.errors import VENDOR_NAMES
from include.runtime import fields
from include.runtime.fields import Field

ACTIONS = {
    "auto": "Auto: update what is linked or matches exactly; else ask (Profiles) or create (eMoney)",
    "create_client_and_case": "Profiles: Create New Client and Case",
    "create_case": "Profiles: Create New Case",
    "update_case": "Profiles: Update Case",
    "open_case": "Profiles: Open Case (writes nothing, gives the address)",
    "update": "eMoney: Update",
}
KINDS: dict[str, dict[str, Any]] = {
    "text": {"type": ["null", "string"]},
    "day": {"type": ["null", "string"], "format": "date"},
    # Other programs send numbers as texts, too. The page's own box for numbers would show and lose thousands.
    "id": {},
    "key": {"pattern": r"^\s*-?[0-9]*\s*$"},
    "switch": {"type": "boolean", "default": False},
    "texts": {"type": ["null", "array"], "items": {"type": "string"}},
    "records": {"type": ["null", "array"], "items": {"type": ["string", "object"]}},
    "record": {"type": ["null", "object"]},
    # A switch on the page; other programs may say yes or no.
    "answer": {"type": ["boolean", "string", "null"], "default": True, "examples": [True, False]},
    "contacts": {},
    "days": {
        "type": ["number", "string", "null"], "minimum": 0, "maximum": 60, "default": 7, "examples": [7],
    },
    "vendor": {"type": "string", "enum": [*VENDOR_NAMES], "values_display": VENDOR_NAMES},
    "vendors": {
        "type": ["array", "null"], "items": {"type": "string"}, "default": [*VENDOR_NAMES], "examples": [*VENDOR_NAMES],
        "values_display": VENDOR_NAMES,
    },
    "action": {"type": "string", "default": "auto", "enum": [*ACTIONS], "values_display": ACTIONS},
}  # fmt: skip


def _form(described: Iterable[Field]) -> dict[str, Param]:
    return {field.name: _param(field) for field in described}


def _param(field: Field) -> Param:
    schema = KINDS[field.kind]
    # A choice without a default has to be made.
    default = {} if "enum" in schema else {"default": None}
    section = {"section": field.section} if field.section else {}
    return Param(**default | schema | section, title=field.title, description=field.description)


WEEKNIGHT_REFRESH = _form(fields.WEEKNIGHT_REFRESH)
HOUSEHOLD_CHECK = _form(fields.HOUSEHOLD_CHECK)
HOUSEHOLD_SYNC = _form(fields.HOUSEHOLD_SYNC)
OFFICE_TRANSFER = _form(fields.OFFICE_TRANSFER)
