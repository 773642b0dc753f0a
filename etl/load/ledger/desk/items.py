"""Work items follow the open findings: one for each unit, rule and record, over both vendors and all runs.

`follow` is the one place in which items open, change and close. It compares the items of some units with their open
findings, within the transaction that changed these. So known findings cost nothing, and a run that is closed again
changes only what it decides otherwise.

Events of an item, beside those of people (`work`)::

    opened, reopened   a finding is open
    severity, vendors  what is open is worse or better than before, or at other vendors; before and after
    mended             the checks of a run have passed
    ended              nothing was checked: the unit was unlinked, merged, or moved to another office
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import groupby
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from etl.load.bulk import text_list
from etl.load.ledger.standing import forget_findings
from etl.load.ledger.store import Ledger
from etl.load.ledger.tables import open_finding, work_item, work_item_event

Key: TypeAlias = tuple[str, ...]
Row: TypeAlias = dict[str, Any]

KEY = ("unit_key", "rule_id", "entity", "entity_id")
MENDED = "mended"
ENDED = "ended"
# Worst first.
SEVERITIES = ("critical", "warning", "info")
# Of these a change is an event.
_WATCHED = ("severity", "vendors")


def follow(
    ledger: Ledger, connection: Connection, unit_keys: Iterable[str], run_id: str, at: datetime, gone: str = MENDED
) -> None:
    """Makes the items of these units those of their open findings, within a transaction.

    ``gone``: what has become of items whose findings are open no longer, `MENDED` or `ENDED`.
    """
    keys = list(unit_keys)
    if not keys:
        return
    stand, there = _standing(connection, keys), _items(connection, keys)
    opening = {"state": "new", "waiting_for": None, "opened_run": run_id, "opened_at": at}
    fresh = [{**one, **opening, "times_opened": 1} for key, one in stand.items() if key not in there]
    changed: list[Row] = []
    events: list[Row] = []
    for key, item in there.items():
        now, kinds = _as_it_stands(item, stand.get(key), gone)
        if now is None:
            continue
        if kinds == ["reopened"]:
            now |= {**opening, "closed_run": None, "closed_at": None, "times_opened": item["times_opened"] + 1}
        elif kinds == [gone]:
            now |= {"closed_run": run_id, "closed_at": at}
        changed.append({**item, **now})
        events += [_event(item, {**item, **now}, kind) for kind in kinds]
    ledger.insert(connection, work_item, fresh)
    ledger.upsert(connection, work_item, changed)
    if fresh:
        new = {key: item for key, item in _items(connection, keys).items() if key not in there}
        events += [_event({}, item, "opened") for item in new.values()]
    ledger.insert(connection, work_item_event, [{**event, "at": at, "run_id": run_id} for event in events])


def withdraw(ledger: Ledger, connection: Connection, unit_keys: Iterable[str], run_id: str, **values: str) -> None:
    """Findings of these units (with these ``values``) are not open any more, and nobody has checked them.

    Their items end, within a transaction.
    """
    keys = list(unit_keys)
    forget_findings(connection, keys, **values)
    follow(ledger, connection, keys, run_id, ledger.now(), ENDED)


def _as_it_stands(item: Mapping[str, Any], stands: Row | None, gone: str) -> tuple[Row | None, list[str]]:
    """What of an item changes, None for nothing; and the kinds of its events."""
    is_open = item["state"] != MENDED
    if stands is None:
        return ({"state": MENDED}, [gone]) if is_open else (None, [])
    if not is_open:
        return stands, ["reopened"]
    if all(item[name] == value for name, value in stands.items()):
        return None, []
    return stands, [name for name in _WATCHED if item[name] != stands[name]]


def _event(before: Mapping[str, Any], after: Mapping[str, Any], kind: str) -> Row:
    name = kind if kind in _WATCHED else "state"
    return {"item_id": after["item_id"], "kind": kind, "before": before.get(name), "after": after[name]}


def _standing(connection: Connection, unit_keys: list[str]) -> dict[Key, Row]:
    """The open findings of these units as items: the words are those of the worst finding of each."""
    record = (
        open_finding.c.unit_key, open_finding.c.rule_id,
        *(sa.func.coalesce(open_finding.c[name], "").label(name) for name in ("entity", "entity_id")),
    )  # fmt: skip
    names = ("severity", "vendor", "field", "message", "remedy")
    rank = sa.case({name: rank for rank, name in enumerate(SEVERITIES)}, value=open_finding.c.severity)
    found = sa.select(*record, *(open_finding.c[name] for name in names)).where(
        open_finding.c.unit_key.in_(text_list(connection, unit_keys))
    )
    ordered = found.order_by(*record, rank, open_finding.c.vendor, open_finding.c.finding_key)
    rows = connection.execute(ordered).mappings()
    return {key: _item(key, list(group)) for key, group in groupby(rows, lambda row: tuple(row[name] for name in KEY))}


def _item(key: Key, findings: list[sa.RowMapping]) -> Row:
    worst = findings[0]
    return {
        **dict(zip(KEY, key, strict=True)),
        "severity": worst["severity"],
        "vendors": " ".join(sorted({one["vendor"] for one in findings})),
        "fields": ", ".join(sorted({one["field"] for one in findings} - {None, ""})) or None,
        "message": worst["message"],
        "remedy": worst["remedy"],
    }


def _items(connection: Connection, unit_keys: list[str]) -> dict[Key, Row]:
    """The items of these units by their key, whether open or not. On PostgreSQL nobody changes them meanwhile."""
    theirs = sa.select(work_item).where(work_item.c.unit_key.in_(text_list(connection, unit_keys)))
    rows = connection.execute(theirs.with_for_update()).mappings()
    return {tuple(row[name] for name in KEY): dict(row) for row in rows}
