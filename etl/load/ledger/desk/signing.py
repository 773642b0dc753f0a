"""What persons decide on the desk: waivers, and the right side of a field in conflict.

Each decision, the events of the items that it is about, and its entry in the audit are one transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from etl.errors import ParamsError
from etl.load.ledger.desk import audit, decisions, waivers
from etl.load.ledger.desk.audit import Entry
from etl.load.ledger.desk.decisions import KEPT
from etl.load.ledger.desk.items import MENDED
from etl.load.ledger.desk.units import is_visible
from etl.load.ledger.desk.waivers import Scope, Waiver
from etl.load.ledger.desk.work import NOTE_CHARACTERS, Person
from etl.load.ledger.pins import Side
from etl.load.ledger.store import Ledger, matching
from etl.load.ledger.tables import work_item, work_item_event, work_unit


def ask_waiver(
    ledger: Ledger, person: Person, scope: Scope, reason: str, today: date, until_day: date, needs_second: bool
) -> int:
    """Makes a waiver from today on, in force at once unless it ``needs_second``; gives its id.

    Raises `ParamsError` without a reason, for a day that is not later, where one stands for the same, and for a unit
    that the person may not see.
    """
    reason = _reason(reason)
    with ledger.write() as connection:
        _require_visible(connection, person, scope.unit_key)
        at = ledger.now()
        made = waivers.ask(connection, scope, reason, today, until_day, person.name, at)
        kind = "waiver asked" if needs_second else "waived"
        _tell(ledger, connection, _items_of(scope), kind, person, str(until_day), reason)
        after = {**vars(scope), "until": str(until_day)}
        audit.append(ledger, connection, Entry(person.name, kind, f"waiver:{made}", None, after, reason))
    return made


def approve_waiver(ledger: Ledger, person: Person, waiver_id: int) -> Waiver:
    """The second person signs. Raises `ParamsError` for the first one, and what is not there or has ended."""
    with ledger.write() as connection:
        standing = _visible_waiver(connection, person, waiver_id)
        signed = waivers.approve(connection, waiver_id, person.name, ledger.now())
        _tell(ledger, connection, _items_of(scope_of(standing)), "waived", person, str(signed.until_day), None)
        both = {"approved_by": standing.approved_by}, {"approved_by": signed.approved_by}
        audit.append(ledger, connection, Entry(person.name, "waiver approved", f"waiver:{waiver_id}", *both))
    return signed


def end_waiver(ledger: Ledger, person: Person, waiver_id: int, why: str) -> Waiver:
    """Ends a waiver before its day. Raises `ParamsError` without a reason, and for what is not there or has ended."""
    why = _reason(why)
    with ledger.write() as connection:
        standing = _visible_waiver(connection, person, waiver_id)
        ended = waivers.end(connection, waiver_id, person.name, why, ledger.now())
        _tell(ledger, connection, _items_of(scope_of(standing)), "waiver ended", person, None, why)
        both = {"until": str(standing.until_day)}, {"ended_by": person.name}
        audit.append(ledger, connection, Entry(person.name, "waiver ended", f"waiver:{waiver_id}", *both, why))
    return ended


def decide_field(
    ledger: Ledger, person: Person, unit_key: str, field: str, side: Side, seen: tuple[str, str], reason: str
) -> int:
    """Decides for one side of a field, between the values of these hashes; the next run goes by it. Gives its id.

    Raises `ParamsError` without a reason, and what `decisions.decide` raises.
    """
    reason = _reason(reason)
    with ledger.write() as connection:
        _require_visible(connection, person, unit_key)
        made = decisions.decide(ledger, connection, unit_key, field, side, seen, reason, person.name, ledger.now())
        about = matching(work_item, unit_key=unit_key, rule_id=KEPT)
        _tell(ledger, connection, about, "decided", person, f"{field}: {side}", reason)
        after = {"unit_key": unit_key, "field": field, "side": side}
        audit.append(ledger, connection, Entry(person.name, "decided", f"decision:{made}", None, after, reason))
    return made


def withdraw_decision(ledger: Ledger, person: Person, decision_id: int) -> None:
    """Takes a decision back that no run has gone by. Raises `ParamsError` for one that stands no longer."""
    with ledger.write() as connection:
        standing = decisions.withdraw(ledger, connection, decision_id, ledger.now())
        _require_visible(connection, person, standing.unit_key)
        about = matching(work_item, unit_key=standing.unit_key, rule_id=KEPT)
        _tell(ledger, connection, about, "decision withdrawn", person, standing.field, None)
        both = {"field": standing.field, "side": standing.side}, None
        audit.append(ledger, connection, Entry(person.name, "withdrawn", f"decision:{decision_id}", *both))


def note_deed(ledger: Ledger, person: Person, action: str, subject: str, after: Mapping[str, Any], reason: str) -> None:
    """An entry of the audit for what a person has Airflow do, or was shown: a run, a guard, a value."""
    with ledger.write() as connection:
        audit.append(ledger, connection, Entry(person.name, action, subject, None, after, reason or None))


def note_decision(
    ledger: Ledger, person: Person, action: str, subject: str, after: Mapping[str, Any], reason: str
) -> None:
    """The same for what takes a reason. Raises `ParamsError` without one."""
    note_deed(ledger, person, action, subject, after, _reason(reason))


def scope_of(one: Waiver) -> Scope:
    """What a waiver covers."""
    return Scope(one.unit_key, one.rule_id, one.entity, one.entity_id)


def _reason(text: str) -> str:
    said = text.strip()
    if not said:
        raise ParamsError("The reason is empty: say why.")
    if len(said) > NOTE_CHARACTERS:
        raise ParamsError(f"The reason has {len(said):,} characters: at most {NOTE_CHARACTERS:,} are kept.")
    return said


def _require_visible(connection: Connection, person: Person, unit_key: str) -> None:
    mine = sa.select(work_unit.c.unit_key).where(work_unit.c.unit_key == unit_key, is_visible(person.scope))
    if connection.execute(mine).first() is None:
        raise ParamsError(f"{unit_key} is not there, or in an office that you may not see.")


def _visible_waiver(connection: Connection, person: Person, waiver_id: int) -> Waiver:
    standing = waivers.require_standing(connection, waiver_id)
    _require_visible(connection, person, standing.unit_key)
    return standing


def _items_of(scope: Scope) -> list[sa.ColumnElement[bool]]:
    """The conditions on the items that a waiver is about."""
    record = {"entity": scope.entity, "entity_id": scope.entity_id} if scope.entity else {}
    return matching(work_item, unit_key=scope.unit_key, rule_id=scope.rule_id, **record)


def _tell(
    ledger: Ledger, connection: Connection, about: list[sa.ColumnElement[bool]], kind: str, person: Person,
    after: str | None, note: str | None,
) -> None:  # fmt: skip
    """An event of each open item that a decision is about."""
    items = connection.execute(sa.select(work_item.c.item_id).where(*about, work_item.c.state != MENDED)).scalars()
    said = {"kind": kind, "at": ledger.now(), "run_id": None, "actor": person.name, "note": note}
    rows = [{"item_id": item_id, **said, "before": None, "after": after} for item_id in items]
    ledger.insert(connection, work_item_event, rows)
