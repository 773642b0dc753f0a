"""Removal by age: what is removed when, what is kept, and that a ledger does not grow with the number of nights."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from etl.load.ledger import changes, feeds, findings, intents, lineage, links, locks, runs
from etl.load.ledger.changes import Change
from etl.load.ledger.closing import Closing, close_run
from etl.load.ledger.desk import units
from etl.load.ledger.feeds import Line
from etl.load.ledger.links import Link
from etl.load.ledger.retention import Keep, remove_old
from etl.load.ledger.runs import Outcome
from etl.load.ledger.store import Ledger
from etl.load.ledger.story import UNDO_STEP
from etl.load.ledger.tables import metadata, work_item, work_item_event
from tests.load.ledger.desk.desks import labelled

FIRST = datetime(2026, 1, 5, 22, 0)
QUICK = Keep(values_days=6, facts_days=12, lineage_days=5)


@dataclass
class Office:
    """A ledger and its nights: three linked units and one that is held; nights are alike unless they say otherwise."""

    open_ledger: Callable[[Callable[[], datetime]], Ledger]
    nights: int = 0
    seconds: itertools.count[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.ledger = self.open_ledger(self.now)
        self.ledger.migrate()
        for number in (1, 2, 3):
            made = Link(f"H{number}", f"c{number}", None, None, None, None, "CREATED")
            self.ledger.commit(links.linked(self.ledger, "emoney", made))

    def now(self) -> datetime:
        return FIRST + timedelta(days=self.nights, seconds=next(self.seconds) % 3600)

    def night(self, *written: str, new: tuple[str, ...] = (), kept: tuple[str, ...] = ()) -> str:
        """One night; ``written``: units of which a field was written; ``kept``: of which one stays as it is there."""
        self.nights += 1
        self.seconds = itertools.count()
        run_id, as_of, ledger = f"night-{self.nights}", self.now().date(), self.ledger
        runs.start_run(ledger, run_id, "weeknight_refresh", as_of, None, False, {})
        runs.plan_vendor(ledger, run_id, "emoney", self.now(), 4)
        for unit_key in written:
            intent = intents.begin(ledger, "emoney", unit_key, "update_client", "hash", {"fax": 1}, as_of, run_id)
            intents.mark(ledger, intent, "confirmed")
            changes.save_changes(ledger, run_id, "emoney", [(unit_key, Change("client.fax", "written", "old", "new"))])
            lineage.save_lineage(ledger, run_id, "emoney", 0, pd.DataFrame(), {unit_key: self.nights})
        feed_id = feeds.begin_feed(ledger, f"{as_of}-values", run_id, as_of, [Line("H1", "c1", "hash", "")])
        with locks.hold(ledger, "emoney", f"feed:{self.nights}", locks.holder_name(run_id)):
            feeds.mark_feed(ledger, feed_id, "done")
        ended = {"H1": "unchanged", "H2": "unchanged", "H3": "unchanged"} | dict.fromkeys(written, "updated")
        ended |= dict.fromkeys(new, "created")
        outcomes = [Outcome("emoney", key, outcome) for key, outcome in ended.items()]
        runs.save_outcomes(ledger, run_id, [*outcomes, Outcome("emoney", "H9", "held", "DEM-NAME")])
        changes.save_changes(
            ledger, run_id, "emoney", [(unit_key, Change("client.fax", "kept", "old", "new")) for unit_key in kept]
        )
        status = "new" if self.nights == 1 else "known"
        found = {name: [f"a {name}"] for name in findings.COLUMNS} | {"vendor": "emoney", "unit_key": "H9"}
        told = pd.DataFrame(found).assign(status=status)
        states = [{"unit_key": key, "digest": 1, "outcome": outcome} for key, outcome in ended.items()]
        close_run(ledger, run_id, Closing("success", findings=told, states={"emoney": states}))
        return run_id

    def rows(self, table: str, **condition: Any) -> list[dict[str, Any]]:
        where = " AND ".join(["1 = 1", *(f"{name} = :{name}" for name in condition)])
        with self.ledger.read() as connection:
            found = connection.execute(sa.text(f"SELECT * FROM {table} WHERE {where}"), condition)
            return [dict(row) for row in found.mappings()]

    def sizes(self) -> dict[str, int]:
        return {name: len(self.rows(name)) for name in metadata.tables}

    @contextmanager
    def statements(self) -> Iterator[list[str]]:
        """The statements that the ledger executes meanwhile."""
        heard: list[str] = []

        def hear(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            heard.append(statement)

        sa.event.listen(self.ledger.engine, "before_cursor_execute", hear)
        try:
            yield heard
        finally:
            sa.event.remove(self.ledger.engine, "before_cursor_execute", hear)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def office(request: pytest.FixtureRequest, tmp_path: Path, postgres_url: Callable[[], str]) -> Iterator[Office]:
    url = f"sqlite:///{tmp_path / 'ledger.db'}" if request.param == "sqlite" else postgres_url()
    made = Office(lambda clock: Ledger(url, clock))
    yield made
    made.ledger.engine.dispose()


def test_a_night_that_only_repeats_the_night_before_writes_no_outcome_and_no_finding(office: Office) -> None:
    for number in range(10):
        office.night(*(["H2"] if number == 4 else []), new=("H1", "H2", "H3") if number == 0 else ())
    assert {(row["run_id"], row["unit_key"], row["outcome"]) for row in office.rows("outcome")} == {
        *(("night-1", key, "created") for key in ("H1", "H2", "H3")), ("night-1", "H9", "held"),
        *(("night-2", key, "unchanged") for key in ("H1", "H2", "H3")),
        ("night-5", "H2", "updated"), ("night-6", "H2", "unchanged"),
    }  # fmt: skip
    assert [row["run_id"] for row in office.rows("finding")] == ["night-1"]
    assert office.rows("repeated") == []
    nights = {row["run_id"] for row in office.rows("run")}
    told = Counter((row["run_id"], row["unit_key"]) for row in office.rows("outcome_v"))
    assert told == Counter((night, key) for night in nights for key in ("H1", "H2", "H3", "H9"))
    assert {(row["run_id"], row["status"]) for row in office.rows("finding_v")} == {
        ("night-1", "new"), *((night, "known") for night in nights - {"night-1"}),
    }  # fmt: skip


def test_a_repeated_outcome_is_written_where_its_night_decided_on_a_field(office: Office) -> None:
    for number in range(10):
        office.night(kept=("H1",) if number == 3 else ())
    assert {row["run_id"] for row in office.rows("outcome", unit_key="H1")} == {"night-1", "night-4"}


def test_what_stood_goes_with_the_last_night_in_which_it_stood(office: Office) -> None:
    for number in range(30):
        office.night(*(["H1"] if number % 10 == 5 else []))
        remove_old(office.ledger, Keep(facts_days=12))
    assert {(row["run_id"], row["outcome"]) for row in office.rows("outcome", unit_key="H1")} == {
        ("night-17", "unchanged"), ("night-26", "updated"), ("night-27", "unchanged"),
    }  # fmt: skip
    young = {f"night-{number}" for number in range(19, 31)}
    told = Counter(row["run_id"] for row in office.rows("outcome_v", unit_key="H1"))
    assert {night: told[night] for night in young} == dict.fromkeys(young, 1)


def test_values_go_before_decisions_and_values_still_needed_stay(office: Office) -> None:
    ledger = office.ledger
    first = office.night("H1", "H2")
    in_doubt = intents.begin(ledger, "emoney", "H3", "update_client", "hash", {"fax": 2}, office.now().date(), first)
    undone = intents.begin(ledger, "emoney", "H1", UNDO_STEP, "hash", {"case": "7"}, office.now().date(), first)
    intents.mark(ledger, undone, "confirmed")
    office.nights = 8
    last = office.night("H1")
    assert remove_old(ledger, Keep(values_days=6)).is_through
    decided = {(row["run_id"], row["unit_key"]): row["after"] for row in office.rows("field_change")}
    assert {key: after is None for key, after in decided.items()} == {
        (first, "H1"): True, (first, "H2"): True, (last, "H1"): False,
    }  # fmt: skip
    gone = {(row["step"], row["run_id"]): row["intent"] is None for row in office.rows("delivery")}
    assert gone[("update_client", last)] is gone[(UNDO_STEP, first)] is False
    assert intents.open_intents(ledger, "emoney", "H3")[0].values == {"fax": 2}
    assert [one.values for one in intents.intents_of(ledger, "emoney", first, ["confirmed"], "H2")] == [None]
    # A write that got its answer late has its values for as long as any other since then.
    intents.mark(ledger, in_doubt, "confirmed")
    office.nights = 20
    remove_old(ledger, Keep(values_days=6))
    assert [one.values for one in intents.intents_of(ledger, "emoney", first, ["confirmed"], "H3")] == [None]


def test_facts_go_last_but_a_linked_unit_keeps_its_creation_and_last_decisions(office: Office) -> None:
    ledger = office.ledger
    created, written_once, written_again = office.night(new=("H1",)), office.night("H1", "H2"), office.night("H2")
    watermark = runs.last_watermark(ledger, "emoney")
    office.nights = 400
    assert remove_old(ledger, Keep(facts_days=365)).is_through
    assert {(row["run_id"], row["unit_key"]) for row in office.rows("field_change")} == {
        (written_once, "H1"), (written_again, "H2"),
    }  # fmt: skip
    assert {(row["run_id"], row["unit_key"]) for row in office.rows("outcome")} == {
        (created, "H1"), (written_once, "H1"), (written_again, "H2"),
        (created, "H3"), (created, "H9"), (written_again, "H1"),  # these still stand
    }  # fmt: skip
    assert {row["run_id"] for row in office.rows("run")} == {created, written_once, written_again}
    assert runs.last_watermark(ledger, "emoney") == watermark is not None
    assert office.rows("feed") == []
    assert len(office.rows("finding")) == len(office.rows("open_finding")) == 1


def test_an_old_run_that_ended_late_takes_nothing_of_younger_runs_with_it(office: Office) -> None:
    ledger = office.ledger
    office.night()
    runs.start_run(ledger, "waited", "household_sync", office.now().date(), None, False, {})
    runs.plan_vendor(ledger, "waited", "emoney", None, 0)
    young = [office.night(), office.night("H1")]
    nothing = pd.DataFrame(columns=[*findings.COLUMNS, "status"])
    close_run(ledger, "waited", Closing("success", findings=nothing, states={"emoney": ()}))
    office.seconds = itertools.count(1000)
    remove_old(ledger, Keep(facts_days=2))
    assert [len(office.rows("outcome_v", run_id=night)) for night in young] == [4, 4]


def test_what_a_killed_run_repeats_goes_with_its_run(office: Office) -> None:
    office.night()
    runs.start_run(office.ledger, "killed", "weeknight_refresh", office.now().date(), None, False, {})
    runs.save_outcomes(office.ledger, "killed", [Outcome("emoney", "H1", "unchanged")])
    assert len(office.rows("outcome_v", run_id="killed")) == 1
    office.nights = 400
    remove_old(office.ledger, Keep(facts_days=365))
    assert office.rows("outcome_v", run_id="killed") == office.rows("run", run_id="killed") == []


def test_old_lineage_goes_once_it_is_superseded_and_the_latest_stays(office: Office) -> None:
    office.night("H1", "H2")
    office.night("H1")
    remove_old(office.ledger, QUICK)
    office.nights = 9
    remove_old(office.ledger, QUICK)
    assert {(row["run_id"], row["unit_key"]) for row in office.rows("lineage_unit")} == {
        ("night-1", "H2"), ("night-2", "H1"),
    }  # fmt: skip
    last = office.night("H2")
    remove_old(office.ledger, QUICK)
    assert {(row["run_id"], row["unit_key"]) for row in office.rows("lineage_unit")} == {
        ("night-2", "H1"), (last, "H2"),
    }  # fmt: skip
    assert {row["run_id"] for row in office.rows("lineage")} == {"night-2", last}


def test_mended_items_go_by_age_with_their_history_and_open_ones_and_the_newest_stay(office: Office) -> None:
    labels = labelled(("H1", "Aster", 7, "chen"), ("H4", "Birch", 7, "chen"))
    rows = [
        {"unit_key": key, "rule_id": "DEM-NAME", "entity": "", "entity_id": "", "severity": "info", "message": "No."}
        | {"vendors": "emoney", "state": state, "opened_run": "r", "times_opened": 1, "opened_at": FIRST}
        | {"closed_at": FIRST if state == "mended" else None}
        for key, state in (("H1", "mended"), ("H4", "new"), ("H3", "mended"))
    ]
    with office.ledger.write() as connection:
        office.ledger.insert(connection, work_item, rows)
        units.remember_units(office.ledger, connection, labels, FIRST)
        event = {"kind": "opened", "at": FIRST}
        office.ledger.insert(connection, work_item_event, [{**event, "item_id": number} for number in (1, 2, 3)])
    office.nights = 9
    remove_old(office.ledger, replace(QUICK, items_days=10))
    assert len(office.rows("work_item")) == 3
    office.nights = 11
    remove_old(office.ledger, replace(QUICK, items_days=10))
    assert [row["item_id"] for row in office.rows("work_item")] == [2, 3]
    assert [row["item_id"] for row in office.rows("work_item_event")] == [2, 3]
    assert [row["unit_key"] for row in office.rows("work_unit")] == ["H4"]


def test_locks_of_feeds_and_of_unlinked_units_go(office: Office) -> None:
    office.night()
    for unit_key in ("H1", "H77"):
        with locks.hold(office.ledger, "emoney", unit_key, locks.holder_name("run")):
            pass
    with locks.hold(office.ledger, "emoney", "feed:now", locks.holder_name("run")):
        remove_old(office.ledger, QUICK)
        assert {row["unit_key"] for row in office.rows("household_lock")} == {"H1", "feed:now"}


def test_a_night_removes_for_a_limited_time_and_the_next_night_goes_on(office: Office) -> None:
    for _ in range(12):
        office.night("H1")
    clock = itertools.count(0, 10)
    parts = []
    while not parts or not parts[-1].is_through:
        parts.append(remove_old(office.ledger, Keep(6, 9, 5, rows=2, seconds=5), lambda: next(clock)))
        assert sum(parts[-1].rows.values()) <= 2
    assert len(parts) > 10
    assert len(office.rows("field_change")) == 9


def test_neither_the_ledger_nor_the_work_of_a_night_grows_with_the_number_of_nights(office: Office) -> None:
    office.night(new=("H1", "H2", "H3"))
    seen: dict[int, tuple[dict[str, int], int]] = {}
    for number in range(2, 23):
        with office.statements() as statements:
            office.night("H1" if number % 2 else "H2")
            assert remove_old(office.ledger, QUICK).is_through
        seen[number] = (office.sizes(), len(statements))
    sizes, work = zip(*(seen[number] for number in range(15, 23)), strict=True)
    for name in metadata.tables:
        # A night whose unit was written has another row here and there than one of the other unit.
        counts = [size[name] for size in sizes]
        assert max(counts[-4:]) <= max(counts[:4]), name
    assert max(work[-4:]) <= max(work[:4])
