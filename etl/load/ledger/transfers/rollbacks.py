"""Taking a transfer back: what it wrote and retired, and the statuses of the return."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd
import sqlalchemy as sa

from etl.load.ledger.store import Ledger, matching
from etl.load.ledger.tables import (
    transfer,
    transfer_group,
    transfer_record,
    transfer_retired,
    transfer_target_row,
)
from etl.load.ledger.transfers import rekeying
from etl.load.ledger.transfers.transfers import free_contacts, move_on


def read_written(ledger: Ledger, transfer_id: str, group_nos: Sequence[int]) -> pd.DataFrame:
    """entity, entity_id (in the target), row_hash of every row that the transfer wrote of some groups."""
    row = transfer_target_row.c
    return ledger.frame(
        sa.select(row.entity, row.target_id.label("entity_id"), row.target_hash.label("row_hash")).where(
            row.transfer_id == transfer_id, row.group_no.in_([int(number) for number in group_nos])
        )
    )


def read_arrived(ledger: Ledger, transfer_id: str, entities: Iterable[str]) -> pd.DataFrame:
    """entity, entity_id (int64, in the target), group of the rows that the transfer wrote to some tables."""
    row = transfer_target_row.c
    frame = ledger.frame(
        sa.select(row.entity, row.target_id.label("entity_id"), row.group_no.label("group"))
        .where(row.transfer_id == transfer_id, row.entity.in_(list(entities)))
        .order_by(row.group_no)
    )
    return frame.astype({"entity_id": "int64"})


def read_retired(ledger: Ledger, transfer_id: str) -> pd.DataFrame:
    """entity, entity_id (int64), retired_at of every record of the source that the transfer retired."""
    row = transfer_retired.c
    frame = ledger.frame(sa.select(row.entity, row.entity_id, row.retired_at).where(row.transfer_id == transfer_id))
    return frame.astype({"entity_id": "int64"})


def begin(ledger: Ledger, transfer_id: str) -> None:
    """closed -> returning: from here on a return that is killed will be finished."""
    ledger.execute(sa.update(transfer).where(transfer.c.transfer_id == transfer_id).values(status="returning"))


def give_up(ledger: Ledger, transfer_id: str) -> None:
    """returning -> closed: nothing was changed in either office."""
    rekeying.withdraw_rollback(ledger, transfer_id)
    with ledger.write() as connection:
        move_on(connection, transfer_id, ["returning"], status="closed")
        free_contacts(connection, transfer_id)


def finish(ledger: Ledger, transfer_id: str) -> None:
    """returning -> returned, with the time in ``why``: vendor links belong to the source's units again."""
    record = transfer_record.c
    moved = sa.select(record.entity, record.entity_id.label("source_id"), record.target_id)
    id_map = ledger.frame(moved.where(record.transfer_id == transfer_id, record.target_id.is_not(None)))
    words = f"Returned to the source office on {ledger.now():%Y-%m-%d %H:%M} UTC."
    with ledger.write() as connection:
        rekeying.roll_back(ledger, connection, transfer_id, id_map)
        free_contacts(connection, transfer_id)
        retired = matching(transfer_group, transfer_id=transfer_id, status="retired")
        connection.execute(sa.update(transfer_group).where(*retired).values(status="returned"))
        why = sa.func.coalesce(transfer.c.why + ". ", "") + words
        mine = transfer.c.transfer_id == transfer_id
        connection.execute(sa.update(transfer).where(mine).values(status="returned", why=why))
