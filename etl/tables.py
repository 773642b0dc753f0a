"""Tables of a database as text: one notation for the CRM's and the ledger's, on SQLite and on PostgreSQL.

A table is its name, its columns and its indexes, separated by commas. A column is ``name type`` with marks after it:

- types: `TYPES`, ``text(120)`` and ``number(9,6)``; ``-> table`` is the id of a record of that table;
- ``key``: part of the primary key; ``required``: never null; ``unique``; ``empty``: '' where not given.

``index name column …`` is an index, ``unique name column …`` a constraint; what follows ``--`` is a comment.
"""

from __future__ import annotations

import re
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeEngine

TYPES: dict[str, TypeEngine[Any]] = {
    "id": sa.BigInteger(),
    "serial": sa.Integer(),  # given by the database
    "int": sa.Integer(),
    "long": sa.BigInteger(),
    "float": sa.Float(),
    "money": sa.Numeric(18, 2),
    "flag": sa.Boolean(),
    "date": sa.Date(),
    "time": sa.DateTime(),
    "text": sa.Text(),
    "bytes": sa.LargeBinary(),
}


def table(metadata: sa.MetaData, text: str) -> sa.Table:
    """The table that the text describes. Raises `KeyError` for a type, or a table, that is not known."""
    name, columns = re.sub(r"--.*", "", text).split(maxsplit=1)
    words = [part.split() for part in re.split(r",\s+", columns)]
    keys = {name: words[0][0]} | {other: there.columns[0].name for other, there in metadata.tables.items()}
    return sa.Table(name, metadata, *(_part(keys, *each) for each in words))


def create(connection: sa.Connection, text: str) -> None:
    """Creates what is not there yet of the tables that the text describes, a paragraph each."""
    for paragraph in text.strip().split("\n\n"):
        made = table(sa.MetaData(), paragraph)
        made.create(connection, checkfirst=True)
        for index in made.indexes:
            index.create(connection, checkfirst=True)


def _part(keys: dict[str, str], first: str, *more: str) -> Any:
    if first == "index":
        return sa.Index(*more)
    if first == "unique":
        return sa.UniqueConstraint(*more[1:], name=more[0])
    return _column(keys, first, *more)


def _column(keys: dict[str, str], name: str, kind: str, *marks: str) -> sa.Column[Any]:
    """``keys``: the id column of each table that may be referred to."""
    parts: list[Any] = [_type("id" if kind == "->" else kind)]
    if kind == "->":
        parts.append(sa.ForeignKey(f"{marks[0]}.{keys[marks[0]]}"))
    return sa.Column(
        name,
        *parts,
        primary_key="key" in marks,
        autoincrement=kind == "serial",
        nullable=not {"key", "required"} & {*marks},
        unique="unique" in marks or None,
        server_default="" if "empty" in marks else None,
    )


def _type(kind: str) -> TypeEngine[Any]:
    if sizes := re.fullmatch(r"text\((\d+)\)", kind):
        return sa.String(int(sizes[1]))
    if sizes := re.fullmatch(r"number\((\d+),(\d+)\)", kind):
        return sa.Numeric(int(sizes[1]), int(sizes[2]))
    return TYPES[kind]
