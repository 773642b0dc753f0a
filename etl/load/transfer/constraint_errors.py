"""What a database refused, in words without values, and of which record."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from etl import canonical, schema
from etl.load import bulk
from etl.load.ledger.transfers.groups import Failure
from etl.load.ledger.transfers.transfers import SHARED
from etl.load.transfer.batches import GROUP_NO, SOURCE_ID, Batch
from etl.load.transfer.checks import REFUSED

# Errors that say something about the rows; all others (connection, disk, deadlock) say something about the day.
REFUSALS = (sa.exc.IntegrityError, sa.exc.DataError)

_STATES = {
    "22001": "a text is longer than the target allows",
    "22003": "a number is larger than the target allows",
    "22007": "a date or time cannot be read",
    "22008": "a date or time is out of range",
    "22021": "a text holds a character that the target cannot store",
    "22P02": "a value cannot be read as a number",
    "22P05": "a text holds a character that the target cannot store",
    "23502": "a value is missing",
    "23503": "a record that it refers to is not there",
    "23505": "another record has the same value",
    "23514": "a check of the target's does not hold",
    "23P01": "it collides with another record",
}
_SQLITE = re.compile(r"^(UNIQUE|CHECK|NOT NULL|FOREIGN KEY) constraint failed(?:: ([\w., ]+))?$")
_SQLITE_WORDS = {
    "UNIQUE": "another record has the same value",
    "CHECK": "a check of the target's does not hold",
    "NOT NULL": "a value is missing",
    "FOREIGN KEY": "a record that it refers to is not there",
}


def words_of(error: sa.exc.DBAPIError) -> str:
    """What is wrong, with the constraint's or the columns' names."""
    origin: Any = error.orig
    state = getattr(origin, "sqlstate", None)
    if state is not None:
        diagnosis = origin.diag
        names = [name for name in (diagnosis.constraint_name, diagnosis.column_name) if name]
        return _joined(_STATES.get(state, f"the target refuses it ({state})"), names)
    found = _SQLITE.match(str(origin))
    if found is None:
        return f"the target refuses it ({getattr(origin, 'sqlite_errorname', type(origin).__name__)})"
    return _joined(_SQLITE_WORDS[found[1]], [found[2]] if found[2] else [])


def find_refused(connection: Connection, batch: Batch) -> list[Failure]:
    """The groups of which the target refuses a record, with the first such record of each; none where it takes all.

    Looks table by table, halving what is refused, and ends with the first table that has such records: what further
    tables hold is seen when these groups are left out.
    """
    for entity in batch.rows:
        failures: dict[int, Failure] = {}
        waiting = [batch.rows[entity]]
        while waiting:
            rows = waiting.pop()
            error = _try(connection, entity, rows)
            if error is None:
                continue
            if len(rows) > 1:
                half = len(rows) // 2
                waiting += [rows.iloc[half:], rows.iloc[:half]]
                continue
            for failure in _failures(batch, entity, rows, words_of(error)):
                failures.setdefault(failure.group_no, failure)
        if failures:
            return list(failures.values())
    return []


def _failures(batch: Batch, entity: str, row: pd.DataFrame, words: str) -> list[Failure]:
    """What the refusal of one row stops: its group; of a carrier or product all groups that need it."""
    source_id = row[SOURCE_ID].iloc[0]
    values = row[[column.name for column in schema.metadata.tables[entity].columns]]
    record = str(source_id) if pd.notna(source_id) else canonical.row_ids(entity, values).iloc[0]
    groups = [int(row[GROUP_NO].iloc[0])] if entity not in SHARED else _users(batch, entity, row)
    return [Failure(number, REFUSED, entity, record, words) for number in groups]


def _users(batch: Batch, entity: str, row: pd.DataFrame) -> list[int]:
    products = batch.rows["product"]
    products = products[products["carrier_id"].isin(row["carrier_id"])] if entity == "carrier" else row
    users = [batch.rows[name] for name in ("policy", "pending_case") if name in batch.rows]
    found = [some.loc[some["product_id"].isin(products["product_id"]), GROUP_NO] for some in users]
    return sorted({int(number) for number in pd.concat(found)}) if found else []


def _joined(words: str, names: Sequence[str]) -> str:
    return f"{words} ({', '.join(names)})" if names else words


def _try(connection: Connection, entity: str, rows: pd.DataFrame) -> sa.exc.DBAPIError | None:
    """Inserts rows within a savepoint, and keeps them; gives the error where they are refused."""
    values = rows[[column.name for column in schema.metadata.tables[entity].columns]]
    savepoint = connection.begin_nested()
    try:
        bulk.insert(connection, schema.metadata.tables[entity], values, skip_known=entity in SHARED)
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")
    except REFUSALS as error:
        savepoint.rollback()
        return error
    savepoint.commit()
    return None
