"""The last stage, in every case: compares what happened with the manifest, and closes the run with its documents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from etl import canonical, schema
from etl.errors import BooksUnbalanced, StopRun
from etl.extract.source import Snapshot
from etl.extract.transfer import read_ids
from etl.frames import are_among, each_row
from etl.load.ledger import runs
from etl.load.ledger.closing import Closing, close_run
from etl.load.ledger.runs import Outcome
from etl.load.ledger.transfers import transfers
from etl.load.ledger.transfers.transfers import Transfer
from etl.transform.transfers import TransferPlan
from etl.units import contact_key
from expectations.facts.transfer import TRANSFER
from include.pipelines.transfer import archive, documents
from include.pipelines.transfer.plan import StagedPlan, read_staged
from include.pipelines.transfer.request import TransferContext
from include.runtime.stops import read_stops

# The statuses of a transfer that was imported, as far as it could be.
IMPORTED = ("closed", "failed")
FAILED = "its group could not move"


def report_transfer(context: TransferContext, failed_tasks: Sequence[str] = ()) -> dict[str, Any]:
    """Closes the run; gives its status and the report's folder.

    Raises `StopRun` with the first reason where a step has stopped the run, or no group could be moved, and
    `BooksUnbalanced` where what happened is not what the manifest says. The report is written in every case.
    """
    ledger, request = context.ledger, context.request
    stopped = next((stop.why for stop in read_stops(context, failed_tasks)), None)
    found = _end(context, stopped)
    if found is not None and found.status == "failed":
        stopped = stopped or "No group could be moved; the manifest says why. The source office is as it was."
    if not context.staging.has("plan"):
        return _as_it_was(context, found, stopped)
    staged = read_staged(context.staging)
    records, agrees = compare(context, staged.plan, found)
    status = "failed" if stopped or agrees is False else "success"
    close_run(ledger, request.run_id, Closing(status, _outcomes(context, staged, found), staged.findings))
    made = documents.write(context, staged, records, agrees, runs.find_run(ledger, request.run_id), stopped)
    if agrees is not None:
        archive.write(context, staged.plan, made)
    if (found is None or found.status in transfers.ENDED) and agrees is not False:
        context.staging.remove()
    if agrees is False:
        raise BooksUnbalanced(f"What happened is not what the manifest says; see {context.reports}.")
    if stopped is not None:
        raise StopRun(stopped)
    return {"status": _status(found), "report": str(context.reports), "contacts": len(staged.moving)}


def _end(context: TransferContext, stopped: str | None) -> Transfer | None:
    """A transfer without an answer ends with its run; one that could not be imported can be started again."""
    ledger, run_id = context.ledger, context.request.run_id
    found = transfers.find(ledger, run_id)
    if found is None:
        transfers.release(ledger, run_id)
    elif found.status == "planned":
        return transfers.answer(ledger, run_id, "cancelled", None, stopped or "the run ended before anybody answered")
    return found


def _as_it_was(context: TransferContext, found: Transfer | None, stopped: str | None) -> dict[str, Any]:
    """Nothing is staged: the transfer was reported before, or was never planned. A success stays a success."""
    standing = runs.find_run(context.ledger, context.request.run_id)
    is_success = standing is not None and standing["status"] == "success"
    if not is_success:
        close_run(context.ledger, context.request.run_id, Closing("failed"))
    if stopped is not None or not is_success:
        raise StopRun(stopped or "The transfer was not planned.")
    return {"status": _status(found), "report": str(context.reports)}


def _status(found: Transfer | None) -> str:
    return found.status if found is not None else "dry run"


def compare(
    context: TransferContext, planned: TransferPlan, found: Transfer | None
) -> tuple[pd.DataFrame, bool | None]:
    """The manifest's records as they turned out, and whether that is what was planned; None: nothing was imported.

    The rows of a group that failed have the decision ``failed`` and the rule that stopped it. They agree with the plan:
    they are as they were, which is what was promised.
    """
    if found is None or found.status not in IMPORTED:
        return planned.manifest, None
    happened = transfers.read_manifest(context.ledger, context.request.run_id)
    now = happened[["entity", "entity_id", "decision", "target_id", "rule_id"]].rename(
        columns={"rule_id": "stopped_by"}
    )
    records = planned.manifest.drop(columns="target_id").merge(
        now, on=["entity", "entity_id"], how="left", suffixes=("_planned", "")
    )
    has_failed = records["decision"] == "failed"
    records["rule_id"] = records["rule_id"].mask(has_failed, records.pop("stopped_by"))
    records["reason"] = records["reason"].mask(has_failed, FAILED)
    as_planned = (records["decision"] == records["decision_planned"]) | has_failed
    has_key = records["target_id"].notna() | ~records["decision"].isin(transfers.MOVES)
    agrees = bool(as_planned.all() and has_key.all() and len(happened) == len(planned.manifest))
    return records.drop(columns="decision_planned"), agrees and _are_in_target(context, records)


def _are_in_target(context: TransferContext, records: pd.DataFrame) -> bool:
    """Whether the target has every row that moved, by its key."""
    moved = records[records["decision"].isin(transfers.MOVES)]
    with Snapshot(context.target, readers=1) as snapshot:
        for entity, rows in ((str(name), some) for name, some in moved.groupby("entity")):
            keys = canonical.key_parts(rows["target_id"], 0).unique()
            first = canonical.key_column(entity).name
            there = read_ids(snapshot, schema.metadata.tables[entity], first, keys)
            if not are_among(rows["target_id"], there).all():
                return False
    return True


def _outcomes(context: TransferContext, staged: StagedPlan, found: Transfer | None) -> list[Outcome]:
    """created: it is in the target; held: by a check; failed: its group could not move; skipped: nobody accepted it."""
    outcomes = _held(staged)
    moved = transfers.read_moved_contacts(context.ledger, context.request.run_id)
    groups = transfers.read_groups(context.ledger, context.request.run_id).set_index("group_no")
    for row in each_row(staged.plan.groups):
        key, contact_id, group = contact_key(int(row.contact_id)), int(row.contact_id), int(row.group)
        if contact_id in moved:
            outcomes.append(Outcome(TRANSFER, key, "created", None, moved[contact_id]))
        elif group in groups.index and groups.at[group, "status"] == "failed":
            outcomes.append(Outcome(TRANSFER, key, "failed", str(groups.at[group, "why"])))
        else:
            why = "dry run" if found is None else (found.why or found.status.replace("_", " "))
            outcomes.append(Outcome(TRANSFER, key, "skipped", why))
    return outcomes


def _held(staged: StagedPlan) -> list[Outcome]:
    """The outcome of the contacts that the plan does not move."""
    findings = staged.findings
    critical = findings[findings["severity"] == "critical"].groupby("unit_key")["rule_id"].agg(", ".join)
    contacts = staged.plan.manifest[staged.plan.manifest["entity"] == "contact"]
    staying = {int(row.contact_id): row for row in each_row(contacts)}
    moving, outcomes = set(staged.moving), []
    for contact_id in [int(one) for one in staged.asked["contact_id"] if int(one) not in moving]:
        key, code, reason = contact_key(contact_id), "XFR-SET", "XFR-SET"
        if key in critical.index:
            code = reason = str(critical[key])
        elif (record := staying.get(contact_id)) is not None:
            code, reason = record.rule_id, f"{record.rule_id}: {record.reason}"
        outcomes.append(Outcome(TRANSFER, key, "held", reason, code=code))
    return outcomes
