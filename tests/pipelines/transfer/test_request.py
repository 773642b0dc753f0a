"""The form of a transfer: what it takes, and what it refuses in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from etl.errors import ParamsError
from include.pipelines.transfer.request import TransferRequest, read_transfer_request
from include.runtime.acting import COMMAND_LINE, Actor, Triggered
from tests.pipelines.transfer.staging_area import FORM

OFFICES = {"source_office_id": 1, "target_office_id": 2, "receiving_user": "receiver", "requested_by": "mover"}


MOVER = Actor("mover")


def read(actor: Actor = MOVER, **given: Any) -> TransferRequest:
    declared = {name: given.get(name, usual) for name, usual in FORM.items()}
    asked = datetime(2026, 11, 21, 17, 30, tzinfo=UTC)
    return read_transfer_request(Triggered("t1", "office_transfer", declared, given, asked.date(), asked, actor))


def test_numbers_may_come_as_text_as_the_command_line_sends_them() -> None:
    asked = read(**OFFICES | {"source_office_id": " 1 ", "set_id": "7"})
    assert (asked.source_office_id, asked.set_id, asked.contact_ids) == (1, 7, ())


@pytest.mark.parametrize("key", [2**63 - 1, 10**18, -(2**63)])
def test_every_key_that_the_crm_may_hold_can_be_named(key: int) -> None:
    assert read(**OFFICES | {"set_id": str(key)}).set_id == key
    assert read(**OFFICES | {"contact_ids": f"7, {key}"}).contact_ids == (7, key)


@pytest.mark.parametrize("given", [[7, 12, 7], ["7", " 12"], "7, 12", "7\n12\n", "7;12"])
def test_contacts_come_as_a_list_or_as_lines_each_once(given: Any) -> None:
    assert read(**OFFICES, contact_ids=given).contact_ids == (7, 12)


def test_the_user_who_triggers_the_run_asks_where_nobody_is_named() -> None:
    given = OFFICES | {"requested_by": "", "set_id": 7}
    assert read(Actor("main.morgan"), **given).requested_by == "main.morgan"
    with pytest.raises(ParamsError, match=r"“In the name of” \(requested_by\) is missing"):
        read(Actor.of(COMMAND_LINE, ()), **given)


def test_only_a_user_who_may_act_for_others_asks_in_another_users_name() -> None:
    given = OFFICES | {"set_id": 7}
    with pytest.raises(ParamsError, match=r"\(requested_by\): amy may not act for mover \(LIC-ACTING\)"):
        read(Actor("amy"), **given)
    for actor in (Actor.of("amy", ("amy",)), Actor.of(COMMAND_LINE, ())):
        asked = read(actor, **given)
        assert (asked.requested_by, asked.triggered_by) == ("mover", actor.name)


def test_an_answer_may_take_seven_days_unless_the_form_says_otherwise() -> None:
    assert read(**OFFICES, set_id=7).accept_within == timedelta(days=7)
    assert read(**OFFICES, set_id=7, accept_within="0.5").accept_within == timedelta(hours=12)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, r"Fill in “Set” \(set_id\) or “Contacts” \(contact_ids\), one of them"),
        ({"set_id": 7, "contact_ids": [1]}, "not both"),
        ({"set_id": "seven"}, r"\(set_id\) is a number in the CRM"),
        ({"set_id": True}, r"\(set_id\) is a number in the CRM"),
        ({"contact_ids": {"a": 1}}, r"\(contact_ids\) is a list of contacts' numbers"),
        ({"contact_ids": ["Ann"]}, r"\(contact_ids\) is a number"),
        ({"set_id": 7, "source_office_id": None}, r"\(source_office_id\) is missing"),
        ({"set_id": 7, "target_office_id": ""}, r"\(target_office_id\) is missing"),
        ({"set_id": 7, "receiving_user": " "}, r"\(receiving_user\) is missing"),
        ({"set_id": 7, "receiving_user": [3]}, r"\(receiving_user\) is a text"),
        ({"set_id": 7, "dry_run": "yes"}, r"\(dry_run\) is true or false"),
        ({"set_id": 7, "accept_within": 0}, r"\(accept_within\) is a number of days up to 60"),
        ({"set_id": 7, "accept_within": "nan"}, r"\(accept_within\) is a number of days"),
        ({"set_id": 7, "accept_within": 61}, r"\(accept_within\) is a number of days"),
        ({"set_id": 7, "contact": 1}, "Unknown parameter contact. Known: "),
    ],
)
def test_what_is_not_as_the_form_says_is_refused_in_words(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ParamsError, match=words):
        read(**OFFICES | given)


def test_the_ledger_keeps_what_was_asked() -> None:
    kept = read(**OFFICES, contact_ids=[7]).as_json()
    assert (kept["contact_ids"], kept["accept_within"], kept["as_of"]) == ((7,), 7.0, "2026-11-21")
