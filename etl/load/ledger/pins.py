"""Pins in the ledger: who pinned which field to which side, why, and until when."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, cast, get_args

import pandas as pd
import sqlalchemy as sa

from etl.errors import ParamsError
from etl.load.ledger.store import Ledger
from etl.load.ledger.tables import pin, sent
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
    columns = (pin.c.field, pin.c.side, pin.c.reason)
    rows = ledger.rows(sa.select(*columns).where(*_in_force(unit_key)).order_by(pin.c.pin_id))
    return tuple(Pin(row["field"], cast(Side, row["side"]), row["reason"]) for row in rows)


def read_pins(ledger: Ledger, unit_keys: Iterable[str] | None = None) -> pd.DataFrame:
    """The pins in force, all or those of these units: `PIN_COLUMNS`."""
    columns = [pin.c[name] for name in PIN_COLUMNS]
    statement = sa.select(*columns).where(pin.c.unpinned_at.is_(None)).order_by(pin.c.unit_key, pin.c.field)
    if unit_keys is not None:
        statement = statement.where(pin.c.unit_key.in_(list(unit_keys)))
    return ledger.frame(statement)


def units_always_written(ledger: Ledger) -> set[str]:
    """The units with a field pinned to SmartOffice: each run looks whether somebody edited it."""
    pinned = (pin.c.vendor == VENDOR, pin.c.side == "smartoffice", pin.c.unpinned_at.is_(None))
    return {row["unit_key"] for row in ledger.rows(sa.select(pin.c.unit_key).distinct().where(*pinned))}


def check_unpins(ledger: Ledger, unit_key: str, fields: Sequence[str], run_id: str) -> None:
    """Raises `ParamsError` for a field that is not pinned; what this run itself has unpinned counts as pinned."""
    pinned = {one.field for one in pins_of(ledger, unit_key)}
    mine = sa.select(pin.c.field).where(pin.c.vendor == VENDOR, pin.c.unit_key == unit_key, pin.c.unpinned_in == run_id)
    known = pinned | {row["field"] for row in ledger.rows(mine)}
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
    """Pins and unpins a unit's fields, in a user's name (``by``); a step that is run again changes nothing more.

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
        ended = {
            "unpinned_by": by, "unpin_triggered_by": triggered_by, "unpinned_at": now, "unpinned_in": run_id,
        }  # fmt: skip
        connection.execute(sa.update(pin).where(*_in_force(unit_key), pin.c.field.in_(gone)).values(**ended))
        if rows:
            connection.execute(sa.insert(pin), rows)
        connection.execute(
            sa.update(sent)
            .where(sent.c.vendor == VENDOR, sent.c.unit_key == unit_key, sent.c.part == "case")
            .values(offered_hash="")
        )


def _in_force(unit_key: str) -> tuple[sa.ColumnElement[bool], ...]:
    return pin.c.vendor == VENDOR, pin.c.unit_key == unit_key, pin.c.unpinned_at.is_(None)
