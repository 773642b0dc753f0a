"""Where Airflow meets the pipeline: parameters in, `include.refresh` called, errors into what Airflow does with them.

What a step raises on purpose ends its task with one line in words, noted in the ledger for the run's report:
`StopRun` for good, `RetryLater` until the retries are used up (under ``airflow dags test``, where somebody waits, at
once). Only ids, counts and paths cross between tasks. Heavy imports (pandas, Great Expectations) happen in the bodies.
"""

from __future__ import annotations

import logging
import os
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from airflow.sdk import get_current_context

from etl.errors import RetryLater, SettingsError, StopRun

Result = TypeVar("Result")
log = logging.getLogger(__name__)


# Whom Airflow names for a run by ``airflow dags test``: somebody waits for it.
AT_A_TERMINAL = "dag_test"


class Ended(SystemExit):
    """Ends a task whose reason is logged already: Airflow adds one line to an exit, and forty to an exception."""


class EndedForGood(Ended):
    """No retry can help: the DAG's retry policy knows this class."""


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


def validate_documents(vendor: str) -> int:
    """The gate over all shards of one vendor: decides every unit before anything is sent."""
    from include.refresh.validate import validate_vendor

    if vendor not in _context().request.vendors:
        return 0
    return _staged(f"validate {vendor}", lambda context: validate_vendor(context, vendor))


def load_shard(vendor: str, shard: int) -> dict[str, int]:
    """One shard to one vendor."""
    from include.refresh.load import load_shard as load

    def load_if_wanted(context: Any) -> dict[str, int]:
        return load(context, vendor, shard) if vendor in context.request.vendors else {}

    return _staged(f"load_{vendor} {shard}", load_if_wanted)


def report_run() -> dict[str, Any]:
    """Books, findings, the stewards' report; fails where an earlier task has failed."""
    from include.refresh.report import report_run as report

    return _in_words(lambda context: report(context, _lost_tasks(context)))


def _staged(name: str, step: Callable[[Any], Result]) -> Result:
    def timed(context: Any) -> Result:
        with context.staging.timed(name):
            result = step(context)
        runs.forget_stop(context.ledger, context.request.run_id, name)
        return result

    from etl.load.ledger import runs

    return _in_words(timed, name)


def _in_words(step: Callable[[Any], Result], name: str | None = None) -> Result:
    """Runs a step; what ends it is logged in words and, where no retry follows, noted in the ledger under its name."""
    context = None
    for_good = True
    try:
        context = _context()
        return step(context)
    except StopRun as error:
        why = str(error)
    except RetryLater as error:
        why, for_good = str(error), not _will_retry()
    except Exception as error:
        why, for_good = _defect(error), not _will_retry()
    log.error(why if for_good else f"{why} The task is tried again.")
    if name is not None and for_good and context is not None:
        _note_stop(context, name, why)
    raise EndedForGood(1) if for_good else Ended(1)


def _defect(error: Exception) -> str:
    """An error that nobody foresaw: where it happened, without its message, which could hold a client's data."""
    frames = traceback.extract_tb(error.__traceback__)
    log.error("Where it happened:\n%s", "".join(traceback.format_list(frames)))
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}"
    return f"An unexpected {type(error).__name__} at {where} stopped the task: a defect. The task's log shows its way."


def _note_stop(context: Any, name: str, why: str) -> None:
    from etl.load.ledger import runs

    try:
        runs.stop_run(context.ledger, context.request.run_id, name, why)
    except RetryLater:
        log.warning("The ledger could not note why the run stopped.")


def _lost_tasks(context: Any) -> list[str]:
    """The tasks of the run that have failed: one that was killed could note nothing itself."""
    run_id = context.request.run_id
    instance = get_current_context()["ti"]
    states = instance.get_task_states(dag_id=context.request.dag_id, run_ids=[run_id])[run_id]
    return sorted(name for name, state in states.items() if state == "failed")


def _will_retry() -> bool:
    airflow = get_current_context()
    if airflow["dag_run"].triggering_user_name == AT_A_TERMINAL:
        return False
    return airflow["ti"].try_number <= (getattr(airflow["ti"], "max_tries", 0) or 0)


def _context() -> Any:
    """The run's context, made from Airflow's."""
    from include.connections import Connections
    from include.refresh.context import RunContext, read_request
    from include.settings import settings

    airflow = get_current_context()
    run = airflow["dag_run"]
    moment = run.logical_date or run.run_after
    office_day = moment.astimezone(ZoneInfo(settings().refresh.timezone)).date()
    is_holiday = run.run_type == "scheduled" and office_day in settings().refresh.holidays
    request = read_request(
        run.run_id,
        run.dag_id,
        # Airflow puts all that the conf holds among the parameters: known are those that the DAG declares.
        {name: airflow["params"][name] for name in airflow["dag"].params},
        dict(run.conf or {}),
        office_day,
        "the command line" if run.triggering_user_name == AT_A_TERMINAL else run.triggering_user_name,
        is_holiday,
    )
    return RunContext(request, settings(), Connections(_find_connection))


def _find_connection(conn_id: str) -> Any:
    from airflow.sdk import Connection
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        return Connection.get(conn_id)
    except AirflowNotFoundException:
        variable = f"AIRFLOW_CONN_{conn_id.upper()}"
        if os.environ.get(variable):
            raise SettingsError(f"{variable} is neither a URI nor JSON that Airflow can read.") from None
        return None
