"""Reads exact rows of the CRM, through a snapshot or through a transaction that is open already.

SQLite: a process that holds a write lock must not open the same file through a second library. Closing the file there
would drop the lock. Rows that a transaction has locked are therefore read through its own connection.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Protocol

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from etl.extract.source import compiled_for, id_list


class RowReader(Protocol):
    """Reads exact rows: a `Snapshot`, or a `TransactionReader`."""

    is_sqlite: bool

    def read_raw(self, statement: sa.Select[Any], keys: Iterable[int] | None = None) -> pa.Table:
        """The rows of a statement in the types that the driver gives; ``keys``: the ids behind `id_list`."""

    def id_list(self) -> Any:
        """A subselect of the ids given to `read_raw`."""


class TransactionReader:
    """Reads through a transaction of SQLite."""

    is_sqlite = True

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def read_raw(self, statement: sa.Select[Any], keys: Iterable[int] | None = None) -> pa.Table:
        """The rows as the transaction sees them."""
        values = {} if keys is None else {"keys": json.dumps([int(key) for key in keys])}
        names = [column.name for column in statement.selected_columns]
        compiled = compiled_for(True, statement)
        bound = {**compiled.params, **values}
        cursor = self._connection.exec_driver_sql(
            str(compiled), tuple(bound[name] for name in compiled.positiontup or ())
        )
        rows = cursor.fetchall()
        columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
        return pa.table({name: pa.array(each) for name, each in zip(names, columns, strict=True)})

    def id_list(self) -> Any:
        """Any number of keys as one bound parameter."""
        return id_list(is_sqlite=True)
