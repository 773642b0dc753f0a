"""Findings of runs, and those that stand open now."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from etl.frames import are_among
from etl.load.bulk import text_list
from etl.load.ledger.store import Ledger, matching
from etl.load.ledger.tables import finding, load_finding, open_finding, run
from etl.load.ledger.transfers import rekeying

COLUMNS = ["vendor", "unit_key", "rule_id", "severity", "entity", "entity_id", "field", "message", "remedy"]
# Findings that are reported once, in one run: neither known nor mended later.
EVENTS = ("EMY-LINK", "EMY-GONE", "MATCH-LAST-NAME", "SCP-STRAY")
_KEY = ["vendor", "unit_key", "rule_id", "entity", "entity_id", "field"]


def save_load_findings(ledger: Ledger, run_id: str, vendor: str, found: Iterable[tuple[str, Any]]) -> None:
    """Keeps what a vendor reported about units until the report: (unit key, LoadFinding), each once.

    A record that the vendors know by the key that it had in another office is named by its present key.
    """
    reported = list(found)
    now = rekeying.current_keys(ledger, {f"{one.entity}:{one.entity_id}" for _, one in reported}) if reported else {}
    rows = (
        {
            "run_id": run_id, "vendor": vendor, "unit_key": unit_key, "rule_id": one.rule_id,
            "entity": one.entity, "entity_id": _now(one, now), "field": one.field or "", "detail": one.detail,
        }
        for unit_key, one in reported
    )  # fmt: skip
    ledger.save(load_finding, rows)


def _now(one: Any, keys: Mapping[str, str]) -> str:
    return keys.get(f"{one.entity}:{one.entity_id}", f":{one.entity_id}").partition(":")[2]


def read_load_findings(ledger: Ledger, run_id: str) -> pd.DataFrame:
    """vendor, unit_key, rule_id, entity, entity_id, field, detail."""
    columns = [column for column in load_finding.columns if column.name != "run_id"]
    return ledger.frame(sa.select(*columns).where(load_finding.c.run_id == run_id))


def read_findings(ledger: Ledger, run_id: str) -> pd.DataFrame:
    """A run's findings as they were decided, in that order: `COLUMNS`, status, since (a date; null where unknown)."""
    columns = [*_columns(finding, "status"), run.c.as_of.label("since")]
    mine = sa.select(*columns).outerjoin(run, run.c.run_id == finding.c.first_run_id).where(finding.c.run_id == run_id)
    return ledger.frame(mine.order_by(finding.c.finding_id))


def read_open_findings(ledger: Ledger, vendor: str) -> pd.DataFrame:
    """vendor, unit_key of every finding that stands open now."""
    return ledger.frame(
        sa.select(open_finding.c.vendor, open_finding.c.unit_key).where(open_finding.c.vendor == vendor)
    )


def units_with(ledger: Ledger, run_id: str, vendor: str, rule_id: str) -> set[str]:
    """The units in which a finding by this rule has stood open since before a run."""
    mine = (*matching(open_finding, vendor=vendor, rule_id=rule_id), open_finding.c.first_run_id != run_id)
    return set(ledger.column(sa.select(open_finding.c.unit_key).where(*mine)))


def read_findings_before(ledger: Ledger, run_id: str, vendor: str, unit_keys: Iterable[str]) -> pd.DataFrame:
    """The findings of these units that stood open before a run, whether it was closed since or not.

    `COLUMNS`, first_run_id.
    """
    tables = ((open_finding, open_finding.c.first_run_id != run_id), (finding, _mended_by(run_id)))
    parts = [
        ledger.frame(sa.select(*_columns(table, "first_run_id")).where(table.c.vendor == vendor, condition))
        for table, condition in tables
    ]
    before = pd.concat(parts, ignore_index=True).drop_duplicates(_KEY)
    return before[are_among(before["unit_key"], unit_keys)]


def waiting_items(ledger: Ledger, unit_keys: Iterable[str]) -> dict[str, set[str]]:
    """unit key -> the source keys, as the CRM has them, that are known to wait at eMoney to be linked (EMY-NEW)."""
    keys = open_finding.c.unit_key.in_(text_list(ledger.engine, unit_keys))
    columns = (open_finding.c.unit_key, open_finding.c.entity, open_finding.c.entity_id)
    known = sa.select(*columns).where(*matching(open_finding, vendor="emoney", rule_id="EMY-NEW"), keys)
    waiting: dict[str, set[str]] = {}
    for row in ledger.rows(known):
        waiting.setdefault(row["unit_key"], set()).add(f"{row['entity']}:{row['entity_id']}")
    return waiting


def write_findings(ledger: Ledger, connection: Connection, run_id: str, findings: pd.DataFrame) -> None:
    """A run's findings with their status (new, known, mended), in place of those of an earlier closing of the same run.

    ``findings``: `COLUMNS`, status, and first_run_id where an earlier run found it. Within a transaction.
    """
    connection.execute(sa.delete(finding).where(finding.c.run_id == run_id))
    columns = [*COLUMNS, "status", "first_run_id"]
    rows = _rows(findings.reindex(columns=columns), columns)
    ledger.insert(
        connection, finding, [{**row, "run_id": run_id, "first_run_id": row["first_run_id"] or run_id} for row in rows]
    )


def reopen_findings(ledger: Ledger, connection: Connection, run_id: str, vendors: Collection[str]) -> None:
    """Takes back what an earlier closing of the same run opened and closed, within a transaction."""
    theirs = open_finding.c.vendor.in_(vendors)
    connection.execute(sa.delete(open_finding).where(theirs, open_finding.c.first_run_id == run_id))
    mended = sa.select(*_columns(finding, "first_run_id")).where(_mended_by(run_id), finding.c.vendor.in_(vendors))
    rows = connection.execute(mended).mappings()
    ledger.upsert(connection, open_finding, [{**row, "finding_key": finding_key(row)} for row in rows])


def follow_findings(ledger: Ledger, connection: Connection, run_id: str, findings: pd.DataFrame) -> None:
    """Opens what is new and closes what was mended, within a transaction; known findings stay as they are."""
    fresh = _rows(findings[(findings["status"] == "new") & ~findings["rule_id"].isin(EVENTS)], COLUMNS)
    mended = _rows(findings[findings["status"] == "mended"], COLUMNS)
    ledger.upsert(
        connection,
        open_finding,
        ({**row, "finding_key": finding_key(row), "first_run_id": run_id} for row in fresh),
    )
    if mended:
        names = ("vendor", "unit_key", "finding_key")
        known = sa.delete(open_finding).where(*(open_finding.c[name] == sa.bindparam(f"a_{name}") for name in names))
        keys = ({**row, "finding_key": finding_key(row)} for row in mended)
        connection.execute(known, [{f"a_{name}": key[name] for name in names} for key in keys])


def _columns(table: sa.Table, more: str) -> list[sa.Column[Any]]:
    return [table.c[name] for name in (*COLUMNS, more)]


def _mended_by(run_id: str) -> sa.ColumnElement[bool]:
    return sa.and_(finding.c.run_id == run_id, finding.c.status == "mended", finding.c.first_run_id.is_not(None))


def finding_key(row: Mapping[Any, Any]) -> str:
    """What identifies a finding night after night: vendor, unit, rule, record and field."""
    return hashlib.sha256("\x1f".join(str(row[name]) for name in _KEY).encode()).hexdigest()


def _rows(findings: pd.DataFrame, columns: list[str]) -> list[dict[str, Any]]:
    texts = findings[columns].astype(object).where(findings[columns].notna(), None)
    texts["entity_id"] = [None if value is None else str(value) for value in texts["entity_id"]]
    return [dict(zip(columns, row, strict=True)) for row in texts.itertuples(index=False, name=None)]
