"""The forms as Airflow's page shows them: every field has its words, and what a person types fits its box."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from airflow.sdk import Param

from include.runtime.forms import HOUSEHOLD_SYNC, OFFICE_TRANSFER, WEEKNIGHT_REFRESH

FORMS = {"refresh": WEEKNIGHT_REFRESH, "by hand": HOUSEHOLD_SYNC, "transfer": OFFICE_TRANSFER}


def is_json(schema: dict[str, Any]) -> bool:
    """Whether the page shows a box for JSON: several types without examples, or a list of other things than texts."""
    types = [one for one in schema["type"] if one != "null"] if isinstance(schema["type"], list) else [schema["type"]]
    if "examples" in schema or "enum" in schema:
        return False
    return len(types) > 1 or (types == ["array"] and schema.get("items", {}).get("type", "string") != "string")


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_field_says_what_it_is(form: dict[str, Param]) -> None:
    fields = {name: param.serialize() for name, param in form.items()}
    assert [name for name, field in fields.items() if not field["schema"].get("title")] == []
    assert [name for name, field in fields.items() if not str(field["description"]).endswith(".")] == []


def test_only_what_holds_records_is_typed_as_json() -> None:
    boxes = {name for form in FORMS.values() for name, param in form.items() if is_json(param.schema)}
    assert boxes == {"links", "pin"}


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("links", ["account:5", {"source_key": "policy:3", "owner": "client"}]),
        ("pin", [{"field": "clientA.homePhone", "side": "profiles", "reason": "hers"}]),
        ("unpin", ["clientA.homePhone"]),
    ],
)
def test_a_run_by_hand_takes_lists(field: str, typed: list[Any]) -> None:
    assert deepcopy(HOUSEHOLD_SYNC[field]).resolve(typed) == typed


@pytest.mark.parametrize("typed", ["7, 12", "7", [7, 12], ["7", "12"], None])
def test_a_transfer_takes_contacts_as_a_line_or_as_a_list(typed: object) -> None:
    assert deepcopy(OFFICE_TRANSFER["contact_ids"]).resolve(typed) == typed
