"""Reads the CRM within somebody else's transaction, with what `Snapshot` offers for exact rows.

A SQLite database that this process is writing must not be opened by a second library meanwhile: closing its file there
would drop the lock that the writing connection holds. What is to be read under that lock is read through it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Protocol

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from etl.extract.source import compiled_for, id_list


class Reader(Protocol):
    """What it takes to read exact rows: a `Snapshot`, or a transaction."""

    is_sqlite: bool

    def read_raw(self, statement: sa.Select[Any], keys: Iterable[int] | None = None) -> pa.Table:
        """The rows of a statement in whatever types the driver gives them; ``keys``: what `id_list` stands for."""

    def id_list(self) -> Any:
        """A subselect of the ids given to `read_raw`."""


class Within:
    """A SQLite transaction as a `Reader`."""

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
