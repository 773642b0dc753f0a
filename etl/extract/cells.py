"""Each cell of the CRM as a value, as no value, or as one that cannot be read: the same on SQLite and PostgreSQL.

SQLite takes anything in any column; PostgreSQL has dates and numbers that no calendar and no account has. A cell that
cannot be read comes as a mark of its type, so that whole columns stay of one type, and is found in Arrow afterwards:

=============  ==================================  ===================================================================
declared       read as                             cannot be read
=============  ==================================  ===================================================================
key            int64                               anything but a whole number
number         int64 scaled by ``10 ** scale``     no number, not finite, or too large for the declared precision; it
                                                   stays ``NOT_FINITE``, by which ACC-MONEY and LIA-TERM know it
yes/no         bool, null is *not selected*        a word that is neither
date           date32                              no date of the years 1 to 9999
moment         bool, whether there is one          the same
text           string                              bytes that are no UTF-8
=============  ==================================  ===================================================================

Blank text in a column that is no text is no value: that is how imports write it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement

from etl.schema import NOT_FINITE

Flags = npt.NDArray[np.bool_]

# The marks: what no cell that can be read comes as. Keys up to _NO_KEY are none: the transform marks rows with them.
_NO_KEY = NOT_FINITE
_NEITHER = -1
_NO_DAY = "0000-01-01"
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896  # 0001-01-01 and 9999-12-31 as days since 1970

_YES, _NO = ("true", "t", "yes", "y", "on", "1"), ("false", "f", "no", "n", "off", "0")

WHY_UNREADABLE: dict[type[sa.types.TypeEngine[Any]], str] = {
    sa.Boolean: "is neither yes nor no",
    sa.DateTime: "is no moment between the years 1 and 9999",
    sa.Date: "is no date between the years 1 and 9999",
    sa.Integer: "is no whole number",
    sa.Numeric: "is no number, or too large a one",
    sa.String: "is no text in UTF-8",
}


@dataclass(frozen=True)
class Cells:
    """Rows with null for every cell that cannot be read (numbers: `NOT_FINITE`), and where those cells are by column.

    ``unreadable`` has an entry for each column with such a cell, and for no other.
    """

    rows: pa.Table
    unreadable: dict[str, Flags]


def columns_as_read(is_sqlite: bool, *columns: sa.Column[Any]) -> list[ColumnElement[Any]]:
    """The columns as `as_cells` wants them; a moment becomes whether there is one."""
    return [_typed(_as_read(is_sqlite, column), column).label(column.name) for column in columns]


def text_of(column: sa.Column[Any]) -> ColumnElement[str]:
    """A text to compare and to search in: PostgreSQL's own types (enums) know neither, SQLite's bytes are no text."""
    return sa.cast(column, sa.Text)


def may_be_unreadable(is_sqlite: bool, column: sa.Column[Any]) -> ColumnElement[bool]:
    """Texts beyond ASCII, among which are all bytes that are no UTF-8: every search reads them too."""
    return text_of(column).op("GLOB", is_comparison=True)(_sql("'*[^ -~]*'")) if is_sqlite else sa.false()


def is_alive(is_sqlite: bool, table: sa.Table) -> ColumnElement[bool]:
    """Rows that are not in *Deleted Records*, and those of which nobody can say it: they are found to be unreadable."""
    moment = table.c.deleted_at
    return sa.or_(moment.is_(None), _moment(is_sqlite, moment) != sa.literal_column("1"))


def is_no_key(is_sqlite: bool, column: sa.Column[Any]) -> ColumnElement[bool]:
    """Whether a cell is no key although one must be there, or is something else than a key or nothing."""
    nothing = _is_blank(sa.type_coerce(column, sa.BigInteger)) if is_sqlite else column.is_(None)
    odd = column <= _sql(str(_NO_KEY))
    if is_sqlite:
        odd = sa.or_(sa.func.typeof(column) != _sql("'integer'"), odd)
    if not column.nullable:
        return sa.or_(odd, nothing)
    return sa.and_(odd, sa.not_(nothing))


def as_cells(raw: pa.Table, statement: sa.Select[Any]) -> Cells:
    """The rows of a statement over `columns_as_read`, in the types of `etl.schema` (drivers infer them from values)."""
    columns, unreadable = {}, {}
    for source, values in zip(statement.selected_columns, raw.columns, strict=True):
        columns[source.name], odd = _read(values, source.type)
        if odd is not None:
            unreadable[source.name] = odd
    return Cells(pa.table(columns), unreadable)


def why_unreadable(column: sa.Column[Any]) -> str:
    """What is wrong with a cell of this column that cannot be read; never the cell itself."""
    return next(why for kind, why in WHY_UNREADABLE.items() if isinstance(column.type, kind))


def _typed(element: ColumnElement[Any], column: sa.Column[Any]) -> ColumnElement[Any]:
    return sa.type_coerce(element, sa.Boolean() if isinstance(column.type, sa.DateTime) else column.type)


@lru_cache(maxsize=1024)
def _as_read(is_sqlite: bool, column: sa.Column[Any]) -> ColumnElement[Any]:
    if isinstance(column.type, sa.String):
        return text_of(column)
    if isinstance(column.type, sa.Numeric):
        return _scaled(is_sqlite, column, column.type)
    if isinstance(column.type, sa.DateTime):
        return _moment(is_sqlite, column)
    if isinstance(column.type, sa.Boolean):
        return _yes_or_no(column) if is_sqlite else sa.func.coalesce(column, _sql("false"))
    if isinstance(column.type, sa.Date):
        return _day(column) if is_sqlite else sa.cast(column, sa.Date)
    return _key(column) if is_sqlite else column


def _sql(text: str) -> ColumnElement[Any]:
    return sa.literal_column(text)


def _is_blank(column: ColumnElement[Any]) -> ColumnElement[bool]:
    """No value on SQLite: null, or nothing but blanks."""
    return sa.or_(column.is_(None), sa.func.trim(column) == _sql("''"))


def _key(column: sa.Column[Any]) -> ColumnElement[Any]:
    key = sa.type_coerce(column, sa.BigInteger)
    is_whole = sa.func.typeof(key) == _sql("'integer'")
    return sa.case((is_whole, key), (_is_blank(key), sa.null()), else_=_sql(str(_NO_KEY)))


def _scaled(is_sqlite: bool, column: sa.Column[Any], kind: sa.Numeric[Any]) -> ColumnElement[Any]:
    scale = kind.scale or 0
    number = sa.type_coerce(column, sa.Float)
    bound = 10 ** ((kind.precision or 18) - scale)
    fits = sa.and_(number > _sql(str(-bound)), number < _sql(str(bound)))
    lost = _sql(str(NOT_FINITE))
    if not is_sqlite:
        # With a decimal factor whole numbers do not overflow, and floating ones are multiplied in double precision.
        whole = sa.cast(sa.func.round(number * _sql(f"{10**scale}.0")), sa.BigInteger)
        return sa.case((column.is_(None), sa.null()), (fits, whole), else_=lost)
    type_of, factor = sa.func.typeof(number), _sql(str(10**scale))
    return sa.case(
        (sa.and_(type_of == _sql("'integer'"), fits), number * factor),
        (sa.and_(type_of == _sql("'real'"), fits), sa.cast(sa.func.round(number * factor), sa.Integer)),
        (_is_blank(number), sa.null()),
        else_=lost,
    )


def _yes_or_no(column: sa.Column[Any]) -> ColumnElement[Any]:
    flag = sa.type_coerce(column, sa.Integer)
    word = sa.func.lower(sa.func.trim(sa.cast(flag, sa.Text)))
    return sa.case(
        (sa.func.typeof(flag) == _sql("'integer'"), flag != _sql("0")),
        (_is_blank(flag), _sql("0")),
        (word.in_([_sql(f"'{yes}'") for yes in _YES]), _sql("1")),
        (word.in_([_sql(f"'{no}'") for no in _NO]), _sql("0")),
        else_=_sql(str(_NEITHER)),
    )


def _day(column: sa.Column[Any]) -> ColumnElement[Any]:
    text = sa.type_coerce(column, sa.Text)
    day = sa.func.substr(text, 1, 10)
    return sa.case((sa.func.date(day) == day, day), (_is_blank(text), sa.null()), else_=_sql(f"'{_NO_DAY}'"))


def _moment(is_sqlite: bool, column: sa.Column[Any]) -> ColumnElement[Any]:
    """1 where there is a moment, 0 where there is none."""
    moment = sa.type_coerce(column, sa.Text)
    nothing = _is_blank(moment) if is_sqlite else moment.is_(None)
    if is_sqlite:
        day = sa.func.substr(moment, 1, 10)
        something = sa.and_(sa.func.date(day) == day, day > _sql("'0001'"))
    else:
        something = sa.and_(moment >= _sql("'0001-01-01'"), moment < _sql("'10000-01-01'"))
    return sa.case((nothing, _sql("0")), (something, _sql("1")), else_=_sql(str(_NEITHER)))


def _read(values: pa.ChunkedArray, declared: sa.types.TypeEngine[Any]) -> tuple[Any, Flags | None]:
    """A column in its type, and where its cells cannot be read; None where all can."""
    if isinstance(declared, sa.Date):
        return _read_days(_cast(values, pa.date32()))
    if isinstance(declared, sa.Boolean):
        return _read_flags(values)
    if isinstance(declared, sa.Integer | sa.Numeric):
        return _read_numbers(_cast(values, pa.int64()), isinstance(declared, sa.Numeric))
    return _read_texts(values)


def _cast(values: pa.ChunkedArray, wanted: pa.DataType) -> pa.ChunkedArray:
    if values.null_count == len(values):
        # Nothing for the SQLite driver to infer a type from: it says int64 even of dates.
        return pa.chunked_array([pa.nulls(len(values), wanted)])
    return values if values.type.equals(wanted) else values.cast(wanted)


def _without(values: pa.ChunkedArray, odd: Any) -> tuple[pa.ChunkedArray, Flags | None]:
    """Null in place of what is odd."""
    flags: Flags = pc.fill_null(odd, False).to_numpy()
    return (pc.if_else(odd, None, values), flags) if flags.any() else (values, None)


def _read_days(days: pa.ChunkedArray) -> tuple[pa.ChunkedArray, Flags | None]:
    numbers = days.cast(pa.int32())
    span = pc.min_max(numbers).as_py()
    if span["min"] is None or (span["min"] >= _FIRST_DAY and span["max"] <= _LAST_DAY):
        return days, None
    return _without(days, pc.or_(pc.less(numbers, _FIRST_DAY), pc.greater(numbers, _LAST_DAY)))


def _read_flags(values: pa.ChunkedArray) -> tuple[pa.ChunkedArray, Flags | None]:
    if pa.types.is_boolean(values.type):
        return values, None
    flags, odd = _without(values, pc.equal(values, _NEITHER))
    return _cast(pc.fill_null(flags, 0), pa.bool_()), odd


def _read_numbers(values: pa.ChunkedArray, are_figures: bool) -> tuple[pa.ChunkedArray, Flags | None]:
    lowest = pc.min(values).as_py()
    if lowest is None or lowest > _NO_KEY:
        return values, None
    kept, odd = _without(values, pc.less_equal(values, _NO_KEY))
    return (values if are_figures else kept), odd


def _read_texts(values: pa.ChunkedArray) -> tuple[pa.ChunkedArray, Flags | None]:
    texts = _cast(values, pa.string())
    try:
        texts.validate(full=True)
    except pa.ArrowInvalid:
        cells = texts.cast(pa.binary()).to_pylist()
        odd = pa.array([cell is not None and not _is_utf8(cell) for cell in cells])
        kept = [None if is_odd else cell for cell, is_odd in zip(cells, odd.to_pylist(), strict=True)]
        return pa.chunked_array([pa.array(kept, pa.binary()).cast(pa.string())]), odd.to_numpy(zero_copy_only=False)
    return texts, None


def _is_utf8(cell: bytes) -> bool:
    try:
        cell.decode()
    except UnicodeDecodeError:
        return False
    return True
