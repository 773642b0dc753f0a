"""Findings of runs, and those that stand open now."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
import sqlalchemy as sa

from etl.frames import are_among
from etl.load.ledger import unit_moves
from etl.load.ledger.store import Ledger
from etl.load.ledger.tables import finding, load_finding, open_finding

COLUMNS = ["vendor", "unit_key", "rule_id", "severity", "entity", "entity_id", "field", "message", "remedy"]
_KEY = ["vendor", "unit_key", "rule_id", "entity", "entity_id", "field"]


def save_load_findings(ledger: Ledger, run_id: str, vendor: str, found: Iterable[tuple[str, Any]]) -> None:
    """Keeps what a vendor told about units until the report: (unit key, LoadFinding); told twice, it is kept once.

    A record that the vendors know by the key that it had in another office is named by the key that it has now.
    """
    told = list(found)
    now = unit_moves.current_keys(ledger, {f"{one.entity}:{one.entity_id}" for _, one in told}) if told else {}
    with ledger.write() as connection:
        ledger.upsert(
            connection,
            load_finding,
            (
                {
                    "run_id": run_id, "vendor": vendor, "unit_key": unit_key, "rule_id": one.rule_id,
                    "entity": one.entity, "entity_id": _now(one, now), "field": one.field or "", "detail": one.detail,
                }
                for unit_key, one in told
            ),
        )  # fmt: skip


def _now(one: Any, keys: Mapping[str, str]) -> str:
    return keys.get(f"{one.entity}:{one.entity_id}", f":{one.entity_id}").partition(":")[2]


def read_load_findings(ledger: Ledger, run_id: str) -> pd.DataFrame:
    """vendor, unit_key, rule_id, entity, entity_id, field, detail."""
    columns = [column for column in load_finding.columns if column.name != "run_id"]
    return ledger.frame(sa.select(*columns).where(load_finding.c.run_id == run_id))


def read_open_findings(ledger: Ledger, vendor: str, unit_keys: Iterable[str] | None = None) -> pd.DataFrame:
    """The findings that stood open before this run, of these units (None: all): `COLUMNS`."""
    statement = sa.select(*(open_finding.c[name] for name in COLUMNS)).where(open_finding.c.vendor == vendor)
    frame = ledger.frame(statement)
    return frame if unit_keys is None else frame[are_among(frame["unit_key"], unit_keys)]


def save_findings(ledger: Ledger, run_id: str, findings: pd.DataFrame) -> None:
    """The run's findings with their status (new, known, mended), replacing those of an earlier try of the same run."""
    rows = _rows(findings, [*COLUMNS, "status"])
    with ledger.write() as connection:
        connection.execute(sa.delete(finding).where(finding.c.run_id == run_id))
        ledger.insert(connection, finding, [{"run_id": run_id, **row} for row in rows])


def replace_open_findings(ledger: Ledger, run_id: str, findings: pd.DataFrame) -> None:
    """Follows a run's findings: new ones are opened, mended ones closed; known ones stay as they are."""
    fresh = _rows(findings[findings["status"] == "new"], COLUMNS)
    mended = _rows(findings[findings["status"] == "mended"], COLUMNS)
    with ledger.write() as connection:
        ledger.upsert(
            connection,
            open_finding,
            ({**row, "finding_key": finding_key(row), "first_run_id": run_id} for row in fresh),
        )
        if mended:
            connection.execute(
                sa.delete(open_finding).where(
                    open_finding.c.vendor == sa.bindparam("a_vendor"),
                    open_finding.c.unit_key == sa.bindparam("a_unit"),
                    open_finding.c.finding_key == sa.bindparam("a_key"),
                ),
                [{"a_vendor": row["vendor"], "a_unit": row["unit_key"], "a_key": finding_key(row)} for row in mended],
            )


def finding_key(row: dict[str, Any]) -> str:
    """What makes a finding the same one night after night: vendor, unit, rule, record and field."""
    return hashlib.sha256("\x1f".join(str(row[name]) for name in _KEY).encode()).hexdigest()


def _rows(findings: pd.DataFrame, columns: list[str]) -> list[dict[str, Any]]:
    texts = findings[columns].astype(object).where(findings[columns].notna(), None)
    texts["entity_id"] = [None if value is None else str(value) for value in texts["entity_id"]]
    return [dict(zip(columns, row, strict=True)) for row in texts.itertuples(index=False, name=None)]
