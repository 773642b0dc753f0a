"""The tasks of `weeknight_refresh`: each calls one stage with the run's context, and `task_boundary` ends it.

Heavy imports (pandas, Great Expectations) happen in the bodies.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from include.runtime.stops import Step
from include.runtime.task_boundary import find_connection, find_triggered, in_words, lost_tasks, staged

if TYPE_CHECKING:
    from include.pipelines.run.context import RunContext

log = logging.getLogger(__name__)


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


def refresh_context() -> RunContext:
    """The run's context, made from Airflow's: settings, ledger and request, once a task."""
    from etl.load.ledger.guards import last_stopped_day
    from include.pipelines.run.context import RunContext, RunRequest, or_mistaken, read_request
    from include.runtime.connections import Connections
    from include.runtime.context import ledger_of
    from include.runtime.settings import settings

    run, connections = find_triggered(settings()), Connections(find_connection)
    ledger, refresh = ledger_of(settings(), connections), settings().refresh
    is_holiday = run.is_scheduled and run.day in refresh.holidays
    if run.params.get("release_guard"):
        run = replace(run, day=last_stopped_day(ledger) or run.day)
    user = run.actor.name
    request = or_mistaken(
        lambda: read_request(run, is_holiday, refresh.latest_as_of),
        RunRequest(run.run_id, run.dag_id, run.day, requested_by=user, triggered_by=user),
    )
    return RunContext(request, settings(), connections, ledger)
