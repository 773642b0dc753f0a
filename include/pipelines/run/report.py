"""What the ledger knows of a run, as the report of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from etl.load.ledger import changes, findings, runs
from etl.load.ledger.store import Ledger
from include.report.run.model import Run, RunReport


def report_of(ledger: Ledger, row: Mapping[str, Any]) -> RunReport:
    """The report of a run: its outcomes, findings and decisions. ``row``: the run's in the ledger, as it ends."""
    run_id = row["run_id"]
    outcomes = runs.read_outcomes(ledger, run_id)
    return RunReport(
        run=Run.of(row),
        units=outcomes["unit_key"].nunique(),
        units_in_scope=runs.read_scope(ledger, run_id),
        outcomes=outcomes,
        findings=findings.read_findings(ledger, run_id),
        changes=changes.read_decisions(ledger, run_id, with_values=row["dry_run"]),
    )
