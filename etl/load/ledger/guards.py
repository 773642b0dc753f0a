"""What the guards have stopped, and who released it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import sqlalchemy as sa

from etl.load.ledger.store import Ledger, columns, pack
from etl.load.ledger.story import unpack
from etl.load.ledger.tables import delivery, guard_release, guard_stop, link


@dataclass(frozen=True)
class Stopped:
    """What a run would have sent to a vendor, and why it was stopped.

    ``causes``: in words; ``parts``: each cause by its parts (guard, words, affected, of, table, field, pattern);
    ``documents``: unit key -> the document's hash.
    """

    vendor: str
    run_id: str
    as_of: date
    causes: tuple[str, ...]
    causes_hash: str
    documents: Mapping[str, str] = field(repr=False)
    parts: Sequence[Mapping[str, Any]] = ()

    @property
    def documents_hash(self) -> str:
        """The hash of all that would have been sent."""
        lines = (f"{key} {content}\n" for key, content in sorted(self.documents.items()))
        return hashlib.sha256("".join(lines).encode()).hexdigest()


@dataclass(frozen=True)
class Release:
    """Who let a run send what the guards had stopped in another run."""

    vendor: str
    stopped_run_id: str
    documents_hash: str
    reason: str
    released_by: str


def save_stop(ledger: Ledger, stopped: Stopped) -> None:
    """Remembers what was stopped last for the vendor."""
    row = {
        "vendor": stopped.vendor, "run_id": stopped.run_id, "as_of": stopped.as_of,
        "causes": json.dumps(stopped.causes), "causes_hash": stopped.causes_hash,
        "documents_hash": stopped.documents_hash, "documents": pack(stopped.documents), "stopped_at": ledger.now(),
        "details": json.dumps(list(stopped.parts)),
    }  # fmt: skip
    ledger.save(guard_stop, [row])


def find_stop(ledger: Ledger, vendor: str) -> Stopped | None:
    """What the guards stopped last for the vendor and no run has gone on with since."""
    rows = ledger.rows(sa.select(guard_stop).where(guard_stop.c.vendor == vendor))
    if not rows:
        return None
    row = rows[0]
    causes = tuple(json.loads(row["causes"]))
    parts = tuple(json.loads(row["details"] or "[]"))
    return Stopped(vendor, row["run_id"], row["as_of"], causes, row["causes_hash"], unpack(row["documents"]), parts)


def last_stopped_day(ledger: Ledger) -> date | None:
    """The date of the run that the guards stopped last, of those that still wait."""
    day: date | None = ledger.first(sa.select(guard_stop.c.as_of).order_by(guard_stop.c.stopped_at.desc()))
    return day


def forget_stop(ledger: Ledger, vendor: str) -> None:
    """A run has succeeded for the vendor: nothing waits any more."""
    ledger.execute(sa.delete(guard_stop).where(guard_stop.c.vendor == vendor))


def save_release(ledger: Ledger, run_id: str, stopped: Stopped, reason: str, released_by: str) -> None:
    """Records that this run goes on with what was stopped."""
    row = {
        "run_id": run_id, "vendor": stopped.vendor, "stopped_run_id": stopped.run_id,
        "causes": json.dumps(stopped.causes), "causes_hash": stopped.causes_hash,
        "documents_hash": stopped.documents_hash, "reason": reason, "released_by": released_by,
        "released_at": ledger.now(),
    }  # fmt: skip
    with ledger.write() as connection:
        ledger.insert(connection, guard_release, [row])


def read_releases(ledger: Ledger, run_id: str) -> dict[str, Release]:
    """vendor -> who released the run, and why."""
    mine = sa.select(*columns(Release, guard_release)).where(guard_release.c.run_id == run_id)
    return {one.vendor: one for one in ledger.read_as(Release, mine.order_by(guard_release.c.vendor))}


def is_blank(ledger: Ledger, vendor: str) -> bool:
    """Whether the ledger has never linked a unit to the vendor, nor begun to write one."""
    known = (sa.select(table.c.unit_key).where(table.c.vendor == vendor) for table in (link, delivery))
    return not any(ledger.first(statement) for statement in known)
