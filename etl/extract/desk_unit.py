"""What the page of a household asks of the CRM as it is now: its name and office, and the values of one record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from etl import schema as s
from etl.extract.source import Snapshot
from etl.units import HOUSEHOLD, UnitKey

# The records that findings name, by the word that stands before their key.
TABLES = {
    "household": s.household, "contact": s.contact, "account": s.investment_account, "policy": s.policy,
    "liability": s.liability, "position": s.investment_position,
}  # fmt: skip
# What is a part of a record, and stands in tables of its own.
_PARTS = {
    "household": (s.household_member,),
    "contact": (s.contact_address, s.contact_phone, s.contact_email),
    "policy": (s.policy_beneficiary,),
}
_PARTS_AT_MOST = 20


@dataclass(frozen=True)
class CrmUnit:
    """A unit as the CRM has it now. ``is_deleted``: it lies in *Deleted Records*."""

    unit_key: str
    name: str
    office_id: int
    office_name: str
    is_deleted: bool


@dataclass(frozen=True)
class CrmRow:
    """A row of the CRM: its table, and column -> the value as text, None for none."""

    table: str
    values: dict[str, str | None]


def find_unit(snapshot: Snapshot, unit_key: str) -> CrmUnit | None:
    """A household, or a contact; None where the CRM has no such record."""
    key = UnitKey.parse(unit_key)
    table = s.household if key.letter == HOUSEHOLD else s.contact
    names = (table.c.name,) if table is s.household else (table.c.first_name, table.c.last_name, table.c.business_name)
    columns = (*names, table.c.office_id, s.office.c.name.label("office_name"), table.c.deleted_at.is_not(None))
    found = sa.select(*columns).join_from(table, s.office, s.office.c.office_id == table.c.office_id, isouter=True)
    rows = _rows(snapshot, found.where(_own_key(table) == sa.bindparam("key")).params(key=key.number))
    if not rows:
        return None
    *named, office_id, office_name, is_deleted = rows[0]
    person = " ".join(filter(None, named[:2])) or named[-1]
    return CrmUnit(unit_key, person or "", office_id, office_name or "", bool(is_deleted))


def read_record(snapshot: Snapshot, entity: str, record_id: int) -> list[CrmRow]:
    """A record as the CRM has it now, with what is a part of it; empty where it has none. ``entity``: of `TABLES`."""
    table = TABLES[entity]
    found = _as_text(snapshot, table, _own_key(table), record_id, 1)
    if not found:
        return []
    for part in _PARTS.get(entity, ()):
        found += _as_text(snapshot, part, part.c[_own_key(table).name], record_id, _PARTS_AT_MOST)
    return found


def office_of_record(snapshot: Snapshot, entity: str, record_id: int) -> int | None:
    """The office of a record as the CRM has it now; None where it has none. A position is in its account's office."""
    table = TABLES[entity]
    found = sa.select(table.c.office_id if "office_id" in table.c else s.investment_account.c.office_id)
    if "office_id" not in table.c:
        account = s.investment_account.c.account_id == table.c.account_id
        found = found.join_from(table, s.investment_account, account)
    rows = _rows(snapshot, found.where(_own_key(table) == sa.bindparam("key")).params(key=record_id))
    return rows[0][0] if rows else None


def _own_key(table: sa.Table) -> sa.Column[Any]:
    key: sa.Column[Any] = table.primary_key.columns[0]
    return key


def _as_text(snapshot: Snapshot, table: sa.Table, key: sa.Column[Any], number: int, at_most: int) -> list[CrmRow]:
    columns: list[sa.ColumnElement[Any]] = [sa.cast(column, sa.Text).label(column.name) for column in table.columns]
    mine = sa.select(*columns).where(key == sa.bindparam("key")).params(key=number)
    rows = _rows(snapshot, mine.order_by(*table.primary_key.columns).limit(at_most))
    names = [column.name for column in table.columns]
    return [CrmRow(table.name, dict(zip(names, row, strict=True))) for row in rows]


def _rows(snapshot: Snapshot, statement: sa.Select[Any]) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in snapshot.read_raw(statement).to_pylist()]
