"""What only repeats is written once: outcomes and findings stand from the run that decided them, run after run.

A run that ends at a vendor takes the next ``place`` there. A row of `outcome` or `finding` holds in its own run, and in
the runs whose place is after ``stands_from`` and not after ``stands_until``: an outcome in those of them that are a
``night``, a finding in those in which its unit has an outcome. So a quiet night writes no row for what it repeats. The
selects in `tables` unfold what stands, for the views and for the code alike.

Until a run is closed, its repeats are lists of keys (`tables.repeated`). A closed run that changes once more is first
written out row by row (`open_again`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from etl.load.bulk import text_list
from etl.load.ledger.store import matching
from etl.load.ledger.tables import field_change, finding, open_finding, outcome, repeated, run_vendor
from etl.load.ledger.views import (
    FINDINGS,
    OUTCOMES,
    REPEATED_OUTCOMES,
    STANDING_FINDINGS,
    STANDING_OUTCOMES,
    STANDS,
    in_dialect,
)

# Of an outcome and a finding, beside the run: what the selects give.
OUTCOME = ("vendor", "unit_key", "outcome", "reason", "vendor_id", "code")
FINDING = (
    *("vendor", "unit_key", "rule_id", "severity", "entity", "entity_id", "field", "message", "remedy"),
    *("first_run_id", "waiver_id"),
)

# The run of a finding that holds only where it stands.
NO_RUN = ""


def all_outcomes(dialect: str) -> sa.Subquery:
    """Every outcome of every run: run_id and `OUTCOME`."""
    return _select(OUTCOMES, dialect, outcome, "run_id", *OUTCOME)


def all_findings(dialect: str) -> sa.Subquery:
    """Every finding of every run: run_id, status, finding_id and `FINDING`."""
    return _select(FINDINGS, dialect, finding, "run_id", "status", "finding_id", *FINDING)


def _select(text: str, dialect: str, like: sa.Table, *names: str) -> sa.Subquery:
    return (
        sa.text(in_dialect(text, dialect)).columns(*(sa.column(name, like.c[name].type) for name in names)).subquery()
    )


def stand_in(connection: Connection, vendor: str, unit_keys: Iterable[str], run_id: str) -> dict[str, tuple[Any, ...]]:
    """unit key -> outcome, reason, vendor_id, code as they stand now, of the units that have no row in this run."""
    keys = outcome.c.unit_key.in_(text_list(connection, unit_keys))
    own = outcome.alias()
    is_written = sa.exists().where(*matching(own, run_id=run_id, vendor=vendor), own.c.unit_key == outcome.c.unit_key)
    names = [outcome.c[name] for name in OUTCOME[1:]]
    standing = sa.select(*names).where(*matching(outcome, vendor=vendor, stands_until=STANDS), keys, ~is_written)
    return {row[0]: tuple(row[1:]) for row in connection.execute(standing)}


def repeat(connection: Connection, run_id: str, vendor: str, unit_keys: Sequence[str]) -> None:
    """Notes that these units end in a run as they stand."""
    if len(unit_keys):
        row = {"run_id": run_id, "vendor": vendor, "unit_keys": json.dumps(list(unit_keys))}
        connection.execute(sa.insert(repeated).values(row))


def hold_still(connection: Connection, *, alone: bool = False) -> None:
    """Nobody changes what stands while it is compared. SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        lock = "pg_advisory_xact_lock" if alone else "pg_advisory_xact_lock_shared"
        connection.execute(sa.text(f"SELECT {lock}(7238940012)"))


def take_place(connection: Connection, run_id: str, vendor: str) -> int | None:
    """Gives a run that ends its place at a vendor, within a transaction; None for a run that planned nothing there.

    A run with a watermark has looked at everything that was due, and is a night: what it has not repeated ends, what it
    has written stands. Of another run the repeats are written out.
    """
    mine = matching(run_vendor, run_id=run_id, vendor=vendor)
    planned = connection.execute(sa.select(run_vendor.c.watermark).where(*mine)).first()
    if planned is None:
        return None
    place = (_last_place(connection, vendor) or 0) + 1
    is_night = planned.watermark is not None
    if is_night:
        _begin_night(connection, run_id, vendor, place)
    connection.execute(sa.update(run_vendor).where(*mine).values(place=place, night=place if is_night else None))
    return place


def _begin_night(connection: Connection, run_id: str, vendor: str, place: int) -> None:
    write_out(connection, repeated.c.vendor == vendor, repeated.c.run_id != run_id)
    # A decision on a field stays beside the outcome of its own run, at any age.
    decided = sa.select(field_change.c.unit_key).where(*matching(field_change, run_id=run_id, vendor=vendor))
    _copy_outcomes(connection, REPEATED_OUTCOMES, run_id, vendor, decided)
    repeats = _select(REPEATED_OUTCOMES, connection.dialect.name, outcome, "run_id", *OUTCOME)
    own = sa.select(repeats.c.unit_key).where(*matching(repeats, run_id=run_id, vendor=vendor))
    keys = text_list(connection, connection.execute(own).scalars())
    ended = sa.update(outcome).where(*matching(outcome, vendor=vendor, stands_until=STANDS))
    connection.execute(ended.where(outcome.c.unit_key.not_in(keys)).values(stands_until=place - 1))
    written = sa.update(outcome).where(*matching(outcome, run_id=run_id, vendor=vendor))
    connection.execute(written.values(stands_from=place, stands_until=STANDS))
    connection.execute(sa.delete(repeated).where(*matching(repeated, run_id=run_id, vendor=vendor)))


def write_out(connection: Connection, *chosen: sa.ColumnElement[bool]) -> None:
    """Writes the repeats of these runs (conditions on `repeated`) as rows: what they repeat may end."""
    runs = sa.select(repeated.c.run_id, repeated.c.vendor).where(*chosen).distinct()
    for run_id, vendor in connection.execute(runs).all():
        _copy_outcomes(connection, REPEATED_OUTCOMES, run_id, vendor)
        connection.execute(sa.delete(repeated).where(*matching(repeated, run_id=run_id, vendor=vendor)))


def open_again(connection: Connection, run_id: str, vendors: Collection[str] | None = None) -> None:
    """Writes a closed run out row by row, before it changes; within a transaction. Later runs stay as they are.

    ``vendors``: by default all.
    """
    placed = sa.select(run_vendor.c.vendor, run_vendor.c.place).where(
        run_vendor.c.run_id == run_id, run_vendor.c.place.is_not(None)
    )
    if vendors is not None:
        placed = placed.where(run_vendor.c.vendor.in_(vendors))
    if not connection.execute(placed).all():
        return
    hold_still(connection, alone=True)
    for vendor, place in connection.execute(placed).all():
        write_out(connection, repeated.c.vendor == vendor)
        own = matching(run_vendor, run_id=run_id, vendor=vendor)
        known = _select(STANDING_FINDINGS, connection.dialect.name, finding, "run_id", "status", "finding_id", *FINDING)
        names = ("run_id", "status", *FINDING)
        theirs = sa.select(*(known.c[name] for name in names)).where(*matching(known, run_id=run_id, vendor=vendor))
        connection.execute(sa.insert(finding).from_select(names, theirs.order_by(known.c.finding_id)))
        _copy_outcomes(connection, STANDING_OUTCOMES, run_id, vendor)
        _hand_on(connection, run_id, vendor, place)
        connection.execute(sa.update(run_vendor).where(*own).values(place=None, night=None))


def _copy_outcomes(
    connection: Connection, select: str, run_id: str, vendor: str, among: sa.Select[Any] | None = None
) -> None:
    """Writes a run's rows of a select, of all units or of some."""
    names = ("run_id", *OUTCOME)
    rows = _select(select, connection.dialect.name, outcome, *names)
    chosen = sa.select(*(rows.c[name] for name in names)).where(*matching(rows, run_id=run_id, vendor=vendor))
    if among is not None:
        chosen = chosen.where(rows.c.unit_key.in_(among))
    connection.execute(sa.insert(outcome).from_select(names, chosen))


def _hand_on(connection: Connection, run_id: str, vendor: str, place: int) -> None:
    """What a run has written stands in its own run only; where it stands later, a copy does.

    An outcome's copy belongs to the next night. A finding's copy belongs to no run.
    """
    later = sa.select(run_vendor.c.run_id, run_vendor.c.night).where(run_vendor.c.vendor == vendor)
    following = connection.execute(
        later.where(run_vendor.c.night > place).order_by(run_vendor.c.night).limit(1)
    ).first()
    if following is not None:
        own = [outcome.c[name] for name in OUTCOME]
        until = (*matching(outcome, run_id=run_id, vendor=vendor), outcome.c.stands_until >= following.night)
        night = (sa.literal(following.run_id), *own, sa.literal(following.night), outcome.c.stands_until)
        columns = ("run_id", *OUTCOME, "stands_from", "stands_until")
        connection.execute(sa.insert(outcome).from_select(columns, sa.select(*night).where(*until)))
    if (_last_place(connection, vendor) or 0) > place:
        until = (*matching(finding, run_id=run_id, vendor=vendor), finding.c.stands_until > place)
        named = [finding.c[name] for name in (*FINDING, "stands_from", "stands_until")]
        names = ("run_id", "status", *FINDING, "stands_from", "stands_until")
        kept = sa.select(sa.literal(NO_RUN), sa.literal("known"), *named).where(*until)
        connection.execute(sa.insert(finding).from_select(names, kept))
    # The place may be given once more, to a run in which they are not known.
    ended = sa.update(finding).where(*matching(finding, vendor=vendor, stands_until=place))
    connection.execute(ended.values(stands_until=place - 1))
    for table in (outcome, finding):
        alone = sa.update(table).where(*matching(table, run_id=run_id, vendor=vendor))
        connection.execute(alone.values(stands_from=None, stands_until=None))


def end_findings(connection: Connection, *chosen: sa.ColumnElement[bool], before: int | None = None) -> None:
    """Ends the chosen findings that stand: no run from the place ``before`` on, by default no later run, knows them."""
    last = sa.select(sa.func.max(run_vendor.c.place)).where(run_vendor.c.vendor == finding.c.vendor).scalar_subquery()
    ended = sa.update(finding).where(finding.c.stands_until == STANDS, *chosen)
    connection.execute(ended.values(stands_until=last if before is None else before - 1))


def forget_findings(connection: Connection, unit_keys: Iterable[str], **values: str) -> None:
    """Findings of these units (with these ``values``) are not open any more, within a transaction."""
    keys = text_list(connection, unit_keys)
    connection.execute(
        sa.delete(open_finding).where(open_finding.c.unit_key.in_(keys), *matching(open_finding, **values))
    )
    end_findings(connection, finding.c.unit_key.in_(keys), *matching(finding, **values))


def _last_place(connection: Connection, vendor: str) -> int | None:
    last = sa.select(sa.func.max(run_vendor.c.place)).where(run_vendor.c.vendor == vendor)
    place: int | None = connection.execute(last).scalar()
    return place
