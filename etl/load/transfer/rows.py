"""Changes of rows within one transaction: lock, write, delete, retire (into *Deleted Records*) and restore."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from etl import canonical, schema
from etl.load import bulk
from etl.load.ledger.transfers.transfers import SHARED
from etl.load.transfer.batches import Batch

RETIRED = ("contact", "policy", "pending_case", "investment_account", "liability")


def lock_rows(connection: Connection, records: pd.DataFrame) -> None:
    """Keeps everybody else from editing these records (on SQLite the transaction has locked the whole database).

    ``records``: entity, entity_id. Rows that belong to a locked record can be neither added nor removed, for they refer
    to it.
    """
    if connection.dialect.name == "sqlite":
        return
    for entity, rows in records[~records["entity"].isin(SHARED)].groupby("entity", sort=True):
        key = canonical.key_column(str(entity))
        place = [column.name for column in schema.metadata.tables[str(entity)].primary_key.columns].index(key.name)
        parts = canonical.key_parts(rows["entity_id"], place).unique()
        locked = sa.select(key).where(key.in_(bulk.id_list(connection, parts))).order_by(key).with_for_update()
        connection.execute(sa.select(sa.func.count()).select_from(locked.subquery()))


def lock_target(connection: Connection) -> None:
    """Lets one transfer at a time write to the target."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7238940013)")


def insert(connection: Connection, batch: Batch) -> None:
    """Writes the batch's rows."""
    for entity, rows in batch.rows.items():
        insert_rows(connection, entity, rows)
    check_constraints(connection)


def insert_rows(connection: Connection, entity: str, rows: pd.DataFrame) -> None:
    """Writes rows of one table; carriers and products that are there already stay as they are."""
    table = schema.metadata.tables[entity]
    bulk.insert(connection, table, rows[list(table.columns.keys())], skip_known=entity in SHARED)


def check_constraints(connection: Connection) -> None:
    """Checks now what PostgreSQL would check at the end of the transaction."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")


def delete(connection: Connection, batch: Batch) -> None:
    """Deletes the batch's rows from the target; carriers and products stay."""
    for entity in reversed([entity for entity in batch.rows if entity not in SHARED]):
        key = canonical.key_column(entity)
        which = key.in_(bulk.id_list(connection, batch.rows[entity][key.name].unique()))
        connection.execute(sa.delete(key.table).where(which))


def retire(connection: Connection, batch: Batch) -> None:
    """Retires the source's records of the batch, and households that have no member left."""
    retire_rows(connection, {entity: batch.old_keys(entity) for entity in RETIRED}, batch.stamp)
    households = _households_of(connection, batch.old_keys("contact"))
    retire_rows(connection, {"household": _emptied(connection, households)}, batch.stamp)


def retire_rows(connection: Connection, keys: Mapping[str, pd.Series[int]], now: datetime) -> None:
    """Retires records, by table, that are not retired yet."""
    for entity, some in keys.items():
        if len(some):
            table = schema.metadata.tables[entity]
            which = canonical.key_column(entity).in_(bulk.id_list(connection, some)) & table.c.deleted_at.is_(None)
            connection.execute(sa.update(table).where(which).values(deleted_at=now, modified_at=now))


def restore_rows(connection: Connection, keys: Mapping[str, pd.Series[int]], now: datetime) -> None:
    """Takes records, by table, out of *Deleted Records*."""
    for entity, some in keys.items():
        which = canonical.key_column(entity).in_(bulk.id_list(connection, some))
        connection.execute(
            sa.update(schema.metadata.tables[entity]).where(which).values(deleted_at=None, modified_at=now)
        )


def retired_by(connection: Connection, batch: Batch) -> pd.DataFrame:
    """entity, entity_id of all records that the batch has retired: they carry its stamp."""
    candidates = {entity: batch.old_keys(entity) for entity in RETIRED}
    candidates["household"] = _households_of(connection, candidates["contact"])
    found = []
    for entity, keys in candidates.items():
        key, table = canonical.key_column(entity), schema.metadata.tables[entity]
        mine = sa.select(key).where(key.in_(bulk.id_list(connection, keys)), table.c.deleted_at == batch.stamp)
        found += [(entity, int(row[0])) for row in connection.execute(mine)]
    return pd.DataFrame(found, columns=["entity", "entity_id"]).astype({"entity": "str", "entity_id": "int64"})


def _households_of(connection: Connection, contacts: pd.Series[int]) -> pd.Series[int]:
    """The households that one of the contacts is a member or the head of."""
    household, member = schema.household.c, schema.household_member.c
    as_member = sa.select(member.household_id).where(member.contact_id.in_(bulk.id_list(connection, contacts)))
    as_head = sa.select(household.household_id).where(household.head_contact_id.in_(bulk.id_list(connection, contacts)))
    found = connection.execute(sa.union(as_member, as_head))
    return pd.Series([row.household_id for row in found], dtype="int64")


def _emptied(connection: Connection, households: pd.Series[int]) -> pd.Series[int]:
    """The households of which every member and the head, if there is one, are retired."""
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
