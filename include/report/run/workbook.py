"""worklist.xlsx: the worklist, the outcomes, the rules and the changes."""

from pathlib import Path
from typing import BinaryIO

import pandas as pd

from include.report.display import texts, vendor_name
from include.report.run.model import CHANGE_COLUMNS, RunReport
from include.report.run.tallies import Tallies
from include.report.sheets import SHEET_ROWS, workbook, write_sheet

# Where the changes stop, so that one large first run does not take minutes to write.
CHANGE_ROWS = 50_000


def write_workbook(
    file: BinaryIO,
    report: RunReport,
    tallies: Tallies,
    lines: pd.DataFrame,
    scratch: Path,
    sheet_rows: int = SHEET_ROWS,
) -> None:
    """The sheets worklist, outcomes (but ``unchanged``, which are counted), by rule and, where there are any, changes.

    ``scratch``: see `workbook`.
    """
    with workbook(file, scratch, report.run.finished_at or report.run.started_at) as book:
        write_sheet(book, "worklist", lines, "worklist.csv holds them all", sheet_rows)
        outcomes = tallies.outcomes.drop(columns="code")
        # Most of a night's units are unchanged, and there is nothing to say about them.
        shown = outcomes[outcomes["outcome"] != "unchanged"]
        elsewhere, unchanged = "the ledger's outcome_v holds them all", len(outcomes) - len(shown)
        note = f"… and {unchanged:,} that were unchanged: {elsewhere}." if unchanged else ""
        write_sheet(book, "outcomes", shown, elsewhere, sheet_rows, note)
        write_sheet(book, "by rule", _rule_rows(tallies), "", sheet_rows)
        if len(report.changes):
            write_sheet(book, "changes", _change_rows(report), "counts: run.json", min(sheet_rows, CHANGE_ROWS))


def _rule_rows(tallies: Tallies) -> pd.DataFrame:
    rules = tallies.by_rule
    columns = ["rule_id", "severity", "vendors", "units", "findings", "new", "known", "mended", "waived", "remedy"]
    rows = rules.assign(vendors=rules["vendors"].map(lambda vendors: ", ".join(map(vendor_name, vendors))))
    return rows[columns].astype("str")


def _change_rows(report: RunReport) -> pd.DataFrame:
    columns = [*CHANGE_COLUMNS, *(column for column in ("old", "new") if column in report.changes.columns)]
    first = report.changes.head(CHANGE_ROWS + 1)[columns]
    return pd.DataFrame({column: texts(first[column]) for column in columns})
