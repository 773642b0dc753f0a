"""What was last written into each case of Profiles: its merge base, whichever unit goes on with it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from etl.load.bulk import text_list
from etl.load.ledger.store import Ledger, pack, unpack
from etl.load.ledger.tables import case_base, link

VENDOR = "profiles"


def find_base(ledger: Ledger, case_id: str) -> Any:
    """The values that we last wrote into a case, field by field; None for a case into which we never wrote."""
    mine = (case_base.c.vendor == VENDOR, case_base.c.vendor_case_id == case_id)
    rows = ledger.rows(sa.select(case_base.c.base).where(*mine))
    return unpack(rows[0]["base"]) if rows else None


def read_bases(ledger: Ledger, unit_keys: Iterable[str]) -> dict[str, Any]:
    """unit key -> what was last written into the case to which it is linked."""
    statement = sa.select(link.c.unit_key, case_base.c.base).where(
        case_base.c.vendor == VENDOR, link.c.vendor == VENDOR, link.c.vendor_case_id == case_base.c.vendor_case_id,
        link.c.unit_key.in_(text_list(ledger.engine, unit_keys)),
    )  # fmt: skip
    return {row["unit_key"]: unpack(row["base"]) for row in ledger.rows(statement)}


def save_base(ledger: Ledger, connection: Connection, case_id: str, base: Any, run_id: str) -> None:
    """Remembers what was written into a case, within a transaction."""
    row = {"vendor": VENDOR, "vendor_case_id": case_id, "base": pack(base), "run_id": run_id}
    ledger.upsert(connection, case_base, [{**row, "written_at": ledger.now()}])
