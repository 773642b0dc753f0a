"""Pins in the ledger: who pinned which field to which side, why, and until when."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import pandas as pd
import sqlalchemy as sa

from etl.errors import ParamsError
from etl.load.bulk import text_list
from etl.load.ledger.links import send_again
from etl.load.ledger.store import Ledger, columns, matching
from etl.load.ledger.tables import pin
from etl.names import near

Side = Literal["profiles", "smartoffice"]
SIDES: tuple[Side, ...] = get_args(Side)
VENDOR = "profiles"
PIN_COLUMNS = ("vendor", "unit_key", "field", "side", "reason", "pinned_by", "triggered_by", "pinned_at", "run_id")


@dataclass(frozen=True)
class Pin:
    """One pinned field, named as `show` names it, its side and why."""

    field: str
    side: Side
    reason: str


def pins_of(ledger: Ledger, unit_key: str) -> tuple[Pin, ...]:
    """The pins in force on a unit's case."""
    return find_pins(ledger, [unit_key]).get(unit_key, ())


def find_pins(ledger: Ledger, unit_keys: Iterable[str]) -> dict[str, tuple[Pin, ...]]:
    """unit key -> the pins in force on its case, of those of the units that have any."""
    theirs = (pin.c.vendor == VENDOR, pin.c.unpinned_at.is_(None))
    statement = sa.select(pin.c.unit_key, *columns(Pin, pin)).where(
        *theirs, pin.c.unit_key.in_(text_list(ledger.engine, unit_keys))
    )
    found: dict[str, tuple[Pin, ...]] = {}
    for row in ledger.rows(statement.order_by(pin.c.pin_id)):
        one = Pin(**{name: row[name] for name in Pin.__dataclass_fields__})
        found[row["unit_key"]] = (*found.get(row["unit_key"], ()), one)
    return found


def read_pins(ledger: Ledger, unit_keys: Iterable[str] | None = None) -> pd.DataFrame:
    """The pins in force, all or those of these units: `PIN_COLUMNS`."""
    statement = sa.select(*(pin.c[name] for name in PIN_COLUMNS)).where(pin.c.unpinned_at.is_(None))
    if unit_keys is not None:
        statement = statement.where(pin.c.unit_key.in_(list(unit_keys)))
    return ledger.frame(statement.order_by(pin.c.unit_key, pin.c.field))


def units_always_written(ledger: Ledger) -> set[str]:
    """The units with a field pinned to SmartOffice: each run checks whether somebody edited it."""
    pinned = (*matching(pin, vendor=VENDOR, side="smartoffice"), pin.c.unpinned_at.is_(None))
    return set(ledger.column(sa.select(pin.c.unit_key).distinct().where(*pinned)))


def check_unpins(ledger: Ledger, unit_key: str, fields: Sequence[str], run_id: str) -> None:
    """Raises `ParamsError` for a field that is not pinned; a field that this run itself unpinned counts as pinned."""
    pinned = {one.field for one in pins_of(ledger, unit_key)}
    mine = matching(pin, vendor=VENDOR, unit_key=unit_key, unpinned_in=run_id)
    known = pinned | set(ledger.column(sa.select(pin.c.field).where(*mine)))
    strangers = [name for name in fields if name not in known]
    if strangers:
        there = f" Pinned are: {', '.join(sorted(pinned))}." if pinned else " Nothing is pinned there."
        raise ParamsError(f"{unit_key}: {strangers[0]} is not pinned.{near(strangers[0], pinned)}{there}")


def change_pins(
    ledger: Ledger,
    unit_key: str,
    pins: Sequence[Pin],
    unpins: Sequence[str],
    by: str | None,
    run_id: str,
    triggered_by: str | None = None,
) -> None:
    """Pins and unpins a unit's fields, in a user's name (``by``); repeated in the same run it changes nothing more.

    The case is merged again in the next load, whether its data changed or not. Raises `ParamsError` for a field to
    unpin that is not pinned.
    """
    check_unpins(ledger, unit_key, unpins, run_id)
    in_force = {one.field: one for one in pins_of(ledger, unit_key)}
    fresh = [one for one in pins if in_force.get(one.field) != one]
    gone = [name for name in (*unpins, *(one.field for one in fresh)) if name in in_force]
    if not fresh and not gone:
        return
    now = ledger.now()
    rows = [
        {
            "vendor": VENDOR, "unit_key": unit_key, "field": one.field, "side": one.side, "reason": one.reason,
            "pinned_by": by, "triggered_by": triggered_by, "pinned_at": now, "run_id": run_id,
        }
        for one in fresh
    ]  # fmt: skip
    with ledger.write() as connection:
        ended = {"unpinned_by": by, "unpin_triggered_by": triggered_by, "unpinned_at": now, "unpinned_in": run_id}
        connection.execute(sa.update(pin).where(*_in_force(unit_key), pin.c.field.in_(gone)).values(**ended))
        if rows:
            connection.execute(sa.insert(pin), rows)
        ledger.apply(connection, send_again(VENDOR, unit_key, part="case"))


def _in_force(unit_key: str) -> tuple[sa.ColumnElement[bool], ...]:
    return *matching(pin, vendor=VENDOR, unit_key=unit_key), pin.c.unpinned_at.is_(None)
