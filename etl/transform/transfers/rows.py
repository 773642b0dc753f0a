"""The rows of the target office: what a plan moves and recreates, with new keys, in an order that foreign keys allow.

All values stay as they are, but for keys and these references:

====================  =================================================================================================
office, user          the target office; the receiving user if the contact is assigned to a user
primary advisor       none (XFR-ADVISOR)
parties               the contact's new record, else the same person's record in the target, else none (XFR-PARTIES)
list entries          the contact that was in the target before (XFR-POLICY-LISTS, -CASE-LISTS, -ACCOUNT-LISTS, -CENSUS)
product, carrier      the recreated one, else the one that the target owns (XFR-CARRIER)
``modified_at``       a parameter, so that the next refresh from the target takes the rows
====================  =================================================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import pandas as pd
import sqlalchemy as sa

from etl import canonical, schema
from etl.transform.transfers.contract import TransferPlan

# Columns that name the record that was in the target before, even if the contact moves along.
_ONLY_PRESENT = {
    ("policy_contact", "contact_id"),
    ("pending_case_contact", "contact_id"),
    ("investment_account_contact", "contact_id"),
    ("employee_census", "employee_contact_id"),
}


@dataclass(frozen=True)
class Arrival:
    """Where the contacts arrive. ``modified_at`` in canonical form (`etl.canonical`)."""

    office_id: int
    user_id: int
    modified_at: str


# New rows of the target by table, in an order that foreign keys allow: all columns in canonical form, and ``group`` and
# ``source_id`` (the manifest's ``entity_id``) of each row.
TargetRows: TypeAlias = dict[str, pd.DataFrame]


def rebuild(
    rows: Mapping[str, pd.DataFrame], plan: TransferPlan, keys: Mapping[str, pd.Series[Any]], arrival: Arrival
) -> TargetRows:
    """The new rows of a plan, or of a part of it; ``keys`` gives the new key of each old one, by table.

    ``rows`` holds every row that the plan moves; rows that stay may be missing from it or among it.
    """
    arriving = _all_arriving(rows, plan)
    known = {entity: pd.Series(given.array, index=given.index, dtype="Int64") for entity, given in keys.items()}
    for entity in ("product", "carrier"):
        known[entity] = pd.concat([known.get(entity, _no_keys()), _owned(plan, entity)])
    present = plan.present.set_index("contact_id")["target_contact_id"].dropna()
    return {
        table.name: _rebuilt(table, arriving[table.name], known, present, arrival)
        for table in schema.metadata.sorted_tables
        if table.name in arriving
    }


def old_keys(plan: TransferPlan) -> dict[str, pd.Series[int]]:
    """By table the old keys of the records that get a new key: tables with a key of one column."""
    chosen = plan.manifest[plan.manifest["decision"] != "stay"]
    return {
        str(entity): of_entity["entity_id"].astype("int64")
        for entity, of_entity in chosen.groupby("entity")
        if _own_key(str(entity)) is not None
    }


def _all_arriving(rows: Mapping[str, pd.DataFrame], plan: TransferPlan) -> dict[str, pd.DataFrame]:
    chosen = plan.manifest[plan.manifest["decision"] != "stay"]
    return {
        str(entity): _arriving(str(entity), rows[str(entity)], of_entity)
        for entity, of_entity in chosen.groupby("entity")
    }


def _own_key(entity: str) -> str | None:
    """The column of a table's own key; none where the key is made of other tables' keys."""
    key = list(schema.metadata.tables[entity].primary_key.columns)
    return key[0].name if len(key) == 1 else None


def _arriving(entity: str, rows: pd.DataFrame, chosen: pd.DataFrame) -> pd.DataFrame:
    """The rows of a table that come to be in the target, in the order of their groups."""
    order = (
        chosen[["entity_id", "group"]].rename(columns={"entity_id": "source_id"}).sort_values("group", kind="stable")
    )
    return order.merge(rows.assign(source_id=canonical.row_ids(entity, rows)), on="source_id", how="left")


def _no_keys() -> pd.Series[Any]:
    return pd.Series([], dtype="Int64", index=pd.Index([], dtype="Int64"))


def _owned(plan: TransferPlan, entity: str) -> pd.Series[Any]:
    """The target's own carriers or products by the key of those that they stand for."""
    owned = plan.manifest[(plan.manifest["entity"] == entity) & plan.manifest["target_id"].notna()]
    return pd.Series(owned["target_id"].astype("Int64").array, index=owned["entity_id"].astype("Int64"))


def _rebuilt(
    table: sa.Table,
    arriving: pd.DataFrame,
    keys: Mapping[str, pd.Series[Any]],
    present: pd.Series[Any],
    arrival: Arrival,
) -> pd.DataFrame:
    columns = {
        column.name: _rebuilt_column(column, arriving[column.name], keys, present, arrival) for column in table.columns
    }
    rows = pd.DataFrame(columns, index=arriving.index)
    return rows.assign(group=arriving["group"], source_id=arriving["source_id"])


def _rebuilt_column(
    column: sa.Column[Any],
    values: pd.Series[Any],
    keys: Mapping[str, pd.Series[Any]],
    present: pd.Series[Any],
    arrival: Arrival,
) -> pd.Series[Any]:
    entity, name = column.table.name, column.name
    if name == "modified_at":
        return pd.Series(arrival.modified_at, index=values.index, dtype="str")
    parent = next((key.column.table.name for key in column.foreign_keys), None)
    if parent is None:
        return values.map(keys[entity]).astype("Int64") if column.primary_key and name == _own_key(entity) else values
    if parent == "office":
        return pd.Series(arrival.office_id, index=values.index, dtype="Int64")
    if parent == "crm_user":
        return values.mask(values.notna(), arrival.user_id)
    if (entity, name) == ("contact", "primary_advisor_id"):
        return values.mask(values.notna())
    if (entity, name) in _ONLY_PRESENT:
        return values.map(present).astype("Int64")
    new = values.map(keys.get(parent, _no_keys())).astype("Int64")
    return new.fillna(values.map(present).astype("Int64")) if parent == "contact" else new
