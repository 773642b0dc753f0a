"""The audit: who did what on the desk, in a chain of hashes.

Every change that a person makes on the desk adds an entry, in the transaction of the change. An entry holds the hash of
the entry before it: to change, remove or insert one, a person has to change all that follow. The chain cannot show
that its last entries were cut off: to see that, keep the last hash that `verify` gave, and compare.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from etl.load.ledger.store import Ledger
from etl.load.ledger.tables import audit_entry

# The hash before the first entry.
BEGINNING = "0" * 64
_AT_ONCE = 5_000


@dataclass(frozen=True)
class Entry:
    """What a person did.

    ``subject``: what was changed, such as ``item:12`` or ``unit:H12``; ``before``, ``after``: of the subject, JSON
    values, never a client's.
    """

    actor: str
    action: str
    subject: str
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Verdict:
    """What `verify` found: how many entries there are, the first and the last, and the first that is broken, and why.

    ``first``, ``last``: columns of `audit_entry`, None for an empty audit.
    """

    count: int
    first: Mapping[str, Any] | None
    last: Mapping[str, Any] | None
    broken: int | None = None
    why: str | None = None


def append(ledger: Ledger, connection: Connection, *entries: Entry) -> None:
    """Adds entries in the caller's transaction. On PostgreSQL others who add entries wait until it has ended."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(7238940013)"))
    newest = sa.select(audit_entry.c.entry_id, audit_entry.c.entry_hash).order_by(audit_entry.c.entry_id.desc())
    last = connection.execute(newest.limit(1)).first()
    previous = last.entry_hash if last else BEGINNING
    at = ledger.now()
    rows = []
    for number, one in enumerate(entries, last.entry_id + 1 if last else 1):
        row = {
            "entry_id": number, "at": at, "actor": one.actor, "action": one.action, "subject": one.subject,
            "before": _json(one.before), "after": _json(one.after), "reason": one.reason, "previous_hash": previous,
        }  # fmt: skip
        previous = _hash(row)
        rows.append({**row, "entry_hash": previous})
    ledger.insert(connection, audit_entry, rows)


def verify(ledger: Ledger) -> Verdict:
    """Reads the whole chain, oldest entry first, and stops at the first entry that is not as it was written."""
    count, first, last = 0, None, None
    for row in _entries(ledger):
        why = _fault(row, last)
        if why is not None:
            return Verdict(count, first, last, row["entry_id"], why)
        first, last, count = first or row, row, count + 1
    return Verdict(count, first, last)


def _fault(row: Mapping[str, Any], before: Mapping[str, Any] | None) -> str | None:
    follows = before["entry_id"] + 1 if before else 1
    if row["entry_id"] != follows:
        return f"entry {follows} is missing"
    if row["previous_hash"] != (before["entry_hash"] if before else BEGINNING):
        return "it does not follow the entry before it"
    return None if row["entry_hash"] == _hash(row) else "it was changed after it was written"


def _entries(ledger: Ledger) -> Iterator[dict[str, Any]]:
    rows: Sequence[sa.RowMapping] = ()
    while not rows or len(rows) == _AT_ONCE:
        after = rows[-1]["entry_id"] if rows else -(2**31)
        following = sa.select(audit_entry).where(audit_entry.c.entry_id > after)
        rows = ledger.rows(following.order_by(audit_entry.c.entry_id).limit(_AT_ONCE))
        yield from ({**row} for row in rows)
        if not rows:
            return


def _hash(row: Mapping[str, Any]) -> str:
    """Of all columns of an entry but its own hash."""
    names = [column.name for column in audit_entry.columns if column.name != "entry_hash"]
    values = [value.isoformat() if isinstance(value := row[name], datetime) else value for name in names]
    return hashlib.sha256(json.dumps(values, ensure_ascii=False).encode()).hexdigest()


def _json(values: Mapping[str, Any] | None) -> str | None:
    return None if values is None else json.dumps(values, sort_keys=True, ensure_ascii=False, default=str)
