"""The worklist: one line for each finding, with everything that a person needs to mend it."""

import pandas as pd

from include.report.display import as_texts, vendor_name
from include.report.run.model import LABEL_COLUMNS, STATUSES, RunReport
from include.report.run.tallies import Tallies, severity_ranks

WORKLIST_COLUMNS = (
    *("severity", "status", "vendor", "unit_key", "household_name", "head_name", "office_name", "assigned_user"),
    *("outcome", "rule_id", "entity", "entity_id", "field", "message", "remedy", "consequence", "since"),
)


def worklist(report: RunReport, tallies: Tallies) -> pd.DataFrame:
    """Every finding with its household's labels, the unit's outcome and the consequence; all text, no nulls.

    Critical before warning before info, new before known before mended, then by household.
    """
    labels = unit_labels(report)
    outcomes = tallies.outcomes[["vendor", "unit_key", "outcome"]].drop_duplicates(["vendor", "unit_key"])
    lines = tallies.findings.merge(labels, on="unit_key", how="left").merge(
        outcomes, on=["vendor", "unit_key"], how="left"
    )
    lines["consequence"] = _consequences(report, lines)
    lines["severity_rank"] = severity_ranks(lines["severity"])
    lines["status_rank"] = lines["status"].map({status: rank for rank, status in enumerate(STATUSES)}).fillna(0)
    order = ["severity_rank", "status_rank", "household_name", "unit_key", "vendor", "rule_id", "entity", "entity_id"]
    lines = lines.fillna(dict.fromkeys((*LABEL_COLUMNS, "outcome"), "")).sort_values(order, kind="stable")
    return lines[list(WORKLIST_COLUMNS)].reset_index(drop=True)


def unit_labels(report: RunReport) -> pd.DataFrame:
    """The labels as text, one row a unit."""
    return as_texts(report.labels, LABEL_COLUMNS).drop_duplicates("unit_key")


def _consequences(report: RunReport, lines: pd.DataFrame) -> pd.Series:
    pairs = lines[["severity", "vendor"]].drop_duplicates()
    sentences = {
        (severity, vendor): report.consequence(severity, vendor_name(vendor))
        for severity, vendor in pairs.itertuples(index=False)
    }
    consequences = pd.Series(
        [sentences[pair] for pair in zip(lines["severity"], lines["vendor"], strict=True)], lines.index, dtype="str"
    )
    consequences = consequences.where(lines["waiver_id"] == "", "Waived: it holds nothing until the waiver ends.")
    return consequences.where(lines["status"] != "mended", "Mended since the last run: there is nothing to do.")
