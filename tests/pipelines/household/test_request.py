"""What the form of a run by hand may hold, and how each mistake is told."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any

import pytest

from etl.errors import ParamsError
from etl.load.job import ByHand, LinkTo, WantedLink
from include.pipelines.household.request import read_sync_request
from include.pipelines.run.context import HandRequest, RunRequest
from include.runtime.acting import COMMAND_LINE, Actor, Triggered
from include.runtime.forms import HOUSEHOLD_SYNC

DEFAULTS = {name: param.value if param.has_value else None for name, param in HOUSEHOLD_SYNC.items()}
ASKED = datetime(2026, 11, 20, 17, 30, tzinfo=UTC)


def read(actor: Actor | None = None, **conf: Any) -> RunRequest:
    given = {"vendor": "profiles", **conf}
    day, actor = date(2026, 11, 20), actor or Actor("ann")
    return read_sync_request(Triggered("run-1", "household_sync", {**DEFAULTS, **given}, given, day, ASKED, actor), day)


def hand(**conf: Any) -> HandRequest:
    by_hand = read(**conf).by_hand
    assert by_hand is not None
    return by_hand


def what(**conf: Any) -> ByHand:
    return hand(**{"household_id": 12, **conf}).what


def test_a_household_and_a_vendor_are_enough() -> None:
    request = read(household_id=12)
    assert request == RunRequest(
        "run-1",
        "household_sync",
        date(2026, 11, 20),
        ("profiles",),
        requested_by="ann",
        triggered_by="ann",
        by_hand=HandRequest(12, None, ByHand(asked_at=datetime(2026, 11, 20, 17, 30)), "ann"),
    )


@pytest.mark.parametrize("number", [12, "12", " 12 "])
def test_a_number_may_come_as_text(number: Any) -> None:
    assert hand(contact_id=number) == hand(contact_id=12)


@pytest.mark.parametrize("key", [2**63 - 1, 2**53 + 1, 10**18, 0, -1, -(2**63)])
def test_every_key_that_the_crm_may_hold_can_be_named(key: int) -> None:
    assert hand(contact_id=str(key)).contact_id == hand(contact_id=key).contact_id == key
    assert hand(household_id=key).household_id == key
    named = what(vendor="emoney", links=[f"account:{key}", {"source_key": f"policy:{key}"}]).links
    assert named == (WantedLink(f"account:{key}"), WantedLink(f"policy:{key}"))


def test_a_dry_run_may_look_ahead_and_any_run_back() -> None:
    assert read(household_id=12, as_of="2062-11-20", dry_run=True).as_of == date(2062, 11, 20)
    assert read(household_id=12, as_of="1999-12-31").as_of == date(1999, 12, 31)


@pytest.mark.parametrize("empty", [None, "", "  "])
def test_an_empty_field_counts_as_not_given(empty: Any) -> None:
    assert hand(household_id=12, case_id=empty, requested_by=empty, confirm_life_event=empty) == hand(household_id=12)


@pytest.mark.parametrize(("said", "meant"), [("yes", True), ("NO", False), (True, True), (False, False), (None, True)])
def test_update_is_yes_or_no_however_it_is_said(said: Any, meant: bool) -> None:
    assert what(vendor="emoney", update=said).update is meant


def test_emoneys_action_update_is_the_usual_one() -> None:
    assert what(vendor="emoney", action="update") == what(vendor="emoney")
    assert what(vendor="emoney", action="update", update="no") == what(vendor="emoney", update="no")


def test_links_are_named_alone_or_with_classification_and_owner() -> None:
    given = ["account:5", {"sourceKey": "policy:3", "classification": "Fixed Annuity", "owner": "spouse"}]
    expected = (WantedLink("account:5"), WantedLink("policy:3", "Fixed Annuity", "spouse"))
    assert what(vendor="emoney", links=given).links == expected


def test_pins_and_unpins_are_read() -> None:
    asked = what(pin=[{"field": "clientA.fax", "side": "profiles", "reason": "theirs"}], unpin=["clientA.email"])
    assert [(one.field, one.side, one.reason) for one in asked.pins] == [("clientA.fax", "profiles", "theirs")]
    assert asked.unpins == ("clientA.email",)


def names(actor: Actor, named: str | None) -> tuple[str | None, str | None, str | None]:
    """Who triggered it, in whose name it is recorded, and whose licenses count."""
    request = read(actor, household_id=12, requested_by=named)
    assert request.by_hand is not None
    return request.triggered_by, request.requested_by, request.by_hand.user_name


def test_the_user_who_triggers_a_run_acts_in_their_own_name() -> None:
    assert names(Actor.of("ann", ()), None) == ("ann", "ann", "ann")
    assert names(Actor.of("ann", ()), "ann") == ("ann", "ann", "ann")


def test_another_users_name_takes_the_right_to_act_for_others() -> None:
    with pytest.raises(ParamsError, match=r"ann may not act for amy \(LIC-ACTING\).*MAY_ACT_FOR_OTHERS"):
        names(Actor.of("ann", ("bob",)), "amy")
    assert names(Actor.of("bob", ("bob",)), "amy") == ("bob", "amy", "amy")


def test_the_command_line_may_name_anyone_and_is_recorded() -> None:
    assert names(Actor.of(COMMAND_LINE, ()), "amy") == (COMMAND_LINE, "amy", "amy")
    assert names(Actor.of(COMMAND_LINE, ()), None) == (COMMAND_LINE, COMMAND_LINE, None)


@pytest.mark.parametrize("named", [None, "amy"])
def test_a_run_without_a_triggering_user_is_refused(named: str | None) -> None:
    with pytest.raises(ParamsError, match="Airflow does not say who triggered the run"):
        names(Actor.of(None, ()), named)


# What is asked for -> words of the one message.
MISTAKES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "an unknown key": ({"household": 12}, ["household", "household_id"]),
    "no id": ({}, ["household_id", "contact_id", "one of them"]),
    "both ids": ({"household_id": 1, "contact_id": 2}, ["not both"]),
    "no number": ({"household_id": "twelve"}, ["“Household” (household_id)", "not text of 6 characters", "example 12"]),
    "a number that no column holds": ({"contact_id": 2**63}, ["(contact_id)", "a number of 19 digits"]),
    "digits of another script": ({"contact_id": "١٢"}, ["(contact_id)", "text of 2 characters"]),
    "a day ahead": ({"household_id": 1, "as_of": "2062-11-20"}, ["(as_of)", "2062-11-20", "2026-11-20", "AS_OF_AHEAD"]),
    "a link to no key": (
        {"household_id": 1, "vendor": "emoney", "links": [f"account:{2**63}"]}, ["“Link” (links)", "account:5"],
    ),
    "a fraction": ({"contact_id": 1.5}, ["(contact_id)", "a number of 1 digit"]),
    "a switch for a number": ({"contact_id": True}, ["(contact_id)", "not yes or no"]),
    "no vendor": ({"household_id": 1, "vendor": None}, ["“Vendor” (vendor) is missing", "profiles or emoney"]),
    "an unknown vendor": ({"household_id": 1, "vendor": "Profile"}, ["(vendor)", "profiles or emoney"]),
    "an unknown action": ({"household_id": 1, "action": "delete"}, ["“Action” (action)", "update_case"]),
    "an action of Profiles at eMoney": (
        {"household_id": 1, "vendor": "emoney", "action": "create_case"}, ["(action)", "at eMoney", "auto or update"],
    ),
    "an action of eMoney at Profiles": ({"household_id": 1, "action": "update"}, ["(action)", "at Profiles"]),
    "a case at eMoney": ({"household_id": 1, "vendor": "emoney", "case_id": "3"}, ["case_id", "at eMoney"]),
    "a pin at eMoney": ({"household_id": 1, "vendor": "emoney", "pin": ["x"]}, ["pin", "at eMoney"]),
    "links at Profiles": ({"household_id": 1, "links": ["account:5"]}, ["links", "at Profiles"]),
    "a new case that is chosen": (
        {"household_id": 1, "action": "create_case", "case_id": "3"}, ["Create New Case", "“Profiles case” (case_id)"],
    ),
    "a new household that is chosen": (
        {"household_id": 1, "action": "create_client_and_case", "vendor_household_id": "3"}, ["vendor_household_id"],
    ),
    "no update of a case": ({"household_id": 1, "update": "no"}, ["“Update a known client” (update)", "at Profiles"]),
    "an update that is neither": ({"household_id": 1, "vendor": "emoney", "update": "maybe"}, ["is yes or no"]),
    "a link that is no list": ({"household_id": 1, "vendor": "emoney", "links": "account:5"}, ["(links) is a list"]),
    "a link of another kind": ({"household_id": 1, "vendor": "emoney", "links": ["liability:5"]}, ["account:5"]),
    "a link with a stranger": (
        {"household_id": 1, "vendor": "emoney", "links": [{"source_key": "account:5", "kind": "IRA"}]}, ["not an"],
    ),
    "a link to nobody": (
        {"household_id": 1, "vendor": "emoney", "links": [{"source_key": "account:5", "owner": "dog"}]}, ["or other"],
    ),
    "a pin without a reason": (
        {"household_id": 1, "pin": [{"field": "clientA.fax", "side": "profiles"}]}, ["reason"],
    ),
    "a text for the switch": ({"household_id": 1, "dry_run": "yes"}, ["“Dry run” (dry_run)", "true or false"]),
    "no date": ({"household_id": 1, "as_of": "31.03.2026"}, ["“As of” (as_of)", "text of 10 characters"]),
    "a list for a text": ({"household_id": 1, "requested_by": ["amy"]}, ["requested_by"]),
}  # fmt: skip


@pytest.mark.parametrize(("conf", "words"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_refused_in_words(conf: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(ParamsError) as refused:
        read(**conf)
    assert [word for word in words if word not in str(refused.value)] == []


def test_a_link_is_ended_with_a_reason_and_made_with_a_record_and_a_reason() -> None:
    assert what(unlink="left us").unlink == "left us"
    assert what(link_to={"id": 31, "reason": "same person"}).link_to == LinkTo("31", None, "same person")


@pytest.mark.parametrize(
    ("conf", "words"),
    [
        ({"unlink": "left us", "action": "open_case"}, "“Unlink” (unlink) ends a link and sends nothing"),
        ({"link_to": {"id": "31"}}, '(link_to) names a record and a reason: {"id": "31"'),
        ({"link_to": "31"}, "(link_to) names a record and a reason"),
        (
            {"link_to": {"id": "31", "reason": "same", "case_id": "2"}, "case_id": "2"},
            "(link_to) names the record",
        ),
        ({"link_to": {"id": "31", "reason": "same"}, "dry_run": True}, "Leave “Dry run” (dry_run) off"),
    ],
)
def test_a_change_of_a_link_that_makes_no_sense_is_refused(conf: dict[str, Any], words: str) -> None:
    with pytest.raises(ParamsError, match=re.escape(words)):
        read(household_id=12, **conf)
