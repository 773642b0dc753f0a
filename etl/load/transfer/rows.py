"""What a transfer does to rows within one transaction: locks them, writes new ones, retires and sets back old ones."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from etl import schema
from etl.load import bulk
from etl.load.ledger.transfers.transfers import SHARED
from etl.load.transfer.batches import SOURCE_ID, Batch

RETIRED = ("contact", "policy", "pending_case", "investment_account", "liability")


def lock_source(connection: Connection, manifest: pd.DataFrame) -> None:
    """Keeps everybody from editing the moving records (on SQLite the whole database is ours already).

    ``manifest``: entity, entity_id of the groups. Rows that belong to a locked record can be neither added nor taken
    away, for they refer to it.
    """
    if connection.dialect.name == "sqlite":
        return
    for entity, rows in manifest[~manifest["entity"].isin(SHARED)].groupby("entity", sort=True):
        table = schema.metadata.tables[str(entity)]
        first = next(column for column in table.primary_key.columns if isinstance(column.type, sa.Integer))
        place = [column.name for column in table.primary_key.columns].index(first.name)
        parts = rows["entity_id"].str.split(":", n=2).str[place].astype("int64").unique()
        locked = sa.select(first).where(first.in_(bulk.id_list(connection, parts))).order_by(first).with_for_update()
        connection.execute(sa.select(sa.func.count()).select_from(locked.subquery()))


def lock_target(connection: Connection) -> None:
    """One transfer at a time writes to the target."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7238940013)")


def insert(connection: Connection, batch: Batch) -> None:
    """Writes the batch's rows; carriers and products that are there already are left as they are."""
    for entity in batch.rows:
        bulk.insert(connection, schema.metadata.tables[entity], batch.values(entity), skip_known=entity in SHARED)
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")


def delete(connection: Connection, batch: Batch) -> None:
    """Takes the batch's rows out of the target again, but for carriers and products."""
    for entity in reversed(list(batch.rows)):
        if entity in SHARED:
            continue
        table = schema.metadata.tables[entity]
        first = next(column for column in table.primary_key.columns if isinstance(column.type, sa.Integer))
        values = batch.values(entity)
        connection.execute(sa.delete(table).where(first.in_(bulk.id_list(connection, values[first.name].unique()))))


def retire(connection: Connection, batch: Batch) -> None:
    """Puts the source's records in *Deleted Records*, and households of which nobody is left."""
    for entity in RETIRED:
        _stamp(connection, entity, old_keys(batch, entity), batch.stamp)
    households = _households_of(connection, old_keys(batch, "contact"))
    _stamp(connection, "household", _emptied(connection, households), batch.stamp)


def retired_by(connection: Connection, batch: Batch) -> pd.DataFrame:
    """entity, entity_id of all records that the batch has retired: they carry its stamp."""
    candidates = {entity: old_keys(batch, entity) for entity in RETIRED}
    candidates["household"] = _households_of(connection, candidates["contact"])
    found = []
    for entity, keys in candidates.items():
        table = schema.metadata.tables[entity]
        key = next(iter(table.primary_key.columns))
        mine = sa.select(key).where(key.in_(bulk.id_list(connection, keys)), table.c.deleted_at == batch.stamp)
        found += [(entity, int(row[0])) for row in connection.execute(mine)]
    return pd.DataFrame(found, columns=["entity", "entity_id"]).astype({"entity": "str", "entity_id": "int64"})


def old_keys(batch: Batch, entity: str) -> pd.Series[int]:
    """The keys that the batch's rows of a table have in the source."""
    if entity not in batch.rows:
        return pd.Series(dtype="int64")
    return batch.rows[entity][SOURCE_ID].dropna().astype("int64")


def set_back(connection: Connection, entity: str, keys: pd.Series[int], now: datetime) -> None:
    """Takes records out of *Deleted Records*."""
    table = schema.metadata.tables[entity]
    key = next(iter(table.primary_key.columns))
    which = key.in_(bulk.id_list(connection, keys))
    connection.execute(sa.update(table).where(which).values(deleted_at=None, modified_at=now))


def put_away(connection: Connection, keys: Mapping[str, pd.Series[int]], now: datetime) -> None:
    """Puts records, by table, in *Deleted Records*."""
    for entity, some in keys.items():
        _stamp(connection, entity, some, now)


def _stamp(connection: Connection, entity: str, keys: pd.Series[int], now: datetime) -> None:
    if keys.empty:
        return
    table = schema.metadata.tables[entity]
    key = next(iter(table.primary_key.columns))
    which = sa.and_(key.in_(bulk.id_list(connection, keys)), table.c.deleted_at.is_(None))
    connection.execute(sa.update(table).where(which).values(deleted_at=now, modified_at=now))


def _households_of(connection: Connection, contacts: pd.Series[int]) -> pd.Series[int]:
    """The households that one of the contacts is a member or the head of."""
    household, member = schema.household.c, schema.household_member.c
    as_member = sa.select(member.household_id).where(member.contact_id.in_(bulk.id_list(connection, contacts)))
    as_head = sa.select(household.household_id).where(household.head_contact_id.in_(bulk.id_list(connection, contacts)))
    found = connection.execute(sa.union(as_member, as_head))
    return pd.Series([row.household_id for row in found], dtype="int64")


def _emptied(connection: Connection, households: pd.Series[int]) -> pd.Series[int]:
    """Those of the households without a living member whose head, if any, is gone too."""
    if households.empty:
        return households
    household, member, contact = schema.household, schema.household_member, schema.contact
    someone = (
        sa.select(member.c.contact_id)
        .join(contact, contact.c.contact_id == member.c.contact_id)
        .where(member.c.household_id == household.c.household_id, contact.c.deleted_at.is_(None))
    )
    head = sa.select(contact.c.contact_id).where(
        contact.c.contact_id == household.c.head_contact_id, contact.c.deleted_at.is_(None)
    )
    statement = sa.select(household.c.household_id).where(
        household.c.household_id.in_(bulk.id_list(connection, households)), ~sa.exists(someone), ~sa.exists(head)
    )
    return pd.Series([row.household_id for row in connection.execute(statement)], dtype="int64")
