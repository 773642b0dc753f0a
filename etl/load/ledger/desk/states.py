"""What has changed its state, as notices say it: runs, questions, transfers, waivers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from etl.load.ledger.retention import NIGHT
from etl.load.ledger.runs import why_stopped
from etl.load.ledger.store import Ledger
from etl.load.ledger.tables import answer, guard_stop, run, transfer, waiver

# A night that has not ended after so long is not through.
NIGHT_MAY_TAKE = timedelta(hours=6)


@dataclass(frozen=True)
class Change:
    """One change. ``about`` names it, ``content`` has codes and ids, ``people`` are those whom it concerns."""

    about: str
    content: dict[str, Any]
    people: tuple[str | None, ...]


def changed_runs(ledger: Ledger, since: datetime) -> Iterator[Change]:
    """Real runs that failed, were stopped by a guard, or are nights that are not through."""
    is_real, late = run.c.dry_run.is_(False), ledger.now() - NIGHT_MAY_TAKE
    failed = sa.and_(run.c.status == "failed", run.c.finished_at >= since)
    is_stuck = sa.and_(run.c.status == "running", run.c.dag_id == NIGHT, run.c.started_at.between(since, late))
    stopped = set(ledger.column(sa.select(guard_stop.c.run_id)))
    for row in ledger.rows(sa.select(run).where(is_real, failed | is_stuck).order_by(run.c.started_at)):
        run_id = row["run_id"]
        state = "unfinished" if row["status"] == "running" else "guard" if run_id in stopped else "failed"
        why = next(iter(why_stopped(ledger, run_id).values()), None)
        content = {"kind": "run", "state": state, "run_id": run_id, "dag_id": row["dag_id"], "why": why}
        content["began"] = row["started_at"].isoformat()
        yield Change(f"run:{run_id}:{state}", content, (row["triggered_by"], row["requested_by"]))


def waiting_questions(ledger: Ledger, since: datetime) -> Iterator[Change]:
    """Runs by hand that ask which record is meant."""
    waiting = sa.select(answer.c.run_id, answer.c.unit_key, run.c.triggered_by, run.c.requested_by)
    waiting = waiting.join(run, run.c.run_id == answer.c.run_id)
    for row in ledger.rows(waiting.where(answer.c.status == "asked", answer.c.asked_at >= since)):
        content = {"kind": "question", "run_id": row["run_id"], "unit_key": row["unit_key"]}
        yield Change(f"question:{row['run_id']}", content, (row["triggered_by"], row["requested_by"]))


def waiting_transfers(ledger: Ledger, since: datetime) -> Iterator[Change]:
    """Transfers that the receiving user has to accept."""
    waiting = sa.select(transfer).where(transfer.c.status == "planned", transfer.c.planned_at >= since)
    for row in ledger.rows(waiting):
        user = row["receiving_user"]
        content = {"kind": "transfer", "run_id": row["transfer_id"], "receiving_user": user}
        yield Change(f"transfer:{row['transfer_id']}", content, (user,))


def ending_waivers(ledger: Ledger, today: date) -> Iterator[Change]:
    """Waivers whose last day is today: the next day finds the item open again."""
    is_last_day = sa.and_(waiver.c.until_day == today + timedelta(days=1), waiver.c.ended_at.is_(None))
    for row in ledger.rows(sa.select(waiver).where(is_last_day)):
        until = row["until_day"].isoformat()
        content = {"kind": "waiver", "unit_key": row["unit_key"], "rule_id": row["rule_id"], "until": until}
        yield Change(f"waiver:{row['waiver_id']}:{until}", content, (row["asked_by"], row["approved_by"]))
