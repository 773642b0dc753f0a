"""Tables as files for spreadsheets: CSV, and workbooks whose cells are texts or counts, and never run.

Whole columns are written at once, about ten times as fast as cell by cell. xlsxwriter writes a sheet's rows to a
temporary file as they come (constant_memory). `_write_cells` hands it finished rows of in-line strings, so that it
makes no object for each cell. Header, formats, filter, panes and the package around them stay xlsxwriter's. This uses
inner names of the locked version. A test that reads the file back with another library fails if one of them changes.
"""

import re
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import xlsxwriter
from xlsxwriter.utility import xl_col_to_name
from xlsxwriter.worksheet import Worksheet

from etl.frames import text_array
from include.report.display import label, made_texts, neutralise

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
_TEXT_CELL = '" t="inlineStr"><is><t xml:space="preserve">'


def write_csv(file: BinaryIO, lines: pd.DataFrame) -> None:
    """RFC 4180 with a byte order mark (Excel reads it as UTF-8), every cell quoted and neutralised."""
    file.write(b"\xef\xbb\xbf")
    heading = '","'.join(lines.columns)
    file.write(f'"{heading}"\r\n'.encode())
    for part in _parts(lines):
        cells = (made_texts(part[column], neutralise) for column in part.columns)
        quoted = [pc.replace_substring(one, '"', '""') for one in cells]
        # The rows lie one after the other in Arrow's memory.
        file.write(_joined('"', *_between(quoted, '","'), '"\r\n').buffers()[2])


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
    numbers: Collection[str] = (),
) -> None:
    """One sheet of texts with a frozen header and a filter; the columns in ``numbers`` hold whole numbers.

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
        _write_cells(sheet, first_row, part, numbers)
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


def _write_cells(sheet: Worksheet, first_row: int, rows: pd.DataFrame, numbers: Collection[str]) -> None:
    """Writes the frame's cells from ``first_row`` on (0 is the sheet's first row): texts, neutralised, or numbers."""
    sheet._write_single_row(first_row)
    sheet._check_dimensions(first_row + len(rows) - 1, len(rows.columns) - 1)
    places = pa.array(range(first_row + 1, first_row + 1 + len(rows))).cast(pa.large_string())
    written = []
    for position, column in enumerate(rows.columns):
        place = f'<c r="{xl_col_to_name(position)}'
        if column in numbers:
            written.append(_joined(place, places, '"><v>', text_array(rows[column]), "</v></c>"))
            continue
        cells = _as_element(made_texts(rows[column], neutralise))
        element = _joined(place, places, _TEXT_CELL, cells, "</t></is></c>")
        written.append(pc.if_else(pc.equal(cells, ""), "", element))
    sheet.fh.flush()
    sheet.fh.buffer.write(_joined('<row r="', places, '">', *written, "</row>").buffers()[2])
    sheet.previous_row = first_row + len(rows)


def _as_element(cells: pa.LargeStringArray) -> pa.LargeStringArray:
    """The cells as text of XML, no longer than a cell may be, with nothing that a spreadsheet would decode."""
    cells = pc.utf8_slice_codeunits(cells, 0, CELL_CHARACTERS)
    is_coded = pc.match_substring_regex(cells, "_x[0-9A-Fa-f]{4}_")
    plain = [_ENCODED.sub("_x005F_x", cell) for cell in cells.filter(is_coded).to_pylist()]
    cells = pc.replace_with_mask(cells, is_coded, pa.array(plain, pa.large_string()))
    for character, reference in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        cells = pc.replace_substring(cells, character, reference)
    return cells


def _between(columns: list[pa.LargeStringArray], separator: str) -> list[pa.LargeStringArray | str]:
    return [part for column in columns for part in (separator, column)][1:]


def _joined(*parts: pa.LargeStringArray | str) -> pa.LargeStringArray:
    """The parts of each row, one after the other."""
    arrays = (pa.scalar(part, pa.large_string()) if isinstance(part, str) else part for part in parts)
    return pc.binary_join_element_wise(*arrays, pa.scalar("", pa.large_string()))
