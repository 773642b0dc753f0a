"""Where Airflow meets the pipeline, in every DAG: what a step raises becomes what Airflow does with its task.

A step that raises on purpose ends its task with one line in words, and the ledger notes the line for the run's report.
`StopRun` ends the task for good. `RetryLater` ends it until the retries are used up; under ``airflow dags test``, where
a person waits, it ends the task at once. Only ids, counts and paths cross between tasks.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar
from zoneinfo import ZoneInfo

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule, get_current_context
from airflow.sdk.exceptions import AirflowRuntimeError

from etl.defects import note_defect
from etl.errors import ParamsError, RetryLater, SettingsError, StopRun
from etl.files import unwritable
from include.runtime.acting import COMMAND_LINE, Actor, Triggered
from include.runtime.metrics import measured
from include.runtime.stops import Step, forget_stop, note_stop

if TYPE_CHECKING:
    from include.runtime.settings import Settings

Result = TypeVar("Result")
log = logging.getLogger(__name__)


# The XCom in which a task leaves the sentence that ends its run, for the run's note (`include.plugins.note_stops`).
STOP = "planbridge_stop"

# The user whom Airflow names for a run by ``airflow dags test``: a person waits for it.
AT_A_TERMINAL = "dag_test"

MAKE_WRITABLE = (
    "Make it writable for the user who runs Airflow, free the disk, or set PLANBRIDGE__DATA__FOLDER to another folder; "
    "then run again: nothing is lost."
)


class Ended(SystemExit):
    """Ends a task whose reason is logged already: Airflow adds one line to an exit, and forty to an exception."""


class EndedForGood(Ended):
    """No retry can help: the DAG's retry policy knows this class."""


# How often and when a task is tried again: the ``default_args`` of every DAG.
RETRIES: dict[str, Any] = {
    "retries": 3,
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": 2,
    "retry_policy": ExceptionRetryPolicy(
        [RetryRule(EndedForGood, RetryAction.FAIL, reason="no retry helps: somebody has to act")]
    ),
}


def staged(step: Step, make_context: Callable[[], Any], do: Callable[..., Result], *given: Any) -> Result:
    """Runs a step that stages files: ``do(context, *given)``. The step is timed, and its stop noted or forgotten.

    ``make_context`` gives the run's context, with ``request.run_id``, ``ledger`` and ``staging``.
    """
    context = None
    try:
        with measured(replace(step, shard=None).name.replace(" ", "_")):
            context = make_context()
            with context.staging.timed(step.name):
                result = do(context, *given)
        forget_stop(context, step)
        return result
    except Exception as error:
        raise _end(error, step, context) from None


def in_words(make_context: Callable[[], Any], do: Callable[..., Result], *given: Any) -> Result:
    """Runs a step that stages nothing: ``do(context, *given)``. What ends it is logged in words and noted nowhere."""
    try:
        with measured("report"):
            return do(make_context(), *given)
    except Exception as error:
        raise _end(error) from None


def _end(error: Exception, step: Step | None = None, context: Any = None) -> Ended:
    """Logs why a task ends, and notes it in the ledger where no retry follows."""
    refused = unwritable(error)
    for_good = isinstance(error, StopRun) or refused is not None or not _will_retry()
    if isinstance(error, (StopRun, RetryLater)):
        why = str(error)
    elif refused is not None:
        why = f"{refused} {MAKE_WRITABLE}"
    else:
        why = f"The task was stopped by {note_defect(error, step.name if step else 'report')}"
    log.error(why if for_good else f"{why} The task is tried again.")
    if for_good:
        _leave_for_note(why)
    if step is not None and for_good and context is not None:
        try:
            note_stop(context, step, why, isinstance(error, ParamsError))
        except RetryLater:
            log.warning("The ledger could not note why the run stopped.")
    return EndedForGood(1) if for_good else Ended(1)


def _leave_for_note(why: str) -> None:
    """Leaves the sentence for the run's note. It is in the log and in the report all the same."""
    try:
        get_current_context()["ti"].xcom_push(key=STOP, value=why)
    except (AirflowRuntimeError, RuntimeError, OSError) as error:
        log.warning("The run's note cannot say why it ended (%s).", type(error).__name__)


def lost_tasks(context: Any) -> list[str]:
    """The tasks of the run that have failed: one that was killed could note nothing itself."""
    run_id = context.request.run_id
    instance = get_current_context()["ti"]
    states = instance.get_task_states(dag_id=context.request.dag_id, run_ids=[run_id])[run_id]
    return sorted(name for name, state in states.items() if state == "failed")


def find_triggered(settings: Settings) -> Triggered:
    """The run of the current task."""
    airflow = get_current_context()
    run = airflow["dag_run"]
    day = (run.logical_date or run.run_after).astimezone(ZoneInfo(settings.refresh.timezone)).date()
    user: str | None = COMMAND_LINE if is_at_a_terminal() else run.triggering_user_name
    actor = Actor.of(user, settings.service.may_act_for_others)
    is_scheduled = run.run_type == "scheduled"
    return Triggered(
        run.run_id, run.dag_id, given_params(), dict(run.conf or {}), day, run.run_after, actor, is_scheduled
    )


def given_params() -> dict[str, Any]:
    """The run's parameters that its DAG declares: Airflow puts all that the conf holds among the parameters."""
    airflow = get_current_context()
    return {name: airflow["params"][name] for name in airflow["dag"].params}


def is_at_a_terminal() -> bool:
    """Whether the run is one by ``airflow dags test``, where nobody can answer a question."""
    return bool(get_current_context()["dag_run"].triggering_user_name == AT_A_TERMINAL)


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


def _will_retry() -> bool:
    instance = get_current_context()["ti"]
    return not is_at_a_terminal() and instance.try_number <= (getattr(instance, "max_tries", 0) or 0)
