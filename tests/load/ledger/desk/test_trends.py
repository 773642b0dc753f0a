"""Trends over 90 generated nights are what a count of each night by itself gives."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from statistics import median

import pytest
import sqlalchemy as sa

from etl.load.ledger import links
from etl.load.ledger.desk import items, trends, units
from etl.load.ledger.links import Link
from etl.load.ledger.store import Ledger
from etl.load.ledger.tables import open_finding, run, unit_state
from tests.load.ledger.desk.desks import BEGINNING, NIGHT, Nights, found, labelled

UNITS = [f"H{number}" for number in range(1, 13)]
OFFICE = {key: 7 if number % 3 else 8 for number, key in enumerate(UNITS)}
RULES = ("DEM-NAME", "ACC-NET", "HH-HEAD")
LABELS = labelled(*((key, f"Family {key}", office, "chen") for key, office in OFFICE.items()))
Broken = set[tuple[str, str]]


class Count:
    """What each night shows, counted by itself: the pairs of unit and rule that are broken."""

    def __init__(self) -> None:
        self.open: list[Broken] = []
        self.new: list[list[tuple[str, str]]] = []
        self.mended: list[list[tuple[str, str]]] = []
        self.days: dict[str, list[float]] = defaultdict(list)
        self._since: dict[tuple[str, str], datetime] = {}
        self._new: list[tuple[str, str]] = []
        self._mended: list[tuple[str, str]] = []

    def see(self, before: Broken, now: Broken, at: datetime, is_checked: bool) -> None:
        for one in now - before:
            self._since[one] = at
            self._new.append(one)
        for one in before - now if is_checked else ():
            self.days[one[1]].append((at - self._since[one]) / timedelta(days=1))
            self._mended.append(one)

    @property
    def nights(self) -> int:
        return len(self.open)

    def end_night(self, now: Broken) -> None:
        self.open.append(set(now))
        self.new.append(self._new)
        self.mended.append(self._mended)
        self._new, self._mended = [], []


def of(pairs: Broken | list[tuple[str, str]], rule: str | None, office: int | None) -> int:
    return sum(rule in (None, its) and office in (None, OFFICE[key]) for key, its in pairs)


class Story:
    """Runs that change what stands open, as the closing of a run does, without all else of a run."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger, self.chance, self.count = ledger, random.Random(7), Count()
        self.broken: Broken = set()
        self.runs = 0

    def run(self, among: list[str], share: float, *, is_night: bool, gone: str = items.MENDED) -> None:
        """Breaks and mends some rules of some units; ``share``: how many of them change."""
        before = self.broken
        pairs = {(key, rule) for key in among for rule in RULES if self.chance.random() < share}
        self.broken = before - pairs if gone == items.ENDED else before ^ pairs
        self.runs += 1
        at = BEGINNING + timedelta(days=self.count.nights)
        if not is_night:
            at += timedelta(days=-1, minutes=self.runs)
        run_id = f"run-{self.runs}"
        with self.ledger.write() as connection:
            if is_night:
                row = {"run_id": run_id, "dag_id": NIGHT, "as_of": at.date(), "dry_run": False, "status": "success"}
                self.ledger.insert(connection, run, [{**row, "started_at": at, "finished_at": at}])
            connection.execute(sa.delete(open_finding))
            self.ledger.insert(connection, open_finding, [_open(key, rule, run_id) for key, rule in self.broken])
            items.follow(self.ledger, connection, among, run_id, at, gone)
            units.remember_units(self.ledger, connection, LABELS, at)
        self.count.see(before, self.broken, at, gone == items.MENDED)
        if is_night:
            self.count.end_night(self.broken)


def _open(key: str, rule: str, run_id: str) -> dict[str, str]:
    named = {"vendor": "emoney", "unit_key": key, "finding_key": f"{key} {rule}", "rule_id": rule}
    return {**named, "severity": "info", "message": "It is wrong.", "first_run_id": run_id}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """96 nights, with runs by hand and withdrawn findings between them."""
    ledger = Ledger(f"sqlite:///{tmp_path_factory.mktemp('trends') / 'ledger.db'}")
    ledger.migrate()
    story = Story(ledger)
    for number in range(96):
        story.run(UNITS, 0.1, is_night=True)
        if number % 7 == 3:
            story.run([story.chance.choice(UNITS)], 1, is_night=False, gone=items.ENDED)
        if number % 5 == 0:
            story.run([story.chance.choice(UNITS)], 0.5, is_night=False)
    yield story
    ledger.engine.dispose()


@pytest.mark.parametrize("rule", [None, *RULES])
@pytest.mark.parametrize("office", [None, 7, 8])
def test_figures_of_90_nights_are_those_of_a_count_of_each_night(
    told: Story, rule: str | None, office: int | None
) -> None:
    ledger, count = told.ledger, told.count
    read = trends.read_trends(ledger, None)
    series = read.series(rule, office)
    assert len(read.nights) == len(series.open) == 90
    assert series.open.tolist() == [of(pairs, rule, office) for pairs in count.open[-90:]]
    assert series.new.tolist() == [of(pairs, rule, office) for pairs in count.new[-90:]]
    assert series.mended.tolist() == [of(pairs, rule, office) for pairs in count.mended[-90:]]
    assert sum(series.new) >= 10


def test_a_user_of_one_office_sees_the_figures_of_that_office(told: Story) -> None:
    read = trends.read_trends(told.ledger, {8})
    assert read.offices == {8: "Office 8"}
    assert read.series().open.tolist() == trends.read_trends(told.ledger, None).series(office=8).open.tolist()
    assert trends.read_trends(told.ledger, ()).rules == []


def test_the_median_is_that_of_all_that_was_mended(told: Story) -> None:
    ledger, count = told.ledger, told.count
    read = trends.read_trends(ledger, None, count=96)
    assert read.median_days() == pytest.approx(median(day for days in count.days.values() for day in days))
    assert [read.median_days(rule) for rule in RULES] == pytest.approx([median(count.days[rule]) for rule in RULES])


def test_a_ledger_without_a_night_has_no_figures(nights: Nights) -> None:
    read = trends.read_trends(nights.ledger, None)
    assert (read.nights, read.rules, read.median_days()) == ([], [], None)
    assert read.series().open.tolist() == []


def test_units_that_no_vendor_ever_got_are_counted_by_vendor_and_office(nights: Nights) -> None:
    labels = labelled(("H1", "Aster", 7, "chen"), ("H2", "Birch", 8, "chen"))
    nights.run(found("H1"), found("H2"), labels=labels)
    states = [
        {"vendor": "emoney", "unit_key": key, "digest": 1, "outcome": outcome, "run_id": "run-1"}
        for key, outcome in (("H1", "held"), ("H2", "held"), ("H3", "failed"), ("H4", "skipped"), ("H5", "unchanged"))
    ]
    nights.ledger.save(unit_state, states)
    nights.ledger.commit(links.linked(nights.ledger, "emoney", Link("H2", "c2", None, None, None, None, "CREATED")))
    counted = [(one.vendor, one.office_id, one.units) for one in trends.count_never_sent(nights.ledger, None)]
    assert sorted(counted, key=str) == [("emoney", 7, 1), ("emoney", None, 1)]
    assert [one.units for one in trends.count_never_sent(nights.ledger, {7})] == [1]
    listed = trends.list_never_sent(nights.ledger, {7}, "emoney")
    assert [(row["unit_key"], row["outcome"]) for row in listed] == [("H1", "held")]
