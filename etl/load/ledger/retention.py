"""Removal by age: values go first, then facts; guarantees stay.

::

    values    the values before and after of decisions, and those of writes that have an answer
    facts     decisions, outcomes, findings, writes, feeds and runs
    lineage   lineage that was recorded anew since
    items     mended work items with their history, and labels of units without an item
    locks     locks of feeds, and of units that are linked no longer

Kept at any age: the audit, open work items, writes without an answer, links, merge bases and what was last sent, open
findings, what an undo put back, where the next night begins, outcomes and findings that still stand, and of each linked
unit its creation and the last decision on each field. Each night goes on where the last one ended, in short
transactions and for a limited time.
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
from etl.load.ledger.intents import OPEN
from etl.load.ledger.store import Ledger
from etl.load.ledger.story import CREATIONS, UNDO_STEP
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
    repeated,
    repeated_outcome,
    run,
    run_stop,
    run_vendor,
    waiver,
    work_item,
    work_item_event,
    work_unit,
)

# Removes portion by portion; gives how many rows each had.
Portions: TypeAlias = Generator[int, None, None]

NIGHT = "weeknight_refresh"
# The runs whose facts are removed by age. The facts of a transfer stay: its rollback needs them.
REMOVABLE = (NIGHT, "household_sync", "household_check", "undo")


@dataclass(frozen=True)
class Keep:
    """Days that each kind is kept, and how much one night removes: rows a transaction, seconds in all."""

    values_days: int = 90
    facts_days: int = 2555
    lineage_days: int = 400
    items_days: int = 400
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
        # A run that waited for a person, or was closed again, has a place after those of younger runs.
        its, younger = run_vendor.alias(), run.alias()
        first = sa.select(sa.func.min(its.c.place)).join(younger, younger.c.run_id == its.c.run_id)
        first = first.where(its.c.vendor == run_vendor.c.vendor, younger.c.started_at > old["started_at"])
        last = sa.func.coalesce(first.scalar_subquery() - 1, run_vendor.c.place)
        places = ledger.mapping(sa.select(run_vendor.c.vendor, last).where(run_vendor.c.run_id == old["run_id"]))
        for table, gone in _old_facts(old, places):
            yield from _deleted(ledger, table, gone, keep.rows)
    before = ledger.now() - timedelta(days=keep.facts_days)
    tables = (outcome, field_change, delivery, run_vendor, lineage, pin, life_event, other_case, finding)
    named = [table.c.run_id for table in tables] + [open_finding.c.first_run_id]
    unnamed = (~sa.exists().where(column == run.c.run_id) for column in named)
    yield from _deleted(ledger, run, (run.c.started_at < before, run.c.dag_id.in_(REMOVABLE), *unnamed), keep.rows)
    yield from _deleted(ledger, feed, (feed.c.as_of < before.date(), feed.c.status.in_(RESOLVED)), keep.rows)


def _old_facts(
    old: sa.RowMapping, places: Mapping[str, int | None]
) -> Iterator[tuple[sa.Table, tuple[sa.ColumnElement[bool], ...]]]:
    """The tables of a run's facts, in the order in which they go, and which rows may go.

    ``places``: by vendor, the last one before those of younger runs. What stood up to it goes, by any run.
    """
    again, later = field_change.alias(), run.alias()
    is_decided_again = sa.exists().where(
        *_same(again, field_change, "vendor", "unit_key", "field"),
        later.c.run_id == again.c.run_id,
        later.c.started_at > old["started_at"],
    )
    yield field_change, (_of(field_change, old), sa.or_(is_decided_again, ~_is_linked(field_change)))
    is_decided = sa.exists().where(*_same(field_change, outcome, "run_id", "vendor", "unit_key"))
    may_go = ~_is_linked(outcome) | (outcome.c.outcome != "created") & ~is_decided
    yield outcome, (_ends_with(outcome, old, places), may_go)
    needed = delivery.c.step.in_((UNDO_STEP, *CREATIONS)) & _is_linked(delivery)
    yield delivery, (_of(delivery, old), delivery.c.status.not_in(OPEN), ~needed)
    yield finding, (_ends_with(finding, old, places),)
    for table in (load_finding, run_stop, answer, repeated, repeated_outcome):
        yield table, (_of(table, old),)
    newer = run_vendor.alias()
    begins_later = sa.exists().where(
        newer.c.vendor == run_vendor.c.vendor,
        newer.c.finished_at > run_vendor.c.finished_at,
        newer.c.watermark.is_not(None),
    )
    is_over = begins_later | run_vendor.c.watermark.is_(None) | run_vendor.c.finished_at.is_(None)
    # No place is given twice.
    has_later = sa.exists().where(newer.c.vendor == run_vendor.c.vendor, newer.c.place > run_vendor.c.place)
    yield run_vendor, (_of(run_vendor, old), is_over, has_later | run_vendor.c.place.is_(None))


def _of(table: sa.Table, old: sa.RowMapping) -> sa.ColumnElement[bool]:
    column: sa.ColumnElement[bool] = table.c.run_id == old["run_id"]
    return column


def _ends_with(table: sa.Table, old: sa.RowMapping, places: Mapping[str, int | None]) -> sa.ColumnElement[bool]:
    """Rows that hold in no run after this one."""
    until = table.c.stands_until
    stood = ((table.c.vendor == vendor) & (until <= place) for vendor, place in places.items() if place is not None)
    return sa.or_(_of(table, old) & until.is_(None), *stood)


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


def _items(ledger: Ledger, keep: Keep) -> Portions:
    # The newest stays: a number is never given twice, and the audit names items by it.
    newest = sa.select(sa.func.max(work_item.c.item_id)).scalar_subquery()
    before = ledger.now() - timedelta(days=keep.items_days)
    gone = (work_item.c.state == "mended", work_item.c.closed_at < before, work_item.c.item_id < newest)
    history = work_item_event.c.item_id.in_(sa.select(work_item.c.item_id).where(*gone))
    yield from _deleted(ledger, work_item_event, (history,), keep.rows)
    yield from _deleted(ledger, work_item, gone, keep.rows)
    # A waiver has its page for good, and by these labels its office.
    named = (sa.exists().where(*_same(table, work_unit, "unit_key")) for table in (work_item, waiver))
    yield from _deleted(ledger, work_unit, tuple(~one for one in named), keep.rows)


def _locks(ledger: Ledger, keep: Keep) -> Portions:
    """The lock of a linked unit stays, with its epoch: the unit will need it again."""
    is_over = household_lock.c.expires_at < ledger.seconds() - 86_400
    yield from _deleted(ledger, household_lock, (is_over, ~_is_linked(household_lock)), keep.rows)


KINDS: dict[str, Callable[[Ledger, Keep], Portions]] = {
    "values": _values,
    "facts": _facts,
    "lineage": _lineage,
    "items": _items,
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
