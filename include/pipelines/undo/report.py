"""The report of an undo: the same files as for every run, under ``reports/<run id>/``."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pandas as pd

from etl.load.ledger import changes, runs, undos
from etl.load.ledger.store import Ledger
from include.pipelines.run.context import RunContext
from include.report.run.model import FINDING_COLUMNS, Run, RunReport
from include.report.run.writer import write_report
from include.runtime.staging import folder_name


def write_undo_report(context: RunContext, run_id: str, status: str, ended_at: datetime) -> Path:
    """Outcomes and fields of an undo that is about to be closed; gives the path of the page."""
    report = _report(context.ledger, run_id, status, ended_at)
    return write_report(context.data_folder / "reports" / folder_name(run_id), report)


def _report(ledger: Ledger, run_id: str, status: str, ended_at: datetime) -> RunReport:
    closed = undos.find_run(ledger, run_id)
    outcomes = runs.read_outcomes(ledger, run_id)
    run = Run(
        run_id=run_id,
        dag_id=closed["dag_id"],
        as_of=closed["as_of"],
        requested_by=closed["requested_by"] or "nobody named",
        dry_run=closed["dry_run"],
        status=status,
        started_at=closed["started_at"],
        finished_at=ended_at,
        triggered_by=closed["triggered_by"],
    )
    return RunReport(
        run=run,
        units=outcomes["unit_key"].nunique(),
        units_in_scope=runs.read_scope(ledger, run_id),
        outcomes=outcomes,
        findings=pd.DataFrame({name: pd.Series(dtype="str") for name in FINDING_COLUMNS}),
        changes=changes.read_decisions(ledger, run_id, with_values=closed["dry_run"]),
    )
