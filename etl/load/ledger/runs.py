"""Runs, their outcomes and the state in which each leaves the units."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from etl.errors import ParamsError
from etl.load.bulk import text_list
from etl.load.ledger import standing
from etl.load.ledger.store import Ledger, columns, matching
from etl.load.ledger.tables import outcome, run, run_stop, run_vendor, unit_state
from etl.load.ledger.views import STANDS
from etl.names import near
from etl.outcomes import WRITTEN


@dataclass(frozen=True)
class Outcome:
    """How one unit ended at one vendor: ``reason`` says why to people, ``code`` to the program (`etl.outcomes`)."""

    vendor: str
    unit_key: str
    outcome: str
    reason: str | None = None
    vendor_id: str | None = None
    code: str | None = None


def start_run(
    ledger: Ledger,
    run_id: str,
    dag_id: str,
    as_of: date,
    requested_by: str | None,
    dry_run: bool,
    params: Mapping[str, Any],
    triggered_by: str | None = None,
) -> None:
    """Registers a run; a second start of the same run keeps its beginning.

    ``requested_by``: in whose name; ``triggered_by``: who acted, None for the schedule (LIC-ACTING).
    """
    started_at = ledger.first(sa.select(run.c.started_at).where(run.c.run_id == run_id)) or ledger.now()
    row = {
        "run_id": run_id, "dag_id": dag_id, "as_of": as_of, "requested_by": requested_by,
        "triggered_by": triggered_by, "dry_run": dry_run, "status": "running", "started_at": started_at,
        "finished_at": None, "params": json.dumps(params, default=str),
    }  # fmt: skip
    ledger.save(run, [row])


def stop_run(ledger: Ledger, run_id: str, step: str, why: str) -> None:
    """Notes why a step stopped the run."""
    row = {"run_id": run_id, "step": step, "why": why, "stopped_at": ledger.now()}
    ledger.save(run_stop, [row])


def forget_stop(ledger: Ledger, run_id: str, step: str) -> None:
    """The step has succeeded: what stopped an earlier try of it is forgotten."""
    ledger.execute(sa.delete(run_stop).where(*matching(run_stop, run_id=run_id, step=step)))


def why_stopped(ledger: Ledger, run_id: str) -> dict[str, str]:
    """step -> why it stopped the run, in the order in which they did."""
    mine = sa.select(run_stop.c.step, run_stop.c.why).where(run_stop.c.run_id == run_id)
    return ledger.mapping(mine.order_by(run_stop.c.stopped_at, run_stop.c.step))


def read_scope(ledger: Ledger, run_id: str) -> dict[str, int]:
    """vendor -> units in scope, as they were planned."""
    return ledger.mapping(
        sa.select(run_vendor.c.vendor, run_vendor.c.units_in_scope).where(run_vendor.c.run_id == run_id)
    )


def plan_vendor(ledger: Ledger, run_id: str, vendor: str, watermark: datetime | None, units_in_scope: int) -> None:
    """What this run takes for a vendor, and the highest modified_at it saw."""
    row = {"run_id": run_id, "vendor": vendor, "watermark": watermark, "units_in_scope": units_in_scope}
    ledger.save(run_vendor, [row])


def last_watermark(ledger: Ledger, vendor: str) -> datetime | None:
    """The highest modified_at that the last finished run of a vendor saw; None where there is none.

    Not the highest of all runs: a CRM that was restored from a backup goes on from an earlier moment.
    """
    watermark: datetime | None = ledger.first(
        sa.select(run_vendor.c.watermark)
        .join(run, run.c.run_id == run_vendor.c.run_id)
        .where(run_vendor.c.vendor == vendor, run_vendor.c.finished_at.is_not(None), run.c.dry_run.is_(False))
        .where(run.c.dag_id == "weeknight_refresh", run_vendor.c.watermark.is_not(None))
        .order_by(run_vendor.c.finished_at.desc())
    )
    return watermark


def read_unit_states(ledger: Ledger, vendor: str) -> pd.DataFrame:
    """unit_key, digest, records, outcome, basis, standing of every unit that a run has dealt with.

    as_of: the date of that run; reason, code: of the outcome that stands.
    """
    names = ("unit_key", "records", "outcome", "digest", "basis", "standing")
    stands = (outcome.c.unit_key == unit_state.c.unit_key, outcome.c.outcome == unit_state.c.outcome)
    known = (
        sa.select(*(unit_state.c[name] for name in names), run.c.as_of, outcome.c.reason, outcome.c.code)
        .outerjoin(run, run.c.run_id == unit_state.c.run_id)
        .outerjoin(outcome, sa.and_(*stands, *matching(outcome, vendor=vendor, stands_until=STANDS)))
        .where(unit_state.c.vendor == vendor)
    )
    return ledger.frame(known)


def count_receipts(ledger: Ledger, vendor: str, unit_keys: Iterable[str]) -> dict[str, int]:
    """How many of these units have which receipts, as they were built last."""
    theirs = unit_state.c.unit_key.in_(text_list(ledger.engine, unit_keys))
    of_kind = sa.select(unit_state.c.receipts, sa.func.count()).where(unit_state.c.vendor == vendor, theirs)
    return ledger.mapping(of_kind.where(unit_state.c.receipts.is_not(None)).group_by(unit_state.c.receipts))


def units_dealt_with_since(ledger: Ledger, run_id: str, vendor: str) -> set[str]:
    """The units with which another run has dealt that ended after this run had begun."""
    begun = sa.select(run.c.started_at).where(run.c.run_id == run_id).scalar_subquery()
    mine = (unit_state.c.vendor == vendor, run.c.run_id != run_id, run.c.finished_at > begun)
    return set(
        ledger.column(sa.select(unit_state.c.unit_key).join(run, run.c.run_id == unit_state.c.run_id).where(*mine))
    )


def save_outcomes(ledger: Ledger, run_id: str, outcomes: Iterable[Outcome]) -> None:
    """Writes outcomes; of a unit that is dealt with again in the same run the last one counts.

    Created or updated by a first try stays so where the second finds nothing left to do.
    """
    with ledger.write() as connection:
        write_outcomes(ledger, connection, run_id, outcomes)


def write_outcomes(ledger: Ledger, connection: Connection, run_id: str, outcomes: Iterable[Outcome]) -> None:
    """The same within a transaction. An outcome that stands from an earlier run is only noted (`standing`)."""
    by_vendor: dict[str, dict[str, Outcome]] = {}
    for one in outcomes:
        by_vendor.setdefault(one.vendor, {})[one.unit_key] = one
    standing.open_again(connection, run_id, by_vendor)
    for vendor, ended in by_vendor.items():
        repeats = _repeats(connection, run_id, vendor, ended)
        standing.repeat(connection, run_id, vendor, [*repeats])
        _write_rows(ledger, connection, run_id, (one for key, one in ended.items() if key not in repeats))


def _write_rows(ledger: Ledger, connection: Connection, run_id: str, outcomes: Iterable[Outcome]) -> None:
    rows = ({"run_id": run_id, **vars(one)} for one in outcomes)
    ledger.upsert(connection, outcome, rows, unless=_was_written)


def _was_written(new: Any) -> sa.ColumnElement[bool]:
    """Whether the unit was created or updated by an earlier try, and this one found nothing left to do."""
    return sa.and_(new.outcome == "unchanged", sa.or_(*(outcome.c.outcome == written for written in WRITTEN)))


def _repeats(connection: Connection, run_id: str, vendor: str, ended: Mapping[str, Outcome]) -> set[str]:
    """The units that ended as they stand."""
    may_repeat = [key for key, one in ended.items() if one.outcome not in WRITTEN]
    if not may_repeat:
        return set()
    standing.hold_still(connection)
    stand = standing.stand_in(connection, vendor, may_repeat, run_id)
    ends = {key: (one.outcome, one.reason, one.vendor_id, one.code) for key, one in ended.items()}
    return {key for key in may_repeat if stand.get(key) == ends[key]}


def read_outcomes(ledger: Ledger, run_id: str, vendor: str | None = None) -> pd.DataFrame:
    """vendor, unit_key, outcome, reason, vendor_id, code of a run."""
    ended = standing.all_outcomes(ledger.engine.dialect.name)
    statement = sa.select(*columns(Outcome, ended)).where(ended.c.run_id == run_id)
    if vendor is not None:
        statement = statement.where(ended.c.vendor == vendor)
    return ledger.frame(statement.order_by(ended.c.vendor, ended.c.unit_key))


def finish_vendor(
    ledger: Ledger,
    connection: Connection,
    run_id: str,
    vendor: str,
    states: Iterable[Mapping[str, Any]],
    at: datetime,
    left: Iterable[str] = (),
) -> None:
    """Ends a vendor's part of a run, within a transaction: the next run begins at ``states``.

    ``states``: unit_key, digest, outcome and other columns of `unit_state`; a unit without one stays as it was.
    ``left``: units that are not enrolled any more; a unit that comes back later counts as new.
    """
    gone = unit_state.c.unit_key.in_(text_list(connection, left))
    connection.execute(sa.delete(unit_state).where(unit_state.c.vendor == vendor, gone))
    ledger.upsert(connection, unit_state, ({"vendor": vendor, "run_id": run_id, **state} for state in states))
    mine = matching(run_vendor, run_id=run_id, vendor=vendor)
    connection.execute(
        sa.update(run_vendor).where(*mine).values(finished_at=sa.func.coalesce(run_vendor.c.finished_at, at))
    )


def finish_run(connection: Connection, run_id: str, status: str, at: datetime) -> None:
    """Closes a run as success or failed, within a transaction; one that was closed so before keeps its end."""
    ended = sa.case((run.c.status == status, sa.func.coalesce(run.c.finished_at, at)), else_=at)
    connection.execute(sa.update(run).where(run.c.run_id == run_id).values(status=status, finished_at=ended))


def find_run(ledger: Ledger, run_id: str) -> dict[str, Any] | None:
    """A run's row; None where it was never registered."""
    rows = ledger.rows(sa.select(run).where(run.c.run_id == run_id))
    return {str(name): value for name, value in rows[0].items()} if rows else None


def require_run(ledger: Ledger, run_id: str) -> dict[str, Any]:
    """A run's row. Raises `ParamsError` with similar ids, or the latest one, where there is no run of that id."""
    found = find_run(ledger, run_id)
    if found is None:
        latest = ledger.column(sa.select(run.c.run_id).order_by(run.c.started_at.desc()).limit(50))
        hint = near(run_id, latest) or (f" The latest is {latest[0]}." if latest else " The ledger has no run.")
        raise ParamsError(f"There is no run {run_id}.{hint}")
    return found
