"""The first stage: reads, claims the contacts, checks, plans, and writes the manifest; nothing is moved.

Staged under ``transfers/`` of the data folder, because a transfer waits for days: ``reading`` (what was planned with),
``plan`` (`etl.transform.transfers.TransferPlan`), ``findings``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import timedelta

import pandas as pd

from etl.errors import ParamsError, StopRun
from etl.frames import each_row
from etl.load.ledger import runs
from etl.load.ledger.transfers import transfers
from etl.load.ledger.transfers.transfers import Transfer
from etl.load.transfer import batches
from etl.transform.transfers import TransferPlan
from expectations.facts.transfer import TRANSFER
from include.pipelines.transfer import checks, documents, reading
from include.pipelines.transfer.reading import Reading
from include.pipelines.transfer.request import LONGEST_DAYS, TransferContext
from include.runtime.staging import Staging, folder_name, remove_old

ACCEPT_RULE = "XFR-ACCEPT"


@dataclass(frozen=True)
class StagedPlan:
    """A plan with what reports of it need.

    ``findings``: of the gate; ``contacts``: the source's rows of the set; ``people``: contact_id, first_name, last_name
    of every contact that the rows name; ``offices``: office_id, name of the source, then of the target; ``asked``:
    contact_id of the contacts to be moved.
    """

    plan: TransferPlan
    findings: pd.DataFrame
    contacts: pd.DataFrame
    people: pd.DataFrame
    offices: pd.DataFrame
    asked: pd.DataFrame

    @property
    def moving(self) -> list[int]:
        """The contacts that the plan moves."""
        return [int(one) for one in self.plan.groups["contact_id"]]

    def office(self, place: int) -> str:
        """The name and number of the source (0) or the target (1)."""
        row = self.offices.iloc[place]
        return f"{row['name']} (office {row['office_id']})"


def plan_transfer(context: TransferContext) -> dict[str, int]:
    """Checks and plans; gives counts. Raises `ParamsError`, `StopRun` (a check refuses the transfer as a whole)."""
    request, ledger = context.request, context.ledger
    if not request.dry_run:
        _sweep(context)
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
        planned, findings = _check(context, read, busy)
    except BaseException:
        if not request.dry_run:
            transfers.release(ledger, request.run_id)
        raise
    read.stage(context.staging)
    context.staging.write("findings", {"findings": findings})
    runs.plan_vendor(ledger, request.run_id, TRANSFER, None, len(read.contact_ids))
    _keep(context, planned)
    critical = findings[(findings["unit_key"] == TRANSFER) & (findings["severity"] == "critical")]
    if len(critical):
        _refuse(context, " ".join(f"{row.rule_id}: {row.message}" for row in each_row(critical)))
    moving = len(planned.groups)
    return {"contacts": moving, "held": len(read.contact_ids) - moving, "records": len(planned.manifest)}


def _check(context: TransferContext, read: Reading, busy: dict[int, str]) -> tuple[TransferPlan, pd.DataFrame]:
    """The plan without the contacts that a check holds, and the findings."""
    first = read.plan(context)
    verdict = checks.check(context, read, first, busy)
    held = checks.left_out(verdict, first)
    return read.plan(context, held) if len(held) else first, checks.findings_of(verdict)


def _keep(context: TransferContext, planned: TransferPlan) -> None:
    """Stages a plan, notes it in the ledger, and writes what the receiving user reads before the answer."""
    context.staging.write("plan", {part.name: getattr(planned, part.name) for part in fields(TransferPlan)})
    request = context.request
    if not request.dry_run:
        transfer = Transfer(
            request.run_id,
            request.source_office_id,
            request.target_office_id,
            *context.database_names,
            request.requested_by,
            request.receiving_user,
            triggered_by=request.triggered_by,
        )
        transfers.plan(context.ledger, transfer, planned.manifest)
    documents.write(context, read_staged(context.staging))


def _refuse(context: TransferContext, why: str) -> None:
    if not context.request.dry_run:
        transfers.answer(context.ledger, context.request.run_id, "cancelled", None, why)
    raise StopRun(f"The transfer is refused; nothing was moved. {why}")


def accept_only(context: TransferContext, only: Iterable[int]) -> None:
    """Plans anew with the contacts that the receiving user accepts; with none given, the whole manifest is accepted.

    The new plan is made of what was read for the manifest, not of the CRM as it is now: the receiving user accepts what
    the manifest said. Raises `ParamsError` for a contact that the manifest does not move.
    """
    chosen = set(only)
    if not chosen:
        return
    staged = read_staged(context.staging)
    if strangers := sorted(chosen - set(staged.moving)):
        raise ParamsError(f"The manifest does not move contact {', '.join(map(str, strangers))}.")
    contacts = staged.plan.manifest[staged.plan.manifest["entity"] == "contact"]
    staying = contacts[~contacts["contact_id"].isin(chosen)]
    declined = staying["contact_id"].isin(staged.moving)
    left_out = pd.DataFrame(
        {
            "contact_id": staying["contact_id"].astype("Int64"),
            "rule_id": staying["rule_id"].mask(declined, ACCEPT_RULE).astype("str"),
            "reason": staying["reason"].mask(declined, "the receiving user did not accept it").astype("str"),
        }
    )
    _keep(context, Reading.staged(context.staging).plan(context, left_out))


def read_plan(staging: Staging) -> TransferPlan:
    """The plan as it was staged."""
    frames = staging.read("plan")
    return TransferPlan(**{part.name: frames[part.name] for part in fields(TransferPlan)})


def read_staged(staging: Staging) -> StagedPlan:
    """The plan as it was staged, with what reports of it need."""
    read = staging.read(reading.STAGE, ["rows.contact", "around.people", "offices", "asked"])
    return StagedPlan(read_plan(staging), staging.read("findings")["findings"], *read.values())


def _sweep(context: TransferContext) -> None:
    """Removes the staged files, which hold client data, of transfers that ended longer than ``keep_days`` ago.

    A transfer that waits for its answer or has groups to move needs its files, however old they are: the ledger knows
    which transfers do. A transfer that nobody can answer any more has ended.
    """
    keep_days, root = context.settings.data.keep_days, context.folder
    transfers.forget_unanswered(context.ledger, timedelta(days=LONGEST_DAYS + keep_days))
    needed = {root / "staging"}
    for transfer_id in transfers.read_unfinished(context.ledger):
        needed |= {root / "staging" / folder_name(transfer_id), batches.folder_of(root, transfer_id)}
    remove_old({*root.glob("*"), *root.glob("staging/*")} - needed, keep_days)
