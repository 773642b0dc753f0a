"""worklist.xlsx: the worklist, the outcomes, the rules and the changes, in cells that are nothing but text."""

import tempfile
from pathlib import Path
from typing import BinaryIO

import pandas as pd
import xlsxwriter

from include.report.display import label, texts, vendor_name
from include.report.run.model import CHANGE_COLUMNS, RunReport
from include.report.run.tallies import Tallies
from include.report.text_sheet import write_texts

# Excel's own limit, and where the changes stop so that one large first run does not take minutes to write.
SHEET_ROWS = 1_048_576
CHANGE_ROWS = 50_000
_ROWS_AT_A_TIME = 20_000

_WIDTHS = {"message": 60, "remedy": 60, "consequence": 50, "reason": 50, "household name": 28, "head name": 24}
OPTIONS = {
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "nan_inf_to_errors": False,
    "constant_memory": True,
}


def write_workbook(
    file: BinaryIO,
    report: RunReport,
    tallies: Tallies,
    lines: pd.DataFrame,
    scratch: Path,
    sheet_rows: int = SHEET_ROWS,
) -> None:
    """The sheets worklist, outcomes (but ``unchanged``, which are counted), by rule and, where there are any, changes.

    ``scratch`` is a folder on the same disk for the writer's temporary files, which hold client data too.
    """
    with (
        tempfile.TemporaryDirectory(dir=scratch, prefix=".xlsx-") as folder,
        xlsxwriter.Workbook(file, {**OPTIONS, "tmpdir": folder}) as book,
    ):
        # The same report makes the same bytes, whenever it is made.
        book.set_properties({"created": report.run.finished_at or report.run.started_at})
        write_sheet(book, "worklist", lines, sheet_rows, "worklist.csv holds them all")
        outcomes = tallies.outcomes.drop(columns="code")
        # Most of a night's units, and there is nothing to tell of them.
        told = outcomes[outcomes["outcome"] != "unchanged"]
        elsewhere, unchanged = "the ledger's outcome_v holds them all", len(outcomes) - len(told)
        note = f"… and {unchanged:,} that were unchanged: {elsewhere}." if unchanged else ""
        write_sheet(book, "outcomes", told, sheet_rows, elsewhere, note)
        write_sheet(book, "by rule", _rule_rows(tallies), sheet_rows, "")
        if len(report.changes):
            write_sheet(book, "changes", _change_rows(report), min(sheet_rows, CHANGE_ROWS), "counts: run.json")


def _rule_rows(tallies: Tallies) -> pd.DataFrame:
    rules = tallies.by_rule
    columns = ["rule_id", "severity", "vendors", "units", "findings", "new", "known", "mended", "remedy"]
    rows = rules.assign(vendors=rules["vendors"].map(lambda vendors: ", ".join(map(vendor_name, vendors))))
    return rows[columns].astype("str")


def _change_rows(report: RunReport) -> pd.DataFrame:
    columns = [*CHANGE_COLUMNS, *(column for column in ("old", "new") if column in report.changes.columns)]
    first = report.changes.head(CHANGE_ROWS + 1)[columns]
    return pd.DataFrame({column: texts(first[column]) for column in columns})


def write_sheet(
    book: xlsxwriter.Workbook, name: str, rows: pd.DataFrame, sheet_rows: int, elsewhere: str, note: str = ""
) -> None:
    """One sheet with a frozen header and a filter; rows beyond the limit are told of in the last one, or a note is."""
    sheet = book.add_worksheet(name)
    heading = book.add_format({"bold": True, "bottom": 1, "bg_color": "#E8EEF2"})
    titles = [label(column) for column in rows.columns]
    for position, title in enumerate(titles):
        sheet.set_column(position, position, _WIDTHS.get(title.lower(), 16))
    sheet.freeze_panes(1, 0)
    sheet.write_row(0, 0, titles, heading)
    shown = rows if len(rows) < sheet_rows else rows.head(sheet_rows - 2)
    for start in range(0, len(shown), _ROWS_AT_A_TIME):
        write_texts(sheet, start + 1, shown.iloc[start : start + _ROWS_AT_A_TIME])
    if len(shown) < len(rows):
        note = f"… and more rows than fit on this sheet: {elsewhere}."
    if note:
        sheet.write_string(len(shown) + 1, 0, note)
    sheet.autofilter(0, 0, max(len(shown), 1), len(titles) - 1)
    sheet.ignore_errors({"number_stored_as_text": f"A1:XFD{SHEET_ROWS}"})
