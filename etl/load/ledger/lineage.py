"""Lineage in the ledger: for each vendor and shard of a run one compressed table, and who stands in it."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from etl.load.bulk import text_list
from etl.load.ledger.store import Ledger
from etl.load.ledger.tables import lineage, lineage_unit


@dataclass(frozen=True)
class Recorded:
    """What was recorded last of a unit: by which run, when, and the table in which it stands (with other units)."""

    run_id: str
    recorded_at: datetime
    content: bytes = field(repr=False)


def save_lineage(
    ledger: Ledger, run_id: str, vendor: str, shard: int, content: bytes, digests: Mapping[str, int]
) -> None:
    """One table and the units in it (unit key -> digest of what was recorded)."""
    now = ledger.now()
    row = {"run_id": run_id, "vendor": vendor, "shard": shard, "content": content, "recorded_at": now}
    units = (
        {
            "vendor": vendor, "unit_key": key, "run_id": run_id, "shard": shard, "digest": digest, "recorded_at": now,
        }
        for key, digest in digests.items()
    )  # fmt: skip
    with ledger.write() as connection:
        ledger.upsert(connection, lineage, [row])
        ledger.upsert(connection, lineage_unit, units)


def digests_before(ledger: Ledger, run_id: str, vendor: str, unit_keys: Iterable[str]) -> dict[str, int]:
    """unit key -> the digest of what other runs recorded last."""
    columns = (lineage_unit.c.unit_key, lineage_unit.c.digest)
    theirs = lineage_unit.c.unit_key.in_(text_list(ledger.engine, unit_keys))
    others = (lineage_unit.c.vendor == vendor, lineage_unit.c.run_id != run_id, theirs)
    found = sa.select(*columns).where(*others).order_by(lineage_unit.c.recorded_at)
    return {row["unit_key"]: row["digest"] for row in ledger.rows(found)}


def find_lineage(ledger: Ledger, vendor: str, unit_key: str, among: Container[str]) -> Recorded | None:
    """What was recorded last of a unit by one of these runs."""
    mine = [lineage_unit.c.vendor == vendor, lineage_unit.c.unit_key == unit_key]
    recorded = sa.select(lineage_unit.c.run_id).where(*mine).order_by(lineage_unit.c.recorded_at.desc())
    run_id = next((row["run_id"] for row in ledger.rows(recorded) if row["run_id"] in among), None)
    same = [lineage.c[name] == lineage_unit.c[name] for name in ("run_id", "vendor", "shard")]
    statement = sa.select(lineage.c.run_id, lineage.c.recorded_at, lineage.c.content).join(lineage_unit, sa.and_(*same))
    rows = ledger.rows(statement.where(*mine, lineage_unit.c.run_id == run_id)) if run_id else []
    return Recorded(rows[0]["run_id"], rows[0]["recorded_at"], rows[0]["content"]) if rows else None
