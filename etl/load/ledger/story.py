"""What the ledger knows of one unit, in plain SQL: a command that must answer at once reads it with the driver alone.

SQLAlchemy takes longer to import than all these questions take together. Each function takes anything that can
``select``: a `QuickLedger`, or the ledger itself.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Container
from contextlib import closing
from dataclasses import dataclass
from dataclasses import field as value_field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol

from etl.errors import LedgerUnavailable
from etl.load.ledger.views import OUTCOMES, in_dialect
from etl.outcomes import CHOICES

# The DAG under which an undo is registered, and the step of its writes.
UNDO, UNDO_STEP = "undo", "undo_case"
# Steps that make a record at a vendor.
CREATIONS = ("create_household", "create_case", "create_client")


class Rows(Protocol):
    """Answers a question in SQL, with ``?`` for each value; ``dialect``: ``sqlite`` or ``postgresql``."""

    @property
    def dialect(self) -> str: ...

    def select(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        """The rows, with values as the driver gives them."""


@dataclass(frozen=True)
class QuickLedger:
    """A SQLite ledger, read only, without SQLAlchemy. Raises `LedgerUnavailable` where it cannot be read."""

    uri: str
    place: str
    dialect = "sqlite"

    def select(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        """`Rows.select`."""
        try:
            with closing(sqlite3.connect(self.uri, uri=True, timeout=60)) as connection:
                connection.row_factory = sqlite3.Row
                return [dict(row) for row in connection.execute(sql, values)]
        except sqlite3.Error as error:
            raise LedgerUnavailable(
                f"The ledger at {self.place} cannot be used ({error}). Check that it can be reached; then ask again."
            ) from None


@dataclass(frozen=True)
class UnitRun:
    """A run that dealt with a unit, and how the unit ended in it."""

    run_id: str
    dag_id: str
    as_of: date
    started_at: datetime
    requested_by: str | None
    triggered_by: str | None
    outcome: str
    reason: str | None
    code: str | None

    @property
    def rule_ids(self) -> str | None:
        """The rules that decided how the unit ended, joined by commas."""
        return None if self.code in CHOICES else self.code


@dataclass(frozen=True)
class LinkedTo:
    """The vendor's record of a unit, and the people who were last sent."""

    vendor_case_id: str | None
    client_contact_id: int | None
    spouse_contact_id: int | None


@dataclass(frozen=True)
class Decision:
    """A run's decision about a field of a unit; ``is_kept``: the value ``after`` was not removed by age."""

    run_id: str
    field: str
    decision: str
    after: Any = value_field(repr=False)
    is_kept: bool = True


@dataclass(frozen=True)
class PinnedField:
    """A field that only one side may fill, and why."""

    field: str
    side: str
    reason: str


def unpack(blob: bytes | None) -> Any:
    """What `etl.load.ledger.store.pack` packed, fractions as decimals; None for None."""
    return None if blob is None else json.loads(zlib.decompress(blob), parse_float=Decimal)


def revision(ledger: Rows) -> str | None:
    """The revision of a ledger that keeps one."""
    rows = ledger.select("SELECT version_num FROM alembic_version")
    return str(rows[0]["version_num"]) if rows else None


def has_runs(ledger: Rows) -> bool:
    """Whether a run is registered in a ledger that has been made."""
    return bool(ledger.select("SELECT run_id FROM run LIMIT 1"))


def runs_of_unit(ledger: Rows, vendor: str, unit_key: str, until: date | None = None) -> list[UnitRun]:
    """The runs that dealt with a unit at a vendor, as of a day up to ``until``, newest first; no dry runs."""
    rows = ledger.select(
        "SELECT run.run_id, dag_id, as_of, started_at, requested_by, triggered_by, outcome, reason, code, dry_run "
        f"FROM ({in_dialect(OUTCOMES, ledger.dialect)}) AS ended JOIN run ON run.run_id = ended.run_id "
        "WHERE vendor = ? AND unit_key = ? ORDER BY started_at DESC",
        vendor,
        unit_key,
    )
    runs = [
        UnitRun(**{**row, "as_of": _date(row["as_of"]), "started_at": _moment(row["started_at"])})
        for row in rows
        if not row.pop("dry_run")
    ]
    return [ran for ran in runs if until is None or ran.as_of <= until]


def known_units(ledger: Rows, *patterns: str) -> list[str]:
    """Some keys of linked units and of units that a run dealt with, of those that are LIKE one of the patterns."""
    alike = " OR ".join(["unit_key LIKE ?"] * len(patterns))
    found = [
        row["unit_key"]
        for table in ("link", "unit_state")
        for row in ledger.select(f"SELECT DISTINCT unit_key FROM {table} WHERE {alike} LIMIT 20", *patterns)
    ]
    return sorted(set(found))


def find_link(ledger: Rows, vendor: str, unit_key: str) -> LinkedTo | None:
    """The vendor's record that the unit is linked to."""
    names = "vendor_case_id, client_contact_id, spouse_contact_id"
    rows = ledger.select(f"SELECT {names} FROM link WHERE vendor = ? AND unit_key = ?", vendor, unit_key)
    return LinkedTo(**rows[0]) if rows else None


def find_bases(ledger: Rows, vendor: str, unit_key: str) -> dict[str, Any]:
    """part -> the values that we last wrote of it; of a case those of the linked one."""
    own = "SELECT part, base FROM sent WHERE vendor = ? AND unit_key = ?"
    bases = {row["part"]: unpack(row["base"]) for row in ledger.select(own, vendor, unit_key)}
    of_case = (
        "SELECT base FROM case_base JOIN link ON case_base.vendor = link.vendor "
        "AND case_base.vendor_case_id = link.vendor_case_id WHERE link.vendor = ? AND link.unit_key = ?"
    )
    if "case" in bases:
        found = ledger.select(of_case, vendor, unit_key)
        bases["case"] = unpack(found[0]["base"]) if found else None
    return bases


def steps_of_unit(ledger: Rows, vendor: str, unit_key: str) -> dict[str, set[str]]:
    """run -> the names of its writes for a unit that the vendor confirmed."""
    mine = "SELECT run_id, step FROM delivery WHERE vendor = ? AND unit_key = ? AND status = 'confirmed'"
    steps: dict[str, set[str]] = {}
    for row in ledger.select(mine, vendor, unit_key):
        steps.setdefault(row["run_id"], set()).add(row["step"])
    return steps


def undone_cases(ledger: Rows, vendor: str, unit_key: str) -> dict[str, set[str]]:
    """run -> the cases into which it put back what an earlier run had written."""
    mine = "SELECT run_id, intent FROM delivery WHERE vendor = ? AND unit_key = ? AND status = 'confirmed' AND step = ?"
    cases: dict[str, set[str]] = {}
    for row in ledger.select(mine, vendor, unit_key, UNDO_STEP):
        cases.setdefault(row["run_id"], set()).add(unpack(row["intent"])["case"])
    return cases


def runs_with_another_record(ledger: Rows, vendor: str, unit_key: str) -> set[str]:
    """The runs in which a life event, or somebody's choice, gave the unit another record of the vendor."""
    return {
        row["run_id"]
        for table in ("life_event", "other_case")
        for row in ledger.select(f"SELECT run_id FROM {table} WHERE vendor = ? AND unit_key = ?", vendor, unit_key)
    }


def decisions_of_unit(ledger: Rows, vendor: str, unit_key: str) -> list[Decision]:
    """Every decision about a unit at a vendor, in no order."""
    mine = "SELECT run_id, field, decision, after FROM field_change WHERE vendor = ? AND unit_key = ?"
    return [
        Decision(**{**row, "after": unpack(row["after"])}, is_kept=row["after"] is not None)
        for row in ledger.select(mine, vendor, unit_key)
    ]


def pins_of_unit(ledger: Rows, unit_key: str) -> tuple[PinnedField, ...]:
    """The pins in force on a unit's case."""
    mine = "SELECT field, side, reason FROM pin WHERE unit_key = ? AND unpinned_at IS NULL ORDER BY pin_id"
    return tuple(PinnedField(**row) for row in ledger.select(mine, unit_key))


def read_lineage(ledger: Rows, vendor: str, unit_key: str, among: Container[str]) -> list[dict[str, Any]] | None:
    """The rows (by `lineage.COLUMNS`) that one of these runs recorded last of a unit; None where none recorded it."""
    mine = "SELECT run_id, shard FROM lineage_unit WHERE vendor = ? AND unit_key = ? ORDER BY recorded_at DESC"
    place = next((row for row in ledger.select(mine, vendor, unit_key) if row["run_id"] in among), None)
    if place is None:
        return None
    table = "SELECT content FROM lineage WHERE run_id = ? AND vendor = ? AND shard = ?"
    content = ledger.select(table, place["run_id"], vendor, place["shard"])
    return _rows_of(content[0]["content"], unit_key) if content else None


def _rows_of(content: bytes, unit_key: str) -> list[dict[str, Any]]:
    import pyarrow.compute as pc
    import pyarrow.parquet as pq
    from pyarrow import BufferReader

    # By this thread alone: of Arrow's own threads one may still be alive when a short command ends, which aborts it.
    rows = pq.ParquetFile(BufferReader(content)).read(use_threads=False)
    # A pattern, and no value to compare with: to take one over from Python, Arrow imports pandas.
    mine = pc.match_substring_regex(rows["unit_key"], f"^{unit_key}$")
    found: list[dict[str, Any]] = rows.filter(mine).to_pylist()
    return found


def _date(value: date | str) -> date:
    """SQLite keeps dates as text."""
    return date.fromisoformat(value) if isinstance(value, str) else value


def _moment(value: datetime | str) -> datetime:
    return datetime.fromisoformat(value) if isinstance(value, str) else value
