"""What the ledger knows of one unit at one vendor, newest first."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from etl.load.ledger import links, pins, undos
from etl.load.ledger.lineage import find_lineage
from etl.load.ledger.links import Link, Sent
from etl.load.ledger.store import Ledger, unpack
from etl.load.ledger.tables import field_change, outcome, run
from etl.load.pinning import Pin
from include.refresh.lineage import read_rows
from include.refresh.shapes import shape_of

# Runs that are looked up with one statement.
AT_ONCE = 500


@dataclass(frozen=True)
class Ran:
    """A run that dealt with the unit, and how the unit ended in it."""

    run_id: str
    dag_id: str
    as_of: date
    started_at: datetime
    requested_by: str
    outcome: str
    reason: str | None


@dataclass(frozen=True)
class Decided:
    """A decision about one field in one run; ``shape``: of the value that the run had for it."""

    ran: Ran
    field: str
    decision: str
    shape: str


@dataclass(frozen=True)
class History:
    """``changes``: field -> its decisions, newest first; ``rows``: the recorded lineage, as mappings."""

    vendor: str
    unit_key: str
    runs: list[Ran]
    changes: dict[str, list[Decided]] = field(repr=False)
    sent: dict[str, Sent] = field(repr=False)
    link: Link | None
    rows: list[dict[str, Any]] = field(repr=False)
    recorded_by: str | None
    pins: tuple[Pin, ...]

    @property
    def created(self) -> Ran | None:
        """The run that made the client, if one of ours did."""
        return next((ran for ran in self.runs if ran.outcome == "created"), None)


def read_history(ledger: Ledger, vendor: str, unit_key: str, until: date | None = None) -> History:
    """Everything about a unit at a vendor, up to the end of a day."""
    runs = _runs(ledger, vendor, unit_key, until)
    recorded = find_lineage(ledger, vendor, unit_key, {ran.run_id for ran in runs})
    rows = read_rows(recorded.content, unit_key).to_dict("records") if recorded else []
    return History(
        vendor=vendor,
        unit_key=unit_key,
        runs=runs,
        changes=_changes(ledger, vendor, unit_key, runs),
        sent=links.find_sent(ledger, vendor, unit_key),
        link=links.find_link(ledger, vendor, unit_key),
        rows=[{str(name): _plain(value) for name, value in row.items()} for row in rows],
        recorded_by=recorded.run_id if recorded else None,
        pins=pins.pins_of(ledger, unit_key) if vendor == "profiles" else (),
    )


def _plain(value: Any) -> Any:
    return None if value is None or value != value or str(value) == "<NA>" else value


def _runs(ledger: Ledger, vendor: str, unit_key: str, until: date | None) -> list[Ran]:
    """By the runs' ids: an outcome is found under its run, and the runs are few beside the outcomes."""
    statement = sa.select(run.c.run_id).where(run.c.dry_run.is_(False)).order_by(run.c.started_at.desc())
    if until is not None:
        statement = statement.where(run.c.as_of <= until)
    ids = [row["run_id"] for row in ledger.rows(statement)]
    names = ("run_id", "dag_id", "as_of", "started_at", "requested_by")
    columns = [*(run.c[name] for name in names), outcome.c.outcome, outcome.c.reason]
    joined = sa.select(*columns).join(run, run.c.run_id == outcome.c.run_id)
    mine = joined.where(outcome.c.vendor == vendor, outcome.c.unit_key == unit_key)
    found: list[Ran] = []
    for start in range(0, len(ids), AT_ONCE):
        rows = ledger.rows(mine.where(outcome.c.run_id.in_(ids[start : start + AT_ONCE])))
        found += [Ran(**{**row, "requested_by": row["requested_by"] or "the schedule"}) for row in rows]
    # Of an undo only what it put back says anything about a value.
    found = [ran for ran in found if ran.dag_id != undos.DAG_ID or ran.outcome == "updated"]
    return sorted(found, key=lambda ran: ran.started_at, reverse=True)


def _changes(ledger: Ledger, vendor: str, unit_key: str, runs: list[Ran]) -> dict[str, list[Decided]]:
    by_run = {ran.run_id: ran for ran in runs}
    ids = list(by_run)
    changes: dict[str, list[Decided]] = {}
    for start in range(0, len(ids), AT_ONCE):
        mine = (field_change.c.vendor == vendor, field_change.c.unit_key == unit_key)
        chosen = sa.select(field_change).where(*mine, field_change.c.run_id.in_(ids[start : start + AT_ONCE]))
        rows = sorted(ledger.rows(chosen), key=lambda row: by_run[row["run_id"]].started_at, reverse=True)
        for row in rows:
            shape = shape_of(unpack(row["after"])) if row["decision"] not in ("added", "conflict") else ""
            decided = Decided(by_run[row["run_id"]], row["field"], row["decision"], shape)
            changes.setdefault(row["field"], []).append(decided)
    return changes
