"""New keys for what moves: they come from the target, above everything that is there, and are given once.

They are also above the source's own keys, so that a record has one key wherever it is seen (units of both offices
stand in one ledger).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from etl import schema
from etl.load import bulk
from etl.load.ledger.store import Ledger
from etl.load.ledger.tables import transfer_key, transfer_shared_key
from etl.load.ledger.transfers.transfers import Transfer

SHARED = ("carrier", "product")


def key_column(entity: str) -> sa.Column[int] | None:
    """The one column that is the key of a table's rows; None for a table with a composite key."""
    columns = list(schema.metadata.tables[entity].primary_key.columns)
    return columns[0] if len(columns) == 1 else None


def reserve(
    ledger: Ledger, engines: Iterable[sa.Engine], transfer: Transfer, wanted: Mapping[str, Iterable[int]]
) -> dict[str, pd.Series[int]]:
    """New keys by old key, for each table of ``wanted`` (old keys); new ones in the order of the old ones.

    What was reserved and is not used is lost. Carriers and products keep the key that any transfer to this office has
    given them.
    """
    old = {entity: sorted({int(key) for key in keys}) for entity, keys in wanted.items()}
    highest = {entity: max(_highest(engine, entity) for engine in engines) for entity in old}
    with ledger.write() as connection:
        if not ledger.is_sqlite:
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(7238940012)"))
        known = {entity: _shared(connection, transfer, entity) for entity in old if entity in SHARED}
        given: dict[str, pd.Series[int]] = {}
        for entity, keys in old.items():
            shared = known.get(entity, {})
            fresh = [key for key in keys if key not in shared]
            first = 1 + max(highest[entity], _last(connection, transfer.target_database, entity))
            new = {key: first + place for place, key in enumerate(fresh)}
            _remember(ledger, connection, transfer, entity, new)
            both = {key: shared.get(key, new.get(key)) for key in keys}
            given[entity] = pd.Series(both, dtype="int64", name="target_id")
    return given


def _highest(engine: sa.Engine, entity: str) -> int:
    column = key_column(entity)
    assert column is not None
    with engine.connect() as connection:
        return int(connection.execute(sa.select(sa.func.coalesce(sa.func.max(column), 0))).scalar_one())


def _last(connection: Connection, database: str, entity: str) -> int:
    mine = sa.select(transfer_key.c.last_key).where(
        transfer_key.c.database == database, transfer_key.c.entity == entity
    )
    return int(connection.execute(mine).scalar() or 0)


def _shared(connection: Connection, transfer: Transfer, entity: str) -> dict[int, int]:
    table = transfer_shared_key.c
    mine = sa.select(table.source_id, table.target_id).where(
        table.source_database == transfer.source_database,
        table.target_database == transfer.target_database,
        table.target_office_id == transfer.target_office_id,
        table.entity == entity,
    )
    return {row.source_id: row.target_id for row in connection.execute(mine)}


def _remember(ledger: Ledger, connection: Connection, transfer: Transfer, entity: str, new: Mapping[int, int]) -> None:
    if not new:
        return
    row = {"database": transfer.target_database, "entity": entity, "last_key": max(new.values())}
    ledger.upsert(connection, transfer_key, [row])
    if entity in SHARED:
        rows = pd.DataFrame({"source_id": list(new), "target_id": list(new.values())}).assign(
            source_database=transfer.source_database,
            target_database=transfer.target_database,
            target_office_id=transfer.target_office_id,
            entity=entity,
        )
        bulk.insert(connection, transfer_shared_key, rows)
