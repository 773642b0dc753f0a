"""New keys for the rows that a transfer writes: above every key of the source and of the target, each given once.

A record then has one key wherever it is seen: units of both offices stand in one ledger.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd
import sqlalchemy as sa

from etl import schema
from etl.load.ledger.store import Ledger
from etl.load.ledger.transfers import keys
from etl.load.ledger.transfers.transfers import Transfer


def key_column(entity: str) -> sa.Column[int] | None:
    """The one column that is the key of a table's rows; None for a table with a composite key."""
    columns = list(schema.metadata.tables[entity].primary_key.columns)
    return columns[0] if len(columns) == 1 else None


def reserve(
    ledger: Ledger, engines: Iterable[sa.Engine], transfer: Transfer, wanted: Mapping[str, Iterable[int]]
) -> dict[str, pd.Series[int]]:
    """New keys by old key, for each table of ``wanted`` (old keys). A reserved key that is not used is lost."""
    old = {entity: sorted({int(key) for key in old_keys}) for entity, old_keys in wanted.items()}
    return keys.take(
        ledger, transfer, old, {entity: max(_highest(engine, entity) for engine in engines) for entity in old}
    )


def _highest(engine: sa.Engine, entity: str) -> int:
    column = key_column(entity)
    assert column is not None
    with engine.connect() as connection:
        return int(connection.execute(sa.select(sa.func.coalesce(sa.func.max(column), 0))).scalar_one())
