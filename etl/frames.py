"""What every part of the pipeline does with frames, and pandas does slowly."""

from collections import namedtuple
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

# What pandas calls ``str``.
TEXT_DTYPE: Any = pd.StringDtype(na_value=np.nan)


def are_among(texts: "pd.Series[str]", keys: Iterable[str]) -> npt.NDArray[np.bool_]:
    """Which texts are among the keys, null among none: ``isin``, which makes a Python object of every key."""
    found = pc.is_in(text_array(texts), value_set=text_array(keys).drop_null())
    among: npt.NDArray[np.bool_] = found.to_numpy(zero_copy_only=False)
    return among


def each_row(frame: pd.DataFrame) -> Iterator[Any]:
    """The rows of a frame, with its columns as attributes."""
    # As `itertuples`, which makes a class for each frame.
    row = _row(tuple(frame.columns))
    return map(row._make, zip(*(column for _, column in frame.items()), strict=True))


@lru_cache(maxsize=256)
def _row(names: tuple[str, ...]) -> Any:
    return namedtuple("Row", names, rename=True)


def empty(columns: Sequence[str]) -> pd.DataFrame:
    """A frame of texts with these columns and no rows."""
    return typed((), dict.fromkeys(columns, "str"))


def require_columns(of: object, what: str, **columns_of: Sequence[str]) -> None:
    """Each named frame of ``of`` has its columns. Raises `ValueError` naming those that are missing."""
    for name, columns in columns_of.items():
        missing = [column for column in columns if column not in getattr(of, name).columns]
        if missing:
            raise ValueError(f"The {what}'s {name} lack the columns {', '.join(missing)}")


def one_text(frame: pd.DataFrame, names: Sequence[str]) -> "pd.Series[str]":
    """These columns of each row as one text, null as the empty text.

    The unit separator stands between them: it cannot be part of an id, a rule or a column's name.
    """
    parts = [pc.fill_null(_as_texts(frame[name]), "") for name in names]
    joined = pc.binary_join_element_wise(*parts, pa.scalar("\x1f", pa.large_string()))
    return pd.Series(TEXT_DTYPE.__from_arrow__(joined), index=frame.index)


def _as_texts(column: pd.Series) -> pa.Array:
    """Whole numbers without a point, also where nulls have made floats of them."""
    if pd.api.types.is_float_dtype(column.dtype):
        column = column.astype("Int64")
    if column.dtype == object:
        return pa.array([None if pd.isna(cell) else str(cell) for cell in column], pa.large_string())
    return text_array(column)


def typed(rows: Iterable[Sequence[Any]], kinds: Mapping[str, Any]) -> pd.DataFrame:
    """Rows as a frame with these columns, each of its dtype, with rows or not."""
    columns = list(zip(*rows, strict=True)) or [()] * len(kinds)
    cells = zip(kinds.items(), columns, strict=True)
    return pd.DataFrame({name: pd.array(column, dtype=kind) for (name, kind), column in cells}, copy=False)


def cells_of(column: pd.Series) -> list[Any]:
    """The cells of a column, None where there is none."""
    cells, is_null = column.tolist(), column.isna().to_numpy()
    if is_null.any():
        cells = [None if nothing else cell for cell, nothing in zip(cells, is_null.tolist(), strict=True)]
    return cells


def to_arrow(frame: pd.DataFrame) -> pa.Table:
    """A frame as an Arrow table without its index."""
    # Column by column: pandas' own way works out metadata that nobody reads.
    return pa.table({name: pa.array(column, from_pandas=True) for name, column in frame.items()})


def text_array(texts: Iterable[str]) -> pa.Array:
    """Texts as one Arrow array, without a copy where they are one already."""
    if isinstance(texts, pd.Index):
        texts = texts.to_series()
    # The array behind the column: pandas would look for nulls first.
    values = pa.array(texts.array if isinstance(texts, pd.Series) else list(texts), from_pandas=True)
    return (values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values).cast(pa.large_string())
