"""Waivers: what persons let through for a time although a rule finds it wrong.

A waiver is in force from its first day on, and no longer on ``until_day``: on that day the item is open again. It
covers one rule in a unit, or at one record of a unit. It covers nothing critical before a second person has approved
it. A waiver does not go with a unit to another office: there other persons answer for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from etl.errors import ParamsError
from etl.load.bulk import text_list
from etl.load.ledger.desk.units import Scope as Offices
from etl.load.ledger.desk.units import is_visible
from etl.load.ledger.findings import WAIVED
from etl.load.ledger.store import Ledger, columns, matching
from etl.load.ledger.tables import finding, waiver, work_item, work_unit
from etl.load.ledger.views import STANDS

if TYPE_CHECKING:
    from etl.load.ledger.desk.queries import Item

COVER_COLUMNS = ("waiver_id", "unit_key", "rule_id", "entity", "entity_id", "is_approved")


@dataclass(frozen=True)
class Scope:
    """What a waiver covers: a rule in a unit as a whole, or at one record (``account``, ``5``) of the unit."""

    unit_key: str
    rule_id: str
    entity: str = ""
    entity_id: str = ""


@dataclass(frozen=True)
class Waiver:
    """A waiver as it stands. ``reason``, ``ended_why``: a person's words."""

    waiver_id: int
    unit_key: str
    rule_id: str
    entity: str
    entity_id: str
    reason: str = field(repr=False)
    from_day: date
    until_day: date
    asked_by: str
    asked_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    ended_by: str | None
    ended_at: datetime | None
    ended_why: str | None = field(repr=False)

    def is_in_force(self, day: date) -> bool:
        """Whether it covers what is not critical on a day."""
        return self.ended_at is None and self.from_day <= day < self.until_day

    def covers(self, entity: str, entity_id: str, severity: str) -> bool:
        """Whether it covers a finding of its rule at a record of its unit, while it is in force."""
        is_meant = not self.entity or (self.entity, self.entity_id) == (entity, entity_id)
        return is_meant and (severity != "critical" or self.approved_by is not None)


def ask(
    connection: Connection, scope: Scope, reason: str, from_day: date, until_day: date, by: str, at: datetime
) -> int:
    """Makes a waiver; gives its id. Raises `ParamsError` where one stands for the same, or it would end at once."""
    if until_day <= from_day:
        raise ParamsError("A waiver ends on a later day than it begins: choose a later day on which it is open again.")
    same = (*matching(waiver, **vars(scope)), waiver.c.ended_at.is_(None), waiver.c.until_day > from_day)
    standing = connection.execute(sa.select(waiver.c.waiver_id).where(*same)).scalar()
    if standing is not None:
        raise ParamsError(f"Waiver {standing} stands for this already: end it before you ask for another.")
    row = {**vars(scope), "reason": reason, "from_day": from_day, "until_day": until_day, "asked_by": by}
    made = connection.execute(sa.insert(waiver).values(**row, asked_at=at)).inserted_primary_key
    assert made is not None
    return int(made[0])


def approve(connection: Connection, waiver_id: int, by: str, at: datetime) -> Waiver:
    """A second person signs; gives the waiver. Raises `ParamsError` for the person who asked, and a second time."""
    standing = require_standing(connection, waiver_id)
    if standing.approved_by is not None:
        raise ParamsError(f"Waiver {waiver_id} was approved by {standing.approved_by} already.")
    if standing.asked_by == by:
        raise ParamsError(f"You asked for waiver {waiver_id}: a second person has to approve it.")
    signed = sa.update(waiver).where(*matching(waiver, waiver_id=waiver_id), waiver.c.approved_by.is_(None))
    connection.execute(signed.values(approved_by=by, approved_at=at))
    return require_standing(connection, waiver_id)


def end(connection: Connection, waiver_id: int, by: str, why: str, at: datetime) -> Waiver:
    """Ends a waiver before its day; gives it. Raises `ParamsError` for one that has ended."""
    require_standing(connection, waiver_id)
    ended = sa.update(waiver).where(*matching(waiver, waiver_id=waiver_id))
    connection.execute(ended.values(ended_by=by, ended_at=at, ended_why=why))
    return _find(connection, waiver_id)


def require_standing(connection: Connection, waiver_id: int) -> Waiver:
    """A waiver that nobody has ended. Raises `ParamsError`, `KeyError` where there is none of that id."""
    found = _find(connection, waiver_id)
    if found.ended_at is not None:
        raise ParamsError(f"Waiver {waiver_id} was ended by {found.ended_by} already.")
    return found


def find_waiver(ledger: Ledger, waiver_id: int) -> Waiver:
    """The waiver of that id. Raises `KeyError` where there is none."""
    with ledger.read() as connection:
        return _find(connection, waiver_id)


def list_waivers(ledger: Ledger, scope: Offices, day: date, limit: int = 200) -> list[Waiver]:
    """The waivers of units in these offices: those that stand on a day, then the latest that have ended."""
    stands = sa.case((sa.and_(waiver.c.ended_at.is_(None), waiver.c.until_day > day), 0), else_=1)
    found = sa.select(*columns(Waiver, waiver)).join(work_unit, work_unit.c.unit_key == waiver.c.unit_key)
    ordered = found.where(is_visible(scope)).order_by(stands, waiver.c.until_day.desc(), waiver.c.waiver_id.desc())
    return ledger.read_as(Waiver, ordered.limit(limit))


def waivers_of(ledger: Ledger, scope: Scope, day: date) -> list[Waiver]:
    """The waivers that stand on a day for a rule of a unit and, as a whole or at this record, for what is meant."""
    same = matching(waiver, unit_key=scope.unit_key, rule_id=scope.rule_id)
    record = sa.and_(*matching(waiver, entity=scope.entity, entity_id=scope.entity_id))
    theirs = (*same, sa.or_(waiver.c.entity == "", record), waiver.c.ended_at.is_(None), waiver.c.until_day > day)
    return ledger.read_as(Waiver, sa.select(*columns(Waiver, waiver)).where(*theirs).order_by(waiver.c.waiver_id))


def covering(ledger: Ledger, items: Iterable[Item], day: date) -> dict[int, int]:
    """item -> the waiver that covers it on a day, of those of these items that one covers."""
    listed = list(items)
    keys = waiver.c.unit_key.in_(text_list(ledger.engine, {one.unit_key for one in listed}))
    standing = ledger.read_as(Waiver, sa.select(*columns(Waiver, waiver)).where(keys, *in_force(day)))
    of_rule: dict[tuple[str, str], list[Waiver]] = {}
    for one in standing:
        of_rule.setdefault((one.unit_key, one.rule_id), []).append(one)
    found = {}
    for item in listed:
        for one in of_rule.get((item.unit_key, item.rule_id), ()):
            if one.covers(item.entity, item.entity_id, item.severity):
                found[item.item_id] = one.waiver_id
    return found


def read_in_force(ledger: Ledger, day: date) -> pd.DataFrame:
    """The waivers in force on a day: `COVER_COLUMNS`; ``is_approved``: by a second person."""
    names = (waiver.c[name] for name in COVER_COLUMNS[:-1])
    approved = waiver.c.approved_by.is_not(None).label("is_approved")
    return ledger.frame(sa.select(*names, approved).where(*in_force(day)).order_by(waiver.c.waiver_id))


def in_force(day: date) -> tuple[sa.ColumnElement[bool], ...]:
    """The conditions on `waiver` that one is in force on a day."""
    return waiver.c.ended_at.is_(None), waiver.c.from_day <= day, waiver.c.until_day > day


def is_waived(day: date) -> sa.ColumnElement[bool]:
    """The condition on `work_item` that a waiver in force on a day covers it, as `Waiver.covers` says."""
    is_whole = waiver.c.entity == ""
    is_record = sa.and_(waiver.c.entity == work_item.c.entity, waiver.c.entity_id == work_item.c.entity_id)
    may = sa.or_(work_item.c.severity != "critical", waiver.c.approved_by.is_not(None))
    same = (waiver.c.unit_key == work_item.c.unit_key, waiver.c.rule_id == work_item.c.rule_id)
    return sa.exists().where(*same, *in_force(day), sa.or_(is_whole, is_record), may)


def units_to_look_at(ledger: Ledger, vendor: str, day: date) -> set[str]:
    """The units with a waiver in force, and those that a waiver let through last (SCP-4).

    The second look again at the night after the waiver has ended: then their finding stands without it.
    """
    begun = ledger.column(sa.select(waiver.c.unit_key).where(*in_force(day)))
    let_through = sa.select(finding.c.unit_key).where(
        *matching(finding, vendor=vendor, stands_until=STANDS), finding.c[WAIVED].is_not(None),
        finding.c.unit_key.in_(sa.select(waiver.c.unit_key)),
    )  # fmt: skip
    return {*begun, *ledger.column(let_through.distinct())}


def _find(connection: Connection, waiver_id: int) -> Waiver:
    mine = sa.select(*columns(Waiver, waiver)).where(waiver.c.waiver_id == waiver_id)
    row = connection.execute(mine).mappings().first()
    if row is None:
        raise KeyError(waiver_id)
    return Waiver(**row)
