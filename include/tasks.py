"""Where Airflow meets the pipeline: parameters in, `include.refresh` called, errors into what Airflow does with them.

`RetryLater` is raised as it is, so that Airflow tries again; `StopRun` becomes `AirflowFailException`: no retry helps.
Only ids, counts and paths cross between tasks. Heavy imports (pandas, Great Expectations) happen inside the bodies.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowFailException

from etl.errors import RetryLater, StopRun

Result = TypeVar("Result")
log = logging.getLogger(__name__)


def extract_crm() -> list[dict[str, Any]]:
    """Checks the parameters and the CRM, decides the scope, stages the shards; gives one mapping entry a shard."""
    from include.refresh.plan import plan_and_extract

    shards = _staged("extract", plan_and_extract)
    log.info("%s shards staged", len(shards))
    return [{"shard": number} for number in shards]


def transform_shard(shard: int) -> int:
    """Documents, facts and receipts of one shard."""
    from include.refresh.transform import transform_shard as transform

    return _staged(f"transform {shard}", lambda context: transform(context, shard))


def validate_documents() -> dict[str, int]:
    """The gate over all shards: decides every unit before anything is sent."""
    from include.refresh.validate import validate_run

    return _staged("validate", validate_run)


def load_shard(vendor: str, shard: int) -> dict[str, int]:
    """One shard to one vendor."""
    from include.refresh.load import load_shard as load

    if vendor not in _context().request.vendors:
        return {}
    return _staged(f"load_{vendor} {shard}", lambda context: load(context, vendor, shard))


def report_run() -> dict[str, Any]:
    """Books, findings, the stewards' report; fails where an earlier task stopped the run."""
    from include.refresh.report import report_run as report

    return _in_words(report, remember=False)


def _staged(name: str, step: Callable[[Any], Result]) -> Result:
    def timed(context: Any) -> Result:
        with context.staging.timed(name):
            return step(context)

    return _in_words(timed)


def _in_words(step: Callable[[Any], Result], remember: bool = True) -> Result:
    """Runs a step; a stop is noted in the ledger and fails the task without its traceback."""
    context = None
    try:
        context = _context()
        return step(context)
    except StopRun as error:
        if remember and context is not None:
            _note_stop(context, str(error))
        stopped = AirflowFailException(str(error))
    except RetryLater as error:
        if remember and context is not None and not _will_retry():
            _note_stop(context, str(error))
        raise type(error)(str(error)) from None
    raise stopped


def _note_stop(context: Any, why: str) -> None:
    from etl.load.ledger import runs

    try:
        runs.stop_run(context.ledger, context.request.run_id, why)
    except RetryLater:
        log.error("The ledger could not note why the run stopped: %s", why)


def _will_retry() -> bool:
    instance = get_current_context()["ti"]
    return instance.try_number <= (getattr(instance, "max_tries", 0) or 0)


def _context() -> Any:
    """The run's context, made from Airflow's."""
    from include.connections import Connections
    from include.refresh.context import RunContext, read_request
    from include.settings import settings

    airflow = get_current_context()
    run = airflow["dag_run"]
    moment = run.logical_date or run.run_after
    office_day = moment.astimezone(ZoneInfo(settings().refresh.timezone)).date()
    requested_by = getattr(run, "triggering_user_name", None)
    is_holiday = str(run.run_type) == "scheduled" and office_day in settings().refresh.holidays
    request = read_request(
        run.run_id, run.dag_id, dict(airflow["params"]), dict(run.conf or {}), office_day, requested_by, is_holiday
    )
    return RunContext(request, settings(), Connections(_find_connection))


def _find_connection(conn_id: str) -> Any:
    from airflow.sdk import Connection
    from airflow.sdk.exceptions import AirflowNotFoundException, AirflowRuntimeError

    try:
        return Connection.get(conn_id)
    except (AirflowNotFoundException, AirflowRuntimeError):
        return None
