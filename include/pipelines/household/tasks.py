"""The report of `household_sync`, and the context of its runs. What comes before is one task: `sync`."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from etl.errors import VENDOR_NAMES
from include.runtime.task_boundary import find_connection, find_triggered, in_words, lost_tasks

if TYPE_CHECKING:
    from include.pipelines.run.context import RunContext

log = logging.getLogger(__name__)


def report_run() -> dict[str, Any]:
    """Books, findings, the report; fails where an earlier task has failed.

    The log and the result of the task give the outcome, above all the address of a case that was to be opened.
    """
    from include.pipelines.refresh.report import report_run as report

    def reported(context: RunContext) -> dict[str, Any]:
        result = report(context, lost_tasks(context))
        then = json.loads((context.reports / "run.json").read_bytes())["then"]
        ended = read_ended(context)
        for one in ended:
            log.info("%s at %s: %s. %s", one.unit_key, VENDOR_NAMES[one.vendor], one.outcome, one.reason)
        return result | result_of(context.request.hand.what.action, ended, then)

    return in_words(household_context, reported)


def read_ended(context: Any) -> list[Any]:
    """The outcome of each unit of the run; a reason is a text, empty where there is none."""
    from etl.frames import each_row
    from etl.load.ledger.runs import read_outcomes

    return list(each_row(read_outcomes(context.ledger, context.request.run_id).fillna({"reason": ""})))


def result_of(action: str, ended: Sequence[Any], then: Sequence[str]) -> dict[str, Any]:
    """The run's result for the person who asked: ids and addresses only, and what to trigger next."""
    from etl.outcomes import DONE

    # The reasons of these are ids and addresses.
    shown = [one for one in ended if one.outcome in DONE or (one.outcome == "held" and action == "open_case")]
    outcomes = {one.unit_key: one.outcome for one in ended}
    answers = {one.unit_key: one.reason for one in shown if one.reason}
    result: dict[str, Any] = {"then": list(then)} if then else {}
    if len(ended) > 1:
        return result | {"outcomes": outcomes, "answers": answers}
    single = {"outcome": next(iter(outcomes.values()), None), "answer": next(iter(answers.values()), None)}
    return result | {name: value for name, value in single.items() if value is not None}


def household_context() -> RunContext:
    """The run's context, made from Airflow's: settings, ledger and request, once a task."""
    from include.pipelines.household.request import read_sync_request, unreadable
    from include.pipelines.run.context import RunContext, or_mistaken
    from include.runtime.connections import Connections
    from include.runtime.settings import settings

    run, latest = find_triggered(settings()), settings().refresh.latest_as_of
    request = or_mistaken(lambda: read_sync_request(run, latest), unreadable(run))
    return RunContext(request, settings(), Connections(find_connection))
