"""Pins: a person decides which side owns a field, until the field is unpinned.

Pinned to ``profiles`` a field is never written; pinned to ``smartoffice`` it is always written, also where an advisor
edited it. A pin on an object (``clientA.addressInfo``) or an item (``assets[account:5]``) holds for all its fields; the
nearest pin decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from etl.errors import ParamsError
from etl.load.delivery import Standing
from etl.load.job import ByHand, Job
from etl.load.ledger.pins import SIDES, Pin, Side
from etl.load.profiles.document import Path, show
from etl.load.profiles.field_paths import read_path

LONGEST_REASON = 500
LONGEST_FIELD = 200
_KEYS = ("field", "side", "reason")


@dataclass(frozen=True)
class Pins:
    """The pins in force on one unit, by path."""

    sides: Mapping[Path, Side] = field(default_factory=dict)

    @classmethod
    def of(cls, pins: Iterable[Pin]) -> Pins:
        """Pins as the merge looks them up; of two on one field the last."""
        return cls({read_path(pin.field): pin.side for pin in pins})

    def side(self, path: Path) -> Side | None:
        """The side to which a field, an object or an item is pinned, if to any."""
        if not self.sides:
            return None
        return next((self.sides[path[:end]] for end in range(len(path), 0, -1) if path[:end] in self.sides), None)

    @property
    def overrule_edits(self) -> bool:
        """Whether a field is always written: then the case is looked at in every run."""
        return "smartoffice" in self.sides.values()


NO_PINS = Pins()


def pins_in_force(job: Job, standing: Standing) -> Pins:
    """The pins on a unit's case: those of the ledger, with what this run pins and unpins."""
    known = {one.field: one for one in standing.pins}
    asked = job.by_hand or ByHand()
    kept = {name: one for name, one in known.items() if name not in asked.unpins}
    return Pins.of((kept | {one.field: one for one in asked.pins}).values())


def read_pins(value: Any) -> tuple[Pin, ...]:
    """The pins of a run's parameter: a list of ``{"field", "side", "reason"}``. Raises `ParamsError` in words."""
    if value in (None, "", []):
        return ()
    if not isinstance(value, list) or not all(isinstance(one, Mapping) for one in value):
        raise ParamsError('pin is a list such as [{"field": "clientA.homePhone", "side": "profiles", "reason": "…"}].')
    pins = tuple(_read_pin(one) for one in value)
    twice = {one.field for one in pins if sum(other.field == one.field for other in pins) > 1}
    if twice:
        raise ParamsError(f"pin names {', '.join(sorted(twice))} more than once.")
    return pins


def read_unpins(value: Any) -> tuple[str, ...]:
    """The fields of a run's parameter that are to be unpinned, as `show` names them. Raises `ParamsError`."""
    if value in (None, "", []):
        return ()
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise ParamsError('unpin is a list of fields such as ["clientA.homePhone"].')
    return tuple(dict.fromkeys(show(read_path(one)) for one in value))


def _read_pin(value: Mapping[Any, Any]) -> Pin:
    unknown = sorted(str(name) for name in value if name not in _KEYS)
    if unknown:
        raise ParamsError(f"A pin has no {', '.join(unknown)}: it has field, side and reason.")
    side = value.get("side")
    if side not in SIDES:
        raise ParamsError(f"A pin's side is profiles or smartoffice, not {side!r}.")
    reason = value.get("reason")
    if not isinstance(reason, str) or not reason.strip():
        raise ParamsError("A pin needs a reason.")
    name = value.get("field")
    if not isinstance(name, str):
        raise ParamsError(f"A pin's field is a name such as clientA.homePhone, not {name!r}.")
    shown = show(read_path(name))
    if len(shown) > LONGEST_FIELD:
        raise ParamsError("A pin's field is too long.")
    return Pin(shown, side, reason.strip()[:LONGEST_REASON])
