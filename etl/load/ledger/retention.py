"""Removal by age: repetitions go first, then values, then facts; guarantees stay.

::

    repeats   a night's outcomes that repeat the unit's outcome before (counts stay); findings that were known
    values    the values before and after of decisions, and those of writes that have an answer
    facts     decisions, outcomes, findings, writes, feeds and runs
    lineage   lineage that was recorded anew since
    locks     locks of feeds, and of units that are linked no longer

Kept at any age: writes without an answer, links, merge bases and what was last sent, open findings, what an undo put
back, where the next night begins, and of each linked unit its creation and the last decision on each field. Each night
goes on where the last one ended, in short transactions and for a limited time.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import sqlalchemy as sa

from etl.load.ledger.feeds import RESOLVED
from etl.load.ledger.intents import CREATIONS, OPEN
from etl.load.ledger.store import Ledger
from etl.load.ledger.tables import (
    answer,
    delivery,
    feed,
    field_change,
    finding,
    household_lock,
    life_event,
    lineage,
    lineage_unit,
    link,
    load_finding,
    open_finding,
    other_case,
    outcome,
    pin,
    removal,
    repeated_outcome,
    run,
    run_stop,
    run_vendor,
)
from etl.load.ledger.undos import STEP as UNDO_STEP

# Removes portion by portion; gives how many rows each had.
Portions: TypeAlias = Generator[int, None, None]

NIGHT = "weeknight_refresh"
# The runs whose facts are removed by age. The facts of a transfer stay: its rollback needs them.
REMOVABLE = (NIGHT, "household_sync", "undo")
# Outcomes that are never repetitions.
WRITTEN = ("created", "updated")


@dataclass(frozen=True)
class Keep:
    """Days that each kind is kept, and how much one night removes: rows a transaction, seconds in all."""

    repeats_days: int = 14
    values_days: int = 90
    facts_days: int = 2555
    lineage_days: int = 400
    rows: int = 5_000
    seconds: float = 60.0


@dataclass(frozen=True)
class Removed:
    """Removed rows by kind; ``is_through``: no row that is old enough is left for the next night."""

    rows: Mapping[str, int]
    is_through: bool


def remove_old(ledger: Ledger, keep: Keep, clock: Callable[[], float] = time.monotonic) -> Removed:
    """Removes what is old enough, portion by portion, until all is removed or the time is over."""
    until = clock() + keep.seconds
    removed: Counter[str] = Counter()
    for kind, portions in KINDS.items():
        with closing(portions(ledger, keep)) as counts:
            for count in counts:
                removed[kind] += count
                if clock() >= until:
                    return Removed(dict(removed), False)
    return Removed(dict(removed), True)


def _repeats(ledger: Ledger, keep: Keep) -> Portions:
    nights = (run.c.dag_id == NIGHT, run.c.dry_run.is_(False))
    for night in _runs_of_age(ledger, "repeats", keep.repeats_days, *nights):
        while count := _count_repeated(ledger, night, keep.rows):
            yield count
        known = (finding.c.run_id == night["run_id"], finding.c.status == "known")
        yield from _deleted(ledger, finding, known, keep.rows)
        yield from _deleted(ledger, load_finding, (load_finding.c.run_id == night["run_id"],), keep.rows)


def _count_repeated(ledger: Ledger, night: sa.RowMapping, rows: int) -> int:
    """Replaces a portion of a night's repeated outcomes by a count; gives how many they were."""
    before, earlier = outcome.alias(), run.alias()
    last = (
        sa.select(_words(before))
        .join(earlier, earlier.c.run_id == before.c.run_id)
        .where(before.c.vendor == outcome.c.vendor, before.c.unit_key == outcome.c.unit_key)
        .where(earlier.c.started_at < night["started_at"], earlier.c.dry_run.is_(False))
        .order_by(earlier.c.started_at.desc())
        .limit(1)
        .scalar_subquery()
    )
    of_night = outcome.c.run_id == night["run_id"]
    is_decided = sa.exists().where(*_same(field_change, outcome, "run_id", "vendor", "unit_key"))
    says_nothing_new = (outcome.c.outcome.not_in(WRITTEN), _words(outcome) == last, ~is_decided)
    some = sa.select(outcome.c.vendor, outcome.c.unit_key, outcome.c.outcome).where(of_night, *says_nothing_new)
    with ledger.write() as connection:
        repeated = connection.execute(some.limit(rows)).mappings().all()
        if not repeated:
            return 0
        theirs = (outcome.c.vendor == sa.bindparam("a_vendor"), outcome.c.unit_key == sa.bindparam("a_unit"))
        keys = [{"a_vendor": row["vendor"], "a_unit": row["unit_key"]} for row in repeated]
        connection.execute(sa.delete(outcome).where(of_night, *theirs), keys)
        counted = Counter((row["vendor"], row["outcome"]) for row in repeated)
        mine = sa.select(repeated_outcome).where(repeated_outcome.c.run_id == night["run_id"])
        counted.update({(row["vendor"], row["outcome"]): row["units"] for row in connection.execute(mine).mappings()})
        counts = [
            {"run_id": night["run_id"], "vendor": vendor, "outcome": ended, "units": units}
            for (vendor, ended), units in counted.items()
        ]
        ledger.upsert(connection, repeated_outcome, counts)
    return len(repeated)


def _words(of: sa.FromClause) -> sa.ColumnElement[str]:
    return of.c.outcome + ": " + sa.func.coalesce(of.c.reason, "")


def _values(ledger: Ledger, keep: Keep) -> Portions:
    for old in _runs_of_age(ledger, "values", keep.values_days):
        there = sa.or_(field_change.c.before.is_not(None), field_change.c.after.is_not(None))
        nothing = sa.update(field_change).values(before=None, after=None)
        yield from _changed(ledger, nothing, field_change, (field_change.c.run_id == old["run_id"], there), keep.rows)
    before = ledger.now() - timedelta(days=keep.values_days)
    since = _looked_at_until(ledger, "intents")
    through = (
        delivery.c.updated_at >= since, delivery.c.updated_at < before, delivery.c.status.not_in(OPEN),
        # What an undo put back stays as long as the unit is linked: later undos compare with these values.
        delivery.c.step != UNDO_STEP, delivery.c.intent.is_not(None),
    )  # fmt: skip
    yield from _changed(ledger, sa.update(delivery).values(intent=None), delivery, through, keep.rows)
    _look_on(ledger, "intents", before)


def _facts(ledger: Ledger, keep: Keep) -> Portions:
    for old in _runs_of_age(ledger, "facts", keep.facts_days, run.c.dag_id.in_(REMOVABLE)):
        for table, gone in _old_facts(old):
            yield from _deleted(ledger, table, (table.c.run_id == old["run_id"], *gone), keep.rows)
    day = (ledger.now() - timedelta(days=keep.facts_days)).date()
    yield from _deleted(ledger, feed, (feed.c.as_of < day, feed.c.status.in_(RESOLVED)), keep.rows)


def _old_facts(old: sa.RowMapping) -> Iterator[tuple[sa.Table, tuple[sa.ColumnElement[bool], ...]]]:
    """The tables of a run's facts, in the order in which they go, and which of its rows may go."""
    again, later = field_change.alias(), run.alias()
    is_decided_again = sa.exists().where(
        *_same(again, field_change, "vendor", "unit_key", "field"),
        later.c.run_id == again.c.run_id,
        later.c.started_at > old["started_at"],
    )
    yield field_change, (sa.or_(is_decided_again, ~_is_linked(field_change)),)
    stands = sa.exists().where(*_same(field_change, outcome, "run_id", "vendor", "unit_key"))
    yield outcome, (~_is_linked(outcome) | (outcome.c.outcome != "created") & ~stands,)
    needed = delivery.c.step.in_((UNDO_STEP, *CREATIONS)) & _is_linked(delivery)
    yield delivery, (delivery.c.status.not_in(OPEN), ~needed)
    for table in (finding, load_finding, run_stop, answer, repeated_outcome):
        yield table, ()
    newer = run_vendor.alias()
    begins_later = sa.exists().where(
        newer.c.vendor == run_vendor.c.vendor,
        newer.c.finished_at > run_vendor.c.finished_at,
        newer.c.watermark.is_not(None),
    )
    yield run_vendor, (begins_later | run_vendor.c.watermark.is_(None) | run_vendor.c.finished_at.is_(None),)
    tables = (outcome, field_change, delivery, run_vendor, lineage, pin, life_event, other_case)
    named = [table.c.run_id for table in tables] + [open_finding.c.first_run_id]
    yield run, tuple(~sa.exists().where(column == run.c.run_id) for column in named)


def _lineage(ledger: Ledger, keep: Keep) -> Portions:
    """Removes what has become old since the last night, and what newer lineage has superseded since."""
    now = ledger.now()
    before = now - timedelta(days=keep.lineage_days)
    newer = lineage_unit.alias()
    is_superseded = sa.exists().where(
        *_same(newer, lineage_unit, "vendor", "unit_key"), newer.c.recorded_at > lineage_unit.c.recorded_at
    )
    aged = (lineage_unit.c.recorded_at >= _looked_at_until(ledger, "old lineage"), is_superseded)
    fresh = sa.select(newer.c.vendor, newer.c.unit_key).where(
        newer.c.recorded_at >= _looked_at_until(ledger, "new lineage")
    )
    anew = (sa.tuple_(lineage_unit.c.vendor, lineage_unit.c.unit_key).in_(fresh), is_superseded)
    for gone in (aged, anew):
        while count := _forget_lineage(ledger, (lineage_unit.c.recorded_at < before, *gone), keep.rows):
            yield count
    _look_on(ledger, "old lineage", before)
    _look_on(ledger, "new lineage", now)


def _forget_lineage(ledger: Ledger, gone: tuple[sa.ColumnElement[bool], ...], rows: int) -> int:
    """Removes units from recorded tables, and the tables in which no unit is left."""
    names = ("vendor", "unit_key", "run_id", "shard")
    some = sa.select(*(lineage_unit.c[name] for name in names)).where(*gone).limit(rows)
    with ledger.write() as connection:
        found = connection.execute(some).mappings().all()
        if not found:
            return 0
        theirs = [lineage_unit.c[name] == sa.bindparam(f"a_{name}") for name in names]
        connection.execute(sa.delete(lineage_unit).where(*theirs), [_bound(row, names) for row in found])
        of_table = ("run_id", "vendor", "shard")
        is_empty = ~sa.exists().where(*_same(lineage_unit, lineage, *of_table))
        of_it = [lineage.c[name] == sa.bindparam(f"a_{name}") for name in of_table]
        touched = {tuple(row[name] for name in of_table): _bound(row, of_table) for row in found}
        connection.execute(sa.delete(lineage).where(*of_it, is_empty), list(touched.values()))
    return len(found)


def _locks(ledger: Ledger, keep: Keep) -> Portions:
    """The lock of a linked unit stays, with its epoch: the unit will need it again."""
    is_over = household_lock.c.expires_at < ledger.seconds() - 86_400
    yield from _deleted(ledger, household_lock, (is_over, ~_is_linked(household_lock)), keep.rows)


KINDS: dict[str, Callable[[Ledger, Keep], Portions]] = {
    "repeats": _repeats,
    "values": _values,
    "facts": _facts,
    "lineage": _lineage,
    "locks": _locks,
}


def _runs_of_age(ledger: Ledger, kind: str, days: int, *chosen: sa.ColumnElement[bool]) -> Iterator[sa.RowMapping]:
    """run_id, started_at of the runs that have reached an age since the last night looked, oldest first.

    How far the runs were looked through is noted when the caller stops.
    """
    until = since = _looked_at_until(ledger, kind)
    of_age = (run.c.started_at >= since, run.c.started_at < ledger.now() - timedelta(days=days), *chosen)
    runs = ledger.rows(sa.select(run.c.run_id, run.c.started_at).where(*of_age).order_by(run.c.started_at))
    try:
        for one in runs:
            yield one
            until = one["started_at"]
    finally:
        if until > since:
            _look_on(ledger, kind, until)


def _looked_at_until(ledger: Ledger, kind: str) -> datetime:
    until: datetime | None = ledger.first(sa.select(removal.c.looked_at_until).where(removal.c.kind == kind))
    return until or datetime.min


def _look_on(ledger: Ledger, kind: str, until: datetime) -> None:
    ledger.save(removal, [{"kind": kind, "looked_at_until": until}])


def _deleted(ledger: Ledger, table: sa.Table, gone: tuple[sa.ColumnElement[bool], ...], rows: int) -> Portions:
    return _changed(ledger, sa.delete(table), table, gone, rows)


def _changed(
    ledger: Ledger,
    change: sa.Delete | sa.Update,
    table: sa.Table,
    chosen: tuple[sa.ColumnElement[bool], ...],
    rows: int,
) -> Portions:
    """Applies a change to the chosen rows of a table, portion by portion; gives the size of each."""
    keys = list(table.primary_key)
    some = sa.select(*keys).where(*chosen).limit(rows).correlate(None)
    portion = change.where((sa.tuple_(*keys) if len(keys) > 1 else keys[0]).in_(some))
    count = rows
    while count == rows:
        with ledger.write() as connection:
            count = connection.execute(portion).rowcount
        if count:
            yield count


def _same(one: sa.FromClause, other: sa.FromClause, *names: str) -> list[sa.ColumnElement[bool]]:
    return [one.c[name] == other.c[name] for name in names]


def _is_linked(table: sa.Table) -> sa.ColumnElement[bool]:
    return sa.exists().where(*_same(link, table, "vendor", "unit_key"))


def _bound(row: sa.RowMapping, names: tuple[str, ...]) -> dict[str, Any]:
    return {f"a_{name}": row[name] for name in names}
