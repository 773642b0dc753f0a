"""What contradicts itself: role against relation in the CRM, and Profiles against eMoney."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from etl.load.ledger.desk import queries
from etl.load.ledger.desk.differences import list_apart
from etl.load.ledger.desk.queries import Filters
from include.desk import kit
from include.desk.context import desk_of
from include.desk.differences import OF_THE_SPOUSE, compare_units, families_apart
from include.desk.security import User, not_there

router = APIRouter()

SHOWN = 50


@router.get("/differences")
def show(request: Request, user: User, office: str = "", page: str = "1") -> Response:
    """The families to mend, and a page of units whose records at the vendors differ; of all offices, or of one."""
    ledger = desk_of(request).ledger
    offices = queries.read_choices(ledger, user.offices).offices
    office_id = next((number for number in offices if str(number) == office), None)
    if (office and office_id is None) or not (page.isascii() and page.isdigit() and 0 < int(page) < 10**6):
        raise not_there()
    number = int(page)
    units = list_apart(ledger, user.offices, office_id, SHOWN + 1, (number - 1) * SHOWN)
    chosen = Filters(rule=OF_THE_SPOUSE[0], office=office_id)
    return kit.page(
        request,
        "differences.html.j2",
        offices=offices,
        office=office_id,
        rule=OF_THE_SPOUSE[0],
        families=families_apart(ledger, user.offices, office_id, SHOWN),
        families_total=queries.count_items(ledger, user.offices, chosen).items,
        compared=compare_units(ledger, units[:SHOWN]),
        looked_at=len(units[:SHOWN]),
        page=number,
        is_last=len(units) <= SHOWN,
    )
