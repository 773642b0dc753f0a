"""The rows of the demo office while they are made: mutable, in the order of `etl.schema`'s columns, in bounded chunks.

Dates and timestamps are ISO text in the very form in which SQLAlchemy's types keep them on SQLite (``YYYY-MM-DD`` and
``YYYY-MM-DD HH:MM:SS.ffffff``); PostgreSQL reads the same text. Money is a float with at most two decimals, made from
whole cents, whose shortest text is exact on both databases.
"""

import itertools
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Table

from etl.schema import metadata
from include.demo.dice import Dice

Row = dict[str, Any]

TABLES: dict[str, Table] = {table.name: table for table in metadata.sorted_tables}
_BLANKS: dict[str, Row] = {
    name: dict.fromkeys(column.name for column in table.columns) for name, table in TABLES.items()
}
_STAMPED = frozenset(name for name, table in TABLES.items() if "modified_at" in table.columns)
_ID_COLUMNS: dict[str, str] = {
    name: next(iter(table.primary_key.columns)).name
    for name, table in TABLES.items()
    if len(table.primary_key.columns) == 1
}


def stamp(moment: datetime) -> str:
    """A timestamp as text, with microseconds, as SQLAlchemy stores it on SQLite."""
    return moment.isoformat(" ", "microseconds")


def day(ordinal: int) -> str:
    """A date as text, from its proleptic ordinal."""
    return date.fromordinal(ordinal).isoformat()


def draw_moments(dice: Dice, today: date, count: int = 5000) -> tuple[str, ...]:
    """Moments of office work (UTC) in the two years that end the evening before `today`."""
    start = datetime(today.year, today.month, today.day)
    return tuple(
        stamp(start - timedelta(days=dice.whole(1, 730)) + timedelta(hours=13, seconds=dice.whole(0, 9 * 3600)))
        for _ in range(count)
    )


class Book:
    """Rows waiting to be written, by table, and the next id of each table."""

    def __init__(self, dice: Dice, moments: tuple[str, ...]) -> None:
        self.rows: dict[str, list[Row]] = {name: [] for name in TABLES}
        self.dice = dice
        self._moments = moments
        self._ids: dict[str, Iterator[int]] = {name: itertools.count(1) for name in _ID_COLUMNS}

    def add(self, table: str, **values: Any) -> Row:
        """Add a row; its id and its `modified_at` are given here. The row may still be changed until it is written."""
        row = {**_BLANKS[table], **values}
        if table in _ID_COLUMNS:
            row[_ID_COLUMNS[table]] = next(self._ids[table])
        if table in _STAMPED:
            row["modified_at"] = self.moment()
        self.rows[table].append(row)
        return row

    def remove(self, table: str, row: Row) -> None:
        """Take back a row that is not yet written."""
        self.rows[table] = [other for other in self.rows[table] if other is not row]

    def moment(self) -> str:
        return self.dice.pick(self._moments)

    def take(self) -> dict[str, list[tuple[Any, ...]]]:
        """The waiting rows as tuples in column order, tables in an order that foreign keys allow. Empties the book."""
        taken = {name: [tuple(row.values()) for row in rows] for name, rows in self.rows.items() if rows}
        self.rows = {name: [] for name in TABLES}
        return taken
