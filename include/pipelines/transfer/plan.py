"""The first stage: read, claim the contacts, check, plan; the manifest is written and staged, and nothing has moved.

Staged under ``transfers/`` of the data folder, because a transfer waits for days: ``reading`` (what was planned with),
``plan`` (`etl.transform.transfers.TransferPlan`), ``findings``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Any

import pandas as pd

from etl.errors import ParamsError, StopRun
from etl.frames import each_row
from etl.load.ledger import runs
from etl.load.ledger.runs import Outcome
from etl.load.ledger.transfers import transfers
from etl.load.ledger.transfers.transfers import Transfer
from etl.transform.transfers import NOTHING_KNOWN, TransferPlan
from etl.transform.transfers import plan as make_plan
from expectations.facts.transfer import TRANSFER
from include.pipelines.transfer import checks, papers, reading, worklist
from include.pipelines.transfer.checks import unit_key
from include.pipelines.transfer.context import TransferContext
from include.pipelines.transfer.sweep import sweep

ACCEPT_RULE = "XFR-ACCEPT"


def plan_transfer(context: TransferContext) -> dict[str, int]:
    """Checks and plans; gives counts. Raises `ParamsError`, `StopRun` (a check refuses the transfer as a whole)."""
    request, ledger = context.request, context.ledger
    if not request.dry_run:
        sweep(context)
    runs.start_run(
        ledger, request.run_id, request.dag_id, request.as_of, request.requested_by, request.dry_run,
        request.as_json(), request.triggered_by,
    )  # fmt: skip
    found = transfers.find(ledger, request.run_id)
    if found is not None and found.status != "planned":
        raise StopRun(f"The transfer is {found.status} already: a run is one transfer. Start another run.")
    read = reading.read(context)
    take = transfers.read_claimed if request.dry_run else transfers.claim
    busy = take(ledger, context.database_names[0], read.contact_ids, request.run_id)
    try:
        planned, findings, refused = _check(context, read, busy)
    except BaseException:
        if not request.dry_run:
            transfers.release(ledger, request.run_id)
        raise
    _stage(context, read, planned, findings)
    if not request.dry_run:
        transfers.plan(ledger, _transfer(context), planned.manifest)
    runs.plan_vendor(ledger, request.run_id, TRANSFER, None, len(read.contact_ids))
    _write_papers(context, planned)
    if refused is not None:
        _refuse(context, refused)
    moving = len(planned.groups)
    return {"contacts": moving, "held": len(read.contact_ids) - moving, "records": len(planned.manifest)}


def _check(
    context: TransferContext, read: reading.Reading, busy: dict[int, str]
) -> tuple[TransferPlan, pd.DataFrame, str | None]:
    """The plan without whom the checks hold, the findings, and why the transfer as a whole is refused, if it is."""
    first = read.plan(reading.first_request(context))
    verdict = checks.check(context, read, first, busy)
    held = checks.left_out(verdict, first)
    planned = read.plan(reading.first_request(context, held)) if len(held) else first
    findings = checks.findings_of(verdict)
    critical = findings[(findings["unit_key"] == TRANSFER) & (findings["severity"] == "critical")]
    refused = None
    if len(critical):
        refused = " ".join(f"{row.rule_id}: {row.message}" for row in each_row(critical))
    return planned, findings, refused


def _refuse(context: TransferContext, why: str) -> None:
    if not context.request.dry_run:
        transfers.answer(context.ledger, context.request.run_id, "cancelled", None, why)
    raise StopRun(f"The transfer is refused; nothing was moved. {why}")


def _transfer(context: TransferContext) -> Transfer:
    request = context.request
    return Transfer(
        request.run_id,
        request.source_office_id,
        request.target_office_id,
        *context.database_names,
        request.requested_by,
        request.receiving_user,
        triggered_by=request.triggered_by,
    )


def accept_only(context: TransferContext, only: Iterable[int]) -> None:
    """Plans anew with the contacts that the receiving user accepts; without any, all of the manifest.

    What was read for the manifest counts, not the CRM as it is now: the receiving user accepts what the manifest said.
    Raises `ParamsError` for a contact that the manifest does not move.
    """
    chosen = set(only)
    if not chosen:
        return
    planned = read_plan(context)
    moving = {int(one) for one in planned.groups["contact_id"]}
    if strangers := sorted(chosen - moving):
        raise ParamsError(f"The manifest does not move contact {', '.join(map(str, strangers))}.")
    contacts = planned.manifest[planned.manifest["entity"] == "contact"]
    staying = contacts[~contacts["contact_id"].isin(chosen)]
    declined = staying["contact_id"].isin(moving)
    left_out = pd.DataFrame(
        {
            "contact_id": staying["contact_id"].astype("Int64"),
            "rule_id": staying["rule_id"].mask(declined, ACCEPT_RULE).astype("str"),
            "reason": staying["reason"].mask(declined, "the receiving user did not accept it").astype("str"),
        }
    )
    read = context.staging.read("reading")
    parts = {side: _of_side(read, side) for side in ("rows", "around", "target")}
    known = read["known"] if len(read["known"]) else NOTHING_KNOWN
    again = make_plan(reading.first_request(context, left_out), **parts, known=known)
    _stage_plan(context, again)
    transfers.plan(context.ledger, _transfer(context), again.manifest)
    _write_papers(context, again)


def _write_papers(context: TransferContext, planned: TransferPlan) -> None:
    """What the receiving user reads before the answer."""
    found = read_papers(context, planned)
    made = papers.make_manifest(context, found)
    papers.write(context, made)
    worklist.write(context, found, made, None, None)


def moving_contacts(context: TransferContext) -> list[int]:
    """The contacts that the plan moves."""
    return [int(one) for one in read_plan(context).groups["contact_id"]]


def read_plan(context: TransferContext) -> TransferPlan:
    """The plan as it was staged."""
    staged = context.staging.read("plan")
    return TransferPlan(**{part.name: staged[part.name] for part in fields(TransferPlan)})


def read_findings(context: TransferContext) -> pd.DataFrame:
    """The gate's findings as they were staged."""
    return context.staging.read("findings")["findings"]


def read_rows(context: TransferContext) -> dict[str, pd.DataFrame]:
    """The source's rows as they were planned with."""
    return _of_side(context.staging.read("reading"), "rows")


def read_papers(context: TransferContext, planned: TransferPlan) -> papers.Papers:
    """What the manifest's documents are made of."""
    staged = context.staging.read("reading", ["rows.contact", "around.people", "offices"])
    return papers.Papers(planned, read_findings(context), *staged.values())


def read_question(context: TransferContext) -> tuple[str, str]:
    """Subject and body of the required action."""
    return papers.question(context, read_papers(context, read_plan(context)))


def outcomes_before(planned: TransferPlan, findings: pd.DataFrame, contact_ids: Iterable[int]) -> list[Outcome]:
    """held, for whoever the plan does not move; the others' outcome is known later."""
    critical = findings[findings["severity"] == "critical"].groupby("unit_key")["rule_id"].agg(", ".join)
    moving = {int(one) for one in planned.groups["contact_id"]}
    records = planned.manifest[planned.manifest["entity"] == "contact"]
    rule_ids = dict(zip(records["contact_id"], records["rule_id"], strict=True))
    staying = dict(zip(records["contact_id"], records["rule_id"] + ": " + records["reason"], strict=True))
    outcomes = []
    for contact_id in contact_ids:
        if contact_id not in moving:
            key = unit_key(contact_id)
            reason = critical.get(key) or staying.get(contact_id) or "XFR-SET"
            code = critical.get(key) or rule_ids.get(contact_id) or "XFR-SET"
            outcomes.append(Outcome(TRANSFER, key, "held", str(reason), code=str(code)))
    return outcomes


def _stage(context: TransferContext, read: reading.Reading, planned: TransferPlan, findings: pd.DataFrame) -> None:
    offices = pd.DataFrame([read.source_office, read.target_office])
    sides: dict[str, Any] = {
        f"{side}.{name}": frame for side in ("rows", "around", "target") for name, frame in getattr(read, side).items()
    }
    asked = pd.DataFrame({"contact_id": pd.array(read.contact_ids, dtype="Int64")})
    context.staging.write("reading", {**sides, "known": read.known, "offices": offices, "asked": asked})
    context.staging.write("findings", {"findings": findings})
    _stage_plan(context, planned)


def _stage_plan(context: TransferContext, planned: TransferPlan) -> None:
    context.staging.write("plan", {part.name: getattr(planned, part.name) for part in fields(TransferPlan)})


def _of_side(staged: dict[str, pd.DataFrame], side: str) -> dict[str, pd.DataFrame]:
    return {name.removeprefix(f"{side}."): frame for name, frame in staged.items() if name.startswith(f"{side}.")}
