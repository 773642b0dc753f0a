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
from etl.load.office_checks import REFUSED, Failure
from etl.load.office_files import SOURCE_ID, Batch
from etl.load.office_keys import SHARED

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


def find_refused(connection: Connection, batch: Batch) -> Failure | None:
    """The record of a batch of one group that the target refuses; None where it takes each by itself.

    Halves the rows of the refused table until one is left: it is refused by itself, or beside those before it.
    """
    group_no = batch.group_nos[0]
    for entity in batch.rows:
        rows = batch.rows[entity].reset_index(drop=True)
        error = _try(connection, entity, rows, keep=True)
        if error is None:
            continue
        while len(rows) > 1:
            half = rows.iloc[: len(rows) // 2]
            refused = _try(connection, entity, half, keep=True)
            if refused is None:
                rows = rows.iloc[len(half) :].reset_index(drop=True)
            else:
                rows, error = half.reset_index(drop=True), refused
        final = _try(connection, entity, rows, keep=False) or error
        source_id = rows[SOURCE_ID].iloc[0]
        values = rows[[column.name for column in schema.metadata.tables[entity].columns]]
        record = str(source_id) if pd.notna(source_id) else canonical.row_ids(entity, values).iloc[0]
        return Failure(group_no, REFUSED, entity, record, words_of(final))
    return None


def _joined(words: str, names: Sequence[str]) -> str:
    return f"{words} ({', '.join(names)})" if names else words


def _try(connection: Connection, entity: str, rows: pd.DataFrame, keep: bool) -> sa.exc.DBAPIError | None:
    """Inserts rows within a savepoint; gives the error, or None and keeps them where asked to."""
    values = rows[[column.name for column in schema.metadata.tables[entity].columns]]
    savepoint = connection.begin_nested()
    try:
        bulk.insert(connection, schema.metadata.tables[entity], values, skip_known=entity in SHARED)
    except REFUSALS as error:
        savepoint.rollback()
        return error
    (savepoint.commit if keep else savepoint.rollback)()
    return None
