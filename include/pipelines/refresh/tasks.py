"""The tasks of `weeknight_refresh`: each calls one stage with the run's context, and `task_boundary` ends it.

Heavy imports (pandas, Great Expectations) happen in the bodies.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import cache
from itertools import product
from typing import TYPE_CHECKING, Any

from etl.errors import ParamsError
from include.runtime.fields import named
from include.runtime.stops import Step
from include.runtime.task_boundary import Ended, find_connection, find_triggered, in_words, lost_tasks, staged

if TYPE_CHECKING:
    from include.pipelines.run.context import RunContext, RunRequest

log = logging.getLogger(__name__)

CHECK = "household_check"


def extract_crm() -> list[dict[str, Any]]:
    """Checks the parameters and the CRM, decides the scope, stages the shards; gives one mapping entry a shard."""
    from include.pipelines.refresh.plan import plan_and_extract

    shards = staged(Step("extract"), refresh_context, plan_and_extract)
    log.info("%s shards staged", len(shards))
    return [{"shard": number} for number in shards]


def transform_shard(shard: int) -> int:
    """Documents, facts and receipts of one shard."""
    from include.pipelines.refresh.transform import transform_shard as transform

    return staged(Step("transform", shard=shard), refresh_context, transform, shard)


def validate_documents(vendor: str) -> int:
    """The gate over all shards of one vendor: decides every unit before anything is sent."""
    from include.pipelines.refresh.validate import validate_vendor

    return staged(Step("validate", vendor), refresh_context, validate_vendor, vendor)


def load_shard(vendor: str, shard: int) -> dict[str, int]:
    """One shard to one vendor."""
    from include.pipelines.refresh.load import load_shard as load

    return staged(Step("load", vendor, shard), refresh_context, load, vendor, shard)


def report_run() -> dict[str, Any]:
    """Books, findings, the stewards' report; fails where an earlier task has failed."""
    from include.pipelines.refresh.report import report_run as report

    return in_words(refresh_context, lambda context: report(context, lost_tasks(context)))


def check_units() -> dict[str, dict[str, int]]:
    """All that comes before the report, for the units of a run of `household_check`: one task, for a person waits.

    A vendor that stops its load does not stop the other one's.
    """
    from include.pipelines.refresh.load import load_shard as load
    from include.pipelines.refresh.plan import plan_and_extract
    from include.pipelines.refresh.transform import transform_shard as transform
    from include.pipelines.refresh.validate import validate_vendor

    make_context = cache(refresh_context)
    shards = staged(Step("extract"), make_context, plan_and_extract)
    vendors = make_context().request.vendors
    for shard in shards:
        staged(Step("transform", shard=shard), make_context, transform, shard)
    for vendor in vendors:
        staged(Step("validate", vendor), make_context, validate_vendor, vendor)
    ended: dict[str, dict[str, int]] = {}
    stops: list[Ended] = []
    for vendor, shard in product(vendors, shards):
        try:
            ended[vendor] = staged(Step("load", vendor, shard), make_context, load, vendor, shard)
        except Ended as stop:
            stops.append(stop)
    if stops:
        raise stops[0]
    return ended


def keep_forecast() -> dict[str, Any]:
    """Closes the dry run and keeps what the night would do; fails where an earlier task has failed."""
    from include.pipelines.refresh.forecast import report_forecast

    return in_words(refresh_context, lambda context: report_forecast(context, lost_tasks(context)))


def refresh_context() -> RunContext:
    """The run's context, made from Airflow's: settings, ledger and request, once a task.

    A forecast is a dry run as of the day of the next night.
    """
    from etl.load.ledger.desk.forecasts import FORECAST
    from etl.load.ledger.guards import last_stopped_day
    from include.pipelines.run.context import RunContext, RunRequest, or_mistaken, read_request
    from include.runtime.connections import Connections
    from include.runtime.context import ledger_of
    from include.runtime.schedule import day_of_next
    from include.runtime.settings import settings

    run, connections = find_triggered(settings()), Connections(find_connection)
    ledger, refresh = ledger_of(settings(), connections), settings().refresh
    if run.dag_id == FORECAST:
        tonight = day_of_next(refresh.schedule, refresh.timezone, run.at)
        run = replace(run, day=tonight, params={**run.params, "dry_run": True}, is_scheduled=True)
    is_holiday = run.is_scheduled and run.day in refresh.holidays
    if run.params.get("release_guard"):
        run = replace(run, day=last_stopped_day(ledger) or run.day)
    user = run.actor.name
    request = or_mistaken(
        lambda: _named_units(read_request(run, is_holiday, refresh.latest_as_of)),
        RunRequest(run.run_id, run.dag_id, run.day, requested_by=user, triggered_by=user),
    )
    return RunContext(request, settings(), connections, ledger)


def _named_units(request: RunRequest) -> RunRequest:
    """The request; a check names its units. Raises `ParamsError`."""
    if request.dag_id == CHECK and not request.unit_keys:
        raise ParamsError(f"{named('unit_keys')} is empty: name the households to check, such as H12.")
    return request
