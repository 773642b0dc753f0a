"""New keys for the rows that a transfer writes: above every key of the source and of the target, each given once.

A record then has one key in both offices: units of both offices stand in one ledger.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import sqlalchemy as sa

from etl import canonical
from etl.load.ledger.transfers import keys
from etl.load.transfer.job import Keys, TransferJob


def reserve(job: TransferJob, wanted: Mapping[str, pd.Series[int]]) -> Keys:
    """New keys by old key, for each table of ``wanted`` (old keys). A reserved key that is not used is lost."""
    old = {entity: sorted({int(key) for key in old_keys}) for entity, old_keys in wanted.items()}
    above = {entity: max(_highest(engine, entity) for engine in job.databases.all) for entity in old}
    return keys.take(job.ledger, job.transfer, old, above)


def _highest(engine: sa.Engine, entity: str) -> int:
    highest = sa.select(sa.func.coalesce(sa.func.max(canonical.key_column(entity)), 0))
    with engine.connect() as connection:
        return int(connection.execute(highest).scalar_one())
