"""Tonight: what the next night would hold, create and change, as the forecast of the afternoon said."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from etl.load.ledger.desk import forecasts
from etl.load.ledger.desk.forecasts import SHOWN
from expectations.rules.cards import titles
from include.desk import kit
from include.desk.context import desk_of
from include.desk.security import OfficeNumber, PageNumber, User

ROWS = 100

router = APIRouter()


@router.get("/tonight")
def tonight(
    request: Request, user: User, outcome: str = "held", office: OfficeNumber | None = None, page: PageNumber = 1
) -> Response:
    """The units of one outcome, by office; what a run has brought to the vendor since is marked and not counted."""
    ledger = desk_of(request).ledger
    kind = outcome if outcome in SHOWN else SHOWN[0]
    listed = forecasts.read_units(ledger, user.offices, kind, office, ROWS + 1, (page - 1) * ROWS)
    return kit.page(
        request,
        "tonight.html.j2",
        forecast=forecasts.find_forecast(ledger),
        counts=forecasts.count_units(ledger, user.offices),
        kinds=SHOWN,
        kind=kind,
        office=office,
        units=listed[:ROWS],
        number=page,
        has_more=len(listed) > ROWS,
        titles=titles,
    )
