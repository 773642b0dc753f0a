"""The tasks of `office_transfer`: each calls one stage with the run's context, and `task_boundary` ends it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException

from include.runtime.stops import Step
from include.runtime.task_boundary import (
    find_connection,
    find_triggered,
    in_words,
    is_at_a_terminal,
    lost_tasks,
    staged,
)

if TYPE_CHECKING:
    from include.pipelines.transfer.request import TransferContext


def plan_transfer() -> dict[str, int]:
    """Reads, claims, checks, plans, writes the manifest."""
    from include.pipelines.transfer.plan import plan_transfer as plan

    return staged(Step("plan"), transfer_context, plan)


def ask() -> Any:
    """What the receiving user is asked; None: nobody is."""
    from include.pipelines.transfer.answer import make_question

    return in_words(transfer_context, make_question, not is_at_a_terminal())


def patience() -> Any:
    """How long the action goes on waiting; None: its time is over, or the transfer has ended."""
    from include.pipelines.transfer.answer import read_patience

    return in_words(transfer_context, read_patience)


def take_answer(given: Mapping[str, Any]) -> str | None:
    """Keeps an answer; None: it does not count and has to be asked again."""
    from include.pipelines.transfer.answer import take_answer as take

    return in_words(transfer_context, take, given)


def import_transfer() -> dict[str, int]:
    """Moves what was accepted; is skipped where nothing is to be moved."""
    from include.pipelines.transfer.move import move_accepted

    moved: dict[str, int] | None = staged(Step("import"), transfer_context, move_accepted)
    if moved is None:
        raise AirflowSkipException("There is nothing to move: the report says why.")
    return moved


def report_transfer() -> dict[str, Any]:
    """Closes the run: manifest, worklist, archive; fails where an earlier task has failed."""
    from include.pipelines.transfer.report import report_transfer as report

    return in_words(transfer_context, lambda context: report(context, lost_tasks(context)))


def transfer_context() -> TransferContext:
    """The run's context, made from Airflow's: settings, ledger and request, once a task."""
    from include.pipelines.transfer.request import TransferContext, read_transfer_request
    from include.runtime.connections import Connections
    from include.runtime.settings import settings

    request = read_transfer_request(find_triggered(settings()))
    return TransferContext(request, settings(), Connections(find_connection))
