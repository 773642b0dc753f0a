"""Keys that transfers have taken in a target office: each is given once, whether its row was written or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from etl.load import bulk
from etl.load.ledger.store import Ledger, matching
from etl.load.ledger.tables import transfer_key, transfer_shared_key
from etl.load.ledger.transfers.transfers import SHARED, Transfer


def take(
    ledger: Ledger, transfer: Transfer, wanted: Mapping[str, Sequence[int]], above: Mapping[str, int]
) -> dict[str, pd.Series[int]]:
    """New keys by old key, for each table of ``wanted`` (old keys), in the order of the old keys.

    A new key is greater than ``above`` and than every key taken before. Carriers and products keep the key that an
    earlier transfer to this office gave them.
    """
    with ledger.write() as connection:
        if not ledger.is_sqlite:
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(7238940012)"))
        known = {entity: _shared(connection, transfer, entity) for entity in wanted if entity in SHARED}
        given: dict[str, pd.Series[int]] = {}
        for entity, keys in wanted.items():
            shared = known.get(entity, {})
            fresh = [key for key in keys if key not in shared]
            first = 1 + max(above[entity], _last(connection, transfer.target_database, entity))
            new = {key: first + place for place, key in enumerate(fresh)}
            _remember(ledger, connection, transfer, entity, new)
            both = {key: shared.get(key, new.get(key)) for key in keys}
            given[entity] = pd.Series(both, dtype="int64", name="target_id")
    return given


def _last(connection: Connection, database: str, entity: str) -> int:
    mine = matching(transfer_key, database=database, entity=entity)
    return int(connection.execute(sa.select(transfer_key.c.last_key).where(*mine)).scalar() or 0)


def _shared(connection: Connection, transfer: Transfer, entity: str) -> dict[int, int]:
    mine = matching(transfer_shared_key, **_office(transfer), entity=entity)
    both = sa.select(transfer_shared_key.c.source_id, transfer_shared_key.c.target_id).where(*mine)
    return dict(connection.execute(both).all())


def _office(transfer: Transfer) -> dict[str, Any]:
    """The office that a transfer goes to, and from where."""
    names = ("source_database", "target_database", "target_office_id")
    return {name: getattr(transfer, name) for name in names}


def _remember(ledger: Ledger, connection: Connection, transfer: Transfer, entity: str, new: Mapping[int, int]) -> None:
    if not new:
        return
    row = {"database": transfer.target_database, "entity": entity, "last_key": max(new.values())}
    ledger.upsert(connection, transfer_key, [row])
    if entity in SHARED:
        rows = pd.DataFrame({"source_id": list(new), "target_id": list(new.values())})
        bulk.insert(connection, transfer_shared_key, rows.assign(**_office(transfer), entity=entity))
