"""The groups and rows of a transfer while it is carried out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from etl.load import bulk
from etl.load.ledger.store import Ledger, matching
from etl.load.ledger.tables import (
    transfer_group,
    transfer_record,
    transfer_retired,
    transfer_row,
    transfer_target_row,
)
from etl.load.ledger.transfers import rekeying
from etl.load.ledger.transfers.transfers import MOVES, SHARED


@dataclass(frozen=True)
class Failure:
    """Why a group does not move: the rule, the record (its key in the source where it has one), and words."""

    group_no: int
    rule_id: str
    entity: str
    entity_id: str
    why: str


def mark(ledger: Ledger, transfer_id: str, group_nos: Sequence[int], status: str, only: Sequence[str] = ()) -> None:
    """Gives groups a status; with ``only``, those that have one of these statuses."""
    with ledger.write() as connection:
        _mark(ledger, connection, transfer_id, group_nos, status, only)


def _mark(
    ledger: Ledger, connection: Connection, transfer_id: str, group_nos: Sequence[int], status: str, only: Sequence[str]
) -> None:
    values: dict[str, object] = {"status": status}
    if status in ("written", "retired"):
        values[f"{status}_at"] = ledger.now()
    statement = sa.update(transfer_group).where(
        transfer_group.c.transfer_id == transfer_id,
        transfer_group.c.group_no.in_(bulk.id_list(connection, group_nos)),
    )
    if only:
        statement = statement.where(transfer_group.c.status.in_(list(only)))
    connection.execute(statement.values(**values))


def fail(ledger: Ledger, transfer_id: str, failures: Iterable[Failure]) -> None:
    """These groups stay unchanged in the source: their moving rows get the decision ``failed`` and the rule."""
    with ledger.write() as connection:
        for one in failures:
            mine = matching(transfer_group, transfer_id=transfer_id, group_no=one.group_no)
            connection.execute(sa.update(transfer_group).where(*mine).values(status="failed", **asdict(one)))
            of_group = sa.exists().where(
                *(transfer_row.c[name] == transfer_record.c[name] for name in ("transfer_id", "entity", "entity_id")),
                transfer_row.c.group_no == one.group_no,
            )
            connection.execute(
                sa.update(transfer_record)
                .where(transfer_record.c.transfer_id == transfer_id, transfer_record.c.decision.in_(MOVES), of_group)
                .where(transfer_record.c.entity.not_in(SHARED))
                .values(decision="failed", rule_id=one.rule_id)
            )
            rekeying.withdraw(connection, transfer_id, [one.group_no])


def finish(
    ledger: Ledger, transfer_id: str, group_nos: Sequence[int], written: pd.DataFrame, retired: pd.DataFrame
) -> None:
    """Notes that these groups are in the target and retired in the source; vendor links follow to the new keys.

    ``written``: entity, source_id, target_id, group_no, row_hash of every new row; ``retired``: entity, entity_id,
    group_no, retired_at of the source's records. A second call changes nothing.
    """
    named = written[written["source_id"].notna()]
    records = named.rename(columns={"source_id": "entity_id"})[["entity", "entity_id", "target_id"]]
    of_groups = written[~written["entity"].isin(SHARED)].rename(columns={"row_hash": "target_hash"})
    with ledger.write() as connection:
        keys = ("transfer_id", "entity", "entity_id")
        bulk.update(connection, transfer_record, records.assign(transfer_id=transfer_id), keys)
        new = of_groups.drop(columns="source_id").assign(transfer_id=transfer_id)
        bulk.insert(connection, transfer_target_row, new, skip_known=True)
        bulk.insert(connection, transfer_retired, retired.assign(transfer_id=transfer_id), skip_known=True)
        rekeying.follow(ledger, connection, transfer_id, group_nos, written)
        _mark(ledger, connection, transfer_id, group_nos, "retired", ())


def known_elsewhere(ledger: Ledger, transfer_id: str, rows: pd.DataFrame, group_nos: Sequence[int]) -> pd.DataFrame:
    """entity, entity_id of rows that are of other groups, of no group, or retired by the transfer already."""
    with ledger.read() as connection:
        ids = bulk.text_list(connection, rows["entity_id"].unique())
        groups = bulk.id_list(connection, group_nos)
        row, gone = transfer_row.c, transfer_retired.c
        other = sa.select(row.entity, row.entity_id).where(
            row.transfer_id == transfer_id,
            row.entity_id.in_(ids),
            sa.or_(row.group_no.is_(None), row.group_no.not_in(groups)),
        )
        retired = sa.select(gone.entity, sa.cast(gone.entity_id, sa.String)).where(gone.transfer_id == transfer_id)
        found = connection.execute(sa.union(other, retired)).fetchall()
    return pd.DataFrame.from_records(found, columns=["entity", "entity_id"]).astype("str")
