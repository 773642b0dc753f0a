"""The stewards' work list of a transfer: what the checks found, contact by contact."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from etl.load.ledger import runs
from expectations.facts.transfer import TRANSFER
from include.pipelines.transfer.checks import unit_key
from include.pipelines.transfer.context import TransferContext
from include.pipelines.transfer.papers import Papers
from include.report.display import counted
from include.report.manifest.model import Manifest
from include.report.run.advice import Step
from include.report.run.model import Run, RunReport, Told
from include.report.run.writer import write_report

CONSEQUENCES = {
    "critical": "The contact, and whoever is tied to it, stays in the source office until it is mended.",
    "warning": "The contact moves, but something of it stays behind or has to be looked at.",
    "info": "Nothing has to be done; this is for information.",
}
MEANINGS = {
    "created": "Moved: it is in the target office, and retired in the source office.",
    "updated": "Does not happen in a transfer.",
    "unchanged": "Does not happen in a transfer.",
    "held": "Not moved: a check holds it back, or the receiving user did not accept it.",
    "deferred": "Does not happen in a transfer.",
    "failed": "Not moved: it was edited meanwhile, or the target refused something. The source is as it was.",
    "skipped": "Not moved: nobody accepted the transfer.",
}


def write(
    context: TransferContext, papers: Papers, made: Manifest, closed: Mapping[str, Any] | None, stopped: str | None
) -> None:
    """Writes worklist.html, .csv, .xlsx and run.json; ``closed`` is the run's row, None while it waits."""
    outcomes = runs.read_outcomes(context.ledger, context.request.run_id)
    begun = runs.find_run(context.ledger, context.request.run_id) or {}
    report = RunReport(
        run=Run.of(closed or {**begun, "status": "waiting for an answer"}),
        units=len(outcomes),
        units_in_scope=runs.read_scope(context.ledger, context.request.run_id) if closed else {},
        outcomes=outcomes,
        findings=papers.findings,
        labels=_labels(papers, made),
        consequences=CONSEQUENCES,
        stages=context.staging.stage_seconds(),
        stopped=stopped,
        told=Told("contact", _headline(made, stopped), _steps(context, papers, closed, stopped), MEANINGS),
    )
    write_report(context.reports, report)


def _headline(made: Manifest, stopped: str | None) -> tuple[str, ...]:
    """What moves or moved, how it ended, what stopped it."""
    moving = counted(made.count("contact", "move"), "contact")
    opening = f"{moving} moved from {made.facts['From']} to {made.facts['To']}."
    if not made.has_moved:
        opening = f"{moving} would move from {made.facts['From']} to {made.facts['To']}."
    return (opening, *filter(None, [f"The run was stopped: {stopped}" if stopped else None, made.ended]))


def _steps(
    context: TransferContext, papers: Papers, closed: Mapping[str, Any] | None, stopped: str | None
) -> tuple[Step, ...]:
    found = papers.findings
    steps = []
    if closed is None:
        what = "Answer the required action: accept all, accept some contacts, or reject."
        why = "The transfer waits for it; nothing has changed until then."
        steps.append(Step(context.request.receiving_user, what, why, "what-happened"))
    if stopped:
        what = "Mend what stopped the run, and start another transfer."
        steps.append(Step("The operator", what, stopped, "what-happened"))
    held = found.loc[found["severity"] == "critical", "unit_key"].nunique()
    if held:
        why = "They stay in the source office until it is mended."
        steps.append(Step("Data stewards", f"Mend what holds {counted(held, 'contact')} back.", why, "by-household"))
    warned = found.loc[found["severity"] == "warning", "unit_key"].nunique()
    if warned:
        why = "They move, but something stays behind: manifest.html lists it record by record."
        what = f"Look through the warnings of {counted(warned, 'contact')}."
        steps.append(Step("Both offices", what, why, "by-rule"))
    return tuple(steps)


def _labels(papers: Papers, made: Manifest) -> pd.DataFrame:
    contacts = made.contacts
    own = contacts[contacts["contact_id"].isin(papers.contacts["contact_id"])]
    labels = pd.DataFrame(
        {
            "unit_key": [unit_key(int(one)) for one in own["contact_id"]],
            "household_name": own["name"],
            "head_name": "",
            "office_name": papers.office(0),
            "assigned_user": "",
        }
    )
    whole = pd.DataFrame([[TRANSFER, "The transfer as a whole", "", papers.office(1), ""]], columns=labels.columns)
    return pd.concat([whole, labels], ignore_index=True)
