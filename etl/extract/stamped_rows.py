"""The keys and stamps of rows as numbers: what `etl.extract.changes` sums, and the two ways of reading it.

On SQLite the fast way takes keys and stamps as they are declared, and gives up a batch with a cell of another kind. The
careful way takes any cell, and does in SQL what the fast one does in arrays; PostgreSQL knows no other. Both give the
same numbers for the same row.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from etl.extract.cells import columns_as_read, is_alive
from etl.extract.source import id_list

EPOCH = datetime(1970, 1, 1)
SECOND = timedelta(seconds=1)
# Moments are whole seconds since then, in UTC; that of no stamp at all, and that of the first day of the year 1.
NEVER = np.iinfo(np.int64).min
YEAR_ONE = (datetime(1, 1, 1) - EPOCH) // SECOND

# Primes below 2 ** 31 and 2 ** 32: the product of two that are less stays within 64 bits.
SMALL, LARGE = 2147483629, 4294967291
_FACTOR = 2654435761
# Keeps the seconds of a stamp and their fraction apart.
_APART = 1000003
# So many characters count of a stamp that is no time.
_PLACES = json.dumps(list(range(1, 65)))

# As many characters has a stamp that SQLite's own functions have written: a day, minutes, seconds, a fraction of them.
_STAMP_SIZES = pa.array([10, 16, 19, *range(21, 27)], pa.int32())

Expression = sa.ColumnElement[Any]
Ints: TypeAlias = npt.NDArray[np.int64]
Flags: TypeAlias = npt.NDArray[np.bool_]


def _literal(value: int | str) -> Expression:
    """Part of the statement's text: drivers give parameters types of their own."""
    return sa.literal_column(f"'{value}'" if isinstance(value, str) else str(value))


@dataclass(frozen=True, eq=False)
class Tracked:
    """A table whose rows belong to contacts (``by`` contact) or are households: its key and the way to the owner."""

    keys: tuple[sa.Column[Any], ...]
    owner: sa.Column[Any]
    rows: sa.FromClause
    by: str = "contact"
    is_counted: bool = True  # a relation is, at one of its ends

    @property
    def table(self) -> sa.Table:
        table: sa.Table = self.keys[0].table
        return table


@dataclass(frozen=True)
class Rows:
    """owner, is_alive, key (scrambled), moment, mark (a number for the very stamp) of each row; names of some."""

    owner: Ints
    is_alive: Flags
    key: Ints
    moment: Ints
    mark: Ints
    names: Callable[[Ints], list[str]]


Reader: TypeAlias = Callable[[pa.RecordBatch], Rows | None]


@functools.cache
def ways_to_read(is_sqlite: bool, tracked: Tracked, of_these_alone: bool) -> list[tuple[sa.Select[Any], Reader]]:
    """How a table can be read; the first way is the fast one, and gives up where a cell is none that was declared."""
    mine = tracked.owner.in_(id_list(is_sqlite)) if of_these_alone else sa.true()
    careful = (_carefully(is_sqlite, tracked, mine), _as_said)
    return [(_plainly(tracked, mine), _as_declared), careful] if is_sqlite else [careful]


def _plainly(tracked: Tracked, mine: Expression) -> sa.Select[Any]:
    """owner, stamp, deleted_at and the parts of the key as SQLite has them; nothing where a number is none."""
    columns = tracked.table.c
    texts = [columns.modified_at] + ([columns.deleted_at] if "deleted_at" in columns else [])
    written = [sa.func.coalesce(sa.cast(_bare(text), sa.Text), _literal("")).label(text.name) for text in texts]
    parts = [sa.case((sa.func.typeof(part) == _literal("integer"), _bare(part))) for part in tracked.keys]
    named = [part.label(_part(at)) for at, part in enumerate(parts)]
    owner = columns_as_read(True, tracked.owner)[0].label("owner")
    return sa.select(owner, *named, *written).select_from(tracked.rows).where(tracked.owner.is_not(None), mine)


def _as_declared(batch: pa.RecordBatch) -> Rows | None:
    """The rows of `_plainly`; None where a key is no whole number, or a time is not written as the most are."""
    parts = [column for name, column in zip(batch.schema.names, batch.columns, strict=True) if name.startswith("part_")]
    if batch["owner"].null_count or any(part.null_count for part in parts):
        return None
    try:
        stamps = _micros(batch["modified_at"])
        is_alive = np.ones(len(batch), dtype=bool)
        if "deleted_at" in batch.schema.names:
            is_alive = pc.equal(batch["deleted_at"], "").to_numpy(zero_copy_only=False)
            deleted = _micros(batch["deleted_at"].filter(pa.array(~is_alive)))
            if (deleted < YEAR_ONE * 1_000_000).any():
                return None
    except pa.ArrowInvalid:
        return None
    numbers = [part.to_numpy() for part in parts]
    key = np.zeros(len(batch), dtype=np.int64)
    for part in numbers:
        key = np.fmod(np.fmod(key + np.fmod(part, SMALL), SMALL) * _FACTOR, LARGE)
    moment, fraction = np.divmod(stamps, 1_000_000)
    # As `_mark_in_sqlite` has it: a one, and behind it the digits of the fraction as they are written.
    digits = np.maximum(pc.binary_length(batch["modified_at"]).to_numpy().astype(np.int64) - 20, 0)
    mark = moment * _APART + 10**digits + fraction // 10 ** (6 - digits)

    def names(at: Ints) -> list[str]:
        return ["/".join(str(part[one]) for part in numbers) for one in at]

    return Rows(batch["owner"].to_numpy(), is_alive, key, moment, mark, names)


def _micros(stamps: pa.Array) -> Ints:
    """Microseconds since 1970 of stamps as SQLite's own functions write them. Raises `pa.ArrowInvalid` for another."""
    sizes = pc.binary_length(stamps)
    if not pc.all(pc.is_in(sizes, value_set=_STAMP_SIZES), min_count=0).as_py():
        raise pa.ArrowInvalid("a stamp of another form")
    micros: Ints = stamps.cast(pa.timestamp("us")).cast(pa.int64()).to_numpy()
    return micros


def _as_said(batch: pa.RecordBatch) -> Rows:
    """The rows of `_carefully`."""
    owner, is_alive, key, moment, mark, name = batch.columns
    return Rows(
        owner.cast(pa.int64()).to_numpy(),
        is_alive.cast(pa.bool_()).to_numpy(zero_copy_only=False),
        key.cast(pa.int64()).to_numpy(),
        pc.fill_null(moment.cast(pa.int64()), NEVER).to_numpy(),
        mark.cast(pa.int64()).to_numpy(),
        lambda at: name.cast(pa.string()).take(pa.array(at)).to_pylist(),
    )


def _carefully(is_sqlite: bool, tracked: Tracked, mine: Expression) -> sa.Select[Any]:
    """owner, is_alive, key (scrambled), moment, mark and name of each row, for any cells."""
    row = _rows(is_sqlite, tracked, mine).c
    mark = (_mark_in_sqlite if is_sqlite else _mark_in_postgresql)(row.stamp, row.moment)
    parts = [_named(is_sqlite, row[_part(at)]) for at in range(len(tracked.keys))]
    name = functools.reduce(lambda whole, part: whole + _literal("/") + part, parts)
    owner = sa.type_coerce(row.owner, sa.BigInteger)
    return sa.select(owner, row.is_alive, row.key, row.moment, mark.label("mark"), name.label("name")).where(
        row.owner.is_not(None)
    )


def _rows(is_sqlite: bool, tracked: Tracked, mine: Expression) -> sa.Subquery:
    """owner, is_alive, key (scrambled), each part of the key as it is, stamp, moment of each row."""
    key = _literal(0)
    for part in tracked.keys:
        key = _scrambled(key + sa.func.coalesce(part % _literal(SMALL), _literal(-1)))
    columns = tracked.table.c
    stamp = _bare(columns.modified_at)
    rows = sa.select(
        columns_as_read(is_sqlite, tracked.owner)[0].label("owner"),
        (is_alive(is_sqlite, tracked.table) if "deleted_at" in columns else sa.true()).label("is_alive"),
        key.label("key"),
        *(_bare(part).label(_part(at)) for at, part in enumerate(tracked.keys)),
        stamp.label("stamp"),
        (_moment_in_sqlite if is_sqlite else _moment_in_postgresql)(stamp).label("moment"),
    )
    rows = rows.select_from(tracked.rows).where(tracked.owner.is_not(None), mine)
    # Without an offset the database would work out the moment anew for each of its uses.
    return rows.offset(_literal(0)).subquery()


def _bare(column: Expression) -> Expression:
    """The column, of no type that SQLAlchemy or the driver would make something of."""
    return sa.type_coerce(column, sa.types.NullType())


def _part(at: int) -> str:
    return f"part_{at}"


def _named(is_sqlite: bool, part: Expression) -> Expression:
    """A part of a key as text; SQLite keeps anything in it."""
    digits = sa.cast(part, sa.Text)
    return sa.case((_is_number(part), digits), else_=_literal("?")) if is_sqlite else digits


def _scrambled(number: Expression) -> Expression:
    return (number % _literal(SMALL)) * _literal(_FACTOR) % _literal(LARGE)


def _moment_in_sqlite(stamp: Expression) -> Expression:
    """SQLite keeps a time as text, or as a number of seconds or of days (its own reckoning)."""
    as_number, as_text = sa.func.unixepoch(stamp, _literal("auto")), sa.func.unixepoch(stamp)
    is_day = stamp.op("GLOB", return_type=sa.Boolean())(_literal("????-??-??*"))
    return sa.type_coerce(sa.case((_is_number(stamp), as_number), (is_day, as_text)), sa.BigInteger)


def _mark_in_sqlite(stamp: Expression, moment: Expression) -> Expression:
    """A number for the very stamp, fractions of a second included; a stamp that is no time has a number too."""
    fraction = _literal("1").op("||")(sa.func.substr(stamp, _literal(21)))
    place = sa.func.json_each(_literal(_PLACES)).table_valued("value").c.value
    letter = sa.func.unicode(sa.func.substr(stamp, place, _literal(1)))
    letters = sa.select(sa.func.sum(letter * _scrambled(place))).scalar_subquery()
    return sa.case(
        (_is_number(stamp), sa.cast(stamp * _literal(_APART), sa.Integer)),
        (moment.is_not(None), moment * _literal(_APART) + sa.cast(fraction, sa.Integer)),
        else_=sa.func.coalesce(letters, sa.func.length(stamp), _literal(-1)),
    )


def _is_number(stamp: Expression) -> Expression:
    return sa.func.typeof(stamp).in_([_literal("integer"), _literal("real")])


def _moment_in_postgresql(stamp: Expression) -> Expression:
    """Null for what no calendar of ours has: infinity, before Christ, after 9999."""
    first, last = (sa.cast(_literal(day), sa.DateTime) for day in ("0001-01-01", "9999-12-31 23:59:59"))
    moment = sa.cast(sa.func.floor(sa.extract("epoch", stamp)), sa.BigInteger)
    return sa.case((stamp.between(first, last), moment))


def _mark_in_postgresql(stamp: Expression, _moment: Expression) -> Expression:
    """A number for the very stamp; by its seconds, which no session's time zone changes."""
    text = sa.cast(sa.extract("epoch", stamp), sa.Text)
    return sa.func.coalesce(sa.func.hashtextextended(text, _literal(0)), _literal(-1))
