"""Removal by age: at its end a night removes old rows from the ledger."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict

import pandas as pd

from etl.defects import note_defect
from etl.errors import RetryLater
from etl.load.ledger.retention import NIGHT, Keep, remove_old
from include.pipelines.run.context import RunContext
from include.report.run.model import Removal

log = logging.getLogger(__name__)

# What was removed, staged as JSON.
STAGE = "removal"


def remove_by_age(context: RunContext) -> Removal | None:
    """Removes rows that are older than the settings allow; None for a dry run and for a run that is no night.

    A run removes once: a report that is made again repeats what was removed then. An error here does not stop the
    night: the report gives the reason, and the next night goes on.
    """
    if context.request.dag_id != NIGHT or context.request.dry_run:
        return None
    if context.staging.has(STAGE):
        return Removal(**json.loads(context.staging.read(STAGE)["removal"]["removal"].iloc[0]))
    removal = _remove(context)
    context.staging.write(STAGE, {"removal": pd.DataFrame({"removal": [json.dumps(asdict(removal))]})})
    return removal


def _remove(context: RunContext) -> Removal:
    data = context.settings.data
    keep = Keep(
        values_days=data.values_days,
        facts_days=data.facts_days,
        lineage_days=data.lineage_days,
        items_days=data.items_days,
        rows=data.removal_rows,
        seconds=data.removal_seconds,
    )
    try:
        removed = remove_old(context.ledger, keep)
    except RetryLater as error:
        return _stopped(str(error))
    except Exception as error:
        return _stopped(f"It was stopped by {note_defect(error, 'removal by age')}")
    # Locks that are free are no history.
    return Removal({kind: rows for kind, rows in removed.rows.items() if kind != "locks"}, removed.is_through)


def _stopped(why: str) -> Removal:
    log.warning("The removal by age did not come to its end: %s", why)
    return Removal({}, False, why)
