"""Whether rows are what they should be: the source's since the manifest, the target's since they were written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from etl import canonical, schema
from etl.load import bulk
from etl.load.ledger.transfers.groups import Failure
from etl.load.ledger.transfers.transfers import SHARED
from etl.load.transfer.batches import Batch
from etl.load.transfer.keys import key_column

# Why a group did not move. Beside the rule stand the record and words; never a value.
EDITED, REFUSED, DIFFERS, IN_BOTH = "XFR-EDITED", "XFR-REFUSED", "XFR-VERIFY", "XFR-IN-BOTH"


def hashed(rows: Mapping[str, pd.DataFrame], leaving_out: Iterable[str] = SHARED) -> pd.DataFrame:
    """entity, entity_id, row_hash of every row."""
    names = [entity for entity in rows if entity not in leaving_out and len(rows[entity])]
    parts = [
        pd.DataFrame(
            {
                "entity": entity,
                "entity_id": canonical.row_ids(entity, rows[entity]).to_numpy(),
                "row_hash": canonical.row_hashes(entity, rows[entity]).to_numpy(),
            }
        )
        for entity in names
    ]
    columns = ["entity", "entity_id", "row_hash"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns, dtype="str")


def not_the_same(noted: pd.DataFrame, now: pd.DataFrame) -> pd.DataFrame:
    """The rows (entity, entity_id, row_hash) that are not as they were noted: ``where`` they are, what ``became``."""
    both = noted.merge(now, on=["entity", "entity_id"], how="outer", suffixes=("", "_now"), indicator="where")
    both = both[(both["row_hash"] != both["row_hash_now"]).fillna(True)]
    words = {"left_only": "it is no longer there", "right_only": "it has come since", "both": "it was edited"}
    return both.assign(became=both["where"].astype("str").map(words))


def edited(
    manifest: pd.DataFrame,
    rows: Mapping[str, pd.DataFrame],
    elsewhere: Callable[[pd.DataFrame], pd.DataFrame],
) -> list[Failure]:
    """The groups whose source rows are no longer those of the manifest, with one record each.

    ``manifest``: entity, entity_id, group, row_hash of the groups in question. ``rows``: what hangs on their contacts
    now. ``elsewhere`` tells of rows (entity, entity_id) those that may be there though the manifest of these groups
    does not name them, or may have changed (another group's, retired with it).
    """
    now = hashed(rows)
    mine = manifest[~manifest["entity"].isin(SHARED)]
    both = not_the_same(mine, now)
    if both.empty:
        return []
    known = elsewhere(both[["entity", "entity_id"]]).drop_duplicates().assign(is_known=True)
    both = both.merge(known, on=["entity", "entity_id"], how="left")
    both = both[both["is_known"].isna()]
    owners = _owners(mine, rows, both[both["where"] == "right_only"])
    failures: dict[int, Failure] = {}
    for row in bulk.each(both):
        groups = owners.get((row.entity, row.entity_id), []) if row.where == "right_only" else [int(row.group)]
        why = f"{row.became} after the manifest was made"
        for number in groups:
            failures.setdefault(number, Failure(number, EDITED, row.entity, row.entity_id, why))
    return list(failures.values())


def _owners(
    manifest: pd.DataFrame, rows: Mapping[str, pd.DataFrame], new: pd.DataFrame
) -> dict[tuple[str, str], list[int]]:
    """On which groups rows hang that the manifest does not know: by the records that they refer to."""
    groups = {(row.entity, row.entity_id): int(row.group) for row in bulk.each(manifest) if pd.notna(row.group)}
    found: dict[tuple[str, str], list[int]] = {}
    for entity, entries in ((str(name), some) for name, some in new.groupby("entity")):
        frame = rows[entity]
        chosen = frame[canonical.row_ids(entity, frame).isin(entries["entity_id"]).to_numpy()]
        ids = canonical.row_ids(entity, chosen).tolist()
        named: list[set[int]] = [set() for _ in ids]
        for column in schema.metadata.tables[entity].columns:
            for reference in column.foreign_keys:
                parent = reference.column.table.name
                for place, value in enumerate(chosen[column.name].tolist()):
                    number = groups.get((parent, str(value)))
                    if number is not None:
                        named[place].add(number)
        found.update({(entity, one): sorted(numbers) for one, numbers in zip(ids, named, strict=True)})
    return found


def read_back(connection: Connection, batch: Batch, entity: str) -> pd.DataFrame:
    """The rows of a table that the batch has written, as the target holds them."""
    return read_keys(connection, entity, batch.values(entity))


def read_keys(connection: Connection, entity: str, like: pd.DataFrame) -> pd.DataFrame:
    """The rows of a table with the keys of ``like``, as the database holds them."""
    table = schema.metadata.tables[entity]
    names = [column.name for column in table.primary_key.columns]
    first = next(column for column in table.primary_key.columns if canonical.is_whole(column))
    wanted = like[first.name].dropna().unique()
    found = bulk.read(connection, table, first.in_(bulk.id_list(connection, wanted)))
    if len(names) == 1:
        return found
    return found.merge(like[names].drop_duplicates(), on=names)


def differing(connection: Connection, batch: Batch) -> list[Failure]:
    """The groups whose rows the target does not hold exactly as they were to be written."""
    failures: dict[int, Failure] = {}
    for entity, wanted in batch.written.groupby("entity", sort=False):
        there = read_back(connection, batch, str(entity))
        held = pd.Series(
            canonical.row_hashes(str(entity), there).array, canonical.row_ids(str(entity), there), dtype="str"
        )
        differ = wanted["entity_id"].map(held) != wanted["row_hash"]
        for row in bulk.each(wanted[differ.fillna(True)]):
            columns = _columns_that_differ(batch.values(row.entity), there, row.entity_id, row.entity)
            why = f"the target does not hold it exactly ({', '.join(columns) or 'it is not there'})"
            one = Failure(int(row.group_no), DIFFERS, row.entity, _named(row.source_id, row.entity_id), why)
            failures.setdefault(one.group_no, one)
    return list(failures.values())


def _columns_that_differ(values: pd.DataFrame, there: pd.DataFrame, row_id: str, entity: str) -> list[str]:
    one = values[(canonical.row_ids(entity, values) == row_id).to_numpy()]
    other = there[(canonical.row_ids(entity, there) == row_id).to_numpy()]
    if other.empty:
        return []
    return [
        str(name)
        for name in values.columns
        if one[name].astype("object").where(one[name].notna(), None).iloc[0]
        != other[name].astype("object").where(other[name].notna(), None).iloc[0]
    ]


def _named(source_id: Any, target_id: str) -> str:
    return target_id if source_id is None or pd.isna(source_id) else str(source_id)


def taken_keys(connection: Connection, batch: Batch) -> bool:
    """Whether somebody else has made records under keys of this batch meanwhile."""
    own = (entity for entity in batch.rows if entity not in SHARED and key_column(entity) is not None)
    return any(_are_taken(connection, batch, entity) for entity in own)


def _are_taken(connection: Connection, batch: Batch, entity: str) -> bool:
    """Whether any row of a table has a key of this batch."""
    column = next(iter(schema.metadata.tables[entity].primary_key.columns))
    keys = bulk.id_list(connection, batch.keys(entity))
    return connection.execute(sa.select(column).where(column.in_(keys)).limit(1)).first() is not None


def groups_present(connection: Connection, batch: Batch) -> list[int]:
    """The groups of the batch that are in the target: each is there as a whole or not at all.

    A key alone says nothing, for somebody else may have taken it; one row that is just as it was to be written does.
    Every group has a contact: where none of their keys is taken, as a rule, there is nothing to compare.
    """
    if not _are_taken(connection, batch, "contact"):
        return []
    present: set[int] = set()
    for entity, wanted in batch.written.groupby("entity", sort=False):
        held = canonical.row_hashes(str(entity), read_back(connection, batch, str(entity)))
        present |= {int(number) for number in wanted.loc[wanted["row_hash"].isin(held), "group_no"]}
    return sorted(present)
