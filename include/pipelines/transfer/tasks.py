"""The tasks of `office_transfer`: each reads its parameters and calls one stage, and `task_boundary` ends it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowSkipException

from include.runtime.task_boundary import (
    AT_A_TERMINAL,
    find_actor,
    find_connection,
    given_params,
    in_words,
    lost_tasks,
    office_day,
    staged,
)


def plan_transfer() -> dict[str, int]:
    """Reads, claims, checks, plans, writes the manifest."""
    from include.pipelines.transfer.plan import plan_transfer as plan

    return staged("plan", transfer_context, plan)


def ask() -> Any:
    """What the receiving user is asked; None: nobody is."""
    from include.pipelines.transfer.answer import make_question

    is_there = get_current_context()["dag_run"].triggering_user_name != AT_A_TERMINAL
    return in_words(transfer_context, lambda context: make_question(context, is_there))


def patience() -> Any:
    """How long the action goes on waiting; None: its time is over, or the transfer has ended."""
    from include.pipelines.transfer.answer import read_patience

    return in_words(transfer_context, read_patience)


def take_answer(given: Mapping[str, Any]) -> str | None:
    """Keeps an answer; None: it does not count and has to be asked again."""
    from include.pipelines.transfer.answer import take_answer as take

    return in_words(transfer_context, lambda context: take(context, given))


def import_transfer() -> dict[str, int]:
    """Moves what was accepted; is skipped where nothing is to be moved."""
    from include.pipelines.transfer.move import move_accepted

    moved: dict[str, int] | None = staged("import", transfer_context, move_accepted)
    if moved is None:
        raise AirflowSkipException("There is nothing to move: the report says why.")
    return moved


def report_transfer() -> dict[str, Any]:
    """Closes the run: manifest, worklist, archive; fails where an earlier task has failed."""
    from include.pipelines.transfer.report import report_transfer as report

    return in_words(transfer_context, lambda context: report(context, lost_tasks(context)))


def transfer_context() -> Any:
    """The run's context, made from Airflow's."""
    from include.pipelines.transfer.context import TransferContext
    from include.pipelines.transfer.request import read_transfer_request
    from include.runtime.connections import Connections
    from include.runtime.settings import settings

    run = get_current_context()["dag_run"]
    day = office_day(settings().refresh.timezone)
    actor = find_actor(settings().service.may_act_for_others)
    request = read_transfer_request(run.run_id, run.dag_id, given_params(), dict(run.conf or {}), day, actor)
    return TransferContext(request, settings(), Connections(find_connection))
