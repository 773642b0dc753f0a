"""Where Airflow meets the pipeline, whatever the DAG: what a step raises becomes what Airflow does with its task.

What a step raises on purpose ends its task with one line in words, noted in the ledger for the run's report:
`StopRun` for good, `RetryLater` until the retries are used up (under ``airflow dags test``, where somebody waits, at
once). Only ids, counts and paths cross between tasks.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Collection
from datetime import date, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule, get_current_context

from etl.defects import note_defect
from etl.errors import ParamsError, RetryLater, SettingsError, StopRun
from etl.files import unwritable
from include.runtime.acting import COMMAND_LINE, Actor

Result = TypeVar("Result")
log = logging.getLogger(__name__)


# Whom Airflow names for a run by ``airflow dags test``: somebody waits for it.
AT_A_TERMINAL = "dag_test"

MAKE_WRITABLE = (
    "Make it writable for whoever runs Airflow, free the disk, or set PLANBRIDGE__DATA__FOLDER to another folder; then "
    "run again: nothing is lost."
)


class Ended(SystemExit):
    """Ends a task whose reason is logged already: Airflow adds one line to an exit, and forty to an exception."""


class EndedForGood(Ended):
    """No retry can help: the DAG's retry policy knows this class."""


# How often and when a task of ours is tried again: the ``default_args`` of every DAG.
RETRIES: dict[str, Any] = {
    "retries": 3,
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": 2,
    "retry_policy": ExceptionRetryPolicy(
        [RetryRule(EndedForGood, RetryAction.FAIL, reason="no retry helps: somebody has to act")]
    ),
}


def staged(name: str, make_context: Callable[[], Any], step: Callable[[Any], Result]) -> Result:
    """A step that stages files: timed, its reason for a stop noted under its name, and forgotten when it is through.

    ``make_context`` gives the run's context, with ``request.run_id``, ``ledger`` and ``staging``.
    """
    from etl.load.ledger import runs
    from include.runtime.staging import MISTAKES

    def timed(context: Any) -> Result:
        try:
            with context.staging.timed(name):
                result = step(context)
        except ParamsError:
            context.staging.write(f"{MISTAKES}/{name}", {})
            raise
        runs.forget_stop(context.ledger, context.request.run_id, name)
        return result

    return in_words(make_context, timed, name)


def in_words(make_context: Callable[[], Any], step: Callable[[Any], Result], name: str | None = None) -> Result:
    """Runs a step; what ends it is logged in words and, where no retry follows, noted in the ledger under its name."""
    context = None
    for_good = True
    try:
        context = make_context()
        return step(context)
    except StopRun as error:
        why = str(error)
    except RetryLater as error:
        why, for_good = str(error), not _will_retry()
    except Exception as error:
        refused = unwritable(error)
        why, for_good = (f"{refused} {MAKE_WRITABLE}", True) if refused else (_in_words(error, name), not _will_retry())
    log.error(why if for_good else f"{why} The task is tried again.")
    if name is not None and for_good and context is not None:
        _note_stop(context, name, why)
    raise EndedForGood(1) if for_good else Ended(1)


def lost_tasks(context: Any) -> list[str]:
    """The tasks of the run that have failed: one that was killed could note nothing itself."""
    run_id = context.request.run_id
    instance = get_current_context()["ti"]
    states = instance.get_task_states(dag_id=context.request.dag_id, run_ids=[run_id])[run_id]
    return sorted(name for name, state in states.items() if state == "failed")


def given_params() -> dict[str, Any]:
    """The run's parameters that its DAG declares: Airflow puts all that the conf holds among the parameters."""
    airflow = get_current_context()
    return {name: airflow["params"][name] for name in airflow["dag"].params}


def office_day(timezone: str) -> date:
    """The run's day by the office's clock."""
    run = get_current_context()["dag_run"]
    moment = run.logical_date or run.run_after
    return moment.astimezone(ZoneInfo(timezone)).date()


def find_actor(may_act: Collection[str] = ()) -> Actor:
    """Who triggered the run, as Airflow knows it; ``may_act``: the users who may act for others."""
    user: str | None = get_current_context()["dag_run"].triggering_user_name
    return Actor.of(COMMAND_LINE if user == AT_A_TERMINAL else user, may_act)


def find_connection(conn_id: str) -> Any:
    """Airflow's connection of that id, None where there is none. Raises `SettingsError` for one that is unreadable."""
    from airflow.sdk import Connection
    from airflow.sdk.exceptions import AirflowNotFoundException

    from include.runtime.connections import require_whole

    variable = f"AIRFLOW_CONN_{conn_id.upper()}"
    given = os.environ.get(variable, "")
    require_whole(variable, given)
    try:
        return Connection.get(conn_id)
    except AirflowNotFoundException:
        if given:
            raise SettingsError(f"{variable} is neither a URI nor JSON that Airflow can read.") from None
        return None


def _in_words(error: Exception, name: str | None) -> str:
    sentence = note_defect(error, name or "report")
    return f"The task was stopped by {sentence}"


def _note_stop(context: Any, name: str, why: str) -> None:
    from etl.load.ledger import runs

    try:
        runs.stop_run(context.ledger, context.request.run_id, name, why)
    except RetryLater:
        log.warning("The ledger could not note why the run stopped.")


def _will_retry() -> bool:
    airflow = get_current_context()
    if airflow["dag_run"].triggering_user_name == AT_A_TERMINAL:
        return False
    return airflow["ti"].try_number <= (getattr(airflow["ti"], "max_tries", 0) or 0)
