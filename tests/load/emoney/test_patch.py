"""The merge patch for the people of an eMoney client."""

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from etl.load.emoney.patch import changed_fields, patched
from tests.load.documents import address

CLIENT: dict[str, Any] = {
    "externalId": "contact:7",
    "firstName": "Ann",
    "cellPhone": None,
    "address": None,
    "job": {"companyName": None, "address": None, "title": None},
}


def test_a_patch_holds_only_what_changed_since_it_was_sent() -> None:
    now = {**CLIENT, "cellPhone": "555-0101", "job": {**CLIENT["job"], "title": "Baker"}}
    assert changed_fields(CLIENT, now) == {"cellPhone": "555-0101", "job": {"title": "Baker"}}


def test_a_patch_of_what_was_sent_is_empty() -> None:
    assert changed_fields(CLIENT, copy.deepcopy(CLIENT)) == {}


def test_a_patch_says_null_for_a_value_that_was_sent_and_is_gone() -> None:
    assert changed_fields({**CLIENT, "cellPhone": "555-0101"}, CLIENT) == {"cellPhone": None}


def test_a_null_that_was_never_sent_is_no_change() -> None:
    assert changed_fields(None, CLIENT) == {"externalId": "contact:7", "firstName": "Ann"}
    assert changed_fields({"firstName": "Ann"}, CLIENT) == {"externalId": "contact:7"}


def test_an_address_that_replaces_a_null_goes_whole() -> None:
    assert changed_fields(CLIENT, {**CLIENT, "address": address()}) == {"address": address()}
    inside = {**CLIENT, "job": {**CLIENT["job"], "address": address()}}
    assert changed_fields(CLIENT, inside) == {"job": {"address": address()}}


def test_an_address_that_is_gone_goes_as_null() -> None:
    assert changed_fields({**CLIENT, "address": address()}, CLIENT) == {"address": None}


@given(
    st.sampled_from([CLIENT, {**CLIENT, "address": address()}]), st.sampled_from([CLIENT, {**CLIENT, "cellPhone": "1"}])
)
def test_a_patch_applied_to_what_was_sent_gives_ours(last: dict[str, Any], ours: dict[str, Any]) -> None:
    assert patched(last, changed_fields(last, ours)) == ours
