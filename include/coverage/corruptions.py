"""The plausible ways in which a cell of the CRM goes wrong, and one corrupted family for each of them.

``blank``, ``wrong type`` and ``out of range`` show at the cell. ``swapped`` (with the next record, or with the next
column of the same type) and ``duplicated`` (onto the next record) leave values that may be right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from etl import schema
from etl.transform.mapping.columns import SourceColumn, source_columns
from include.coverage.book import Row, Rows, family, first_id
from include.coverage.table import BLANK, DUPLICATED, NOT_SENT, OUT_OF_RANGE, SWAPPED, SWAPPED_COLUMN, WRONG_TYPE

CORRUPTIONS: Final = (BLANK, WRONG_TYPE, OUT_OF_RANGE, SWAPPED, SWAPPED_COLUMN, DUPLICATED)

_NOBODY = 9_999_999
_WRONG: Final[dict[type[sa.types.TypeEngine[Any]], tuple[Any, Any]]] = {
    sa.Boolean: ("perhaps", 7),
    sa.DateTime: ("yesterday", "2126-01-05 12:00:00"),
    sa.Date: ("next spring", "2126-06-01"),
    sa.Integer: ("K-17", _NOBODY),
    sa.Numeric: ("about twelve", -900),
    sa.String: (b"\xff\xfe", "???"),
}
"""By type of a column: a value of another type, and one that no right record has."""


@dataclass(frozen=True)
class Case:
    """One cell corrupted in one way. ``number``: the family; the cell is in the table's row ``at`` of it."""

    number: int
    table: str
    column: str
    at: int
    corruption: str
    rows: Rows

    @property
    def unit_key(self) -> str:
        return f"H{first_id(self.number)}"


def mapped_columns() -> list[SourceColumn]:
    """The columns that a vendor gets, a rule uses or records are found by: all but those declared not sent at both."""
    return [
        each
        for each in source_columns()
        if not (each.profiles.startswith(NOT_SENT) and each.emoney.startswith(NOT_SENT))
    ]


def cases() -> list[Case]:
    """One family for each mapped column, row and corruption that changes something; family 0 is left sound."""
    found: list[Case] = []
    for each in mapped_columns():
        for at, corruption in _ways(each):
            rows = family(len(found) + 1)
            if _corrupt(rows[each.table], each, at, corruption):
                found.append(Case(len(found) + 1, each.table, each.column, at, corruption, rows))
    return found


def _ways(each: SourceColumn) -> Iterator[tuple[int, str]]:
    """Each row of the table by itself: what holds for a client need not hold for a child."""
    for at in range(len(family(0)[each.table])):
        yield from ((at, corruption) for corruption in CORRUPTIONS)


def _corrupt(rows: list[Row], each: SourceColumn, at: int, corruption: str) -> bool:
    """Corrupts a cell in place; False where it would be left as it was, or there is nothing to do it with."""
    before = [dict(row) for row in rows]
    _DO[corruption](rows, each, at)
    return rows != before


def _blank(rows: list[Row], each: SourceColumn, at: int) -> None:
    if rows[at].get(each.column) is not None:
        rows[at][each.column] = None


def _of_another_type(rows: list[Row], each: SourceColumn, at: int) -> None:
    rows[at][each.column] = _wrong_values(each)[0]


def _out_of_range(rows: list[Row], each: SourceColumn, at: int) -> None:
    """A record's own key has no range: another number is another record."""
    if list(schema.metadata.tables[each.table].primary_key.columns.keys()) != [each.column]:
        rows[at][each.column] = _wrong_values(each)[1]


def _wrong_values(each: SourceColumn) -> tuple[Any, Any]:
    kind = schema.metadata.tables[each.table].c[each.column].type
    return next(values for of, values in _WRONG.items() if isinstance(kind, of))


def _swap(rows: list[Row], each: SourceColumn, at: int) -> None:
    if at + 1 < len(rows):
        one, other = rows[at], rows[at + 1]
        one[each.column], other[each.column] = other.get(each.column), one.get(each.column)


def _swap_column(rows: list[Row], each: SourceColumn, at: int) -> None:
    neighbour = _next_column(each)
    if neighbour and rows[at].get(each.column) is not None and rows[at].get(neighbour) is not None:
        rows[at][each.column], rows[at][neighbour] = rows[at][neighbour], rows[at][each.column]


def _duplicate(rows: list[Row], each: SourceColumn, at: int) -> None:
    if at + 1 < len(rows) and rows[at].get(each.column) is not None:
        rows[at + 1][each.column] = rows[at][each.column]


def _next_column(each: SourceColumn) -> str | None:
    """The next mapped column of the table that has the same type, in a circle."""
    columns = schema.metadata.tables[each.table].c
    kind = type(columns[each.column].type)
    alike = [
        one.column for one in mapped_columns() if one.table == each.table and type(columns[one.column].type) is kind
    ]
    return alike[(alike.index(each.column) + 1) % len(alike)] if len(alike) > 1 else None


_DO: Final[dict[str, Callable[[list[Row], SourceColumn, int], None]]] = {
    BLANK: _blank,
    WRONG_TYPE: _of_another_type,
    OUT_OF_RANGE: _out_of_range,
    SWAPPED: _swap,
    SWAPPED_COLUMN: _swap_column,
    DUPLICATED: _duplicate,
}
