"""Intents: a write at a vendor is on disk here before its first byte leaves.

::

    sending ── answer ──> confirmed | refused
       └── no answer ──> in_doubt ── the vendor is read ──> confirmed | sent again under the same key | abandoned
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from etl.load.bulk import text_list
from etl.load.ledger.store import Ledger, matching, pack
from etl.load.ledger.tables import delivery
from etl.load.ledger.writer import Write, change, put

OPEN = ("sending", "in_doubt")


@dataclass(frozen=True)
class Intent:
    """One write that was begun: ``values`` is what it writes and what was there, ``expected_version`` its If-Match."""

    op_key: str
    vendor: str
    unit_key: str
    step: str
    payload_hash: str
    expected_version: str | None
    values: Any
    as_of: date
    run_id: str
    updated_at: datetime


_COLUMNS = [
    delivery.c.intent.label("values") if name == "values" else delivery.c[name] for name in Intent.__dataclass_fields__
]


def begin(
    ledger: Ledger,
    vendor: str,
    unit_key: str,
    step: str,
    payload_hash: str,
    values: Any,
    as_of: date,
    run_id: str,
    expected_version: str | None = None,
) -> Intent:
    """Commits the intent. ``op_key = hash(vendor, unit, step, payload, expected version or date, run)``."""
    now = ledger.now()
    parts = (vendor, unit_key, step, payload_hash, expected_version or str(as_of), run_id)
    op_key = hashlib.sha256("\x1f".join(parts).encode()).hexdigest()
    row = put(
        delivery, op_key=op_key, run_id=run_id, vendor=vendor, unit_key=unit_key, step=step, status="sending",
        as_of=as_of, payload_hash=payload_hash, expected_version=expected_version, attempts=1, intent=pack(values),
        created_at=now, updated_at=now,
    )  # fmt: skip
    ledger.commit(row)
    return Intent(op_key, vendor, unit_key, step, payload_hash, expected_version, values, as_of, run_id, now)


def mark(ledger: Ledger, intent: Intent, status: str) -> None:
    """Moves an intent on: in_doubt, confirmed, refused or abandoned."""
    ledger.commit(marked(ledger, intent, status))


def marked(ledger: Ledger, intent: Intent, status: str) -> Write:
    """The same, to be committed with what follows from it."""
    return change(delivery, {"op_key": intent.op_key}, status=status, updated_at=ledger.now())


def open_intents(ledger: Ledger, vendor: str, *unit_keys: str) -> list[Intent]:
    """What was begun for these units and has no answer yet, oldest first."""
    mine = (delivery.c.vendor == vendor, delivery.c.status.in_(OPEN))
    theirs = delivery.c.unit_key.in_(text_list(ledger.engine, unit_keys))
    return ledger.read_as(Intent, sa.select(*_COLUMNS).where(*mine, theirs).order_by(delivery.c.created_at))


def confirmed_steps(ledger: Ledger, vendor: str, unit_key: str, step: str) -> list[Intent]:
    """All writes of that name that the vendor confirmed for a unit, newest first."""
    mine = matching(delivery, vendor=vendor, unit_key=unit_key, step=step, status="confirmed")
    return ledger.read_as(Intent, sa.select(*_COLUMNS).where(*mine).order_by(delivery.c.updated_at.desc()))


def intents_of(
    ledger: Ledger, vendor: str, run_id: str, statuses: Sequence[str], unit_key: str | None = None
) -> list[Intent]:
    """What a run began at a vendor (for one unit) and what has one of these statuses now, oldest first."""
    one = {} if unit_key is None else {"unit_key": unit_key}
    mine = (*matching(delivery, vendor=vendor, run_id=run_id, **one), delivery.c.status.in_(statuses))
    # The order in which they were begun: op_key decides between two of one moment, so that it is always the same.
    ordered = sa.select(*_COLUMNS).where(*mine).order_by(delivery.c.created_at, delivery.c.op_key)
    return ledger.read_as(Intent, ordered)


def written_by(ledger: Ledger, vendor: str, run_id: str) -> dict[str, str]:
    """unit key -> created | updated, of the units that this run has written already (an earlier try of its load)."""
    mine = matching(delivery, vendor=vendor, run_id=run_id, status="confirmed")
    rows = ledger.rows(sa.select(delivery.c.unit_key, delivery.c.step).where(*mine))
    created = {row["unit_key"] for row in rows if row["step"].startswith("create_")}
    return {row["unit_key"]: "created" if row["unit_key"] in created else "updated" for row in rows}


def units_in_doubt(ledger: Ledger, vendor: str) -> set[str]:
    """The units with an open intent: never taken for unchanged."""
    mine = (delivery.c.vendor == vendor, delivery.c.status.in_(OPEN))
    return set(ledger.column(sa.select(delivery.c.unit_key).distinct().where(*mine)))
