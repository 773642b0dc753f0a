"""The end of a run: its results are decided once and written in one transaction.

A run can be closed again (its report was killed, or a part of it was started again): the second closing begins from the
state before the run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pandas as pd

from etl.load.ledger import findings, runs, standing
from etl.load.ledger.desk import items, units
from etl.load.ledger.runs import Outcome
from etl.load.ledger.store import Ledger
from etl.load.ledger.tables import repeated


@dataclass(frozen=True)
class Closing:
    """The results of a run.

    ``status``: success or failed. ``outcomes``: those that are not in the ledger yet. ``findings``: as
    `findings.write_findings` takes them; None: the run has none. ``states``: for each vendor whose part has succeeded,
    where the next run begins (unit_key, digest, outcome); the open findings of that vendor follow ``findings``.
    ``left``: by vendor, units that are not enrolled any more. ``is_compared``: each open finding of a unit that did not
    fail is in ``findings``. ``labels``: `units.LABELS` of units with findings, by which people find them.
    """

    status: str
    outcomes: Sequence[Outcome] = ()
    findings: pd.DataFrame | None = None
    states: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    left: Mapping[str, Sequence[str]] = field(default_factory=dict)
    is_compared: bool = True
    labels: pd.DataFrame | None = None


def close_run(ledger: Ledger, run_id: str, closing: Closing, at: datetime | None = None) -> None:
    """Closes a run whole or not at all; ``at``: when it ended, by default now."""
    moment = at or ledger.now()
    with ledger.write() as connection:
        standing.hold_still(connection, alone=True)
        standing.open_again(connection, run_id)
        runs.write_outcomes(ledger, connection, run_id, closing.outcomes)
        if closing.findings is not None:
            touched = findings.reopen_findings(ledger, connection, run_id, closing.states)
            places = {
                vendor: standing.take_place(connection, run_id, vendor) if closing.is_compared else None
                for vendor in closing.states
            }
            reworded = findings.write_findings(ledger, connection, run_id, closing.findings, places)
            through = closing.findings[closing.findings["vendor"].isin(list(closing.states))]
            touched |= findings.follow_findings(ledger, connection, run_id, through, reworded)
            items.follow(ledger, connection, touched, run_id, moment)
        if closing.labels is not None:
            units.remember_units(ledger, connection, closing.labels, moment)
        standing.write_out(connection, repeated.c.run_id == run_id)
        for vendor, states in closing.states.items():
            runs.finish_vendor(ledger, connection, run_id, vendor, states, moment, closing.left.get(vendor, ()))
        runs.finish_run(connection, run_id, closing.status, moment)
