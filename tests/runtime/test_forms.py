"""The forms as Airflow's page shows them: every field has its words, and what a person types fits its box."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from airflow.sdk import Param
from airflow.sdk.exceptions import ParamValidationError

from include.runtime.fields import named
from include.runtime.forms import HOUSEHOLD_SYNC, OFFICE_TRANSFER, WEEKNIGHT_REFRESH

FORMS = {"refresh": WEEKNIGHT_REFRESH, "by hand": HOUSEHOLD_SYNC, "transfer": OFFICE_TRANSFER}


def types_of(schema: dict[str, Any]) -> list[str]:
    """The types of a field's values beside an empty one; a field without a type is a line to type into."""
    given = schema.get("type", [])
    return [one for one in ([given] if isinstance(given, str) else given) if one != "null"]


def is_json(schema: dict[str, Any]) -> bool:
    """Whether the page shows a box for JSON: several types without examples, or a list of other things than texts."""
    types = types_of(schema)
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


def test_no_text_is_shown_as_a_search_in_a_list_that_does_not_exist() -> None:
    """A text with examples gets the hint "Start typing to see options"."""
    searched = {
        name for form in FORMS.values() for name, param in form.items()
        if "examples" in param.schema and types_of(param.schema)[0] == "string"
    }  # fmt: skip
    assert searched == set()


def test_what_everybody_fills_in_stands_open_and_the_rest_in_folded_groups() -> None:
    groups: dict[str | None, list[str]] = {}
    for name, param in HOUSEHOLD_SYNC.items():
        groups.setdefault(param.schema.get("section"), []).append(name)
    assert groups == {
        None: ["household_id", "contact_id", "vendor", "action", "dry_run", "requested_by"],
        "Only for Profiles": ["vendor_household_id", "case_id", "pin", "unpin"],
        "Only for eMoney": ["update", "links"],
        "Rarely needed": ["as_of", "confirm_life_event", "are_two", "unlink", "link_to"],
    }


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_form_begins_with_what_everybody_fills_in(form: dict[str, Param]) -> None:
    sections = [param.schema.get("section") for param in form.values()]
    assert sections[0] is None
    assert sections.count(None) == next(at for at, one in enumerate(sections) if one is not None)


@pytest.mark.parametrize("typed", ["twelve", "12a", "1 2"])
@pytest.mark.parametrize("field", ["household_id", "contact_id"])
def test_a_text_in_the_field_of_a_number_is_refused_when_the_run_is_triggered(field: str, typed: str) -> None:
    with pytest.raises(ParamValidationError):
        deepcopy(HOUSEHOLD_SYNC[field]).resolve(typed)


@pytest.mark.parametrize("typed", [12, "12", " 12 ", "", None])
def test_a_number_may_come_as_text_or_not_at_all(typed: object) -> None:
    assert deepcopy(HOUSEHOLD_SYNC["household_id"]).resolve(typed) == typed


@pytest.mark.parametrize("typed", [True, False, "yes", "no", None])
def test_an_answer_is_a_switch_or_a_word(typed: object) -> None:
    assert deepcopy(HOUSEHOLD_SYNC["update"]).resolve(typed) == typed


def test_a_message_names_a_field_as_the_form_does() -> None:
    assert named("set_id") == "“Set” (set_id)"
    assert named("the owner of account:5") == "the owner of account:5"
    titles = {(name, param.serialize()["schema"]["title"]) for form in FORMS.values() for name, param in form.items()}
    assert len({name for name, _ in titles}) == len(titles)
