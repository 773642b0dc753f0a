"""worklist.xlsx: the worklist, the outcomes, the rules and the changes."""

from pathlib import Path
from typing import BinaryIO

import pandas as pd

from expectations.rules.cards import title
from include.report.display import texts, vendor_name
from include.report.run.model import CHANGE_COLUMNS, RunReport
from include.report.run.tallies import Tallies
from include.report.sheets import SHEET_ROWS, workbook, write_sheet

# Where the changes stop, so that one large first run does not take minutes to write.
CHANGE_ROWS = 50_000
COUNTS = ("clients", "findings", "new", "known", "mended", "waived")


def write_workbook(
    file: BinaryIO,
    report: RunReport,
    tallies: Tallies,
    lines: pd.DataFrame,
    scratch: Path,
    sheet_rows: int = SHEET_ROWS,
) -> None:
    """The sheets worklist, outcomes (but ``unchanged``, which are counted) and by rule.

    Where there are any: changes, and what is only information. ``scratch``: see `workbook`.
    """
    with workbook(file, scratch, report.run.finished_at or report.run.started_at) as book:
        is_information = lines["severity"] == "info"
        write_sheet(book, "worklist", lines[~is_information], "worklist.csv holds them all", sheet_rows)
        if is_information.any():
            write_sheet(book, "information", lines[is_information], "worklist.csv holds them all", sheet_rows)
        outcomes = tallies.outcomes.drop(columns="code")
        # Most of a night's units are unchanged, and there is nothing to say about them.
        shown = outcomes[outcomes["outcome"] != "unchanged"]
        elsewhere, unchanged = "the ledger's outcome_v holds them all", len(outcomes) - len(shown)
        note = f"… and {unchanged:,} that were unchanged: {elsewhere}." if unchanged else ""
        write_sheet(book, "outcomes", shown, elsewhere, sheet_rows, note)
        write_sheet(book, "by rule", _rule_rows(tallies), "", sheet_rows, numbers=COUNTS)
        if len(report.changes):
            write_sheet(book, "changes", _change_rows(report), "counts: run.json", min(sheet_rows, CHANGE_ROWS))


def _rule_rows(tallies: Tallies) -> pd.DataFrame:
    rules = tallies.by_rule.rename(columns={"units": "clients"})
    vendors = rules["vendors"].map(lambda vendors: ", ".join(map(vendor_name, vendors)))
    rows = rules.assign(vendors=vendors, title=rules["rule_id"].map(title))
    return rows[["title", "rule_id", "severity", "vendors", *COUNTS, "remedy"]].astype("str")


def _change_rows(report: RunReport) -> pd.DataFrame:
    columns = [*CHANGE_COLUMNS, *(column for column in ("old", "new") if column in report.changes.columns)]
    first = report.changes.head(CHANGE_ROWS + 1)[columns]
    return pd.DataFrame({column: texts(first[column]) for column in columns})
