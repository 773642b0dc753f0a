"""The page of a household, or of a person without one; and the values of one of its records, for whom may see them."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from etl.errors import ParamsError
from etl.extract.desk_unit import TABLES, CrmUnit, find_unit, office_of_record, read_record
from etl.load.ledger.desk import households, queries, units, waivers
from etl.load.ledger.desk.queries import Item
from etl.units import is_key, is_unit_key
from expectations.rules.cards import cards, title
from include.desk import kit
from include.desk.context import Desk, Refused, desk_of
from include.desk.household import stand_at_vendors
from include.desk.security import DECIDE, DeskUser, User, form_of, not_there

router = APIRouter()


@router.get("/household/{unit_key}")
def household(request: Request, user: User, unit_key: str) -> Response:
    """A unit's items with their cards, where it stands at both vendors, and its history."""
    desk = desk_of(request)
    known = require_unit(desk, user, unit_key)
    items = queries.items_of_unit(desk.ledger, None, unit_key)
    return kit.page(
        request,
        "household.html.j2",
        unit=known,
        seen=units.find_unit(desk.ledger, None, unit_key),
        items=[one for one in items if one.state != "mended"],
        waived=waivers.covering(desk.ledger, items, desk.today),
        mended=[one for one in items if one.state == "mended"],
        events=queries.read_history(desk.ledger, [one.item_id for one in items])[::-1],
        rules={one.item_id: one.rule_id for one in items},
        records=_records(items),
        vendors=stand_at_vendors(desk.ledger, unit_key),
        cards=cards(),
        rule_title=title,
    )


@router.post("/household/{unit_key}/values")
def values(request: Request, user: User, unit_key: str) -> Response:
    """The values of a record that one of the unit's items names, as the CRM has them now: for this answer alone.

    The entry in the audit comes first.
    """
    user.require(DECIDE)
    desk, given = desk_of(request), form_of(request)
    known = require_unit(desk, user, unit_key)
    record, reason = str(given.get("record") or ""), str(given.get("reason") or "")
    if record not in _records(queries.items_of_unit(desk.ledger, None, unit_key)):
        raise not_there()
    entity, _, number = record.partition(":")
    with desk.crm() as snapshot:
        # A record may have gone to another office since an item named it.
        user.require_office(office_of_record(snapshot, entity, int(number)))
    try:
        households.note_shown(desk.ledger, user.name, unit_key, record, reason)
    except ParamsError as error:
        raise Refused(f"{error} Go back and send the form again.", 422) from None
    with desk.crm() as snapshot:
        rows = read_record(snapshot, entity, int(number))
    return kit.page(request, "values.html.j2", unit=known, record=record, reason=reason, rows=rows)


def require_unit(desk: Desk, user: DeskUser, unit_key: str) -> CrmUnit:
    """The unit as the CRM has it, else as the ledger knew it last. Raises `Refused` (404) for one out of scope."""
    if not is_unit_key(unit_key):
        raise not_there()
    with desk.crm() as snapshot:
        found = find_unit(snapshot, unit_key)
    if found is None:
        seen = units.find_unit(desk.ledger, user.offices, unit_key)
        if seen is None:
            raise not_there()
        return CrmUnit(unit_key, seen.household_name or seen.head_name, seen.office_id or 0, seen.office_name, True)
    user.require_office(found.office_id)
    return found


def _records(items: list[Item]) -> list[str]:
    """The records of the CRM that items name, such as ``contact:5``."""
    named = {f"{one.entity}:{one.entity_id}" for one in items if one.entity in TABLES and is_key(one.entity_id)}
    return sorted(named)
