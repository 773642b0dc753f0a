"""The search field: households and persons by name, key or contact, with items or without.

What is typed is sent as a form: an address stands in the logs of servers, and may not hold a client's name.
"""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from etl.extract import desk as crm
from etl.load.ledger.desk import queries, units
from include.desk import kit
from include.desk.context import Desk, desk_of
from include.desk.security import DeskUser, User, form_of

router = APIRouter()

SHOWN = 50
CHARACTERS = 200


@dataclass(frozen=True)
class Hit:
    """A unit that was found: ``through``: the members by whom, ``items``: how many are open."""

    unit_key: str
    household_name: str
    head_name: str
    office_name: str
    through: tuple[str, ...]
    items: int


@router.get("/search")
def search(request: Request, user: User) -> Response:
    """What can be typed."""
    return kit.page(request, "search.html.j2", wanted="", hits=[], is_all=True)


@router.post("/search")
def search_for(request: Request, user: User) -> Response:
    """What a text means: in the ledger, and in the CRM as it is now."""
    wanted = str(form_of(request).get("q") or "").strip()[:CHARACTERS]
    hits = find(desk_of(request), user, wanted) if wanted else []
    return kit.page(request, "search.html.j2", wanted=wanted, hits=hits, is_all=len(hits) < SHOWN)


def find(desk: Desk, user: DeskUser, wanted: str) -> list[Hit]:
    """The units that the user may see and that a text means, by name."""
    known = {one.unit_key: one for one in units.search_units(desk.ledger, user.offices, wanted, SHOWN)}
    with desk.crm() as snapshot:
        there = {one.unit_key: one for one in crm.search_units(snapshot, user.offices, wanted, SHOWN)}
    open_items = queries.count_open(desk.ledger, {**known, **there})
    hits = [
        Hit(
            key,
            known[key].household_name if key in known else there[key].name,
            known[key].head_name if key in known else "",
            known[key].office_name if key in known else "",
            there[key].members if key in there else (),
            open_items.get(key, 0),
        )
        for key in {**known, **there}
    ]
    return sorted(hits, key=lambda hit: (hit.household_name.casefold(), hit.unit_key))[:SHOWN]
