"""What the desk asks about runs: list, neighbours, outcomes, what was held and changed."""

from __future__ import annotations

import pytest

from etl.load.ledger import runs as closing
from etl.load.ledger.desk import runs
from etl.load.ledger.runs import Outcome
from etl.load.ledger.store import Ledger
from tests.load.ledger.desk.desks import BY_HAND, NIGHT, Nights, found, labelled


@pytest.fixture
def ran(nights: Nights) -> Ledger:
    """Two nights and a run by hand; the second night has held H1, and is not closed."""
    nights.ledger.now = nights.now
    labels = labelled(("H1", "Birch", 7, "chen"), ("H2", "Alder", 8, "morgan"))
    nights.run(found("H1"), found("H2", "ACC-NET"), units=("H1", "H2"), labels=labels)
    nights.run(found("H2", "ACC-NET"), units=("H1", "H2"), dag_id=BY_HAND)
    nights.count += 1
    closing.start_run(nights.ledger, "run-3", NIGHT, nights.now().date(), None, False, {})
    held = [Outcome("emoney", "H1", "held", "DEM-NAME"), Outcome("emoney", "H9", "held")]
    closing.save_outcomes(nights.ledger, "run-3", held)
    return nights.ledger


def test_runs_come_latest_first_with_their_neighbours_of_one_kind(ran: Ledger) -> None:
    assert [one.run_id for one in runs.list_runs(ran)] == ["run-3", "run-2", "run-1"]
    assert [one.run_id for one in runs.list_runs(ran, NIGHT, limit=1, offset=1)] == ["run-1"]
    assert runs.count_runs(ran) == {BY_HAND: 1, NIGHT: 2}
    first, last = runs.find_run(ran, "run-1"), runs.find_run(ran, "run-3")
    assert first is not None
    assert last is not None
    assert (runs.neighbours(ran, first), runs.neighbours(ran, last)) == ((None, "run-3"), ("run-1", None))
    assert runs.find_run(ran, "run-9") is None


def test_outcomes_are_counted_also_of_what_only_stands(ran: Ledger) -> None:
    counted = runs.count_outcomes(ran, ["run-1", "run-3", "run-9"])
    assert counted == {
        "run-1": {"emoney": {"unchanged": 2}, "profiles": {"unchanged": 2}}, "run-3": {"emoney": {"held": 2}},
    }  # fmt: skip


def test_what_was_held_is_shown_of_the_offices_that_one_may_see(ran: Ledger) -> None:
    (held,) = runs.held_units(ran, {7}, "run-3", limit=10)
    assert (held.unit_key, held.household_name, held.reason) == ("H1", "Birch", "DEM-NAME")
    assert runs.held_units(ran, {8}, "run-3", limit=10) == []
    assert [one.unit_key for one in runs.held_units(ran, None, "run-3", limit=10)] == ["H9", "H1"]
    assert len(runs.held_units(ran, None, "run-3", limit=1)) == 1


def test_a_run_has_changed_the_items_that_it_opened_or_mended(ran: Ledger) -> None:
    first, second = runs.find_run(ran, "run-1"), runs.find_run(ran, "run-2")
    assert first is not None
    assert second is not None
    assert runs.changed_items(ran, None, first) == {"ACC-NET": {"new": 1}, "DEM-NAME": {"new": 1}}
    assert runs.changed_items(ran, None, second) == {"DEM-NAME": {"mended": 1}}
    assert runs.changed_items(ran, {8}, second) == {}
