"""Lineage of runs: where the values of a unit come from, and what of it does not go.

One compressed table for each vendor and shard of a run holds several units (Parquet, sorted by unit). Its columns:
kind (``source``: where a value comes from; ``receipt``: a record or value that does not go; ``shape``: what a value
that was not sent looks like), unit_key, subject (``clientA``, ``account:5``; a record for a receipt), name (API field;
CRM column for a receipt), table, column, key, rule_id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from etl.load.bulk import text_list
from etl.load.ledger.store import Ledger
from etl.load.ledger.tables import lineage, lineage_unit

COLUMNS = ("kind", "unit_key", "subject", "name", "table", "column", "key", "rule_id")


def save_lineage(
    ledger: Ledger, run_id: str, vendor: str, shard: int, rows: pd.DataFrame, digests: Mapping[str, int]
) -> None:
    """One table (`COLUMNS`) and the units in it (unit key -> digest of what was recorded)."""
    now = ledger.now()
    row = {"run_id": run_id, "vendor": vendor, "shard": shard, "content": _packed(rows), "recorded_at": now}
    units = (
        {
            "vendor": vendor, "unit_key": key, "run_id": run_id, "shard": shard, "digest": digest, "recorded_at": now,
        }
        for key, digest in digests.items()
    )  # fmt: skip
    with ledger.write() as connection:
        ledger.upsert(connection, lineage, [row])
        ledger.upsert(connection, lineage_unit, units)


def _packed(rows: pd.DataFrame) -> bytes:
    table = rows.reindex(columns=list(COLUMNS)).sort_values(["unit_key", "kind"], kind="stable")
    table = table.astype({name: "str" for name in COLUMNS if name != "key"} | {"key": "Int64"})
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pandas(table, preserve_index=False), sink, compression="zstd")
    return bytes(sink.getvalue())


def digests_before(ledger: Ledger, run_id: str, vendor: str, unit_keys: Iterable[str]) -> dict[str, int]:
    """unit key -> the digest of what other runs recorded last."""
    theirs = lineage_unit.c.unit_key.in_(text_list(ledger.engine, unit_keys))
    others = (lineage_unit.c.vendor == vendor, lineage_unit.c.run_id != run_id, theirs)
    found = sa.select(lineage_unit.c.unit_key, lineage_unit.c.digest).where(*others)
    return ledger.mapping(found.order_by(lineage_unit.c.recorded_at))
