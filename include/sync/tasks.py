"""The tasks of `household_sync`: parameters in, the stages called (`include.steps` says how each may end).

Few tasks, because each costs a process of its own: reading, building and checking are one.
"""

from __future__ import annotations

import logging
from typing import Any

from airflow.sdk import get_current_context

from include.steps import find_connection, given_params, in_words, lost_tasks, office_day, requester, staged

log = logging.getLogger(__name__)

# The reasons of these are ids and addresses.
DONE = ("created", "updated", "unchanged")


def extract_household() -> str:
    """Finds the unit, builds its document, puts it through the gate; gives its key."""
    from include.sync.prepare import prepare_unit

    return staged("extract", sync_context, prepare_unit)


def load_household() -> dict[str, int]:
    """The unit to its vendor, as it was asked for."""
    from include.refresh.load import load_shard

    vendor = given_params()["vendor"]
    return staged(f"load_{vendor} 0", sync_context, lambda context: load_shard(context, vendor, 0))


def report_run() -> dict[str, Any]:
    """Books, findings, the report; fails where an earlier task has failed. The task's log says what came of it.

    What was done is in its result, too, above all the address of a case that somebody wants to open.
    """
    from etl.load.ledger.runs import read_outcomes
    from include.refresh.report import report_run as report
    from include.staging import each_row

    def told(context: Any) -> dict[str, Any]:
        reported = report(context, lost_tasks(context))
        for one in each_row(read_outcomes(context.ledger, context.request.run_id)):
            log.info("%s at %s: %s. %s", one.unit_key, one.vendor, one.outcome, one.reason or "")
            reported |= {"outcome": one.outcome} | answer_to(context.request.by_hand.what.action, one)
        return reported

    return in_words(sync_context, told)


def answer_to(action: str, ended: Any) -> dict[str, str]:
    """What whoever asked gets to see in the run's result, if it is ids and addresses alone."""
    is_told = ended.outcome in DONE or (ended.outcome == "held" and action == "open_case")
    return {"answer": ended.reason} if ended.reason and is_told else {}


def sync_context() -> Any:
    """The run's context, made from Airflow's."""
    from include.connections import Connections
    from include.refresh.context import RunContext
    from include.settings import settings
    from include.sync.request import read_sync_request

    run = get_current_context()["dag_run"]
    day = office_day(settings().refresh.timezone)
    request = read_sync_request(
        run.run_id, run.dag_id, given_params(), dict(run.conf or {}), day, requester(), run.run_after
    )
    return RunContext(request, settings(), Connections(find_connection))
