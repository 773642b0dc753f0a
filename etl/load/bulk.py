"""Many rows at once, in a transaction that somebody else holds: COPY on PostgreSQL, one prepared statement on SQLite.

The number of statements does not depend on the number of rows. Frames have the canonical form of `etl.canonical`:
whole numbers and text; a missing value is NULL, an empty text stays one.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from etl import canonical

_WRITE = pyarrow.csv.WriteOptions(include_header=False, quoting_style="all_valid")
_PARSE = pyarrow.csv.ParseOptions(newlines_in_values=True)
_BLOCK = 64 * 1024 * 1024


def insert(connection: Connection, table: sa.Table, rows: pd.DataFrame, skip_known: bool = False) -> None:
    """Inserts rows; with ``skip_known`` those whose key is there already are left as they are."""
    if rows.empty:
        return
    values = pa.Table.from_pandas(rows, preserve_index=False)
    listed = _listed(values.column_names)
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * values.num_columns)
        how = "OR IGNORE " if skip_known else ""
        each = zip(*(column.to_pylist() for column in values.columns), strict=True)
        driver(connection).executemany(f"INSERT {how}INTO {table.name} ({listed}) VALUES ({marks})", each)
    elif skip_known:
        beside = f"new_{table.name}"
        connection.exec_driver_sql(f"CREATE TEMP TABLE {beside} (LIKE {table.name}) ON COMMIT DROP")
        _copy(connection, beside, values)
        connection.exec_driver_sql(
            f"INSERT INTO {table.name} ({listed}) SELECT {listed} FROM {beside} ON CONFLICT DO NOTHING"
        )
        connection.exec_driver_sql(f"DROP TABLE {beside}")
    else:
        _copy(connection, table.name, values)


def _copy(connection: Connection, name: str, values: pa.Table) -> None:
    text = io.BytesIO()
    pyarrow.csv.write_csv(values, text, _WRITE)
    statement = f"COPY {name} ({_listed(values.column_names)}) FROM STDIN (FORMAT csv)"
    with driver(connection).cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(text.getbuffer())


def read(connection: Connection, table: sa.Table, *conditions: sa.ColumnElement[bool]) -> pd.DataFrame:
    """The rows of a CRM table that meet the conditions, exact, in canonical form."""
    is_sqlite = connection.dialect.name == "sqlite"
    statement = sa.select(*canonical.exact_columns(table, is_sqlite)).where(*conditions)
    if is_sqlite:
        fetched = [tuple(row) for row in connection.execute(statement)]
        return canonical.exact_frame(table, canonical.raw_table(table, is_sqlite, fetched))
    return canonical.exact_frame(table, _copied(connection, table, statement))


def _copied(connection: Connection, table: sa.Table, statement: sa.Select[Any]) -> pa.Table:
    written = statement.compile(connection, compile_kwargs={"literal_binds": True})
    text = io.BytesIO()
    with driver(connection).cursor() as cursor, cursor.copy(f"COPY ({written}) TO STDOUT (FORMAT csv)") as copy:
        for chunk in copy:
            text.write(chunk)
    types = {column.name: pa.int64() if canonical.is_whole(column) else pa.string() for column in table.columns}
    if not text.tell():
        return pa.table({name: pa.nulls(0, kind) for name, kind in types.items()})
    convert = pyarrow.csv.ConvertOptions(
        column_types=types, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False
    )
    options = pyarrow.csv.ReadOptions(column_names=list(types), block_size=max(_BLOCK, text.tell()))
    text.seek(0)
    return pyarrow.csv.read_csv(text, options, _PARSE, convert)


def id_list(connection: Connection, ids: Iterable[int]) -> sa.Select[Any]:
    """A subselect of whole numbers, any number of them, as one parameter."""
    keys = sa.literal(json.dumps([int(one) for one in ids]))
    if connection.dialect.name == "sqlite":
        return sa.select(sa.column("value")).select_from(sa.func.json_each(keys))
    items = sa.func.json_array_elements_text(sa.cast(keys, sa.JSON)).table_valued("value")
    return sa.select(sa.cast(items.c.value, sa.BigInteger))


def driver(connection: Connection) -> Any:
    """The driver's own connection, in the same transaction."""
    return connection.connection.driver_connection


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
