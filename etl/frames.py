"""What every part of the pipeline does with frames, and pandas does slowly."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc


def are_among(texts: "pd.Series[str]", keys: Iterable[str]) -> npt.NDArray[np.bool_]:
    """Which texts are among the keys, null among none: ``isin``, which makes a Python object of every key."""
    found = pc.is_in(text_array(texts), value_set=text_array(keys).drop_null())
    among: npt.NDArray[np.bool_] = found.to_numpy(zero_copy_only=False)
    return among


def each_row(frame: pd.DataFrame) -> Iterator[Any]:
    """The rows of a frame, with its columns as attributes."""
    return iter(frame.itertuples(index=False))


def empty(columns: Sequence[str]) -> pd.DataFrame:
    """A frame of texts with these columns and no rows."""
    return pd.DataFrame({column: pd.Series(dtype="str") for column in columns})


def require_columns(of: object, what: str, **columns_of: Sequence[str]) -> None:
    """Each named frame of ``of`` has its columns. Raises `ValueError` naming those that are missing."""
    for name, columns in columns_of.items():
        missing = [column for column in columns if column not in getattr(of, name).columns]
        if missing:
            raise ValueError(f"The {what}'s {name} lack the columns {', '.join(missing)}")


def text_array(texts: Iterable[str]) -> pa.Array:
    """Texts as one Arrow array, without a copy where they are one already."""
    if isinstance(texts, pd.Index):
        texts = texts.to_series()
    # The array behind the column: pandas would look for nulls first.
    values = pa.array(texts.array if isinstance(texts, pd.Series) else list(texts), from_pandas=True)
    return (values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values).cast(pa.large_string())
