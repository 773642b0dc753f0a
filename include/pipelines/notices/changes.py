"""What there is to say, and to whom: changes of state, and in the morning the digests."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import asdict
from datetime import UTC, date, datetime, time, timedelta
from itertools import chain
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from etl.load.ledger.desk.notices import DIGEST, Notice, count_work, last_digest
from etl.load.ledger.retention import NIGHT
from etl.load.ledger.runs import why_stopped
from etl.load.ledger.store import Ledger
from etl.load.ledger.tables import answer, guard_stop, run, transfer, waiver
from include.runtime.notice_addresses import OPERATORS, office_of

# What is older is no news: notices that are switched on begin with the present.
HORIZON = timedelta(days=2)
# A night that has not ended after so long is not through.
NIGHT_MAY_TAKE = timedelta(hours=6)
_SATURDAY = 5


def changes_of_state(ledger: Ledger, recipients: Collection[str], timezone: str) -> Iterator[Notice]:
    """Runs that failed, were stopped or are not through; questions and transfers that wait; waivers that end."""
    since, today = ledger.now() - HORIZON, _local(ledger, timezone).date()
    changes = (_runs(ledger, since), _questions(ledger, since), _transfers(ledger, since), _waivers(ledger, today))
    for change, about, people in chain.from_iterable(changes):
        for recipient in _among(recipients, people):
            yield Notice(recipient, about, change)


def _among(recipients: Collection[str], people: tuple[str | None, ...]) -> list[str]:
    """The operators, and the people whom it concerns, as far as they have an address."""
    return [one for one in dict.fromkeys((OPERATORS, *people)) if one is not None and one in recipients]


Change = tuple[dict[str, Any], str, tuple[str | None, ...]]


def _runs(ledger: Ledger, since: datetime) -> Iterator[Change]:
    is_real, late = run.c.dry_run.is_(False), ledger.now() - NIGHT_MAY_TAKE
    failed = sa.and_(run.c.status == "failed", run.c.finished_at >= since)
    is_stuck = sa.and_(run.c.status == "running", run.c.dag_id == NIGHT, run.c.started_at.between(since, late))
    stopped = set(ledger.column(sa.select(guard_stop.c.run_id)))
    for row in ledger.rows(sa.select(run).where(is_real, failed | is_stuck).order_by(run.c.started_at)):
        run_id = row["run_id"]
        state = "unfinished" if row["status"] == "running" else "guard" if run_id in stopped else "failed"
        why = next(iter(why_stopped(ledger, run_id).values()), None)
        change = {"kind": "run", "state": state, "run_id": run_id, "dag_id": row["dag_id"], "why": why}
        change["began"] = row["started_at"].isoformat()
        yield change, f"run:{run_id}:{state}", (row["triggered_by"], row["requested_by"])


def _questions(ledger: Ledger, since: datetime) -> Iterator[Change]:
    waiting = sa.select(answer.c.run_id, answer.c.unit_key, run.c.triggered_by, run.c.requested_by)
    waiting = waiting.join(run, run.c.run_id == answer.c.run_id)
    for row in ledger.rows(waiting.where(answer.c.status == "asked", answer.c.asked_at >= since)):
        change = {"kind": "question", "run_id": row["run_id"], "unit_key": row["unit_key"]}
        yield change, f"question:{row['run_id']}", (row["triggered_by"], row["requested_by"])


def _transfers(ledger: Ledger, since: datetime) -> Iterator[Change]:
    waiting = sa.select(transfer).where(transfer.c.status == "planned", transfer.c.planned_at >= since)
    for row in ledger.rows(waiting):
        change = {"kind": "transfer", "run_id": row["transfer_id"], "receiving_user": row["receiving_user"]}
        yield change, f"transfer:{row['transfer_id']}", (row["receiving_user"],)


def _waivers(ledger: Ledger, today: date) -> Iterator[Change]:
    """Those whose last day is today: the next night finds the item open again."""
    is_last_day = sa.and_(waiver.c.until_day == today + timedelta(days=1), waiver.c.ended_at.is_(None))
    for row in ledger.rows(sa.select(waiver).where(is_last_day)):
        change = {"kind": "waiver", "waiver_id": row["waiver_id"], "unit_key": row["unit_key"]}
        change |= {"rule_id": row["rule_id"], "until": row["until_day"].isoformat()}
        yield change, f"waiver:{row['waiver_id']}:{row['until_day']}", (row["asked_by"], row["approved_by"])


def _local(ledger: Ledger, timezone: str) -> datetime:
    return ledger.now().replace(tzinfo=UTC).astimezone(ZoneInfo(timezone))


def digests(ledger: Ledger, recipients: Collection[str], timezone: str, digest_at: time) -> Iterator[Notice]:
    """One for each recipient and morning of a weekday; none where nothing is new or mended since the last one."""
    local = _local(ledger, timezone)
    if local.weekday() >= _SATURDAY or local.time() < digest_at:
        return
    for recipient in recipients:
        before = last_digest(ledger, recipient)
        office_id = office_of(recipient)
        steward = None if recipient == OPERATORS or office_id is not None else recipient
        work = count_work(ledger, before or datetime.min, steward=steward, office_id=office_id)
        if work.has_changed:
            content = {"kind": "digest", "day": local.date().isoformat(), "is_first": before is None, **asdict(work)}
            yield Notice(recipient, f"{DIGEST}{local.date()}", content)
