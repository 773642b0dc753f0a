"""The units that have, or had, an item: how people find them, and who may see them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from etl.load.bulk import text_list
from etl.load.ledger.store import Ledger, columns
from etl.load.ledger.tables import work_item, work_unit
from etl.names import name_form
from etl.units import is_key

# The offices whose units somebody may see; None: all.
Scope: TypeAlias = Collection[int] | None

LABELS = ("unit_key", "household_name", "head_name", "office_id", "office_name", "advisor", "contact_ids")


@dataclass(frozen=True)
class Unit:
    """A unit as a run last read it in the CRM. ``contact_ids``: of its members, with blanks between them."""

    unit_key: str
    household_name: str
    head_name: str
    office_id: int | None
    office_name: str
    advisor: str
    contact_ids: str
    seen_at: datetime


def remember_units(ledger: Ledger, connection: Connection, labels: pd.DataFrame, at: datetime) -> None:
    """Keeps the labels (`LABELS`) of units that have, or had, an item, within a transaction.

    A unit whose labels are as they were is not written.
    """
    keys = text_list(connection, labels["unit_key"])
    with_items = set(
        connection.execute(sa.select(work_item.c.unit_key).where(work_item.c.unit_key.in_(keys))).scalars()
    )
    if not with_items:
        return
    known = sa.select(*(work_unit.c[name] for name in LABELS)).where(work_unit.c.unit_key.in_(keys))
    there = {tuple(row) for row in connection.execute(known)}
    named = labels.drop_duplicates("unit_key").astype(object)
    named = named.where(named.notna(), None)
    fresh = [
        dict(zip(LABELS, row, strict=True))
        for row in named[list(LABELS)].itertuples(index=False, name=None)
        if row[0] in with_items and row not in there
    ]
    ledger.upsert(connection, work_unit, ({**row, "names": _names(row), "seen_at": at} for row in fresh))


def is_visible(scope: Scope) -> sa.ColumnElement[bool]:
    """Whether a row of `work_unit` is in one of these offices. A unit whose office is not known is in none."""
    return sa.true() if scope is None else work_unit.c.office_id.in_(scope)


def is_meant_by(text: str) -> sa.ColumnElement[bool]:
    """Whether a row of `work_unit` is what somebody looks for: by a part of a name, its key, or a contact's id."""
    wanted = text.strip()
    meant = [work_unit.c.unit_key == wanted.upper(), work_unit.c.names.contains(name_form(wanted), autoescape=True)]
    if is_key(wanted):
        meant.append((" " + work_unit.c.contact_ids + " ").contains(f" {int(wanted)} "))
        meant.append(work_unit.c.unit_key == f"H{int(wanted)}")
    return sa.or_(*meant)


def find_unit(ledger: Ledger, scope: Scope, unit_key: str) -> Unit | None:
    """A unit by its key; None for one that has had no item, or that is in none of these offices."""
    mine = (work_unit.c.unit_key == unit_key, is_visible(scope))
    return ledger.find_as(Unit, sa.select(*columns(Unit, work_unit)).where(*mine))


def search_units(ledger: Ledger, scope: Scope, text: str, limit: int = 50) -> list[Unit]:
    """The units that a text means (`is_meant_by`), by name."""
    found = sa.select(*columns(Unit, work_unit)).where(is_visible(scope), is_meant_by(text))
    return ledger.read_as(Unit, found.order_by(work_unit.c.names, work_unit.c.unit_key).limit(limit))


def _names(row: dict[str, Any]) -> str:
    return "\n".join(name_form(row[name]) for name in ("household_name", "head_name"))
