"""Does the CRM have the columns that a run reads, and do they hold what they should? The database itself is asked.

All that can be selected passes: tables, views, materialized views, foreign tables, names in any case on SQLite. Types
are compared by family, so that ``INTEGER`` for ``BIGINT``, ``REAL`` for money and an enum for text pass, and a money
column that became text does not. Run before anything is read or sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any, TypeAlias

import sqlalchemy as sa

from etl import schema
from etl.databases import for_reading
from etl.errors import SchemaMismatch, SourceUnavailable
from etl.extract.source import compiled_for, parse_url, place_of

READ_TABLES = tuple(schema.FOUND_BY)

# What a column is for, the most special type first.
_FAMILIES: tuple[tuple[str, type[sa.types.TypeEngine[Any]]], ...] = (
    ("yes/no", sa.Boolean),
    ("timestamp", sa.DateTime),
    ("date", sa.Date),
    ("whole number", sa.Integer),
    ("number", sa.Numeric),
    ("text", sa.String),
)

# SQLite goes by words in the declared type, and keeps anything anywhere: a type that says nothing (a view's expression
# has none at all) can hold every family. The first word found counts.
_WORDS_ON_SQLITE = {
    "BOOL": "yes/no", "DATETIME": "timestamp", "TIMESTAMP": "timestamp", "DATE": "date", "INT": "whole number",
    "CHAR": "text", "CLOB": "text", "TEXT": "text", "STRING": "text", "NUM": "number", "DEC": "number",
    "REAL": "number", "FLOA": "number", "DOUB": "number",
}  # fmt: skip
# What a table made by CREATE TABLE … AS SELECT has for a date, a time, a yes/no and a number alike.
_COPIED = "NUM"
_HELD_ON_SQLITE: dict[str, set[str]] = {
    "yes/no": {"yes/no", "whole number", "number"},
    "timestamp": {"timestamp", "date", "text", _COPIED},
    "date": {"date", "timestamp", "text", _COPIED},
    "whole number": {"whole number", "number"},
    "number": {"number", "whole number"},
    "text": {"text"},
}

_FLOATING = {"float4", "float8"}
_HELD_ON_POSTGRESQL: dict[str, set[str]] = {
    "yes/no": {"bool"},
    "timestamp": {"timestamp", "timestamptz", "date"},
    "date": {"date", "timestamp"},
    "whole number": {"int2", "int4", "int8"},
    "number": {"numeric", "int2", "int4", "int8", *_FLOATING},
    "text": {"uuid"},
}
_TEXTS = ("S", "E")  # PostgreSQL's categories of strings and enums
_NO_TABLE, _NO_COLUMN = "42P01", "42703"

Look: TypeAlias = Callable[[sa.Connection, sa.Table, bool], Iterator[str]]


def check_schema(url: str, tables: Iterable[sa.Table] = READ_TABLES, *, exact: bool = False) -> None:
    """Raises `SchemaMismatch` naming every missing table or column and changed type; `SourceUnavailable` if closed.

    ``exact``: numbers are moved and not only read, so that floating ones will not do.
    """
    parsed = parse_url(url)
    is_sqlite = parsed.get_backend_name() == "sqlite"
    connect_to = for_reading(parsed) if is_sqlite else parsed
    engine = sa.create_engine(connect_to, poolclass=sa.pool.NullPool, hide_parameters=True)
    look: Look = _look_on_sqlite if is_sqlite else _look_on_postgresql
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            where = _where(connection, place_of(parsed))
            faults = [fault for table in tables for fault in look(connection, table, exact)]
    except sa.exc.DBAPIError as error:
        raise SourceUnavailable(
            f"The CRM at {place_of(parsed)} cannot be opened ({type(error.orig).__name__}). "
            "Check that it is up and that the connection `crm` names it correctly."
        ) from None
    if faults:
        raise SchemaMismatch(
            f"The CRM does not have the shape that Planbridge reads; nothing was sent. {'; '.join(faults)}. "
            f"Planbridge looked in {where}. Restore the column in the CRM, or follow the change in etl/schema.py."
        )


def _where(connection: sa.Connection, place: str) -> str:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar_one()
        return f"the file {place}"
    database, schemas = connection.exec_driver_sql(
        "SELECT current_database(), array_to_string(current_schemas(false), ', ')"
    ).one()
    return f"the database {database} at {place}, schema {schemas or '(none)'}"


def _look_on_sqlite(connection: sa.Connection, table: sa.Table, exact: bool) -> Iterator[str]:
    try:
        columns = "SELECT lower(name), upper(type) FROM pragma_table_info(?)"
        declared: dict[str, str] = dict(map(tuple, connection.exec_driver_sql(columns, (table.name,))))
        if not declared:
            yield f"table {table.name} is missing"
            return
        present = [column for column in table.columns if column.name in declared]
        yield from (f"column {column} is missing" for column in table.columns if column.name not in declared)
        for column in present:
            its = declared[column.name]
            held = next((family for word, family in _WORDS_ON_SQLITE.items() if word in its), None)
            if held is not None and not {held, its} & _HELD_ON_SQLITE[_family(column)]:
                yield f"column {column} is {its}, expected {_family(column)}"
        connection.exec_driver_sql(str(compiled_for(True, _no_rows_of(tuple(present)))))
    except sa.exc.OperationalError as error:  # a view whose own tables have changed
        yield f"table {table.name} cannot be read ({error.orig})"


def _look_on_postgresql(connection: sa.Connection, table: sa.Table, exact: bool) -> Iterator[str]:
    try:
        types = _types(connection, list(table.columns))
    except sa.exc.ProgrammingError as error:
        if _state(error) == _NO_TABLE:
            yield f"table {table.name} is missing"
        else:
            yield from _look_by_column(connection, table)
        return
    known = connection.execute(
        sa.text("SELECT oid, typname, typcategory, format_type(oid, NULL) FROM pg_type WHERE oid = ANY (:types)"),
        {"types": types},
    ).all()
    names = {oid: (name, category, shown) for oid, name, category, shown in known}
    for column, oid in zip(table.columns, types, strict=True):
        (name, category, shown), family = names[oid], _family(column)
        is_held = name in _HELD_ON_POSTGRESQL[family] or (family == "text" and category in _TEXTS)
        if not is_held or (exact and name in _FLOATING):
            yield f"column {column} is {shown}, expected {'exact ' if name in _FLOATING else ''}{family}"


def _look_by_column(connection: sa.Connection, table: sa.Table) -> Iterator[str]:
    """What is wrong with a table that cannot be selected from as a whole."""
    for column in table.columns:
        try:
            _types(connection, [column])
        except sa.exc.ProgrammingError as error:
            state = _state(error)
            yield f"column {column} is missing" if state == _NO_COLUMN else f"column {column} cannot be read ({state})"


def _types(connection: sa.Connection, columns: list[sa.Column[object]]) -> list[int]:
    """The types of columns as the database answers with them; of a domain the type that it is made of."""
    result = connection.exec_driver_sql(str(compiled_for(False, _no_rows_of(tuple(columns)))))
    description: Any = result.cursor.description
    return [described.type_code for described in description]


@cache
def _no_rows_of(columns: tuple[sa.Column[Any], ...]) -> sa.Select[Any]:
    """A select that gives no row; every run asks the same ones."""
    return sa.select(*columns).where(sa.false())


def _state(error: sa.exc.DBAPIError) -> str | None:
    state: str | None = getattr(error.orig, "sqlstate", None)
    return state


def _family(column: sa.Column[object]) -> str:
    return next(name for name, kind in _FAMILIES if isinstance(column.type, kind))
