"""Reads for a transfer: every row of the contacts of a set, exact, and the contents of the target office.

Frames are in canonical form (`etl.canonical`): every column, every code point, deleted records too. The number of
statements does not depend on the number of contacts.

``read_rows``: one frame for each table of `HANGS_BY`, `BELONGS_TO` and the products and carriers of the policies and
cases, all columns in the schema's order.

``read_surroundings``:

====================  =================================================================================================
people                contact_id, office_id, first_name, last_name, birth_date, tax_id, deleted_at — every contact that
                      the rows name, in the set or not
members               household_id, contact_id, is_deleted, of the households in the rows: all members
ties                  relation_id, contact_id, related_contact_id and, for both ends, office_id, related_office_id,
                      is_deleted, related_is_deleted — every key relation of the CRM
====================  =================================================================================================

``read_target``:

====================  =================================================================================================
contacts              contact_id, first_name, last_name, birth_date, tax_id of the target office's contacts that are not
                      deleted
carriers, products    all columns of those that the target office owns
====================  =================================================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, TypeAlias

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from etl import canonical
from etl import schema as s
from etl.errors import ParamsError
from etl.extract.source import Snapshot, id_list, to_frame
from etl.extract.transaction_reader import RowReader, TransactionReader

Frames: TypeAlias = dict[str, pd.DataFrame]

_IDENTITY = ("contact_id", "first_name", "last_name", "birth_date", "tax_id")


def read_set(snapshot: Snapshot, set_id: int, office_id: int) -> list[int]:
    """XFR-SET: the contacts of a set, in the order of their ids. Raises `ParamsError` if the office has no such set."""
    found = to_frame(
        snapshot.read(
            sa.select(*snapshot.columns(s.contact_set.c.office_id))
            .where(s.contact_set.c.set_id == sa.bindparam("set"))
            .params(set=int(set_id))
        )
    )
    if office_id not in set(found["office_id"]):
        raise ParamsError(f"Office {office_id} has no set {set_id}. Name a set of the source office, or contact_ids.")
    members = to_frame(
        snapshot.read(
            sa.select(*snapshot.columns(s.contact_set_member.c.contact_id)).where(
                s.contact_set_member.c.set_id.in_(snapshot.id_list())
            ),
            [set_id],
        )
    )
    return sorted(int(contact_id) for contact_id in members["contact_id"])


def read_rows(reader: RowReader, contact_ids: Iterable[int], known: pd.DataFrame | None = None) -> Frames:
    """Every row of these contacts, by table; a contact that does not exist has no row.

    ``known`` is the ledger's id map from this source to the target (entity, source_id, target_id). With it, key
    relations between neighbours that moved earlier are read too: they may be complete now (XFR-RELATIONS).
    """
    keys = sorted(set(contact_ids))
    rows = {
        entity: read_exact(reader, s.metadata.tables[entity], columns, keys) for entity, columns in s.HANGS_BY.items()
    }
    owned = {
        entity: _keys(rows[entity], entity, rows[entity]["primary_contact_id"].isin(keys))
        for entity in ("policy", "pending_case", "investment_account")
    }
    for entity, column, parent in s.BELONGS_TO:
        found = read_exact(reader, s.metadata.tables[entity], (column,), owned[parent])
        rows[entity] = _union(entity, rows.get(entity), found)
    if known is not None:
        rows["key_relation"] = _union("key_relation", rows["key_relation"], _late_relations(reader, rows, known))
    rows["household"] = _households(reader, rows["household_member"], keys)
    rows["custom_field_value"] = _custom_fields(reader, rows, {**owned, "contact": keys})
    products = pd.concat([rows["policy"]["product_id"], rows["pending_case"]["product_id"]])
    rows["product"] = read_exact(reader, s.product, ("product_id",), _distinct(products))
    rows["carrier"] = read_exact(reader, s.carrier, ("carrier_id",), _distinct(rows["product"]["carrier_id"]))
    return rows


def rows_of(url: str, known: pd.DataFrame | None = None) -> Callable[[Sequence[int], Connection | None], Frames]:
    """A function that gives `read_rows` of some contacts in this database as it stands at the call.

    It reads through the transaction that it is given, else through a snapshot.
    """

    def read(contact_ids: Sequence[int], transaction: Connection | None) -> Frames:
        if transaction is not None:
            return read_rows(TransactionReader(transaction), contact_ids, known)
        with Snapshot(url, readers=1) as snapshot:
            return read_rows(snapshot, contact_ids, known)

    return read


def read_exact(reader: RowReader, table: sa.Table, columns: tuple[str, ...], keys: Iterable[int]) -> pd.DataFrame:
    """The rows of a table in which any of these columns is one of the keys, in canonical form."""
    if not (keys := list(keys)):
        return canonical.empty_frame(table)
    return canonical.exact_frame(table.columns, reader.read_raw(_rows_by(table, columns, reader.is_sqlite), keys))


@cache
def _rows_by(table: sa.Table, columns: tuple[str, ...], is_sqlite: bool) -> sa.Select[Any]:
    found = sa.or_(*(table.c[column].in_(id_list(is_sqlite)) for column in columns))
    return sa.select(*canonical.exact_columns(table.columns, is_sqlite)).where(found)


def read_ids(reader: RowReader, table: sa.Table, column: str, keys: Iterable[int]) -> pd.Series[str]:
    """The keys, as text, of the rows of a table in which this column is one of ``keys``."""
    own = list(table.primary_key.columns)
    return canonical.row_ids(table.name, _read(reader, own, sa.true(), table.c[column].in_(reader.id_list()), keys))


def read_surroundings(snapshot: Snapshot, rows: Mapping[str, pd.DataFrame]) -> Frames:
    """The contacts, household members and key relations around the rows; see the module."""
    named = [rows["contact"]["contact_id"]]
    named += [
        rows[entity][column.name]
        for entity, table in s.metadata.tables.items()
        if entity in rows
        for column in table.columns
        if any(key.column is s.contact.c.contact_id for key in column.foreign_keys)
    ]
    contact = s.contact.c
    columns = [*(contact[name] for name in _IDENTITY), contact.office_id, contact.deleted_at]
    people = _read(
        snapshot, columns, sa.true(), contact.contact_id.in_(snapshot.id_list()), _distinct(pd.concat(named))
    )
    return {
        "people": people,
        "members": _members(snapshot, rows["household"]["household_id"]),
        "ties": _ties(snapshot),
    }


def read_target(snapshot: Snapshot, target_office_id: int) -> Frames:
    """The target office's contacts, and the carriers and products that it owns (XFR-PRESENT, XFR-CARRIER)."""
    contact, office = s.contact.c, [target_office_id]
    people = [contact[name] for name in _IDENTITY]
    here = contact.office_id.in_(snapshot.id_list())
    return {
        "contacts": _read(snapshot, people, contact.deleted_at.is_(None), here, office),
        "carriers": read_exact(snapshot, s.carrier, ("office_id",), office),
        "products": read_exact(snapshot, s.product, ("office_id",), office),
    }


def _read(reader: RowReader, columns: list[Any], which: Any, found: Any, keys: Iterable[int]) -> pd.DataFrame:
    statement = sa.select(*canonical.exact_columns(columns, reader.is_sqlite)).where(which, found)
    return canonical.exact_frame(columns, reader.read_raw(statement, keys))


def _distinct(ids: pd.Series[Any]) -> list[int]:
    return sorted(int(each) for each in ids.dropna().unique())


def _keys(rows: pd.DataFrame, entity: str, which: pd.Series[Any]) -> list[int]:
    key = next(iter(s.metadata.tables[entity].primary_key.columns)).name
    return _distinct(rows.loc[which.fillna(False).astype(bool), key])


def _union(entity: str, rows: pd.DataFrame | None, more: pd.DataFrame) -> pd.DataFrame:
    """Rows read in two ways, each once."""
    if rows is None:
        return more
    key = [column.name for column in s.metadata.tables[entity].primary_key.columns]
    return pd.concat([rows, more], ignore_index=True).drop_duplicates(key, ignore_index=True)


def _households(reader: RowReader, memberships: pd.DataFrame, keys: list[int]) -> pd.DataFrame:
    """The households of which one of the contacts is a member or the head."""
    as_member = read_exact(reader, s.household, ("household_id",), _distinct(memberships["household_id"]))
    return _union("household", as_member, read_exact(reader, s.household, ("head_contact_id",), keys))


def _late_relations(reader: RowReader, rows: Frames, known: pd.DataFrame) -> pd.DataFrame:
    """Relations, not rebuilt yet, of two contacts that moved earlier, one of them a neighbour of the set."""
    arrived, rebuilt = (
        known.loc[known["entity"] == entity, "source_id"].astype("Int64") for entity in ("contact", "key_relation")
    )
    table, columns = s.key_relation, s.key_relation.columns
    both = table.c.contact_id.in_(reader.id_list()) & table.c.related_contact_id.in_(reader.id_list())
    relations = _read(reader, list(columns), sa.true(), both, _distinct(arrived))
    near = pd.concat([rows["key_relation"]["contact_id"], rows["key_relation"]["related_contact_id"]])
    is_near = relations["contact_id"].isin(near) | relations["related_contact_id"].isin(near)
    return relations[is_near & ~relations["relation_id"].isin(rebuilt)]


def _custom_fields(reader: RowReader, rows: Frames, owned: Mapping[str, list[int]]) -> pd.DataFrame:
    table, found = s.custom_field_value, [canonical.empty_frame(s.custom_field_value)]
    keys = {**owned, "investment_position": _distinct(rows["investment_position"]["position_id"])}
    for name, parent in s.CUSTOM_FIELDS_OF.items():
        if not keys[parent]:
            continue
        is_of = table.c.entity == sa.literal_column(f"'{name}'")
        of_keys = table.c.entity_id.in_(reader.id_list())
        found.append(_read(reader, list(table.columns), is_of, of_keys, keys[parent]))
    return pd.concat(found, ignore_index=True)


def _members(snapshot: Snapshot, household_ids: pd.Series[Any]) -> pd.DataFrame:
    member, contact = s.household_member.c, s.contact.c
    gone = sa.type_coerce(contact.deleted_at.is_not(None), sa.Boolean).label("is_deleted")
    statement = (
        sa.select(*snapshot.columns(member.household_id, member.contact_id), gone)
        .join_from(s.household_member, s.contact, member.contact_id == contact.contact_id)
        .where(member.household_id.in_(snapshot.id_list()))
    )
    return to_frame(snapshot.read(statement, _distinct(household_ids)))


def _ties(snapshot: Snapshot) -> pd.DataFrame:
    relation, one, other = s.key_relation.c, s.contact.alias("one"), s.contact.alias("other")
    statement = (
        sa.select(
            *snapshot.columns(relation.relation_id, relation.contact_id, relation.related_contact_id, one.c.office_id),
            sa.type_coerce(other.c.office_id, sa.BigInteger).label("related_office_id"),
            sa.type_coerce(one.c.deleted_at.is_not(None), sa.Boolean).label("is_deleted"),
            sa.type_coerce(other.c.deleted_at.is_not(None), sa.Boolean).label("related_is_deleted"),
        )
        .join_from(s.key_relation, one, relation.contact_id == one.c.contact_id)
        .join(other, relation.related_contact_id == other.c.contact_id)
    )
    return to_frame(snapshot.read(statement))
