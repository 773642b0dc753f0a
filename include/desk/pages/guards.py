"""Guards: the runs that were stopped because too much would change, their causes, and the release by a named person."""

from __future__ import annotations

import json
from itertools import groupby
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from etl.errors import VENDOR_NAMES, ParamsError
from etl.load.ledger import guards, runs
from etl.load.ledger.desk import signing
from etl.load.ledger.desk.work import Person
from etl.load.ledger.guards import Stopped
from include.desk import kit
from include.desk.airflow import new_run_id, trigger
from include.desk.context import Desk, Refused, desk_of
from include.desk.security import DECIDE, User, form_of

DAG = "weeknight_refresh"

router = APIRouter()


@router.get("/guards")
def stopped_runs(request: Request, user: User) -> Response:
    """What waits: for each vendor the stopped run, and its causes by field and pattern."""
    stops = _stops(desk_of(request))
    return kit.page(request, "guards.html.j2", stops=stops, causes={one.vendor: _by_field(one) for one in stops})


@router.post("/guards/release")
async def release(request: Request, user: User) -> Response:
    """Starts the weeknight run that goes on with exactly what was stopped, in the person's name, with the reason."""
    user.require(DECIDE)
    desk, given = desk_of(request), form_of(request)
    reason = str(given.get("reason") or "")
    stops = await run_in_threadpool(_stops, desk)
    if not stops:
        raise Refused("No guard has stopped a run that waits. Go back to the page of guards.", 422)
    if {str(one) for one in given.getlist("stopped")} != {one.run_id for one in stops}:
        raise Refused("Another run was stopped since you opened the page. Look at its causes, then release it.", 409)
    run_id = new_run_id("release")
    try:
        after = {"run": run_id, "stopped": [one.run_id for one in stops]}
        note = (Person(user.name, user.offices), "guard released", f"run:{stops[0].run_id}", after)
        await run_in_threadpool(signing.note_decision, desk.ledger, *note, reason)
    except ParamsError as error:
        raise Refused(f"{error} Go back and send the form again.", 422) from None
    conf = await run_in_threadpool(_conf, desk, stops)
    await trigger(request, DAG, run_id, {**conf, "release_guard": reason.strip()})
    return kit.done(request, "/guards", f"The night goes on with what was stopped, as run {run_id}.")


def _stops(desk: Desk) -> list[Stopped]:
    found = (guards.find_stop(desk.ledger, vendor) for vendor in VENDOR_NAMES)
    return [one for one in found if one is not None]


def _by_field(stopped: Stopped) -> list[tuple[str, list[dict[str, Any]]]]:
    """The causes by field, those without one first; each has affected, of, pattern, words."""
    parts = [dict(part) for part in stopped.parts] or [{"field": "", "words": words} for words in stopped.causes]
    ordered = sorted(parts, key=lambda part: (part.get("field") or "", -part.get("affected", 0)))
    return [(name, list(group)) for name, group in groupby(ordered, key=lambda part: part.get("field") or "")]


def _conf(desk: Desk, stops: list[Stopped]) -> dict[str, Any]:
    """How the stopped run was asked for: what goes on has to be the same."""
    stopped = runs.find_run(desk.ledger, stops[0].run_id)
    asked = json.loads(stopped["params"]) if stopped and stopped["params"] else {}
    conf: dict[str, Any] = {"full": True} if asked.get("full") else {}
    vendors = asked.get("vendors") or [*VENDOR_NAMES]
    return conf if set(vendors) == set(VENDOR_NAMES) else {**conf, "vendors": list(vendors)}
