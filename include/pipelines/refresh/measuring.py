"""What monitoring learns of a run that was closed: outcomes, open findings, and what waits for how long."""

from __future__ import annotations

from etl import meters
from etl.load.ledger import runs, waiting
from include.pipelines.run.context import RunContext

SEVERITIES = ("critical", "warning", "info")


def measure(context: RunContext) -> None:
    """Counts a run's outcomes; after a night also what stands open now. A dry run counts nothing."""
    request, ledger = context.request, context.ledger
    if not meters.is_collected() or request.dry_run:
        return
    for vendor in request.vendors:
        outcomes = runs.read_outcomes(ledger, request.run_id, vendor)["outcome"].value_counts()
        for outcome, units in outcomes.items():
            meters.count(f"units.{vendor}.{outcome}", int(units))
        if request.by_hand is None:
            _measure_waiting(context, vendor)


def _measure_waiting(context: RunContext, vendor: str) -> None:
    ledger = context.ledger
    for outcome, units in waiting.count_waiting(ledger, vendor).items():
        meters.level(f"waiting.{vendor}.{outcome}", units)
    since = waiting.waiting_since(ledger, vendor)
    meters.level(f"oldest_waiting_seconds.{vendor}", 0 if since is None else (ledger.now() - since).total_seconds())
    found = waiting.count_open(ledger, vendor)
    for severity in SEVERITIES:
        meters.level(f"findings.{vendor}.{severity}", found.get(severity, 0))
