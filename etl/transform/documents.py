"""Documents: items put together by unit and written as canonical JSON.

Canonical: keys sorted, lists in the order of their CRM keys, UTF-8, no run time, never NaN. Equal data give equal
bytes (SCP-5). Every NUMERIC(18,2) is exact.
"""

import gc
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import numpy as np
import orjson
import pandas as pd

from etl.schema import NOT_FINITE
from etl.transform.arrays import NULL, Flags, Ints
from etl.transform.mapping.fields import FieldTable

# A double holds every decimal of up to 15 digits; scaled integers from here on are written digit by digit.
EXACT_AS_FLOAT = 10**15


def canonical(document: Mapping[str, Any]) -> bytes:
    """Canonical JSON of one document."""
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)


def payload_hash(document: bytes) -> str:
    """SHA-256 of canonical bytes, in hex."""
    return hashlib.sha256(document).hexdigest()


def keys(entity: str, ids: Ints) -> list[str]:
    """CRM keys as the vendors know them: ``account:5``."""
    return [f"{entity}:{number}" for number in ids.tolist()]


def amounts(scaled: Ints, scale: int = 2) -> list[Any]:
    """Scaled integers as JSON numbers; no value and a figure that is not finite are null."""
    written = (scaled / 10**scale).astype(object)
    is_figure = (scaled != NULL) & (scaled != NOT_FINITE)
    for at in np.flatnonzero(is_figure & ((scaled >= EXACT_AS_FLOAT) | (scaled <= -EXACT_AS_FLOAT))):
        written[at] = _digits(int(scaled[at]), scale)
    written[~is_figure] = None
    return written.tolist()  # type: ignore[no-any-return]


def _digits(scaled: int, scale: int) -> orjson.Fragment:
    whole, rest = divmod(abs(scaled), 10**scale)
    decimals = str(rest).zfill(scale).rstrip("0") or "0"
    return orjson.Fragment(f"{'-' if scaled < 0 else ''}{whole}.{decimals}".encode())


def records(table: FieldTable, columns: Mapping[str, Iterable[Any]]) -> list[dict[str, Any]]:
    """One object a row, by a field table; each column is a list or array of Python values, all of one length."""
    ordered = sorted(table)  # keys in order are written faster
    names = tuple(name for name, _ in ordered)
    values = [columns[column] for _, column in ordered]
    lists = [column.tolist() if isinstance(column, np.ndarray) else column for column in values]
    # Names and rows are equally long by construction; a strict zip for each row would double the time.
    return [dict(zip(names, row)) for row in zip(*lists, strict=True)]  # noqa: B905


def grouped(items: Sequence[Any], group_no: Ints, count: int) -> list[list[Any]]:
    """Items as one list a group; ``group_no`` ascends with the items."""
    bounds = np.searchsorted(group_no, np.arange(count + 1)).tolist()
    return [list(items[start:stop]) for start, stop in pairwise(bounds)]


def merged(first: list[list[Any]], second: list[list[Any]]) -> list[list[Any]]:
    """Two lists of lists, group by group."""
    return [one + other for one, other in zip(first, second, strict=True)]


@contextmanager
def collector_paused() -> Iterator[None]:
    """Python's cycle collector off: a shard makes some hundred thousand objects, and no cycles among them."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def written(units: pd.DataFrame, has_document: Flags, documents: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """The units that have a document, with the document as canonical JSON and its hash.

    ``units`` brings the other columns; all three are by unit number.
    """
    rows = units[has_document].reset_index(drop=True)
    texts = [canonical(document) for document, has in zip(documents, has_document.tolist(), strict=True) if has]
    hashes = [payload_hash(text) for text in texts]
    return rows.assign(document=pd.Series(texts, dtype=object), payload_hash=pd.Series(hashes, dtype="str"))
