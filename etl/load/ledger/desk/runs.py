"""What the desk asks about runs: their list, how one ended, and what it has changed on the work list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from etl.load.bulk import text_list
from etl.load.ledger.desk.units import Scope, is_visible
from etl.load.ledger.standing import all_outcomes
from etl.load.ledger.store import Ledger, columns, matching
from etl.load.ledger.tables import run, work_item, work_item_event, work_unit

HELD = "held"
# What a run has opened or closed, by the kind of the event.
CHANGES = {"opened": "new", "reopened": "new", "mended": "mended"}


@dataclass(frozen=True)
class Run:
    """A run as the list shows it."""

    run_id: str
    dag_id: str
    as_of: date
    requested_by: str | None
    triggered_by: str | None
    dry_run: bool
    status: str
    started_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True)
class Held:
    """A unit that a run has held at a vendor, and why, with the labels that it has now."""

    vendor: str
    unit_key: str
    household_name: str
    head_name: str
    office_name: str
    reason: str | None
    code: str | None


def list_runs(ledger: Ledger, dag_id: str = "", limit: int = 50, offset: int = 0) -> list[Run]:
    """Runs of a DAG, or of all, the latest first."""
    found = sa.select(*columns(Run, run))
    if dag_id:
        found = found.where(run.c.dag_id == dag_id)
    return ledger.read_as(Run, found.order_by(run.c.started_at.desc(), run.c.run_id).limit(limit).offset(offset))


def count_runs(ledger: Ledger) -> dict[str, int]:
    """DAG -> the number of its runs."""
    return ledger.mapping(sa.select(run.c.dag_id, sa.func.count()).group_by(run.c.dag_id).order_by(run.c.dag_id))


def find_run(ledger: Ledger, run_id: str) -> Run | None:
    """A run; None where the ledger has none of that id."""
    return ledger.find_as(Run, sa.select(*columns(Run, run)).where(run.c.run_id == run_id))


def neighbours(ledger: Ledger, of: Run) -> tuple[str | None, str | None]:
    """The runs of the same DAG before and after a run."""
    same = sa.select(run.c.run_id).where(run.c.dag_id == of.dag_id)
    before = same.where(run.c.started_at < of.started_at).order_by(run.c.started_at.desc())
    after = same.where(run.c.started_at > of.started_at).order_by(run.c.started_at)
    return ledger.first(before), ledger.first(after)


def count_outcomes(ledger: Ledger, run_ids: Collection[str]) -> dict[str, dict[str, dict[str, int]]]:
    """Run -> vendor -> outcome -> units, over all offices."""
    view = sa.table("outcome_count_v", *map(sa.column, ("run_id", "vendor", "outcome", "units")))
    theirs = view.c.run_id.in_(text_list(ledger.engine, run_ids))
    counts: dict[str, dict[str, dict[str, int]]] = {}
    for row in ledger.rows(sa.select(view).where(theirs)):
        counts.setdefault(row["run_id"], {}).setdefault(row["vendor"], {})[row["outcome"]] = int(row["units"])
    return counts


def held_units(ledger: Ledger, scope: Scope, run_id: str, limit: int) -> list[Held]:
    """The units of these offices that a run has held, by name."""
    ended = all_outcomes(ledger.dialect)
    labels = {name: sa.func.coalesce(work_unit.c[name], "").label(name) for name in _LABELS}
    found = (
        sa.select(ended.c.vendor, ended.c.unit_key, *labels.values(), ended.c.reason, ended.c.code)
        .join_from(ended, work_unit, work_unit.c.unit_key == ended.c.unit_key, isouter=True)
        .where(*matching(ended, run_id=run_id, outcome=HELD), is_visible(scope))
        .order_by(labels["household_name"], ended.c.unit_key, ended.c.vendor)
    )
    return ledger.read_as(Held, found.limit(limit))


_LABELS = ("household_name", "head_name", "office_name")


def changed_items(ledger: Ledger, scope: Scope, of: Run) -> Mapping[str, Counter[str]]:
    """Rule -> how many items of these offices a run has made ``new``, and how many it has found ``mended``."""
    counted = sa.func.count().label("items")
    by = (work_item.c.rule_id, work_item_event.c.kind)
    found = (
        sa.select(*by, counted)
        .join_from(work_item_event, work_item, work_item.c.item_id == work_item_event.c.item_id)
        .outerjoin(work_unit, work_unit.c.unit_key == work_item.c.unit_key)
        .where(work_item_event.c.at >= of.started_at, work_item_event.c.run_id == of.run_id)
        .where(work_item_event.c.kind.in_(CHANGES), is_visible(scope))
        .group_by(*by)
        .order_by(work_item.c.rule_id)
    )
    rules: dict[str, Counter[str]] = {}
    for row in ledger.rows(found):
        rules.setdefault(row["rule_id"], Counter())[CHANGES[row["kind"]]] += row["items"]
    return rules
