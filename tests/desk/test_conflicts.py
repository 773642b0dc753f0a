"""Conflicts on the desk: values by shape, or as they are by right and on record; decisions for one side."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from etl.load.ledger import changes, links
from etl.load.ledger.changes import Change
from etl.load.ledger.desk import decisions
from etl.load.ledger.links import Link
from tests.desk.office import Office, Visitor, make_office
from tests.load.documents import document, person
from tests.load.ledger.desk.desks import BEGINNING, Nights, found, labelled, rows_of

FIELD = "clientA.cellPhone"
THEIRS, OURS = "555-0111", "555-0122"
LABELS = labelled(("H1", "Nightingale", 1, "main.morgan"), ("H2", "Castellan", 3, "harbor.reed"))


def kept_once(office: Office) -> None:
    ledger, nights = office.ledger, Nights(office.ledger)
    for key, case in (("H1", "31"), ("H2", "32")):
        ledger.commit(links.linked(ledger, "profiles", Link(key, f"c{case}", case, None, 1, None, "created")))
        ledger.commit(links.base_written(ledger, case, document(clientA=person(cellPhone="555-0100")), "run-0"))
        changes.save_changes(ledger, "run-1", "profiles", [(key, Change(FIELD, "kept", THEIRS, OURS))])
    kept = (
        found(key, "PROFILES-KEPT", "household:1", severity="info", vendor="profiles", field=FIELD)
        for key in ("H1", "H2")
    )
    nights.run(*kept, labels=LABELS)


@pytest.fixture
def conflicting(tmp_path: Path) -> Iterator[Office]:
    office = make_office(tmp_path, kept_once, desk={"deciders": ["main.morgan"]})
    office.ledger.now = lambda: BEGINNING + timedelta(days=2)
    yield office
    office.ledger.engine.dispose()


@pytest.fixture
def morgan(conflicting: Office) -> Visitor:
    return conflicting.visitor("main.morgan")


def seen(visitor: Visitor) -> str:
    hidden = [one for one in visitor.read("/conflicts/H1").all("input") if one.get("name") == "seen"]
    return str(hidden[0]["value"])


def test_three_values_stand_by_shape(morgan: Visitor) -> None:
    assert "Conflicts: 1 household" in morgan.read("/conflicts").words
    page = morgan.get("/conflicts/H1").text
    assert page.count("text of 8 characters") == 3
    assert not [value for value in (THEIRS, OURS, "555-0100") if value in page]


def test_values_are_shown_with_a_reason_and_the_audit_knows(conflicting: Office, morgan: Visitor) -> None:
    refused = morgan.send("/conflicts/H1", do="show", field=FIELD, reason=" ")
    assert (refused.status_code, THEIRS in refused.text) == (422, False)
    answer = morgan.send("/conflicts/H1", do="show", field=FIELD, reason="a call with her")
    assert answer.status_code == 200
    assert all(value in answer.text for value in (THEIRS, OURS, "555-0100"))
    (entry,) = rows_of(conflicting.ledger, "SELECT actor, action, subject, reason FROM audit_entry")
    assert tuple(entry.values()) == ("main.morgan", "value shown", "unit:H1", "a call with her")


def test_decision_stands_with_event_and_audit_until_it_is_taken_back(conflicting: Office, morgan: Visitor) -> None:
    decided = {"do": "smartoffice", "field": FIELD, "reason": "asked her", "seen": seen(morgan)}
    assert morgan.send("/conflicts/H1", **decided).status_code == 303
    ((one,),) = decisions.find_decisions(conflicting.ledger, ["H1"]).values()
    assert (one.field, one.side, one.vendor_case_id) == (FIELD, "smartoffice", "31")
    assert "Decided for SmartOffice" in morgan.read("/conflicts/H1").words
    assert morgan.send("/conflicts/H1", **decided).status_code == 422
    back = {"do": "withdraw", "field": FIELD, "decision": str(one.decision_id)}
    assert morgan.send("/conflicts/H1", **back).status_code == 303
    assert decisions.find_decisions(conflicting.ledger, ["H1"]) == {}
    actions = [row["action"] for row in rows_of(conflicting.ledger, "SELECT action FROM audit_entry")]
    assert actions == ["decided", "withdrawn"]
    kinds = [row["kind"] for row in rows_of(conflicting.ledger, "SELECT kind FROM work_item_event ORDER BY event_id")]
    assert kinds[-2:] == ["decided", "decision withdrawn"]


def test_values_that_moved_since_the_page_was_opened_are_asked_again(conflicting: Office, morgan: Visitor) -> None:
    before = seen(morgan)
    again = [("H1", Change(FIELD, "kept", "555-0133", OURS))]
    changes.save_changes(conflicting.ledger, "run-1", "profiles", again)
    answer = morgan.send("/conflicts/H1", do="profiles", field=FIELD, reason="hers", seen=before)
    assert (answer.status_code, decisions.find_decisions(conflicting.ledger, ["H1"])) == (409, {})


def test_who_may_not_decide_or_see_the_office_decides_nothing(conflicting: Office, morgan: Visitor) -> None:
    assert morgan.get("/conflicts/H2").status_code == 404
    assert morgan.send("/conflicts/H2", do="show", field=FIELD, reason="x").status_code == 404
    reed = conflicting.visitor("harbor.reed")
    assert reed.read("/conflicts/H2").words.count("text of 8 characters") == 3
    assert reed.send("/conflicts/H2", do="show", field=FIELD, reason="x").status_code == 403
    assert rows_of(conflicting.ledger, "SELECT * FROM audit_entry") == []


def test_a_household_that_the_crm_has_given_another_office_shows_nothing_to_the_former_one(
    conflicting: Office, morgan: Visitor
) -> None:
    conflicting.crm.insert("household", household_id=1, office_id=3, name="Nightingale")
    assert morgan.get("/conflicts/H1").status_code == 404
    assert morgan.send("/conflicts/H1", do="show", field=FIELD, reason="a call with her").status_code == 404
    assert rows_of(conflicting.ledger, "SELECT * FROM audit_entry") == []
