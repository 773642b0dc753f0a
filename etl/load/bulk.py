"""Many rows at once, in the caller's transaction: COPY on PostgreSQL, one prepared statement on SQLite.

The number of statements does not depend on the number of rows. Frames have the canonical form of `etl.canonical`:
whole numbers and text; a missing value is NULL, an empty text stays one.
"""

from __future__ import annotations

import io
import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from etl import canonical

_WRITE = pyarrow.csv.WriteOptions(include_header=False, quoting_style="all_valid")


def insert(connection: Connection, table: sa.Table, rows: pd.DataFrame, skip_known: bool = False) -> None:
    """Inserts rows; with ``skip_known`` those whose key is there already are left as they are."""
    if rows.empty:
        return
    values = pa.Table.from_pandas(rows, preserve_index=False)
    listed = _listed(values.column_names)
    own = _listed(column.name for column in table.primary_key.columns)
    unless = f" ON CONFLICT ({own}) DO NOTHING" if skip_known else ""
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * values.num_columns)
        each = zip(*(column.to_pylist() for column in values.columns), strict=True)
        with _wrapped():
            driver(connection).executemany(f"INSERT INTO {table.name} ({listed}) VALUES ({marks}){unless}", each)
    elif not skip_known:
        _copy(connection, table.name, values)
    elif not _all_are_new(connection, table, values):
        beside = f"new_{table.name}"
        connection.exec_driver_sql(f"CREATE TEMP TABLE {beside} (LIKE {table.name}) ON COMMIT DROP")
        _copy(connection, beside, values)
        connection.exec_driver_sql(f"INSERT INTO {table.name} ({listed}) SELECT {listed} FROM {beside}{unless}")
        connection.exec_driver_sql(f"DROP TABLE {beside}")


def _all_are_new(connection: Connection, table: sa.Table, values: pa.Table) -> bool:
    """Inserts rows of which as a rule none is there: half the work of looking at each; False: nothing was inserted."""
    savepoint = connection.begin_nested()
    try:
        _copy(connection, table.name, values)
    except sa.exc.IntegrityError:
        savepoint.rollback()
        return False
    savepoint.commit()
    return True


def _copy(connection: Connection, name: str, values: pa.Table) -> None:
    text = io.BytesIO()
    pyarrow.csv.write_csv(values, text, _WRITE)
    statement = f"COPY {name} ({_listed(values.column_names)}) FROM STDIN (FORMAT csv)"
    with _wrapped(), driver(connection).cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(text.getbuffer())


def update(connection: Connection, table: sa.Table, rows: pd.DataFrame, keys: tuple[str, ...]) -> None:
    """Changes the rows whose ``keys`` are equal: the other columns of ``rows`` are the new values."""
    if rows.empty:
        return
    names = [name for name in rows.columns if name not in keys]
    if connection.dialect.name == "sqlite":
        values = pa.Table.from_pandas(rows[[*names, *keys]], preserve_index=False)
        changes = ", ".join(f'"{name}" = ?' for name in names)
        which = " AND ".join(f'"{name}" = ?' for name in keys)
        each = zip(*(column.to_pylist() for column in values.columns), strict=True)
        with _wrapped():
            driver(connection).executemany(f"UPDATE {table.name} SET {changes} WHERE {which}", each)
        return
    beside = f"new_{table.name}"
    connection.exec_driver_sql(f"CREATE TEMP TABLE {beside} (LIKE {table.name}) ON COMMIT DROP")
    for column in table.columns:
        connection.exec_driver_sql(f'ALTER TABLE {beside} ALTER COLUMN "{column.name}" DROP NOT NULL')
    _copy(connection, beside, pa.Table.from_pandas(rows, preserve_index=False))
    changes = ", ".join(f'"{name}" = new."{name}"' for name in names)
    which = " AND ".join(f'old."{name}" = new."{name}"' for name in keys)
    connection.exec_driver_sql(f"UPDATE {table.name} AS old SET {changes} FROM {beside} AS new WHERE {which}")
    connection.exec_driver_sql(f"DROP TABLE {beside}")


def rename(connection: Connection, table: sa.Table, changes: pd.DataFrame, keys: tuple[str, ...]) -> None:
    """Gives rows another value in a column of their key: ``old`` is what it is, the column's own name what it becomes.

    ``keys``: the columns of ``changes`` by which a row is found, ``old`` among them.
    """
    if changes.empty:
        return
    new = next(name for name in changes.columns if name not in keys)
    values = pa.Table.from_pandas(changes[[new, *keys]], preserve_index=False)
    own = [new if name == "old" else name for name in keys]
    if connection.dialect.name == "sqlite":
        which = " AND ".join(f'"{name}" = ?' for name in own)
        each = zip(*(column.to_pylist() for column in values.columns), strict=True)
        with _wrapped():
            driver(connection).executemany(f'UPDATE {table.name} SET "{new}" = ? WHERE {which}', each)
        return
    kinds = ["BIGINT" if pa.types.is_integer(column.type) else "TEXT" for column in values.columns]
    columns = ", ".join(f'"{name}" {kind}' for name, kind in zip(values.column_names, kinds, strict=True))
    connection.exec_driver_sql(f"CREATE TEMP TABLE renamed ({columns}) ON COMMIT DROP")
    _copy(connection, "renamed", values)
    which = " AND ".join(f'row."{name}" = renamed."{key}"' for name, key in zip(own, keys, strict=True))
    connection.exec_driver_sql(f'UPDATE {table.name} AS row SET "{new}" = renamed."{new}" FROM renamed WHERE {which}')
    connection.exec_driver_sql("DROP TABLE renamed")


def read(connection: Connection, table: sa.Table, *conditions: sa.ColumnElement[bool]) -> pd.DataFrame:
    """The rows of a CRM table that meet the conditions, exact, in canonical form."""
    is_sqlite = connection.dialect.name == "sqlite"
    statement = sa.select(*canonical.exact_columns(table.columns, is_sqlite)).where(*conditions)
    # The driver's rows, past SQLAlchemy's row objects.
    fetched = connection.execute(statement).cursor.fetchall()
    return canonical.exact_frame(table.columns, canonical.raw_table(table.columns, is_sqlite, fetched))


def id_list(connection: Connection | Engine, ids: Iterable[int]) -> sa.Select[Any]:
    """A subselect of whole numbers, any number of them, as one parameter."""
    keys = sa.literal(json.dumps([int(one) for one in ids]))
    if connection.dialect.name == "sqlite":
        return sa.select(sa.column("value")).select_from(sa.func.json_each(keys))
    items = sa.func.json_array_elements_text(sa.cast(keys, sa.JSON)).table_valued("value")
    return sa.select(sa.cast(items.c.value, sa.BigInteger))


def text_list(connection: Connection | Engine, texts: Iterable[str]) -> sa.Select[Any]:
    """A subselect of texts, any number of them, as one parameter."""
    keys = sa.literal(json.dumps([str(one) for one in texts]))
    if connection.dialect.name == "sqlite":
        return sa.select(sa.column("value")).select_from(sa.func.json_each(keys))
    items = sa.func.json_array_elements_text(sa.cast(keys, sa.JSON)).table_valued("value")
    return sa.select(items.c.value)


def driver(connection: Connection) -> Any:
    """The driver's own connection, in the same transaction."""
    return connection.connection.driver_connection


@contextmanager
def _wrapped() -> Iterator[None]:
    """The driver's errors as SQLAlchemy's, which all else raises."""
    import psycopg  # takes long, and a command that only reads needs none of this

    try:
        yield
    except (sqlite3.Error, psycopg.Error) as error:
        base = sqlite3.Error if isinstance(error, sqlite3.Error) else psycopg.Error
        raise sa.exc.DBAPIError.instance(None, None, error, base, hide_parameters=True) from None


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
