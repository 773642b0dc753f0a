"""The rules of a transfer between offices: what refuses it, what holds a contact, what is only told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import pytest

from etl.errors import GateBroken
from expectations.facts.transfer import STAYING_RULES, TRANSFER
from expectations.gate import Verdict, validate
from expectations.rules import RULES, TABLE
from tests.expectations.facts import AS_OF, frame

REQUEST = {
    "unit_key": TRANSFER,
    "entity_id": 2,
    "offices_differ": True,
    "target_is_active": True,
    "export_missing": None,
    "import_missing": None,
}
MOVER = {
    "unit_key": "C11",
    "entity_id": 11,
    "is_in_source": True,
    "may_move": True,
    "busy_with": None,
    "present_contact_id": None,
    "present_count": 0,
    "headless_households": 0,
}


REFUSED = [
    ({"export_missing": "Data Export"}, "LIC-EXPORT", "Data Export is missing"),
    ({"import_missing": "Data Import, Enabled"}, "LIC-IMPORT", "Data Import, Enabled is missing"),
    ({"target_is_active": False}, "XFR-OFFICE", "not active"),
    ({"offices_differ": False}, "XFR-OFFICE", "source office itself"),
]
HELD = [
    ({"is_in_source": False}, "XFR-SET", "belongs to another one"),
    ({"may_move": False}, "XFR-SET", "neither a contact nor a business"),
    ({"busy_with": "manual__7"}, "XFR-BUSY", "in another transfer: manual__7"),
    ({"present_contact_id": 99, "present_count": 1}, "XFR-PRESENT", "already, as contact 99"),
]
TOLD = [({"present_count": 2}, "XFR-PRESENT-AMBIGUOUS"), ({"headless_households": 1}, "XFR-HOUSEHOLD")]


def transfer_facts(
    request: dict[str, Any] | None = None,
    mover: dict[str, Any] | None = None,
    leavings: Sequence[tuple[str, int]] = (),
) -> dict[str, pd.DataFrame]:
    """A sound request of one contact; a test changes only what it is about."""
    rows = [
        {"unit_key": "C11", "entity": "contact", "entity_id": 11, "rule_id": rule_id, "records": count}
        for rule_id, count in leavings
    ]
    return {
        "requests": frame("requests", [REQUEST | (request or {})]),
        "movers": frame("movers", [MOVER | (mover or {})]),
        "leavings": frame("leavings", rows),
    }


def verdict_of(facts: dict[str, pd.DataFrame]) -> Verdict:
    return validate(TRANSFER, facts, [TRANSFER, "C11"], as_of=AS_OF)


def test_a_sound_transfer_passes_without_a_finding() -> None:
    verdict = verdict_of(transfer_facts())
    assert list(verdict.accepted["unit_key"]) == [TRANSFER, "C11"]
    assert verdict.findings.empty


@pytest.mark.parametrize(("cells", "rule_id", "words"), REFUSED)
def test_what_is_wrong_with_the_request_refuses_the_transfer(cells: dict[str, Any], rule_id: str, words: str) -> None:
    verdict = verdict_of(transfer_facts(request=cells))
    assert verdict.held.to_dict("records") == [{"unit_key": TRANSFER, "rule_ids": rule_id}]
    [finding] = verdict.findings.to_dict("records")
    assert words in finding["message"]
    assert (finding["entity"], finding["entity_id"]) == ("office", 2)


@pytest.mark.parametrize(("cells", "rule_id", "words"), HELD)
def test_what_is_wrong_with_a_contact_holds_it(cells: dict[str, Any], rule_id: str, words: str) -> None:
    verdict = verdict_of(transfer_facts(mover=cells))
    assert verdict.held.to_dict("records") == [{"unit_key": "C11", "rule_ids": rule_id}]
    assert words in verdict.findings["message"].iloc[0]


@pytest.mark.parametrize(("cells", "rule_id"), TOLD)
def test_what_a_steward_should_know_of_a_contact_does_not_hold_it(cells: dict[str, Any], rule_id: str) -> None:
    verdict = verdict_of(transfer_facts(mover=cells))
    assert verdict.held.empty
    assert list(verdict.findings["rule_id"]) == [rule_id]


@pytest.mark.parametrize("rule_id", STAYING_RULES)
def test_what_stays_behind_is_reported_once_for_each_contact_and_rule_with_its_count(rule_id: str) -> None:
    verdict = verdict_of(transfer_facts(leavings=[(rule_id, 4)]))
    [finding] = verdict.findings.to_dict("records")
    assert verdict.held.empty
    assert (finding["rule_id"], finding["severity"]) == (rule_id, RULES[rule_id].severity)
    assert "{" not in finding["message"]


def test_every_rule_of_a_transfer_is_broken_here() -> None:
    broken = {rule_id for _, rule_id, _ in (*REFUSED, *HELD)} | {rule_id for _, rule_id in TOLD} | {*STAYING_RULES}
    assert broken == {rule.rule_id for rule in TABLE for check in rule.checks if TRANSFER in check.vendors}


def test_a_contact_without_its_row_breaks_the_gate() -> None:
    facts = transfer_facts() | {"movers": frame("movers", [])}
    with pytest.raises(GateBroken, match="1 of 2 units in scope have no row"):
        verdict_of(facts)
