"""What runs decided field by field: the lineage of every value that was written, kept or left."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from dataclasses import field as value_field
from typing import Any

import pandas as pd
import sqlalchemy as sa

from etl.load.ledger.store import Ledger, pack
from etl.load.ledger.tables import field_change


@dataclass(frozen=True)
class Change:
    """A decision about one field: written, added, kept, stale, removed_by_advisor."""

    field: str
    decision: str
    before: Any = value_field(default=None, repr=False)
    after: Any = value_field(default=None, repr=False)


def save_changes(ledger: Ledger, run_id: str, vendor: str, changes: Iterable[tuple[str, Change]]) -> None:
    """Writes (unit key, change) pairs."""
    with ledger.write() as connection:
        ledger.upsert(
            connection,
            field_change,
            (
                {
                    "run_id": run_id, "vendor": vendor, "unit_key": unit_key, "field": change.field[:200],
                    "decision": change.decision, "before": pack(change.before), "after": pack(change.after),
                }
                for unit_key, change in changes
            ),
        )  # fmt: skip


def read_decisions(ledger: Ledger, run_id: str) -> pd.DataFrame:
    """vendor, unit_key, field, decision of a run: no values."""
    columns = [field_change.c[name] for name in ("vendor", "unit_key", "field", "decision")]
    rows = ledger.rows(sa.select(*columns).where(field_change.c.run_id == run_id))
    return pd.DataFrame([tuple(row.values()) for row in rows], columns=[column.name for column in columns])
