"""Conflicts: fields where the CRM and an edit in Profiles both moved, side by side, to be decided for one side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response

from etl.errors import ParamsError
from etl.load.ledger.desk import decisions, queries, signing, units
from etl.load.ledger.desk.decisions import KEPT, Conflict
from etl.load.ledger.desk.queries import Filters
from etl.load.ledger.desk.units import Unit
from etl.load.ledger.desk.work import Person
from etl.load.ledger.pins import SIDES
from etl.load.profiles.decisions import value_hash
from etl.load.profiles.document import Path, flatten
from etl.load.profiles.field_paths import read_path
from etl.shapes import shape_of
from include.desk import kit
from include.desk.context import Desk, Refused, desk_of
from include.desk.pages.household import require_unit
from include.desk.security import DECIDE, DeskUser, User, form_of, not_there

OVERWRITTEN = "EMY-OVERWRITTEN"
ROWS = 200

router = APIRouter()


@dataclass(frozen=True)
class Row:
    """A field in conflict, for the page: what we wrote last, what Profiles has and what the CRM says.

    The three are shapes, or values where the person was shown them. ``can_decide``: it is one value, which a load can
    write by itself, and the values are still kept.
    """

    conflict: Conflict
    base: str
    theirs: str
    ours: str
    can_decide: bool
    token: str = ""


@router.get("/conflicts")
def all_conflicts(request: Request, user: User) -> Response:
    """The households with fields that Profiles kept; and, for information, fields that were overwritten at eMoney."""
    ledger = desk_of(request).ledger
    kept, overwritten = (
        queries.list_items(ledger, user.offices, Filters(rule=rule), me=user.name, limit=ROWS)
        for rule in (KEPT, OVERWRITTEN)
    )
    return kit.page(request, "conflicts.html.j2", kept=kept, overwritten=overwritten, rows_shown=ROWS)


@router.get("/conflicts/{unit_key}")
def conflicts_of(request: Request, user: User, unit_key: str) -> Response:
    """The fields of one household, by shape."""
    return _page(request, user, unit_key, shown="")


@router.post("/conflicts/{unit_key}")
def decide_or_show(request: Request, user: User, unit_key: str) -> Response:
    """Decides a field for one side, takes a decision back, or shows the values of a field; each is in the audit."""
    user.require(DECIDE)
    desk, given = desk_of(request), form_of(request)
    unit, person = _find_unit(desk, user, unit_key), Person(user.name, user.offices)
    name, reason = str(given.get("field") or ""), str(given.get("reason") or "")
    try:
        if given.get("do") == "show":
            signing.note_decision(desk.ledger, person, "value shown", f"unit:{unit_key}", {"field": name}, reason)
            return _page(request, user, unit_key, shown=name)
        if given.get("do") == "withdraw":
            signing.withdraw_decision(desk.ledger, person, _number(given.get("decision")))
            sentence = f"The decision on {name} is taken back."
        else:
            sentence = _decide(desk, person, unit, name, str(given.get("do") or ""), reason, str(given.get("seen")))
    except ParamsError as error:
        raise Refused(f"{error} Go back and send the form again.", 422) from None
    return kit.done(request, f"/conflicts/{unit_key}", sentence)


def _decide(desk: Desk, person: Person, unit: Unit, name: str, side: str, reason: str, seen: str) -> str:
    row = next((one for one in _rows(desk, unit.unit_key, "") if one.conflict.field == name), None)
    if row is None or not row.can_decide or side not in SIDES:
        raise Refused("This field stands in conflict no longer. Go back and look again.", 409)
    if row.token != seen:
        raise Refused("One of the two values has moved since you opened the page. Go back and look again.", 409)
    chosen = next(one for one in SIDES if one == side)
    theirs, _, ours = seen.partition(".")
    signing.decide_field(desk.ledger, person, unit.unit_key, name, chosen, (theirs, ours), reason)
    said = "the CRM's value is written" if chosen == "smartoffice" else "the value stays, and is asked no more"
    return f"{name}: with the next run {said}."


def _page(request: Request, user: DeskUser, unit_key: str, shown: str) -> Response:
    desk = desk_of(request)
    unit = _find_unit(desk, user, unit_key)
    return kit.page(request, "conflict.html.j2", unit=unit, rows=_rows(desk, unit_key, shown), shown=shown)


def _find_unit(desk: Desk, user: DeskUser, unit_key: str) -> Unit:
    """A unit of the ledger that is in the user's offices, by the CRM of now, too: its values may be shown."""
    require_unit(desk, user, unit_key)
    unit = units.find_unit(desk.ledger, user.offices, unit_key)
    if unit is None:
        raise not_there()
    return unit


def _rows(desk: Desk, unit_key: str, shown: str) -> list[Row]:
    base = flatten(decisions.find_base_of(desk.ledger, unit_key))
    return [_row(one, base, one.field == shown) for one in decisions.read_conflicts(desk.ledger, unit_key)]


def _row(conflict: Conflict, base: dict[Path, Any], is_shown: bool) -> Row:
    path = _leaf(conflict.field)
    in_words = _value if is_shown else shape_of
    if path is None or not conflict.has_values:
        return Row(conflict, "—", "—", "—", can_decide=False)
    token = f"{value_hash(path, conflict.theirs)}.{value_hash(path, conflict.ours)}"
    known = in_words(base[path]) if path in base else "never sent"
    return Row(conflict, known, in_words(conflict.theirs), in_words(conflict.ours), can_decide=True, token=token)


def _leaf(name: str) -> Path | None:
    """The path of a field that is one value; None for a person or an item as a whole."""
    try:
        path = read_path(name)
        value_hash(path, None)
    except (ParamsError, AssertionError):
        return None
    return path


def _value(value: Any) -> str:
    return "blank" if value in (None, "", []) else str(value)


def _number(value: Any) -> int:
    text = str(value or "")
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Refused("The form does not say which decision. Go back and send it again.", 422)
    return int(text)
