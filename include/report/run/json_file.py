"""run.json: the report's counts for machines, without names or values."""

from dataclasses import asdict
from typing import Any

from include.report.display import as_texts, rows_of
from include.report.run.model import AVAILABLE_COLUMNS, SEVERITIES, STATUSES, Run, RunReport
from include.report.run.tallies import Book, Tallies

SCHEMA_VERSION = 1
ITEMS_LISTED = 1_000
FILES = {"html": "worklist.html", "csv": "worklist.csv", "xlsx": "worklist.xlsx"}


def run_summary(report: RunReport, tallies: Tallies) -> dict[str, Any]:
    """The whole summary as plain JSON values; ``files`` are names beside run.json."""
    return {
        "schema_version": SCHEMA_VERSION,
        "run": {**_run(report.run), "stopped": report.stopped},
        "units": report.units,
        "households": tallies.households,
        "persons": tallies.persons,
        "is_first": tallies.is_first,
        "outcomes": {book.vendor: book.outcomes for book in tallies.books},
        "books": {book.vendor: _book(book) for book in tallies.books},
        "reasons": rows_of(tallies.reasons.head(ITEMS_LISTED)),
        "findings": {**_findings(tallies), "open_elsewhere": len(report.open_elsewhere)},
        "newly_available": {
            "count": len(report.newly_available),
            "by_category": rows_of(tallies.available),
            "items": rows_of(as_texts(report.newly_available.head(ITEMS_LISTED), AVAILABLE_COLUMNS)),
        },
        "changes": {"count": len(report.changes), "by_field": rows_of(tallies.changed.head(ITEMS_LISTED))},
        "receipts": rows_of(tallies.receipts),
        "stages": {stage: float(seconds) for stage, seconds in report.stages.items()},
        "settings": {**report.settings, **report.guard_lines},
        "removed": asdict(report.removed) if report.removed else None,
        "then": [conf for one in report.life_events if one.is_confirmed for conf in one.then],
        "files": {**FILES, **({"life_events": "life_events.html"} if report.life_events else {})},
    }


def _run(run: Run) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "dag_id": run.dag_id,
        "as_of": run.as_of.isoformat(),
        "requested_by": run.requested_by,
        "triggered_by": run.triggered_by,
        "dry_run": run.dry_run,
        "status": run.status,
        "started_at": run.started_at.isoformat(),
        "finished_at": run.finished_at.isoformat() if run.finished_at else None,
        "seconds": run.seconds,
    }


def _book(book: Book) -> dict[str, Any]:
    return {
        "in_scope": book.in_scope,
        "outcomes": book.counted,
        "counted_twice": book.counted_twice,
        "unknown_outcomes": book.unknown,
        "balanced": book.is_balanced,
    }


def _findings(tallies: Tallies) -> dict[str, Any]:
    columns = ["rule_id", "severity", "vendors", "units", "findings", *STATUSES, "waived"]
    return {
        "open": len(tallies.open),
        "waived": len(tallies.waived),
        "by_severity": {severity: len(tallies.open_findings(severity)) for severity in SEVERITIES},
        "by_status": tallies.by_status(),
        "by_rule": rows_of(tallies.by_rule[columns]),
    }
