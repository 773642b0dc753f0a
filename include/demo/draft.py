"""The office while it is made: seeded chance, the rows that wait to be written, an office, a family.

Dates and timestamps are ISO text in the form in which SQLAlchemy's types keep them on SQLite (``YYYY-MM-DD`` and
``YYYY-MM-DD HH:MM:SS.ffffff``); PostgreSQL reads the same text. Money is a float with at most two decimals, made from
whole cents; its shortest text is exact on both databases.
"""

import itertools
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import Table

from etl.schema import metadata
from include.demo.names import Names

T = TypeVar("T")
Row = dict[str, Any]

NBSP = "\u00a0"
TABLES: dict[str, Table] = {table.name: table for table in metadata.sorted_tables}

_BLANK_ROWS: dict[str, Row] = {name: dict.fromkeys(table.columns.keys()) for name, table in TABLES.items()}
_ID_COLUMNS: dict[str, str] = {
    name: table.primary_key.columns.keys()[0] for name, table in TABLES.items() if len(table.primary_key.columns) == 1
}
_MOMENTS = 5000
_MESSES: tuple[Callable[[str], str], ...] = (
    str.upper,
    str.lower,
    lambda text: f" {text}",
    lambda text: f"{text}  ",
    lambda text: f"{NBSP}{text}",
    lambda text: f"{text}{NBSP} ",
)


def weigh(choices: Iterable[tuple[T, int]]) -> tuple[T, ...]:
    """A tuple that holds each choice as often as it weighs, for `Rng.pick`."""
    return tuple(choice for choice, weight in choices for _ in range(weight))


def stamp(moment: datetime) -> str:
    """A timestamp as text, with microseconds, as SQLAlchemy stores it on SQLite."""
    return moment.isoformat(" ", "microseconds")


def entity_of(record: Row) -> tuple[str, int]:
    """What a record is (``contact``, ``policy``, …) and its id; by its first column, which is its key."""
    column, record_id = next(iter(record.items()))
    return column.removesuffix("_id"), record_id


class Rng(random.Random):
    """All chance of the demo office: one seed gives one office. Each draw is cheap, for a hundred thousand families."""

    def pick(self, options: Sequence[T]) -> T:
        return options[int(self.random() * len(options))]

    def chance(self, probability: float) -> bool:
        return self.random() < probability

    def whole(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        return low + int(self.random() * (high - low + 1))

    def flag(self, probability: float) -> bool | None:
        """A check box: selected, cleared, or never touched (null, which reads as cleared)."""
        if self.random() < probability:
            return True
        return False if self.random() < 0.6 else None

    def digits(self, count: int) -> str:
        return f"{int(self.random() * 10**count):0{count}d}"

    def label(self, text: str) -> str:
        """A drop-down label as people leave it: now and then in odd case, or with blanks around it."""
        return text if self.random() > 0.04 else self.pick(_MESSES)(text)


class Draft:
    """Rows waiting to be written, by table, in the order of the schema's columns; and what every maker of rows needs.

    `native_nan` says that the database keeps NaN in a NUMERIC column: PostgreSQL does, SQLite does not.
    """

    def __init__(self, rng: Rng, names: Names, today: date, native_nan: bool) -> None:
        self.rng, self.names, self.today, self.native_nan = rng, names, today, native_nan
        self.rows: dict[str, list[Row]] = {name: [] for name in TABLES}
        self._ids: dict[str, Iterator[int]] = {name: itertools.count(1) for name in _ID_COLUMNS}
        midnight = datetime(today.year, today.month, today.day)
        self._moments = [
            stamp(midnight - timedelta(days=rng.whole(1, 730)) + timedelta(hours=13, seconds=rng.whole(0, 9 * 3600)))
            for _ in range(_MOMENTS)
        ]

    def add(self, table: str, *parents: Row, **values: Any) -> Row:
        """Add a row with its id and `modified_at`; the id of each parent goes into the column of the same name.

        The row may be changed until it is written.
        """
        row = {**_BLANK_ROWS[table], **values}
        for parent in parents:
            key = next(iter(parent))
            row[key] = parent[key]
        if table in _ID_COLUMNS:
            row[_ID_COLUMNS[table]] = next(self._ids[table])
        if "modified_at" in row:
            row["modified_at"] = self.moment()
        self.rows[table].append(row)
        return row

    def remove(self, table: str, row: Row) -> None:
        """Take back a row that is not yet written."""
        self.rows[table] = [other for other in self.rows[table] if other is not row]

    def moment(self) -> str:
        """A moment of office work (UTC) in the two years that end the evening before today."""
        return self.rng.pick(self._moments)

    def days_ago(self, days: int) -> str:
        """The day so many days before today."""
        return (self.today - timedelta(days)).isoformat()

    def take(self) -> dict[str, list[tuple[Any, ...]]]:
        """The waiting rows as tuples, tables in an order that foreign keys allow; none is left."""
        taken = {name: [tuple(row.values()) for row in rows] for name, rows in self.rows.items() if rows}
        self.rows = {name: [] for name in TABLES}
        return taken


@dataclass
class Office:
    """One office: its users, the people and businesses around it, the products it may sell."""

    draft: Draft
    row: Row
    full_users: list[int] = field(default_factory=list)  # ids of users with every right
    odd_users: list[int] = field(default_factory=list)  # ... of users who lack a license, and of a disabled one
    retiring_user: int | None = None  # the user whose clients move to another office
    advisors: list[Row] = field(default_factory=list)
    attorneys: list[Row] = field(default_factory=list)
    businesses: list[Row] = field(default_factory=list)
    products: dict[str, list[int]] = field(default_factory=dict)  # ids by insurance type; variable annuities under VA
    sets: dict[str, Row] = field(default_factory=dict)  # by name


@dataclass
class Family:
    """A household, or a client without one, while it is made. An empty row means that there is none."""

    office: Office
    user_id: int | None
    head: Row
    household: Row = field(default_factory=dict)
    spouse: Row = field(default_factory=dict)
    spouse_relation: Row = field(default_factory=dict)
    members: dict[int, Row] = field(default_factory=dict)  # rows of household_member, by contact id
    children: list[Row] = field(default_factory=list)  # members of the household
    grown: list[Row] = field(default_factory=list)  # grown-up children, who are clients themselves
    outsiders: list[Row] = field(default_factory=list)  # siblings and trusts that may benefit
    accounts: list[Row] = field(default_factory=list)
    policies: list[Row] = field(default_factory=list)
    twin: "Family | None" = None  # the same couple's second household
    is_plain: bool = False  # about to get a defect: nobody is insured on somebody else's policy

    @property
    def draft(self) -> Draft:
        return self.office.draft

    @property
    def rng(self) -> Rng:
        return self.office.draft.rng

    @property
    def record(self) -> Row:
        """The record that stands for the family as a unit of work."""
        return self.household or self.head

    @property
    def unit_key(self) -> str:
        return f"H{self.household['household_id']}" if self.household else f"C{self.head['contact_id']}"

    @property
    def couple(self) -> list[Row]:
        return [self.head, self.spouse] if self.spouse else [self.head]

    def join(self, person: Row, role: str | None, is_primary: bool | None = True) -> None:
        """Make a person a member of the household."""
        self.members[person["contact_id"]] = self.draft.add(
            "household_member", self.household, person, role=role, is_primary=is_primary
        )
