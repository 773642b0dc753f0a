"""Tables as files for spreadsheets: CSV, and workbooks whose cells are nothing but text.

Whole columns are written at once, about ten times as fast as cell by cell. xlsxwriter writes a sheet's rows to a
temporary file as they come (constant_memory). `_write_texts` hands it finished rows of in-line strings, so that it
makes no object for each cell. Header, formats, filter, panes and the package around them stay xlsxwriter's. This uses
inner names of the locked version. A test that reads the file back with another library fails if one of them changes.
"""

import csv
import io
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import pandas as pd
import xlsxwriter
from xlsxwriter.utility import xl_col_to_name
from xlsxwriter.worksheet import Worksheet

from include.report.display import each_distinct, label, neutralise

# Excel's own limits.
SHEET_ROWS = 1_048_576
CELL_CHARACTERS = 32_767

_ROWS_AT_A_TIME = 20_000
_WIDTHS = {"message": 60, "remedy": 60, "consequence": 50, "reason": 50, "household name": 28, "head name": 24}
_OPTIONS = {
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "nan_inf_to_errors": False,
    "constant_memory": True,
}

# Spreadsheets decode _x202E_ to the character it names, which would bring hidden characters back in.
_ENCODED = re.compile("_x(?=[0-9A-Fa-f]{4}_)")


def write_csv(file: BinaryIO, lines: pd.DataFrame) -> None:
    """RFC 4180 with a byte order mark (Excel reads it as UTF-8), every cell quoted and neutralised."""
    file.write(b"\xef\xbb\xbf")
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerow(lines.columns)
    for part in _parts(lines):
        writer.writerows(zip(*(each_distinct(part[column], neutralise) for column in part.columns), strict=True))
    text.flush()
    text.detach()


@contextmanager
def workbook(file: BinaryIO, scratch: Path, created: datetime | None = None) -> Iterator[xlsxwriter.Workbook]:
    """A workbook that is in ``file`` when the block ends. With ``created``, the same sheets make the same bytes.

    ``scratch`` is a folder on the same disk for the writer's temporary files, which hold client data too.
    """
    with (
        tempfile.TemporaryDirectory(dir=scratch, prefix=".xlsx-") as folder,
        xlsxwriter.Workbook(file, {**_OPTIONS, "tmpdir": folder}) as book,
    ):
        if created is not None:
            book.set_properties({"created": created})
        yield book


def write_sheet(
    book: xlsxwriter.Workbook,
    name: str,
    rows: pd.DataFrame,
    elsewhere: str,
    sheet_rows: int = SHEET_ROWS,
    note: str = "",
) -> None:
    """One sheet of texts with a frozen header and a filter.

    The last row says ``elsewhere`` (where the other rows are) if there are more than ``sheet_rows``, else ``note``.
    """
    sheet = book.add_worksheet(name)
    heading = book.add_format({"bold": True, "bottom": 1, "bg_color": "#E8EEF2"})
    titles = [label(column) for column in rows.columns]
    for position, title in enumerate(titles):
        sheet.set_column(position, position, _WIDTHS.get(title.lower(), 16))
    sheet.freeze_panes(1, 0)
    sheet.write_row(0, 0, titles, heading)
    shown = rows if len(rows) < sheet_rows else rows.head(sheet_rows - 2)
    first_row = 1
    for part in _parts(shown):
        _write_texts(sheet, first_row, part)
        first_row += len(part)
    if len(shown) < len(rows):
        note = f"… and more rows than fit on this sheet: {elsewhere}."
    if note:
        sheet.write_string(len(shown) + 1, 0, note)
    sheet.autofilter(0, 0, max(len(shown), 1), len(titles) - 1)
    sheet.ignore_errors({"number_stored_as_text": f"A1:XFD{SHEET_ROWS}"})


def _parts(rows: pd.DataFrame) -> Iterator[pd.DataFrame]:
    for start in range(0, len(rows), _ROWS_AT_A_TIME):
        yield rows.iloc[start : start + _ROWS_AT_A_TIME]


def _write_texts(sheet: Worksheet, first_row: int, rows: pd.DataFrame) -> None:
    """Writes the frame's cells (text) from ``first_row`` on (0 is the sheet's first row), neutralised."""
    sheet._write_single_row(first_row)
    sheet._check_dimensions(first_row + len(rows) - 1, len(rows.columns) - 1)
    columns = [each_distinct(rows[column], _element) for column in rows.columns]
    names = [xl_col_to_name(position) for position in range(len(columns))]
    for number, cells in enumerate(zip(*columns, strict=True), first_row + 1):
        written = "".join([f'<c r="{name}{number}"{cell}' for name, cell in zip(names, cells, strict=True) if cell])
        sheet.fh.write(f'<row r="{number}">{written}</row>')
    sheet.previous_row = first_row + len(rows)


def _element(text: str) -> str:
    """The rest of a text cell's element, after its place; nothing for an empty text."""
    if not text:
        return ""
    shown = _ENCODED.sub("_x005F_x", neutralise(text)[:CELL_CHARACTERS])
    escaped = shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f' t="inlineStr"><is><t xml:space="preserve">{escaped}</t></is></c>'
