"""The tasks of `weeknight_refresh`: each reads its parameters and calls one stage, and `task_boundary` ends it.

Heavy imports (pandas, Great Expectations) happen in the bodies.
"""

from __future__ import annotations

import logging
from typing import Any

from airflow.sdk import get_current_context

from include.runtime.task_boundary import (
    find_actor,
    find_connection,
    given_params,
    in_words,
    lost_tasks,
    office_day,
    staged,
)

log = logging.getLogger(__name__)


def extract_crm() -> list[dict[str, Any]]:
    """Checks the parameters and the CRM, decides the scope, stages the shards; gives one mapping entry a shard."""
    from include.pipelines.refresh.plan import plan_and_extract

    shards = staged("extract", _context, plan_and_extract)
    log.info("%s shards staged", len(shards))
    return [{"shard": number} for number in shards]


def transform_shard(shard: int) -> int:
    """Documents, facts and receipts of one shard."""
    from include.pipelines.refresh.transform import transform_shard as transform

    return staged(f"transform {shard}", _context, lambda context: transform(context, shard))


def validate_documents(vendor: str) -> int:
    """The gate over all shards of one vendor: decides every unit before anything is sent."""
    from include.pipelines.refresh.validate import validate_vendor

    def validate_if_wanted(context: Any) -> int:
        return validate_vendor(context, vendor) if vendor in context.request.vendors else 0

    return staged(f"validate {vendor}", _context, validate_if_wanted)


def load_shard(vendor: str, shard: int) -> dict[str, int]:
    """One shard to one vendor."""
    from include.pipelines.refresh.load import load_shard as load

    def load_if_wanted(context: Any) -> dict[str, int]:
        return load(context, vendor, shard) if vendor in context.request.vendors else {}

    return staged(f"load_{vendor} {shard}", _context, load_if_wanted)


def report_run() -> dict[str, Any]:
    """Books, findings, the stewards' report; fails where an earlier task has failed."""
    from include.pipelines.refresh.report import report_run as report

    return in_words(_context, lambda context: report(context, lost_tasks(context)))


def _context() -> Any:
    """The run's context, made from Airflow's."""
    from etl.load.ledger.guards import last_stopped_day
    from include.pipelines.run.context import RunContext, RunRequest, or_mistaken, read_request
    from include.runtime.connections import Connections
    from include.runtime.context import ledger_of
    from include.runtime.settings import settings

    run = get_current_context()["dag_run"]
    refresh, params = settings().refresh, given_params()
    day = office_day(refresh.timezone)
    is_holiday = run.run_type == "scheduled" and day in refresh.holidays
    conf, user = dict(run.conf or {}), find_actor().name
    connections = Connections(find_connection)
    if params.get("release_guard"):
        day = last_stopped_day(ledger_of(settings(), connections)) or day
    request = or_mistaken(
        lambda: read_request(run.run_id, run.dag_id, params, conf, day, user, is_holiday, refresh.latest_as_of),
        RunRequest(run.run_id, run.dag_id, day, requested_by=user, triggered_by=user),
    )
    return RunContext(request, settings(), connections)
