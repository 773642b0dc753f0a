"""Compares findings with those of the last run: new, known or mended."""

import pandas as pd

from etl.frames import are_among, one_text

_KEY = ["vendor", "unit_key", "rule_id", "entity", "entity_id", "field"]


def compare_findings(previous: pd.DataFrame, current: pd.DataFrame, units_in_scope: pd.DataFrame) -> pd.DataFrame:
    """The current findings with their ``status``, followed by the mended ones.

    ``previous`` holds the findings of each unit from the last run that had it in scope; its ``mended`` rows are
    ignored. ``units_in_scope`` names this run's units: vendor, unit_key. Two findings are the same if vendor, unit,
    rule, entity, entity id and field are equal; the message does not count. A finding of a unit outside this run is
    left out, because the run did not check it. ``first_run_id`` is copied from ``previous`` if it has that column; it
    is null for a new finding.
    """
    if "status" in previous.columns:
        previous = previous[previous["status"] != "mended"]
    before, now = finding_keys(previous), finding_keys(current)
    known = pd.Series(are_among(now, before), index=now.index)
    judged = current.assign(status=known.map({True: "known", False: "new"}).astype("str"))
    if "first_run_id" in previous.columns:
        first = previous["first_run_id"].set_axis(before)
        judged["first_run_id"] = now.map(first[~first.index.duplicated()]).astype("str")
    looked_at = one_text(units_in_scope, _KEY[:2])
    gone = (
        ~are_among(before, now) & are_among(one_text(previous, _KEY[:2]), looked_at) & ~before.duplicated().to_numpy()
    )
    mended = previous[gone].assign(status="mended").reindex(columns=judged.columns)
    if mended.empty:
        return judged.reset_index(drop=True)
    if judged.empty:
        return mended.reset_index(drop=True)
    return pd.concat([judged, mended], ignore_index=True)


def finding_keys(findings: pd.DataFrame) -> pd.Series:
    """The identity of each finding from run to run, as one text."""
    return one_text(findings, _KEY)
