"""The work of people on items: acknowledge, assign, wait for somebody, note; on one item or on many.

Each change is an event of its item and an entry of the audit, in one transaction. Items that are mended, or in none of
the person's offices, are left as they are.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from etl.errors import ParamsError
from etl.load.bulk import id_list
from etl.load.ledger.desk import audit
from etl.load.ledger.desk.audit import Entry
from etl.load.ledger.desk.items import MENDED
from etl.load.ledger.desk.units import Scope, is_visible
from etl.load.ledger.store import Ledger
from etl.load.ledger.tables import work_item, work_item_event, work_unit

NAME_CHARACTERS = 256
NOTE_CHARACTERS = 2_000


@dataclass(frozen=True)
class Person:
    """Who works on the desk, and whose offices' items that person may see."""

    name: str
    scope: Scope


def acknowledge(ledger: Ledger, person: Person, item_ids: Collection[int], note: str = "") -> int:
    """Somebody has seen these items and works on them. Gives how many have changed."""
    return _change(ledger, person, item_ids, "acknowledged", {"state": "acknowledged", "waiting_for": None}, note)


def assign(ledger: Ledger, person: Person, item_ids: Collection[int], to: str | None, note: str = "") -> int:
    """These items are somebody's work, or nobody's (None). Gives how many have changed.

    Raises `ParamsError` for a name or a note that is too long.
    """
    return _change(ledger, person, item_ids, "assigned", {"assigned_to": to or None}, note)


def wait_for(ledger: Ledger, person: Person, item_ids: Collection[int], somebody: str, note: str = "") -> int:
    """These items wait for somebody: a client, a carrier, a colleague. Gives how many have changed.

    Raises `ParamsError` where nobody is named, and for a name or a note that is too long.
    """
    if not somebody.strip():
        raise ParamsError("Say for whom the items wait.")
    return _change(ledger, person, item_ids, "waiting", {"state": "waiting", "waiting_for": somebody}, note)


def add_note(ledger: Ledger, person: Person, item_ids: Collection[int], note: str) -> int:
    """Adds a note to these items. Gives how many have one more. Raises `ParamsError` for no note, or too long a one."""
    if not note.strip():
        raise ParamsError("The note is empty.")
    return _change(ledger, person, item_ids, "noted", {}, note)


def _change(
    ledger: Ledger, person: Person, item_ids: Collection[int], kind: str, values: Mapping[str, Any], note: str
) -> int:
    _refuse_too_long(values, note)
    with ledger.write() as connection:
        chosen = (
            sa.select(work_item)
            .outerjoin(work_unit, work_unit.c.unit_key == work_item.c.unit_key)
            .where(work_item.c.item_id.in_(id_list(connection, item_ids)), is_visible(person.scope))
            .where(work_item.c.state != MENDED)
            .order_by(work_item.c.item_id)
            .with_for_update(of=work_item)
        )
        items = [{**row} for row in connection.execute(chosen).mappings()]
        changed = [one for one in items if note.strip() or any(one[name] != value for name, value in values.items())]
        if not changed:
            return 0
        if values:
            theirs = work_item.c.item_id.in_(id_list(connection, (one["item_id"] for one in changed)))
            connection.execute(sa.update(work_item).where(theirs).values(values))
        said = {"kind": kind, "at": ledger.now(), "run_id": None, "actor": person.name, "note": note.strip() or None}
        shown = _SHOWN.get(kind)
        events = [
            {
                "item_id": one["item_id"], **said,
                "before": one[shown] if shown else None, "after": values[shown] if shown else None,
            }
            for one in changed
        ]  # fmt: skip
        ledger.insert(connection, work_item_event, events)
        audit.append(ledger, connection, *(_entry(person, kind, one, values, note) for one in changed))
    return len(changed)


# Of which column an event gives the value before and after.
_SHOWN = {"acknowledged": "state", "assigned": "assigned_to", "waiting": "waiting_for"}


def _entry(person: Person, kind: str, item: Mapping[str, Any], values: Mapping[str, Any], note: str) -> Entry:
    before = {name: item[name] for name in values}
    return Entry(person.name, kind, f"item:{item['item_id']}", before, dict(values), note.strip() or None)


def _refuse_too_long(values: Mapping[str, Any], note: str) -> None:
    if len(note) > NOTE_CHARACTERS:
        raise ParamsError(f"The note has {len(note):,} characters: at most {NOTE_CHARACTERS:,} are kept.")
    if any(len(value or "") > NAME_CHARACTERS for value in values.values()):
        raise ParamsError(f"The name is too long: at most {NAME_CHARACTERS} characters are kept.")
