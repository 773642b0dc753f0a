"""Texts and tables as people read them, safe to look at.

A name in the CRM is foreign input. In a browser, a terminal or a spreadsheet it may hide characters, reverse the
reading direction or act as a formula. So unseen characters are spelled out, and formulas become text. Templates escape
markup.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from etl.errors import VENDOR_NAMES

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

# Every character of the Unicode categories Cc, Cf, Cs, Zl and Zp (control, bidi, zero-width, lone surrogates, line and
# paragraph separators) and the noncharacters XML cannot hold; a test compares it with unicodedata.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb\ufffe\uffff\U000110bd\U000110cd\U00013430-\U0001343f"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f]"
)

# The full-width forms count too: some spreadsheets fold them before they decide that a cell is a formula.
_FORMULA = re.compile("^\\s*[=+\\-@＝＋－＠]")

# Printable ASCII with a beginning that can be none of a formula.
_PLAIN = r"^[!-*,./0-<>?A-~][ -~]*$"

_NAMES = {**VENDOR_NAMES, "transfer": "Office transfer"}


def show(text: str) -> str:
    """The text with every character that cannot be seen spelled as its code: ``\\u202e``, ``\\u0000``."""
    return _UNSEEN.sub(_code, text)


def _code(match: re.Match[str]) -> str:
    point = ord(match.group())
    return f"\\u{point:04x}" if point <= 0xFFFF else f"\\U{point:08x}"


def neutralise(text: str) -> str:
    """A spreadsheet cell that stays text: shown by :func:`show`, with ``'`` before anything that starts a formula."""
    cell = show(text)
    return f"'{cell}" if _FORMULA.match(cell) else cell


def made_texts(column: pd.Series, make: Callable[[str], str]) -> pa.LargeStringArray:
    """``make`` over a column as text, null as the empty text, whole numbers without a point.

    Plain cells, of printable ASCII that starts no formula, are taken as they are: ``make`` must leave them so. Each
    distinct other cell is made once.
    """
    # A command that only answers a question needs none of these.
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc

    from etl.frames import text_array

    if pd.api.types.is_float_dtype(column.dtype):
        column = column.astype("Int64")
    if not (pd.api.types.is_integer_dtype(column.dtype) or isinstance(column.dtype, pd.StringDtype)):
        column = column.map(str, na_action="ignore").astype("str")
    encoded = text_array(column).dictionary_encode()
    distinct = encoded.dictionary
    is_odd = pc.invert(pc.match_substring_regex(distinct, _PLAIN))
    odd = pa.array(map(make, distinct.filter(is_odd).to_pylist()), pa.large_string())
    return pc.fill_null(pc.replace_with_mask(distinct, is_odd, odd).take(encoded.indices), "")


def texts(column: pd.Series) -> pd.Series:
    """The column as text that :func:`show` has made visible, null as the empty text, whole numbers without a point."""
    import pandas as pd

    return pd.Series(made_texts(column, show).to_pandas().array, column.index, dtype="str")


def as_texts(frame: pd.DataFrame, columns: Iterable[str] | None = None) -> pd.DataFrame:
    """The named columns of a frame (all, if none are named) as text without nulls, on a fresh index."""
    import pandas as pd

    named = frame.columns if columns is None else columns
    return pd.DataFrame({column: texts(frame[column]) for column in named}).reset_index(drop=True)


def rows_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame as mappings, for a template or for JSON; numpy's whole numbers become Python's."""
    return [
        {str(name): value.item() if hasattr(value, "item") else value for name, value in row.items()}
        for row in frame.to_dict("records")
    ]


def json_bytes(value: Any) -> bytes:
    """A value as a JSON file that people can read, too. Raises `ValueError` for a number that JSON does not have."""
    return json.dumps(value, allow_nan=False, indent=2).encode()


def counted(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun: ``1 household``, ``1,204 households``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def clients(households: int, persons: int) -> str:
    """How many clients there are, and of which kind: ``504 clients (400 households, 104 persons)``."""
    kinds = f"{counted(households, 'household')}, {counted(persons, 'person')}"
    return f"{counted(households + persons, 'client')} ({kinds})"


def vendor_name(vendor: str) -> str:
    """The vendor as people write it."""
    return _NAMES.get(vendor, vendor)


def asked_by(requested_by: str | None, triggered_by: str | None, nobody: str = "the schedule") -> str:
    """The user in whose name a run was made, and the other user who triggered it, if any (LIC-ACTING).

    ``main.morgan (triggered by admin)``; ``nobody``: the text if no user requested it.
    """
    if requested_by is None:
        return nobody
    is_other = triggered_by is not None and triggered_by != requested_by
    return f"{requested_by} (triggered by {triggered_by})" if is_other else requested_by


def side_name(side: str) -> str:
    """The side to which a field is pinned, as people write it."""
    return "SmartOffice" if side == "smartoffice" else vendor_name(side)


def label(name: str) -> str:
    """A name as a person reads it: ``birth_date`` becomes ``Birth date``, ``load_emoney`` ``Load eMoney``."""
    words = " ".join(VENDOR_NAMES.get(word, word) for word in name.replace("_", " ").split())
    return words if words.startswith(tuple(VENDOR_NAMES.values())) else words[:1].upper() + words[1:]
