"""What a database refuses, in words without values, and which record it refuses."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from etl import canonical
from etl.load.ledger.transfers.groups import Failure
from etl.load.ledger.transfers.transfers import SHARED
from etl.load.transfer.batches import Batch
from etl.load.transfer.databases import REFUSALS
from etl.load.transfer.rows import check_constraints, insert_rows, retire

REFUSED = "XFR-REFUSED"

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
    "23514": "a check of the target does not hold",
    "23P01": "it collides with another record",
}
_SQLITE = re.compile(r"^(UNIQUE|CHECK|NOT NULL|FOREIGN KEY) constraint failed(?:: ([\w., ]+))?$")
_SQLITE_WORDS = {
    "UNIQUE": "another record has the same value",
    "CHECK": "a check of the target does not hold",
    "NOT NULL": "a value is missing",
    "FOREIGN KEY": "a record that it refers to is not there",
}


def words_of(error: sa.exc.DBAPIError) -> str:
    """What is wrong, with the names of the constraint or the columns."""
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


def find_refused(connection: Connection, batch: Batch, retires: bool) -> list[Failure]:
    """The groups of which the database refuses a record, with the first such record of each; none where it takes all.

    Writes the batch table by table and ends with the first table that has such records: what further tables hold is
    seen when these groups are left out. ``retires``: the source is in this database too, and is retired last.
    What is accepted stays in the caller's transaction, which has to be rolled back.
    """
    for entity, rows in batch.rows.items():
        failures: dict[int, Failure] = {}
        for place, error in _refused(connection, range(len(rows)), partial(_insert, connection, entity, rows)):
            for failure in _failures(batch, entity, rows.iloc[[place]], words_of(error)):
                failures.setdefault(failure.group_no, failure)
        if failures:
            return list(failures.values())
    if not retires:
        return []
    return [
        Failure(number, REFUSED, "contact", batch.first_contact(number), words_of(error))
        for number, error in _refused(connection, batch.group_nos, lambda some: retire(connection, batch.of(some)))
    ]


def _refused(
    connection: Connection, parts: Sequence[int], write: Callable[[Sequence[int]], None]
) -> Iterator[tuple[int, sa.exc.DBAPIError]]:
    """Each of the parts that is refused by itself, with the error: what is refused is halved and tried again."""
    savepoint = connection.begin_nested()
    try:
        write(parts)
        check_constraints(connection)
    except REFUSALS as error:
        savepoint.rollback()
        refused = error
    else:
        savepoint.commit()
        return
    if len(parts) == 1:
        yield parts[0], refused
        return
    half = len(parts) // 2
    yield from _refused(connection, parts[:half], write)
    yield from _refused(connection, parts[half:], write)


def _insert(connection: Connection, entity: str, rows: pd.DataFrame, places: Sequence[int]) -> None:
    insert_rows(connection, entity, rows.iloc[places[0] : places[-1] + 1])


def _failures(batch: Batch, entity: str, row: pd.DataFrame, words: str) -> list[Failure]:
    """What the refusal of one row stops: its group; of a carrier or product all groups that need it."""
    source_id = row["source_id"].iloc[0]
    record = str(source_id) if pd.notna(source_id) else canonical.row_ids(entity, row).iloc[0]
    groups = [int(row["group"].iloc[0])] if entity not in SHARED else _users(batch, entity, row)
    return [Failure(number, REFUSED, entity, record, words) for number in groups]


def _users(batch: Batch, entity: str, row: pd.DataFrame) -> list[int]:
    """The groups that need a carrier or product."""
    products = batch.rows["product"]
    products = products[products["carrier_id"].isin(row["carrier_id"])] if entity == "carrier" else row
    users = [batch.rows[name] for name in ("policy", "pending_case") if name in batch.rows]
    found = [some.loc[some["product_id"].isin(products["product_id"]), "group"] for some in users]
    return sorted({int(number) for number in pd.concat(found)}) if found else []


def _joined(words: str, names: Sequence[str]) -> str:
    return f"{words} ({', '.join(names)})" if names else words
