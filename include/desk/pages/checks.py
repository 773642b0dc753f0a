"""Check again: a household that was mended goes through all stages of a night, by Airflow, while the steward waits."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from etl.frames import each_row
from etl.load.ledger import runs
from etl.load.ledger.desk import queries, signing, waivers
from etl.load.ledger.desk.items import MENDED
from etl.load.ledger.desk.work import Person
from etl.units import is_unit_key
from expectations.rules.cards import title
from include.desk import kit
from include.desk.airflow import AirflowRun, find_run, new_run_id, trigger
from include.desk.context import Desk, desk_of
from include.desk.pages.household import require_unit
from include.desk.security import WORK, DeskUser, User, not_there

DAG = "household_check"
# A page of a run that goes on is asked for again after so many seconds.
SECONDS = 2

router = APIRouter()


@router.post("/household/{unit_key}/check")
async def check_again(request: Request, user: User, unit_key: str) -> Response:
    """Starts the check of a household in the steward's name; the progress is on the run's own page."""
    user.require(WORK)
    desk, run_id = desk_of(request), new_run_id("check")
    await run_in_threadpool(require_unit, desk, user, unit_key)
    person = Person(user.name, user.offices)
    await run_in_threadpool(
        signing.note_deed, desk.ledger, person, "check asked", f"unit:{unit_key}", {"run": run_id}, ""
    )
    await trigger(request, DAG, run_id, {"unit_keys": [unit_key]})
    return kit.done(request, f"/checked/{run_id}", f"{unit_key} is checked again.")


@router.get("/checked/{run_id}")
async def progress(request: Request, user: User, run_id: str) -> Response:
    """The tasks of a check and, when it has ended, what was mended, what is still open, and what was loaded."""
    run = await find_run(request, DAG, run_id)
    keys = _keys(run)
    if run is None or not keys:
        raise not_there()
    desk = desk_of(request)
    for key in keys:
        await run_in_threadpool(require_unit, desk, user, key)
    result = await run_in_threadpool(_result, desk, user, run_id, keys)
    page = kit.page(request, "check.html.j2", run=run, run_id=run_id, keys=keys, rule_title=title, **result)
    if not run.has_ended:
        page.headers["refresh"] = str(SECONDS)
    return page


def _keys(run: AirflowRun | None) -> list[str]:
    given = run.conf.get("unit_keys") if run is not None else None
    return [key for key in given if is_unit_key(key)] if isinstance(given, list) else []


def _result(desk: Desk, user: DeskUser, run_id: str, keys: list[str]) -> dict[str, Any]:
    items = [item for key in keys for item in queries.items_of_unit(desk.ledger, user.offices, key)]
    return {
        "outcomes": list(each_row(runs.read_outcomes(desk.ledger, run_id).fillna({"reason": ""}))),
        "mended": [item for item in items if item.closed_run == run_id],
        "waived": waivers.covering(desk.ledger, items, desk.today),
        "still_open": [item for item in items if item.state != MENDED],
        "stops": list(runs.why_stopped(desk.ledger, run_id).values()),
    }
