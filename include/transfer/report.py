"""The last stage, whatever came before: what became of every contact, the manifest beside it, worklist and archive."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from etl.errors import BooksUnbalanced, StopRun
from etl.load.ledger import findings, runs, transfers
from etl.load.ledger.runs import Outcome
from expectations.transfer_facts import TRANSFER
from include.transfer import archive, audit, papers, plan, worklist
from include.transfer.checks import unit_key
from include.transfer.context import TransferContext


def report_transfer(context: TransferContext, failed_tasks: Sequence[str] = ()) -> dict[str, Any]:
    """Closes the run; gives its status and the report's folder.

    Raises `StopRun` with the first reason where a step has stopped the run, or no group could be moved, and
    `BooksUnbalanced` where what happened is not what the manifest says: the report is written all the same.
    """
    ledger, request = context.ledger, context.request
    lost = {name: f"{name} failed before the end; the log of the task shows why." for name in failed_tasks}
    stops = runs.why_stopped(ledger, request.run_id) | lost
    stopped = next(iter(stops.values()), None)
    found = _end(context, stopped)
    if found is not None and found.status == "failed":
        stopped = stopped or "No group could be moved; the manifest says why. The source office is as it was."
    has_ended = found is None or found.status in transfers.ENDED
    if not context.staging.has("plan"):
        if found is not None and has_ended and stopped is None:  # reported before
            return {"status": found.status, "report": str(context.reports)}
        runs.finish_run(ledger, request.run_id, "failed")
        raise StopRun(stopped or "The transfer was not planned.")
    planned = plan.read_plan(context)
    records, agrees = audit.compare(context, planned, found)
    _save_outcomes(context, planned, found)
    closed = runs.finish_run(ledger, request.run_id, "failed" if stopped or agrees is False else "success")
    _write(context, planned, records, agrees, closed, stopped)
    if has_ended and agrees is not False:
        context.staging.remove()
    if agrees is False:
        raise BooksUnbalanced(f"What happened is not what the manifest says; see {context.reports}.")
    if stopped is not None:
        raise StopRun(stopped)
    status = found.status if found is not None else "dry run"
    return {"status": status, "report": str(context.reports), "contacts": len(planned.groups)}


def _end(context: TransferContext, stopped: str | None) -> transfers.Transfer | None:
    """A transfer that nobody has answered ends with its run; one that could not be imported can be started again."""
    ledger, run_id = context.ledger, context.request.run_id
    found = transfers.find(ledger, run_id)
    if found is None:
        transfers.release(ledger, run_id)
    elif found.status == "planned":
        return transfers.answer(ledger, run_id, "cancelled", None, stopped or "the run ended before anybody answered")
    return found


def _save_outcomes(context: TransferContext, planned: Any, found: transfers.Transfer | None) -> None:
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
    runs.save_outcomes(context.ledger, context.request.run_id, outcomes)


def _write(
    context: TransferContext,
    planned: Any,
    records: pd.DataFrame,
    agrees: bool | None,
    closed: Any,
    stopped: str | None,
) -> None:
    found = plan.read_papers(context, planned)
    made = papers.make_manifest(context, found, records, agrees)
    papers.write(context, made)
    if agrees is not None:
        archive.write(context, planned, made)
    findings.save_findings(context.ledger, context.request.run_id, found.findings)
    worklist.write(context, found, made, closed, stopped)
