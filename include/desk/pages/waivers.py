"""Waivers: ask for one on an item, approve another person's, end one; all that stand, and the last that ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from fastapi import APIRouter, Request, Response
from starlette.datastructures import FormData

from etl.errors import ParamsError
from etl.load.ledger.desk import queries, signing, units, waivers
from etl.load.ledger.desk.items import MENDED
from etl.load.ledger.desk.queries import Item
from etl.load.ledger.desk.waivers import Scope, Waiver
from etl.load.ledger.desk.work import Person
from expectations.rules.cards import title
from expectations.waivers import NEVER_WAIVED
from include.desk import kit
from include.desk.context import Desk, Refused, desk_of
from include.desk.security import DECIDE, DeskUser, SerialId, User, form_of, not_there

router = APIRouter()


@dataclass(frozen=True)
class LetThrough:
    """What a waiver would let through at a vendor tonight; ``held_by``: the critical items that still hold the unit."""

    vendor: str
    items: list[Item]
    held_by: list[Item]


@router.get("/waivers")
def all_waivers(request: Request, user: User) -> Response:
    """The waivers that stand, and the last that have ended."""
    desk = desk_of(request)
    found = waivers.list_waivers(desk.ledger, user.offices, desk.today)
    return kit.page(request, "waivers.html.j2", waivers=found, today=desk.today, rule_title=title, never=NEVER_WAIVED)


@router.get("/items/{item_id}/waive")
def waive_form(request: Request, user: User, item_id: SerialId) -> Response:
    """What a waiver on this item would let through, and the form; or why the rule cannot be waived."""
    user.require(DECIDE)
    desk = desk_of(request)
    item = _find_item(desk, user, item_id)
    return kit.page(
        request,
        "waive.html.j2",
        item=item,
        why_never=NEVER_WAIVED.get(item.rule_id),
        standing=waivers.waivers_of(desk.ledger, _scope(item, whole=False), desk.today),
        let_through=_let_through(desk, user, _scope(item, whole=True)),
        today=desk.today,
        rule_title=title,
    )


@router.post("/items/{item_id}/waive")
def ask(request: Request, user: User, item_id: SerialId) -> Response:
    """Keeps the waiver. A critical one waits for a second person."""
    user.require(DECIDE)
    desk, given = desk_of(request), form_of(request)
    item = _find_item(desk, user, item_id)
    if item.rule_id in NEVER_WAIVED:
        raise Refused(f"{item.rule_id} cannot be waived, because {NEVER_WAIVED[item.rule_id]}.", 422)
    scope = _scope(item, whole=given.get("what") != "record")
    is_critical = any(one.severity == "critical" for one in _covered(desk, user, scope))
    try:
        made = signing.ask_waiver(
            desk.ledger, Person(user.name, user.offices), scope, str(given.get("reason") or ""), desk.today,
            _day(given), is_critical,
        )  # fmt: skip
    except ParamsError as error:
        raise _refused(error) from None
    then = "It holds nothing yet: a second person has to approve it." if is_critical else "It is in force."
    return kit.done(request, f"/waivers/{made}", f"Waiver {made} is kept. {then}")


@router.get("/waivers/{waiver_id}")
def one_waiver(request: Request, user: User, waiver_id: SerialId) -> Response:
    """A waiver with what it lets through, for the second person who signs."""
    desk = desk_of(request)
    waiver = _find_waiver(desk, user, waiver_id)
    scope = signing.scope_of(waiver)
    covered = _covered(desk, user, scope)
    return kit.page(
        request,
        "waiver.html.j2",
        waiver=waiver,
        covered=covered,
        needs_second=waiver.approved_by is None and any(one.severity == "critical" for one in covered),
        let_through=_let_through(desk, user, scope),
        today=desk.today,
        rule_title=title,
    )


@router.post("/waivers/{waiver_id}")
def sign_or_end(request: Request, user: User, waiver_id: SerialId) -> Response:
    """Approves a waiver, or ends it before its day."""
    user.require(DECIDE)
    desk, given = desk_of(request), form_of(request)
    _find_waiver(desk, user, waiver_id)
    person = Person(user.name, user.offices)
    try:
        if given.get("do") == "approve":
            signing.approve_waiver(desk.ledger, person, waiver_id)
            sentence = f"Waiver {waiver_id} is approved and in force."
        else:
            signing.end_waiver(desk.ledger, person, waiver_id, str(given.get("reason") or ""))
            sentence = f"Waiver {waiver_id} has ended: the item is open again."
    except ParamsError as error:
        raise _refused(error) from None
    return kit.done(request, f"/waivers/{waiver_id}", sentence)


def _find_item(desk: Desk, user: DeskUser, item_id: int) -> Item:
    item = queries.find_item(desk.ledger, user.offices, item_id)
    if item is None or item.state == MENDED:
        raise not_there()
    return item


def _find_waiver(desk: Desk, user: DeskUser, waiver_id: int) -> Waiver:
    """Raises `Refused` for one that is not there, or about a unit that the user may not see."""
    try:
        found = waivers.find_waiver(desk.ledger, waiver_id)
    except KeyError:
        raise not_there() from None
    if units.find_unit(desk.ledger, user.offices, found.unit_key) is None:
        raise not_there()
    return found


def _scope(item: Item, *, whole: bool) -> Scope:
    record = {} if whole else {"entity": item.entity, "entity_id": item.entity_id}
    return Scope(item.unit_key, item.rule_id, **record)


def _open_items(desk: Desk, user: DeskUser, unit_key: str) -> list[Item]:
    return [one for one in queries.items_of_unit(desk.ledger, user.offices, unit_key) if one.state != MENDED]


def _is_covered(item: Item, scope: Scope) -> bool:
    same = (item.unit_key, item.rule_id) == (scope.unit_key, scope.rule_id)
    return same and (not scope.entity or (item.entity, item.entity_id) == (scope.entity, scope.entity_id))


def _covered(desk: Desk, user: DeskUser, scope: Scope) -> list[Item]:
    return [one for one in _open_items(desk, user, scope.unit_key) if _is_covered(one, scope)]


def _let_through(desk: Desk, user: DeskUser, scope: Scope) -> list[LetThrough]:
    """By vendor: the items that the waiver covers, and the critical ones that hold the unit all the same."""
    items = _open_items(desk, user, scope.unit_key)
    holding = [one for one in items if one.severity == "critical" and not _is_covered(one, scope)]
    holding = [one for one in holding if not _is_waived(desk, one)]
    covered = [one for one in items if _is_covered(one, scope)]
    vendors = sorted({vendor for one in covered for vendor in one.vendors.split()}, reverse=True)
    return [
        LetThrough(
            vendor,
            [one for one in covered if vendor in one.vendors.split()],
            [one for one in holding if vendor in one.vendors.split()],
        )
        for vendor in vendors
    ]


def _is_waived(desk: Desk, item: Item) -> bool:
    """Whether a waiver that two persons have signed covers a critical item today."""
    standing = waivers.waivers_of(desk.ledger, _scope(item, whole=False), desk.today)
    return item.rule_id not in NEVER_WAIVED and any(
        one.is_in_force(desk.today) and one.approved_by is not None for one in standing
    )


def _day(given: FormData) -> date:
    """Raises `Refused` for what is no day."""
    try:
        return date.fromisoformat(str(given.get("until") or ""))
    except ValueError:
        raise Refused("Say on which day the item is open again, for example 2026-12-31. Go back.", 422) from None


def _refused(error: ParamsError) -> Refused:
    return Refused(f"{error} Go back and send the form again.", 422)
