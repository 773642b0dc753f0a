"""The same questions to a ledger on SQLite by its driver alone, by SQLAlchemy, and to one on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from etl.databases import sqlite_uri
from etl.load.ledger import changes, links, pins, runs, story
from etl.load.ledger.changes import Change
from etl.load.ledger.links import Link
from etl.load.ledger.migrations import newest_revision
from etl.load.ledger.pins import Pin
from etl.load.ledger.runs import Outcome
from etl.load.ledger.store import Ledger, default_url
from etl.load.ledger.story import Decision, LinkedTo, PinnedField, QuickLedger, Rows


def told(ledger: Ledger) -> Ledger:
    """Two nights of H1, a dry run, a decision, a link and a pin."""
    ledger.migrate()
    for number, is_dry in (("1", False), ("2", False), ("3", True)):
        runs.start_run(
            ledger, f"run-{number}", "weeknight_refresh", date(2026, 11, 19 + int(number)), "ann", is_dry, {}
        )
        ended = Outcome("profiles", "H1", "held", "DEM-NAME", code="DEM-NAME") if number == "2" else None
        runs.save_outcomes(ledger, f"run-{number}", [ended or Outcome("profiles", "H1", "created", None, "7")])
    changes.save_changes(ledger, "run-1", "profiles", [("H1", Change("clientA.fax", "written", None, "555-0100"))])
    ledger.commit(links.linked(ledger, "profiles", Link("H1", "7", "9", None, 101, None, "CREATED")))
    pins.change_pins(ledger, "H1", [Pin("clientA.fax", "profiles", "he has none")], [], "ann", "hand")
    return ledger


def require_the_story(ledger: Rows) -> None:
    assert story.has_runs(ledger)
    assert story.revision(ledger) == newest_revision()
    newest, first = story.runs_of_unit(ledger, "profiles", "H1")
    assert (newest.run_id, newest.as_of, newest.outcome, newest.rule_ids) == (
        "run-2", date(2026, 11, 21), "held", "DEM-NAME",
    )  # fmt: skip
    assert (first.run_id, first.requested_by, first.outcome, first.rule_ids) == ("run-1", "ann", "created", None)
    assert first.started_at <= newest.started_at
    assert story.runs_of_unit(ledger, "profiles", "H1", date(2026, 11, 20)) == [first]
    assert story.known_units(ledger, "H%", "C1") == ["H1"]
    assert story.find_link(ledger, "profiles", "H1") == LinkedTo("9", 101, None)
    assert story.find_link(ledger, "emoney", "H1") is None
    assert story.decisions_of_unit(ledger, "profiles", "H1") == [
        Decision("run-1", "clientA.fax", "written", "555-0100", is_kept=True)
    ]
    assert story.pins_of_unit(ledger, "H1") == (PinnedField("clientA.fax", "profiles", "he has none"),)
    assert story.find_bases(ledger, "profiles", "H1") == {}
    assert story.steps_of_unit(ledger, "profiles", "H1") == {}
    assert story.runs_with_another_record(ledger, "profiles", "H1") == set()
    assert story.read_lineage(ledger, "profiles", "H1", {"run-1"}) is None


def test_sqlite_is_read_the_same_with_and_without_sqlalchemy(tmp_path: Path) -> None:
    ledger = told(Ledger(default_url(tmp_path)))
    require_the_story(ledger)
    ledger.engine.dispose()
    require_the_story(QuickLedger(sqlite_uri(tmp_path / "ledger.db", mode="ro"), "here"))


@pytest.mark.postgres
def test_postgresql_answers_the_same(postgres_url: Callable[[], str]) -> None:
    ledger = told(Ledger(postgres_url()))
    require_the_story(ledger)
    ledger.engine.dispose()
