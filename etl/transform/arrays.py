"""Columns of frames as arrays: text, scaled integers, dates, and joins by integer key.

Inside the transform ids and scaled figures are plain ``int64`` with ``NULL`` for *no value*, and text is an Arrow array
or, where there are few of them, an object array of ``str`` and ``None``. Position -1 means *no such row*: numbers and
objects that are looked up by position carry one more element at their end, which is the answer for it.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from etl.frames import TEXT_DTYPE, text_array

Ints: TypeAlias = npt.NDArray[np.int64]
Flags: TypeAlias = npt.NDArray[np.bool_]
Objects: TypeAlias = npt.NDArray[np.object_]
Series: TypeAlias = "pd.Series[Any]"
Frames: TypeAlias = Mapping[str, pd.DataFrame]

NULL: int = int(np.iinfo(np.int64).min)


def integers(column: Series) -> Ints:
    """Ids or scaled figures as ``int64``; no value is ``NULL``, a figure that is not finite stays what it is."""
    return column.array.to_numpy(dtype="int64", na_value=NULL)


def flags(column: Series) -> Flags:
    """A check box; no value reads as not selected."""
    return column.array.to_numpy(dtype="bool", na_value=False)


def texts(column: Series) -> Objects:
    """DEM-TEXT: trimmed of Unicode white space, blank is ``None``, otherwise code point for code point."""
    values: Objects = trimmed(column).to_numpy(zero_copy_only=False)
    return values


def blank_texts(column: Series) -> Flags:
    """DEM-TEXT: where there is a text, and nothing but blanks in it."""
    is_blank = pc.equal(pc.utf8_trim_whitespace(text_array(column)), "")
    blank: Flags = pc.fill_null(is_blank, False).to_numpy(zero_copy_only=False)
    return blank


def matches(column: Series, pattern: str) -> Flags:
    """Where a text, trimmed, has a match of a pattern (RE2 syntax)."""
    found: Flags = pc.fill_null(pc.match_substring_regex(trimmed(column), pattern), False).to_numpy(
        zero_copy_only=False
    )
    return found


def trimmed(column: Series) -> pa.Array:
    """DEM-TEXT as Arrow strings, blank is null."""
    # Arrow end to end: the str accessor would make three passes.
    texts = pc.utf8_trim_whitespace(text_array(column))
    return pc.if_else(pc.equal(texts, ""), None, texts)


def dates(column: Series) -> pa.Array:
    """Dates as ``YYYY-MM-DD``."""
    return pa.array(column.array, from_pandas=True).cast(pa.date32()).cast(pa.large_string())


def nulls(values: pa.Array) -> Flags:
    """Where there is no value."""
    is_null: Flags = values.is_null().to_numpy(zero_copy_only=False)
    return is_null


def taken(values: pa.Array, at: Ints) -> pa.Array:
    """The values at these positions; null at -1."""
    return values.take(pa.array(at, mask=at < 0))


def where(flagged: Flags, values: pa.Array) -> pa.Array:
    """The values where flagged, else null."""
    return pc.if_else(pa.array(flagged), values, None)


def with_none(values: Objects) -> Objects:
    """The same values and a ``None`` at the end, so that position -1 answers ``None``."""
    return np.append(values, np.array([None], dtype=object))


def is_none(values: Objects) -> Flags:
    """Where there is no value."""
    nothing: Flags = values == None  # noqa: E711 - element by element; `is` would ask about the array
    return nothing


def nullable(values: Ints) -> Series:
    """``int64`` with ``NULL`` as a nullable ``Int64`` column."""
    return pd.Series(pd.arrays.IntegerArray(values.copy(), values == NULL))


def strings(values: pa.Array | Objects | pd.Categorical) -> Series:
    """Text and nulls as a ``str`` column."""
    if isinstance(values, pa.Array):
        return pd.Series(TEXT_DTYPE.__from_arrow__(values))
    return pd.Series(values, dtype="str")


def first_reason(checks: Mapping[str, Flags], count: int) -> pd.Categorical:
    """The first of these reasons that holds for each of ``count`` rows; null where none does."""
    codes = np.full(count, -1, dtype=np.int64)
    for code, holds in reversed(list(enumerate(checks.values()))):
        codes[holds] = code
    return pd.Categorical.from_codes(codes, dtype=_reasons(tuple(checks)))


@lru_cache(maxsize=256)
def _reasons(names: tuple[str, ...]) -> pd.CategoricalDtype:
    return pd.CategoricalDtype(pd.Index(names, dtype="str"))


def join(left: Ints, right: Ints, then: Ints | None = None) -> tuple[Ints, Ints]:
    """Positions of every pair with ``left[i] == right[j]``, ordered by ``i``, then by ``then[j]``.

    ``NULL`` is equal to nothing. Without ``then`` the order among the partners of one is open.
    """
    order = np.argsort(right) if then is None else sort_order(right, then)
    ordered = right[order]
    start = np.searchsorted(ordered, left, side="left")
    count = np.where(left == NULL, 0, np.searchsorted(ordered, left, side="right") - start)
    before = np.repeat(np.cumsum(count) - count, count)
    left_at = np.repeat(np.arange(len(left)), count)
    right_at = order[np.repeat(start, count) + np.arange(len(left_at)) - before]
    return left_at, right_at


def sort_order(first: Ints, then: Ints) -> Ints:
    """Positions in the order of two keys; no two rows have both equal.

    Keys that fit into one 63-bit number are sorted as one, in a tenth of the time.
    """
    if not len(first):
        return np.zeros(0, dtype=np.int64)
    low, high, then_low = int(first.min()), int(first.max()), int(then.min())
    width = int(then.max()) - then_low + 1
    if (high - low + 1) * width >= 2**62:
        return np.lexsort((then, first))
    return np.argsort((first - low) * width + (then - then_low))


def positions(keys: Ints, ids: Ints) -> Ints:
    """Where each id stands among unique keys; -1 where it does not."""
    found = pd.Index(keys).get_indexer(pd.Index(ids)).astype(np.int64)
    found[ids == NULL] = -1
    return found
