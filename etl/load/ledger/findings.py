"""Findings of runs, and those that stand open now."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from etl.frames import are_among, cells_of, one_text
from etl.load.bulk import id_list, text_list
from etl.load.ledger import standing
from etl.load.ledger.store import Ledger, matching
from etl.load.ledger.tables import finding, load_finding, open_finding, run
from etl.load.ledger.transfers import rekeying
from etl.load.ledger.views import STANDS

COLUMNS = ["vendor", "unit_key", "rule_id", "severity", "entity", "entity_id", "field", "message", "remedy"]
# The waiver that covers a finding.
WAIVED = "waiver_id"
# Findings that are reported once, in one run: neither known nor mended later.
EVENTS = ("EMY-LINK", "EMY-GONE", "MATCH-LAST-NAME", "SCP-STRAY")
_KEY = ["vendor", "unit_key", "rule_id", "entity", "entity_id", "field"]
# The key of an open finding, and what a later run may say otherwise of it.
_OWN = ("vendor", "unit_key", "finding_key")
_WORDS = ("severity", "message", "remedy")


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
    """A run's findings as they were decided, in that order: `COLUMNS`, status, waiver_id, since (a date, or null)."""
    found = standing.all_findings(ledger.engine.dialect.name)
    columns = [*_columns(found, "status", WAIVED), run.c.as_of.label("since")]
    mine = sa.select(*columns).outerjoin(run, run.c.run_id == found.c.first_run_id).where(found.c.run_id == run_id)
    return ledger.frame(mine.order_by(found.c.finding_id))


def read_open_findings(ledger: Ledger, vendor: str) -> pd.DataFrame:
    """vendor, unit_key of every finding that stands open now."""
    return ledger.frame(
        sa.select(open_finding.c.vendor, open_finding.c.unit_key).where(open_finding.c.vendor == vendor)
    )


def read_critical(ledger: Ledger, vendor: str, unit_keys: Iterable[str]) -> pd.DataFrame:
    """unit_key, rule_id, severity of the critical findings of these units that stand."""
    theirs = finding.c.unit_key.in_(text_list(ledger.engine, unit_keys))
    stands = (*matching(finding, vendor=vendor, stands_until=STANDS), theirs)
    columns = (finding.c.unit_key, finding.c.rule_id, finding.c.severity)
    return ledger.frame(sa.select(*columns).where(*stands, finding.c.severity == "critical"))


def units_with(ledger: Ledger, run_id: str, vendor: str, rule_ids: Iterable[str]) -> set[str]:
    """The units in which a finding by one of these rules has stood open since before a run."""
    mine = (
        open_finding.c.vendor == vendor,
        open_finding.c.rule_id.in_(rule_ids),
        open_finding.c.first_run_id != run_id,
    )
    return set(ledger.column(sa.select(open_finding.c.unit_key).where(*mine)))


def read_findings_before(ledger: Ledger, run_id: str, vendor: str, unit_keys: Iterable[str]) -> pd.DataFrame:
    """The findings of these units that stood open before a run, whether it was closed since or not.

    `COLUMNS`, first_run_id.
    """
    tables = ((open_finding, open_finding.c.first_run_id != run_id), (finding, _mended_by(run_id)))
    theirs = text_list(ledger.engine, unit_keys)
    parts = [
        ledger.frame(
            sa.select(*_columns(table, "first_run_id")).where(
                table.c.vendor == vendor, table.c.unit_key.in_(theirs), condition
            )
        )
        for table, condition in tables
    ]
    return pd.concat(parts, ignore_index=True).drop_duplicates(_KEY)


def waiting_items(ledger: Ledger, unit_keys: Iterable[str]) -> dict[str, set[str]]:
    """unit key -> the source keys, as the CRM has them, that are known to wait at eMoney to be linked (EMY-NEW)."""
    keys = open_finding.c.unit_key.in_(text_list(ledger.engine, unit_keys))
    columns = (open_finding.c.unit_key, open_finding.c.entity, open_finding.c.entity_id)
    known = sa.select(*columns).where(*matching(open_finding, vendor="emoney", rule_id="EMY-NEW"), keys)
    waiting: dict[str, set[str]] = {}
    for row in ledger.rows(known):
        waiting.setdefault(row["unit_key"], set()).add(f"{row['entity']}:{row['entity_id']}")
    return waiting


def write_findings(
    ledger: Ledger, connection: Connection, run_id: str, findings: pd.DataFrame, places: Mapping[str, int | None]
) -> pd.DataFrame:
    """A run's findings with their status (new, known, mended), in place of those of an earlier closing of the same run.

    ``findings``: `COLUMNS`, status, first_run_id where an earlier run found it, and waiver_id where a waiver covers it.
    ``places``: the run's place at each vendor whose open findings follow it. There a finding that stands is not written
    again, and a new one stands from now on, unless its unit failed (`standing`). Within a transaction. Gives the known
    findings that stand in other words than before: `COLUMNS`.
    """
    connection.execute(sa.delete(finding).where(finding.c.run_id == run_id))
    decided = findings.reindex(columns=[*COLUMNS, "status", "first_run_id", WAIVED])
    decided[WAIVED] = decided[WAIVED].astype("Int64")
    decided = decided.astype(object)
    decided["first_run_id"] = decided["first_run_id"].fillna(run_id)
    decided = decided.assign(run_id=run_id, stands_from=None, stands_until=None)
    for vendor, place in places.items():
        decided = _without_standing(connection, decided, run_id, vendor, place)
    ledger.insert(connection, finding, _rows(decided, list(decided.columns)))
    is_reworded = (decided["status"] == "known") & decided["stands_from"].notna()
    return decided.loc[is_reworded, COLUMNS]


def _without_standing(
    connection: Connection, decided: pd.DataFrame, run_id: str, vendor: str, place: int | None
) -> pd.DataFrame:
    """The rows that are to be written, with the place from which they stand; ends what stood in their stead."""
    mine = decided[decided["vendor"] == vendor]
    is_mended = mine["status"] == "mended"
    may_stand = ~is_mended & ~mine["rule_id"].isin(EVENTS) & (place is not None)
    may_stand &= are_among(mine["unit_key"], _looked_at(connection, run_id, vendor, mine["unit_key"].unique()))
    there = _read_standing(connection, vendor, mine["unit_key"].unique())
    keys, keys_there = one_text(mine, _KEY), one_text(there, _KEY)
    words, words_there = one_text(mine, [*COLUMNS, WAIVED]), one_text(there, [*COLUMNS, WAIVED])
    # Two findings can differ by their words alone: they stand, or are written anew, together.
    differing = pd.concat([keys[~are_among(words, words_there)], keys_there[~are_among(words_there, words)]])
    stays = may_stand & (mine["status"] == "known") & ~are_among(keys, differing)
    ended = are_among(keys_there, keys[~stays & (may_stand | is_mended)])
    chosen = finding.c.finding_id.in_(id_list(connection, there.loc[ended, "finding_id"]))
    standing.end_findings(connection, chosen, before=place)
    starts = mine[may_stand & ~stays].index
    decided.loc[starts, ["stands_from", "stands_until"]] = [place, STANDS]
    return decided.drop(index=mine[stays].index)


def _looked_at(connection: Connection, run_id: str, vendor: str, unit_keys: Iterable[str]) -> list[str]:
    """The units among these that have an outcome in a run and did not fail."""
    ended = standing.all_outcomes(connection.dialect.name)
    theirs = (*matching(ended, run_id=run_id, vendor=vendor), ended.c.unit_key.in_(text_list(connection, unit_keys)))
    return list(connection.execute(sa.select(ended.c.unit_key).where(*theirs, ended.c.outcome != "failed")).scalars())


def _read_standing(connection: Connection, vendor: str, unit_keys: Iterable[str]) -> pd.DataFrame:
    """`COLUMNS`, finding_id, waiver_id of the findings of these units that stand."""
    theirs = (
        *matching(finding, vendor=vendor, stands_until=STANDS),
        finding.c.unit_key.in_(text_list(connection, unit_keys)),
    )
    rows = connection.execute(sa.select(*_columns(finding, "finding_id", WAIVED)).where(*theirs)).all()
    return pd.DataFrame(rows, columns=[*COLUMNS, "finding_id", WAIVED]).astype({WAIVED: "Int64"})


def reopen_findings(ledger: Ledger, connection: Connection, run_id: str, vendors: Collection[str]) -> set[str]:
    """Takes back what an earlier closing of the same run opened and closed, within a transaction; gives the units."""
    touched: set[str] = set()
    for vendor in vendors:
        opened = matching(open_finding, vendor=vendor, first_run_id=run_id)
        units = connection.execute(sa.select(open_finding.c.unit_key).where(*opened).distinct()).scalars().all()
        standing.forget_findings(connection, units, vendor=vendor, first_run_id=run_id)
        touched.update(units)
    mended = sa.select(*_columns(finding, "first_run_id")).where(_mended_by(run_id), finding.c.vendor.in_(vendors))
    rows = connection.execute(mended).mappings().all()
    ledger.upsert(connection, open_finding, [{**row, "finding_key": finding_key(row)} for row in rows])
    return touched | {row["unit_key"] for row in rows}


def follow_findings(
    ledger: Ledger, connection: Connection, run_id: str, findings: pd.DataFrame, reworded: pd.DataFrame
) -> set[str]:
    """Opens what is new, rewords what is known in other words and closes what was mended, within a transaction.

    Gives the units of all three; all else stays as it is.
    """
    is_new = (findings["status"] == "new") & ~findings["rule_id"].isin(EVENTS)
    fresh, known = _keyed(findings[is_new]), _keyed(reworded)
    mended = _keyed(findings[findings["status"] == "mended"])
    ledger.upsert(connection, open_finding, ({**row, "first_run_id": run_id} for row in fresh))
    own = [open_finding.c[name] == sa.bindparam(f"a_{name}") for name in _OWN]
    if known:
        connection.execute(sa.update(open_finding).where(*own), [_bound(row, *_WORDS) for row in known])
    if mended:
        connection.execute(sa.delete(open_finding).where(*own), [_bound(row) for row in mended])
    return {row["unit_key"] for row in (*fresh, *known, *mended)}


def _keyed(findings: pd.DataFrame) -> list[dict[str, Any]]:
    return [{**row, "finding_key": finding_key(row)} for row in _rows(findings, COLUMNS)]


def _bound(row: Mapping[str, Any], *changed: str) -> dict[str, Any]:
    """The parameters by which an open finding is found, and its new values."""
    return {f"a_{name}": row[name] for name in _OWN} | {name: row[name] for name in changed}


def _columns(table: sa.FromClause, *more: str) -> list[sa.ColumnElement[Any]]:
    return [table.c[name] for name in (*COLUMNS, *more)]


def _mended_by(run_id: str) -> sa.ColumnElement[bool]:
    return sa.and_(finding.c.run_id == run_id, finding.c.status == "mended", finding.c.first_run_id.is_not(None))


def finding_key(row: Mapping[Any, Any]) -> str:
    """What identifies a finding night after night: vendor, unit, rule, record and field."""
    return hashlib.sha256("\x1f".join(str(row[name]) for name in _KEY).encode()).hexdigest()


def _rows(findings: pd.DataFrame, columns: list[str]) -> list[dict[str, Any]]:
    cells = {name: cells_of(findings[name]) for name in columns}
    cells["entity_id"] = [None if value is None else str(value) for value in cells["entity_id"]]
    return [dict(zip(columns, row, strict=True)) for row in zip(*cells.values(), strict=True)]
