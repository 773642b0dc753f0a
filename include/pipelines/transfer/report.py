"""The last stage, whatever came before: what became of every contact, the manifest beside it, worklist and archive."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from etl.errors import BooksUnbalanced, StopRun
from etl.load.ledger import runs
from etl.load.ledger.closing import Closing, close_run
from etl.load.ledger.runs import Outcome
from etl.load.ledger.transfers import transfers
from expectations.facts.transfer import TRANSFER
from include.pipelines.transfer import archive, audit, papers, plan, worklist
from include.pipelines.transfer.checks import unit_key
from include.pipelines.transfer.context import TransferContext
from include.runtime.stops import read_stops


def report_transfer(context: TransferContext, failed_tasks: Sequence[str] = ()) -> dict[str, Any]:
    """Closes the run; gives its status and the report's folder.

    Raises `StopRun` with the first reason where a step has stopped the run, or no group could be moved, and
    `BooksUnbalanced` where what happened is not what the manifest says: the report is written all the same.
    """
    ledger, request = context.ledger, context.request
    stopped = next((stop.why for stop in read_stops(context, failed_tasks)), None)
    found = _end(context, stopped)
    if found is not None and found.status == "failed":
        stopped = stopped or "No group could be moved; the manifest says why. The source office is as it was."
    if not context.staging.has("plan"):
        return _as_it_was(context, found, stopped)
    planned = plan.read_plan(context)
    records, agrees = audit.compare(context, planned, found)
    documents = plan.read_papers(context, planned)
    status = "failed" if stopped or agrees is False else "success"
    close_run(ledger, request.run_id, Closing(status, _outcomes(context, planned, found), documents.findings))
    _write(context, documents, records, agrees, stopped)
    if (found is None or found.status in transfers.ENDED) and agrees is not False:
        context.staging.remove()
    if agrees is False:
        raise BooksUnbalanced(f"What happened is not what the manifest says; see {context.reports}.")
    if stopped is not None:
        raise StopRun(stopped)
    return {"status": _status(found), "report": str(context.reports), "contacts": len(planned.groups)}


def _as_it_was(context: TransferContext, found: transfers.Transfer | None, stopped: str | None) -> dict[str, Any]:
    """Nothing is staged: the transfer was reported before, or was never planned. What was a success stays one."""
    standing = runs.find_run(context.ledger, context.request.run_id)
    is_success = standing is not None and standing["status"] == "success"
    if not is_success:
        close_run(context.ledger, context.request.run_id, Closing("failed"))
    if stopped is not None or not is_success:
        raise StopRun(stopped or "The transfer was not planned.")
    return {"status": _status(found), "report": str(context.reports)}


def _status(found: transfers.Transfer | None) -> str:
    return found.status if found is not None else "dry run"


def _end(context: TransferContext, stopped: str | None) -> transfers.Transfer | None:
    """A transfer that nobody has answered ends with its run; one that could not be imported can be started again."""
    ledger, run_id = context.ledger, context.request.run_id
    found = transfers.find(ledger, run_id)
    if found is None:
        transfers.release(ledger, run_id)
    elif found.status == "planned":
        return transfers.answer(ledger, run_id, "cancelled", None, stopped or "the run ended before anybody answered")
    return found


def _outcomes(context: TransferContext, planned: Any, found: transfers.Transfer | None) -> list[Outcome]:
    """created: it is in the target; held: by a check; failed: its group could not move; skipped: nobody accepted it."""
    asked = context.staging.read("reading", ["asked"])["asked"]["contact_id"]
    contact_ids = [int(one) for one in asked]
    outcomes = plan.outcomes_before(planned, plan.read_findings(context), contact_ids)
    moved = transfers.read_moved_contacts(context.ledger, context.request.run_id)
    groups = transfers.read_groups(context.ledger, context.request.run_id).set_index("group_no")
    for row in planned.groups.itertuples(index=False):
        contact_id, group = int(row.contact_id), int(row.group)
        if contact_id in moved:
            outcomes.append(Outcome(TRANSFER, unit_key(contact_id), "created", None, moved[contact_id]))
        elif group in groups.index and groups.at[group, "status"] == "failed":
            outcomes.append(Outcome(TRANSFER, unit_key(contact_id), "failed", str(groups.at[group, "why"])))
        else:
            why = "dry run" if found is None else (found.why or found.status.replace("_", " "))
            outcomes.append(Outcome(TRANSFER, unit_key(contact_id), "skipped", why))
    return outcomes


def _write(
    context: TransferContext,
    documents: papers.Papers,
    records: pd.DataFrame,
    agrees: bool | None,
    stopped: str | None,
) -> None:
    made = papers.make_manifest(context, documents, records, agrees)
    papers.write(context, made)
    if agrees is not None:
        archive.write(context, documents.plan, made)
    closed = runs.find_run(context.ledger, context.request.run_id)
    worklist.write(context, documents, made, closed, stopped)
