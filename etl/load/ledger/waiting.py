"""What waits in the ledger: units that did not go, since when, and open findings, in counts."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from etl.load.ledger.store import Ledger
from etl.load.ledger.tables import open_finding, outcome, run, unit_state
from etl.load.ledger.views import STANDS

# Outcomes of units that come back every night.
NOT_GONE = ("held", "deferred", "failed")


def count_waiting(ledger: Ledger, vendor: str) -> dict[str, int]:
    """Each of `NOT_GONE` -> the units that ended so in their last run."""
    state = unit_state.c
    counts = sa.select(state.outcome, sa.func.count()).where(state.vendor == vendor).group_by(state.outcome)
    found = ledger.mapping(counts)
    return {name: found.get(name, 0) for name in NOT_GONE}


def waiting_since(ledger: Ledger, vendor: str) -> datetime | None:
    """The start of the earliest run whose held, deferred or failed unit still stands as it ended there."""
    of_run = sa.join(outcome, run, outcome.c.run_id == run.c.run_id)
    stands = (outcome.c.vendor == vendor, outcome.c.stands_until == STANDS, outcome.c.outcome.in_(NOT_GONE))
    since: datetime | None = ledger.first(sa.select(sa.func.min(run.c.started_at)).select_from(of_run).where(*stands))
    return since


def count_open(ledger: Ledger, vendor: str) -> dict[str, int]:
    """severity -> open findings."""
    severity = open_finding.c.severity
    return ledger.mapping(
        sa.select(severity, sa.func.count()).where(open_finding.c.vendor == vendor).group_by(severity)
    )
