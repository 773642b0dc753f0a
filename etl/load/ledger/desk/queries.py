"""What the desk asks about items: lists, counts, one item with its history, an export.

Every question takes the offices that the person may see (`Scope`), and answers in SQL. The number of
statements does not grow with the number of items.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from etl.load.bulk import id_list, text_list
from etl.load.ledger.desk import waivers
from etl.load.ledger.desk.items import MENDED, SEVERITIES
from etl.load.ledger.desk.units import Scope, is_meant_by, is_visible
from etl.load.ledger.retention import NIGHT
from etl.load.ledger.store import Ledger, columns, matching
from etl.load.ledger.tables import run, unit_state, work_item, work_item_event, work_unit

# The states by which a list is filtered. ``open``: new, acknowledged or waiting; what is waived is none of these.
STATES = ("open", "new", "acknowledged", "waiting", "waived", "mended", "all")
_RANK = sa.case({name: rank for rank, name in enumerate(SEVERITIES)}, value=work_item.c.severity, else_=9)
SORTS: dict[str, tuple[sa.ColumnElement[Any], ...]] = {
    "severity": (_RANK, work_item.c.opened_at),
    "since": (work_item.c.opened_at, _RANK),
    "household": (work_unit.c.names, work_item.c.unit_key, _RANK),
    "rule": (work_item.c.rule_id, _RANK),
    "record": (work_item.c.entity, work_item.c.entity_id),
    "office": (work_unit.c.office_name, _RANK),
    "advisor": (work_unit.c.advisor, _RANK),
    "assigned": (work_item.c.assigned_to, _RANK),
    "state": (work_item.c.state, _RANK),
}
_ALL_OF = work_item.outerjoin(work_unit, work_unit.c.unit_key == work_item.c.unit_key)
_AT_ONCE = 2_000


@dataclass(frozen=True)
class Filters:
    """What a list is about; None, or an empty text, is everything.

    ``days``: open for at least so many; ``state``: one of `STATES`; ``outcome``: of the unit's last run, at the vendor
    or at any; ``text``: of a household (`is_meant_by`).
    """

    office: int | None = None
    advisor: str = ""
    rule: str = ""
    severity: str = ""
    vendor: str = ""
    outcome: str = ""
    days: int | None = None
    state: str = "open"
    assigned_to: str = ""
    text: str = ""
    day: date | None = None


@dataclass(frozen=True)
class Item:
    """A work item with the labels of its unit, which may be empty, and for how many nights it is open."""

    item_id: int
    unit_key: str
    household_name: str
    head_name: str
    office_id: int | None
    office_name: str
    advisor: str
    rule_id: str
    entity: str
    entity_id: str
    severity: str
    vendors: str
    fields: str | None
    message: str
    remedy: str | None
    state: str
    assigned_to: str | None
    waiting_for: str | None
    opened_run: str
    opened_at: datetime
    closed_run: str | None
    closed_at: datetime | None
    times_opened: int
    nights: int


@dataclass(frozen=True)
class Event:
    """What became of an item, by a run or by a person (``actor``)."""

    event_id: int
    item_id: int
    kind: str
    at: datetime
    run_id: str | None
    actor: str | None
    before: str | None
    after: str | None
    note: str | None


@dataclass(frozen=True)
class Counts:
    """How much a list has: items, households and persons without one; items by rule, office (name) and severity."""

    items: int
    households: int
    persons: int
    by_rule: dict[str, int]
    by_office: dict[tuple[int | None, str], int]
    by_severity: dict[str, int]


@dataclass(frozen=True)
class Choices:
    """What a filter can be set to: what the items in these offices have."""

    offices: dict[int, str]
    advisors: tuple[str, ...]
    rules: tuple[str, ...]
    assigned_to: tuple[str, ...]


def list_items(
    ledger: Ledger,
    scope: Scope,
    filters: Filters,
    *,
    me: str = "",
    sort: str = "severity",
    descending: bool = False,
    limit: int = 50,
    offset: int = 0,
) -> list[Item]:
    """A page of items: first those assigned to ``me``, then those of my clients that nobody has, then all others.

    ``sort``: one of `SORTS`.
    """
    ids = ledger.column(_ordered(ledger, scope, filters, me, sort, descending).limit(limit).offset(offset))
    return _read(ledger, ids)


def export_items(
    ledger: Ledger, scope: Scope, filters: Filters, *, me: str = "", sort: str = "severity", descending: bool = False
) -> Iterator[Item]:
    """All items of a list, in its order, some thousand in memory at once."""
    ids = ledger.column(_ordered(ledger, scope, filters, me, sort, descending))
    for start in range(0, len(ids), _AT_ONCE):
        yield from _read(ledger, ids[start : start + _AT_ONCE])


def find_ids(ledger: Ledger, scope: Scope, filters: Filters) -> list[int]:
    """The ids of all items of a list."""
    return ledger.column(_ordered(ledger, scope, filters, "", "severity", False))


def count_items(ledger: Ledger, scope: Scope, filters: Filters) -> Counts:
    """How much a list has, in two statements."""
    chosen = _chosen(ledger, scope, filters)
    by = (work_item.c.rule_id, work_unit.c.office_id, work_unit.c.office_name, work_item.c.severity)
    rows = ledger.rows(sa.select(*by, sa.func.count().label("items")).select_from(_ALL_OF).where(*chosen).group_by(*by))
    kind = sa.func.substr(work_item.c.unit_key, 1, 1)
    distinct = sa.func.count(work_item.c.unit_key.distinct())
    units = ledger.mapping(sa.select(kind, distinct).select_from(_ALL_OF).where(*chosen).group_by(kind))
    rules, offices, severities = Counter[str](), Counter[tuple[int | None, str]](), Counter[str]()
    for row in rows:
        rules[row["rule_id"]] += row["items"]
        offices[row["office_id"], row["office_name"] or ""] += row["items"]
        severities[row["severity"]] += row["items"]
    return Counts(
        rules.total(),
        units.get("H", 0),
        units.get("C", 0),
        dict(rules.most_common()),
        dict(offices.most_common()),
        {name: severities[name] for name in SEVERITIES},
    )


def count_open(ledger: Ledger, unit_keys: Iterable[str]) -> dict[str, int]:
    """Unit key -> its open items; units without any are missing. Who asks has found the units in the person's scope."""
    theirs = work_item.c.unit_key.in_(text_list(ledger.engine, unit_keys))
    counted = sa.select(work_item.c.unit_key, sa.func.count()).where(theirs, work_item.c.state != MENDED)
    return ledger.mapping(counted.group_by(work_item.c.unit_key))


def read_choices(ledger: Ledger, scope: Scope) -> Choices:
    """What a filter of a list can be set to."""

    def values(*names: sa.Column[Any]) -> list[Any]:
        found = sa.select(*names).select_from(_ALL_OF).where(is_visible(scope), names[0].is_not(None)).distinct()
        return [tuple(row.values()) for row in ledger.rows(found.order_by(*reversed(names)))]

    offices = dict(values(work_unit.c.office_id, work_unit.c.office_name))
    advisors, rules, assigned = (
        tuple(value for (value,) in values(column) if value)
        for column in (work_unit.c.advisor, work_item.c.rule_id, work_item.c.assigned_to)
    )
    return Choices(offices, advisors, rules, assigned)


def find_item(ledger: Ledger, scope: Scope, item_id: int) -> Item | None:
    """An item; None for one that is not there, or whose unit is in none of these offices."""
    mine = sa.select(work_item.c.item_id).select_from(_ALL_OF).where(work_item.c.item_id == item_id, is_visible(scope))
    return next(iter(_read(ledger, ledger.column(mine))), None)


def items_of_unit(ledger: Ledger, scope: Scope, unit_key: str) -> list[Item]:
    """All items of a unit: first those that are open, worst first; then those mended, the latest first."""
    theirs = sa.select(work_item.c.item_id).select_from(_ALL_OF).where(*matching(work_item, unit_key=unit_key))
    is_mended = sa.case((work_item.c.state == MENDED, 1), else_=0)
    ordered = theirs.where(is_visible(scope)).order_by(
        is_mended, work_item.c.closed_at.desc(), _RANK, work_item.c.opened_at, work_item.c.item_id
    )
    return _read(ledger, ledger.column(ordered))


def read_history(ledger: Ledger, item_ids: Sequence[int]) -> list[Event]:
    """The events of items, oldest first. The caller has found the items in the person's scope."""
    theirs = work_item_event.c.item_id.in_(id_list(ledger.engine, item_ids))
    return ledger.read_as(
        Event,
        sa.select(*columns(Event, work_item_event)).where(theirs).order_by(work_item_event.c.event_id),
    )


def _chosen(ledger: Ledger, scope: Scope, filters: Filters) -> list[sa.ColumnElement[bool]]:
    """The conditions of a list, on `_ALL_OF`."""
    conditions = [is_visible(scope), *_in_state(filters)]
    same = {
        work_unit.c.office_id: filters.office, work_unit.c.advisor: filters.advisor, work_item.c.rule_id: filters.rule,
        work_item.c.severity: filters.severity, work_item.c.assigned_to: filters.assigned_to,
    }  # fmt: skip
    conditions += [column == value for column, value in same.items() if value not in (None, "")]
    if filters.vendor:
        conditions.append((" " + work_item.c.vendors + " ").contains(f" {filters.vendor} ", autoescape=True))
    if filters.outcome:
        named = {"outcome": filters.outcome} | ({"vendor": filters.vendor} if filters.vendor else {})
        ended = sa.select(unit_state.c.unit_key).where(*matching(unit_state, **named))
        conditions.append(work_item.c.unit_key.in_(ended))
    if filters.days is not None:
        conditions.append(work_item.c.opened_at <= ledger.now() - timedelta(days=filters.days))
    if filters.text.strip():
        conditions.append(is_meant_by(filters.text) | (work_item.c.unit_key == filters.text.strip().upper()))
    return conditions


def _in_state(filters: Filters) -> list[sa.ColumnElement[bool]]:
    if filters.state == "all":
        return []
    if filters.state == MENDED:
        return [work_item.c.state == MENDED]
    is_waived = sa.false() if filters.day is None else waivers.is_waived(filters.day)
    if filters.state == "waived":
        return [work_item.c.state != MENDED, is_waived]
    is_meant = work_item.c.state != MENDED if filters.state == "open" else work_item.c.state == filters.state
    return [is_meant, ~is_waived]


def _ordered(
    ledger: Ledger, scope: Scope, filters: Filters, me: str, sort: str, descending: bool
) -> sa.Select[tuple[int]]:
    """The ids of a list's items in its order."""
    is_mine = [work_item.c.assigned_to == me, work_item.c.assigned_to.is_(None) & (work_unit.c.advisor == me)]
    own_first = [sa.case(*((mine, rank) for rank, mine in enumerate(is_mine)), else_=len(is_mine))] if me else []
    keys = [key.desc() if descending else key for key in SORTS[sort]]
    found = sa.select(work_item.c.item_id).select_from(_ALL_OF).where(*_chosen(ledger, scope, filters))
    return found.order_by(*own_first, *keys, work_item.c.item_id)


def _read(ledger: Ledger, item_ids: Sequence[int]) -> list[Item]:
    """These items, in this order."""
    if not item_ids:
        return []
    names = [name for name in Item.__dataclass_fields__ if name != "nights"]
    labels = {"household_name", "head_name", "office_name", "advisor"}
    chosen = [
        sa.func.coalesce(work_unit.c[name], "").label(name)
        if name in labels
        else (work_item.c[name] if name in work_item.c else work_unit.c[name])
        for name in names
    ]
    theirs = work_item.c.item_id.in_(id_list(ledger.engine, item_ids))
    rows = {row["item_id"]: row for row in ledger.rows(sa.select(*chosen).select_from(_ALL_OF).where(theirs))}
    found = [rows[item_id] for item_id in item_ids if item_id in rows]
    nights = _nights_since(ledger, min(row["opened_at"] for row in found)) if found else []
    return [Item(**row, nights=_nights_of(row, nights)) for row in found]


def _nights_since(ledger: Ledger, at: datetime) -> list[datetime]:
    """When the nights that wrote something to the ledger have ended since a moment, oldest first."""
    nights = (*matching(run, dag_id=NIGHT, status="success"), run.c.dry_run.is_(False), run.c.finished_at >= at)
    return sorted(ledger.column(sa.select(run.c.finished_at).where(*nights)))


def _nights_of(item: sa.RowMapping, nights: list[datetime]) -> int:
    """The nights that have found an item, the one that opened it included."""
    until = bisect_left(nights, item["closed_at"]) if item["closed_at"] else len(nights)
    return until - bisect_left(nights, item["opened_at"])
