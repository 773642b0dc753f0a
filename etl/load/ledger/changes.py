"""What runs decided field by field: each value that was written, kept or left."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from dataclasses import field as value_field
from typing import Any

import pandas as pd
import sqlalchemy as sa

from etl.load.ledger.store import Ledger, pack
from etl.load.ledger.story import unpack
from etl.load.ledger.tables import field_change


@dataclass(frozen=True)
class Change:
    """A decision about one field: written, added, kept, pinned, decided, stale, removed_by_advisor, and the values.

    Of an item also linked and linked_by_advisor.
    """

    field: str
    decision: str
    before: Any = value_field(default=None, repr=False)
    after: Any = value_field(default=None, repr=False)


def save_changes(ledger: Ledger, run_id: str, vendor: str, changes: Iterable[tuple[str, Change]]) -> None:
    """Writes (unit key, change) pairs."""
    rows = (
        {
            "run_id": run_id, "vendor": vendor, "unit_key": unit_key, "field": change.field[:200],
            "decision": change.decision, "before": pack(change.before), "after": pack(change.after),
        }
        for unit_key, change in changes
    )  # fmt: skip
    ledger.save(field_change, rows)


def read_decisions(ledger: Ledger, run_id: str, *, with_values: bool = False) -> pd.DataFrame:
    """vendor, unit_key, field, decision of a run; with their values also old and new, as JSON texts."""
    names = ["vendor", "unit_key", "field", "decision", *(["before", "after"] if with_values else [])]
    mine = sa.select(*(field_change.c[name] for name in names)).where(field_change.c.run_id == run_id)
    found = ledger.frame(mine.order_by(*(field_change.c[name] for name in names[:3])))
    if not with_values:
        return found
    texts = {new: [_as_text(blob) for blob in found[old]] for old, new in (("before", "old"), ("after", "new"))}
    return found.drop(columns=["before", "after"]).assign(**texts)


def _as_text(blob: bytes | None) -> str:
    return json.dumps(unpack(blob), ensure_ascii=False, default=str)
