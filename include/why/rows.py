"""The rows of the report's page on values: all fields of few households, else only those that differ from the CRM."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pandas as pd

from etl.errors import ParamsError
from etl.load.ledger.pins import read_pins
from etl.load.ledger.store import Ledger
from include.pipelines.run.context import RunContext
from include.report.display import asked_by
from include.report.run.model import LINEAGE_COLUMNS, PIN_COLUMNS, RunReport
from include.why.answers import Answer, answer
from include.why.asking import answer_all
from include.why.fields import written_whole
from include.why.history import read_history

# Up to so many households with all their fields; else of up to so many the fields that were kept.
SHOWN_WHOLE = 3
SHOWN_IN_PART = 50
DIFFERING = ("kept", "pinned", "decided", "stale", "removed_by_advisor")


def explained(context: RunContext, report: RunReport) -> RunReport:
    """The report of a run, with the sources of its values and the pins; a dry run has neither."""
    if context.request.dry_run:
        return report
    pinned = read_pins(context.ledger)
    pinned = pinned[pinned["unit_key"].isin(report.outcomes["unit_key"])]
    people = zip(pinned["pinned_by"], pinned["triggered_by"], strict=True)
    pinned = pinned.assign(
        pinned_by=pd.Series([asked_by(*both, "nobody named") for both in people], pinned.index, "str")
    )
    lineage = lineage_rows(context.ledger, report.outcomes, report.changes)
    return replace(report, lineage=lineage, pins=pinned[list(PIN_COLUMNS)])


def lineage_rows(ledger: Ledger, outcomes: pd.DataFrame, changes: pd.DataFrame) -> pd.DataFrame:
    """`LINEAGE_COLUMNS`, for a run's outcomes and the decisions that it took."""
    few = outcomes["unit_key"].nunique() <= SHOWN_WHOLE
    shown = _whole(ledger, outcomes) if few else _kept(ledger, changes)
    rows = [
        (
            *(one.vendor, one.unit_key, one.field, one.decision, one.rule_id, one.source, one.shape),
            *(one.run_id, one.as_of),
        )
        for one in shown
    ]
    return pd.DataFrame(rows, columns=list(LINEAGE_COLUMNS)).astype("str")


def _whole(ledger: Ledger, outcomes: pd.DataFrame) -> Iterator[Answer]:
    for vendor, unit_key in zip(outcomes["vendor"], outcomes["unit_key"], strict=True):
        history = read_history(ledger, vendor, unit_key)
        if history.runs:
            yield from answer_all(history)


def _kept(ledger: Ledger, changes: pd.DataFrame) -> Iterator[Answer]:
    kept = changes[changes["decision"].isin(DIFFERING)]
    units = kept[["vendor", "unit_key"]].drop_duplicates().head(SHOWN_IN_PART)
    for vendor, unit_key in zip(units["vendor"], units["unit_key"], strict=True):
        history = read_history(ledger, vendor, unit_key)
        for name in kept.loc[(kept["vendor"] == vendor) & (kept["unit_key"] == unit_key), "field"]:
            try:
                yield answer(history, written_whole(vendor, name))
            except ParamsError:
                continue
