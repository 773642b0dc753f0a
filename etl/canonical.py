"""The canonical form of the CRM's rows: exact on SQLite and on PostgreSQL, the same for both, and its hash.

A transfer takes rows as they are. Its frames have two kinds of columns only, so that nothing is lost on the way
through Arrow, Parquet or either database:

============================  =========================================================================================
``BIGINT``, ``BOOLEAN``       nullable ``Int64``; a check box is 1, 0 or, unlike in a refresh, null
``NUMERIC(p, s)``             text with exactly ``s`` decimals (``"1234.50"``); ``"NaN"`` and the like as they are
``DATE``                      text ``YYYY-MM-DD``
``TIMESTAMP``                 text ``YYYY-MM-DD HH:MM:SS.ffffff``
text                          code point for code point, untrimmed; an empty text is no null
============================  =========================================================================================
What SQLite holds in a column and is not of its kind (a word where a date should be) stays the text that it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, TypeAlias

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement

from etl import schema
from etl.errors import SourceUnreadable
from etl.frames import text_array

Columns: TypeAlias = Iterable["sa.Column[Any]"]  # a table's ``columns``, or some of them

# SQLite keeps a number of a NUMERIC column as INTEGER, REAL or, where it is none, TEXT; each is read as what it is.
_REAL, _TEXT = "__real", "__text"
_NAMED = 5
# Up to here a REAL times a power of ten rounds to the very integer that was meant.
_SURELY_EXACT = 2.0**50
_NULLABLE = {pa.int64(): pd.Int64Dtype()}


def exact_columns(columns: Columns, is_sqlite: bool) -> list[ColumnElement[Any]]:
    """What to select so that `exact_frame` finds everything; on SQLite a number takes three columns."""
    return [element for column in columns for element in _exact(column, is_sqlite)]


def exact_frame(columns: Columns, raw: pa.Table) -> pd.DataFrame:
    """The rows that `exact_columns` selected, in canonical form.

    Raises `SourceUnreadable` naming table, column and key of cells that have none: what cannot be read is not moved.
    """
    if not raw.num_rows:
        return _without_rows(tuple(columns)).copy()
    return _as_frame({column.name: _read(column, raw) for column in columns})


def _read(column: sa.Column[Any], raw: pa.Table) -> Any:
    try:
        return _checked(column, raw)
    except pa.ArrowInvalid:
        raise SourceUnreadable(
            f"{column.table.name}.{column.name} cannot be read in {_odd_records(column, raw)}: nothing was moved. "
            "Correct the cells in the CRM's database, then run again."
        ) from None


def _checked(column: sa.Column[Any], raw: pa.Table) -> Any:
    values = _canonical(column, raw)
    values.validate(full=True)
    return values


def _odd_records(column: sa.Column[Any], raw: pa.Table) -> str:
    """The keys of the first records whose cell has no canonical form."""
    keys = [key.name for key in column.table.primary_key if key.name in raw.column_names and key is not column]
    named: list[str] = []
    for at in range(raw.num_rows):
        try:
            _checked(column, raw.slice(at, 1))
        except pa.ArrowInvalid:
            named.append(" ".join(f"{key} {raw.column(key)[at].as_py()}" for key in keys) or "a row without a key")
    return ", ".join(named[:_NAMED]) + (f" and {len(named) - _NAMED} more" if len(named) > _NAMED else "")


@cache
def _without_rows(columns: tuple[sa.Column[Any], ...]) -> pd.DataFrame:
    kinds = {column.name: pa.int64() if is_whole(column) else pa.string() for column in columns}
    return _as_frame({name: pa.nulls(0, kind) for name, kind in kinds.items()})


def _as_frame(canonical: dict[str, Any]) -> pd.DataFrame:
    frame: pd.DataFrame = pa.table(canonical).to_pandas(types_mapper=_NULLABLE.get)
    return frame


def raw_table(columns: Columns, is_sqlite: bool, rows: Sequence[Sequence[Any]]) -> pa.Table:
    """Rows that a cursor fetched for `exact_columns`, as `exact_frame` takes them."""
    names = [column.name for column in exact_columns(columns, is_sqlite)]
    values = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    return pa.table({name: pa.array(each) for name, each in zip(names, values, strict=True)})


def row_ids(entity: str, rows: pd.DataFrame) -> pd.Series[str]:
    """The key of each row as text; the parts of a composite one are joined by ``:``."""
    parts = [rows[column.name].astype("str") for column in schema.metadata.tables[entity].primary_key.columns]
    joined = parts[0]
    for part in parts[1:]:
        joined = joined + ":" + part
    return joined.rename("entity_id").astype("str")


def key_parts(ids: pd.Series[str], place: int) -> pd.Series[int]:
    """One of the whole numbers that `row_ids` has joined, by its place."""
    parts = pc.list_element(pc.split_pattern(text_array(ids), ":"), place)
    return pd.Series(parts.cast(pa.int64()).to_numpy(), index=ids.index)


def key_column(entity: str) -> sa.Column[int]:
    """The column by which to find the rows of a table: the first whole number of their key."""
    return next(column for column in schema.metadata.tables[entity].primary_key.columns if is_whole(column))


def own_key(entity: str) -> sa.Column[int] | None:
    """The column that alone is the key of a table's rows; None where the key has several columns."""
    columns = list(schema.metadata.tables[entity].primary_key.columns)
    return columns[0] if len(columns) == 1 else None


def row_hashes(entity: str, rows: pd.DataFrame) -> pd.Series[str]:
    """sha256 over all columns of each row of a table, in the schema's order; rows that differ differ in it."""
    if rows.empty:
        return pd.Series([], index=rows.index, dtype="str", name="row_hash")
    texts = [_written(rows[column.name]) for column in schema.metadata.tables[entity].columns]
    name, nothing = (pa.scalar(text, pa.large_string()) for text in (f"{entity}|", ""))
    joined = pc.binary_join_element_wise(name, *texts, nothing).cast(pa.large_binary())
    hashes = [hashlib.sha256(text).hexdigest() for text in joined.to_pylist()]
    return pd.Series(hashes, index=rows.index, dtype="str", name="row_hash")


def empty_frame(table: sa.Table) -> pd.DataFrame:
    """A frame without rows, with the columns of the table in canonical form."""
    return exact_frame(table.columns, pa.table({}))


def is_whole(column: sa.Column[Any]) -> bool:
    """Whether the canonical form of a column is `Int64`; else it is text."""
    return isinstance(column.type, sa.Integer | sa.Boolean)


def _exact(column: sa.Column[Any], is_sqlite: bool) -> Iterable[ColumnElement[Any]]:
    if isinstance(column.type, sa.String) and is_sqlite:
        return [sa.type_coerce(column, sa.Text).label(column.name)]
    return _on_sqlite(column) if is_sqlite else [_on_postgresql(column).label(column.name)]


def _on_postgresql(column: sa.Column[Any]) -> ColumnElement[Any]:
    if isinstance(column.type, sa.Boolean):
        return sa.cast(sa.cast(column, sa.Integer), sa.BigInteger)
    if isinstance(column.type, sa.Integer):
        return sa.type_coerce(column, sa.BigInteger)
    if isinstance(column.type, sa.Numeric | sa.String):
        return sa.cast(column, sa.Text)  # of an enum the label
    shape = "YYYY-MM-DD" if isinstance(column.type, sa.Date) else "YYYY-MM-DD HH24:MI:SS.US"
    # to_char knows neither infinity nor the years before Christ.
    plain = sa.and_(sa.func.isfinite(column), column >= sa.literal_column("DATE '0001-01-01'"))
    return sa.case((plain, sa.func.to_char(column, sa.literal_column(f"'{shape}'"))), else_=sa.cast(column, sa.Text))


def _on_sqlite(column: sa.Column[Any]) -> Iterable[ColumnElement[Any]]:
    kind = sa.func.typeof(column)
    if isinstance(column.type, sa.Boolean):
        truth = sa.case((sa.type_coerce(column, sa.Integer) != 0, sa.literal_column("1")), else_=sa.literal_column("0"))
        return [sa.case((column.is_(None), sa.null()), else_=truth).label(column.name)]
    if isinstance(column.type, sa.Integer):
        return [sa.type_coerce(column, sa.BigInteger).label(column.name)]
    if isinstance(column.type, sa.Date | sa.DateTime):
        return [sa.cast(sa.type_coerce(column, sa.Text), sa.Text).label(column.name)]
    value = sa.type_coerce(column, sa.BigInteger)
    whole: ColumnElement[Any] = sa.literal_column("'integer'")
    real: ColumnElement[Any] = sa.literal_column("'real'")
    return [
        sa.case((kind == whole, value)).label(column.name),
        sa.case((kind == real, value)).label(column.name + _REAL),
        sa.case((kind.not_in([whole, real]), sa.cast(value, sa.Text))).label(column.name + _TEXT),
    ]


def _canonical(column: sa.Column[Any], raw: pa.Table) -> pa.Array | pa.ChunkedArray:
    values = raw.column(column.name)
    if is_whole(column):
        return values.cast(pa.int64())
    if isinstance(column.type, sa.Numeric) and column.name + _REAL in raw.column_names:
        return _decimals(
            values, raw.column(column.name + _REAL), raw.column(column.name + _TEXT), column.type.scale or 0
        )
    values = values.cast(pa.string())
    if isinstance(column.type, sa.DateTime):
        return _timestamps(values)
    return _dates(values) if isinstance(column.type, sa.Date) else values


def _decimals(wholes: Any, reals: Any, texts: Any, scale: int) -> Any:
    """Numbers of a SQLite column as text with that many decimals."""
    of_wholes = wholes.cast(pa.int64()).cast(pa.string())
    if scale:
        of_wholes = pc.binary_join_element_wise(of_wholes, "0" * scale, ".")
    reals = reals.cast(pa.float64())
    scaled = pc.round(pc.multiply(reals, float(10**scale)), round_mode="half_to_even")
    sure = pc.less(pc.abs(scaled), _SURELY_EXACT)
    of_reals = _pointed(pc.if_else(sure, scaled, None).cast(pa.int64()), scale)
    if pc.any(pc.invert(sure)).as_py():
        unsure = pc.if_else(sure, None, reals).to_pylist()
        of_reals = pc.coalesce(of_reals, pa.array([_large(value, scale) for value in unsure], pa.string()))
    return pc.coalesce(of_wholes, of_reals, texts.cast(pa.string()))


def _pointed(scaled: Any, scale: int) -> Any:
    """Scaled integers as decimals: 123450 with scale 2 is ``1234.50``."""
    if not scale:
        return scaled.cast(pa.string())
    size = pc.abs(scaled)
    whole = pc.divide(size, 10**scale)
    rest = pc.subtract(size, pc.multiply(whole, 10**scale)).cast(pa.string())
    sign = pc.if_else(pc.less(scaled, 0), "-", "")
    number = pc.binary_join_element_wise(whole.cast(pa.string()), pc.utf8_lpad(rest, scale, "0"), ".")
    return pc.binary_join_element_wise(sign, number, "")


def _large(value: float | None, scale: int) -> str | None:
    if value is None:
        return None
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    return f"{value:.{scale}f}"


def _dates(values: Any) -> Any:
    found = pc.extract_regex(values, r"^(?P<day>\d{4}-\d\d-\d\d)(?:[ T]00:00(?::00(?:\.0*)?)?)?$")
    return pc.coalesce(pc.struct_field(found, "day"), values)


def _timestamps(values: Any) -> Any:
    shape = r"^(?P<day>\d{4}-\d\d-\d\d)(?:[ T](?P<minute>\d\d:\d\d)(?::(?P<second>\d\d)(?:\.(?P<part>\d{1,6}))?)?)?$"
    found = pc.extract_regex(values, shape)
    day, minute, second, part = (pc.struct_field(found, name) for name in ("day", "minute", "second", "part"))
    minute = pc.if_else(pc.equal(minute, ""), "00:00", minute)
    second = pc.if_else(pc.equal(second, ""), "00", second)
    time = pc.binary_join_element_wise(minute, second, ":")
    time = pc.binary_join_element_wise(time, pc.utf8_rpad(part, 6, "0"), ".")
    return pc.coalesce(pc.binary_join_element_wise(day, time, " "), values)


def _written(values: pd.Series[Any]) -> pa.Array:
    """Values as netstrings, which can be joined and still be told apart; null is ``-``."""
    texts = pa.array(values.array, from_pandas=True)
    if not pa.types.is_large_string(texts.type):
        texts = texts.cast(pa.large_string())
    sizes = pc.binary_length(texts).cast(pa.large_string())
    colon, null = pa.scalar(":", pa.large_string()), pa.scalar("-", pa.large_string())
    return pc.fill_null(pc.binary_join_element_wise(sizes, texts, colon), null)
