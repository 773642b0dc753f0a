"""Compares rows: the source's with the manifest, the target's with what was to be written."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from etl import canonical, schema
from etl.frames import each_row
from etl.load import bulk
from etl.load.ledger.transfers import groups
from etl.load.ledger.transfers.groups import Failure
from etl.load.ledger.transfers.transfers import SHARED
from etl.load.transfer.batches import Batch
from etl.load.transfer.job import Rows, TransferJob

# Why a group did not move. A failure names the rule, the record and the reason; never a value.
EDITED, DIFFERS, IN_BOTH = "XFR-EDITED", "XFR-VERIFY", "XFR-IN-BOTH"
_HASHED = ["entity", "entity_id", "row_hash"]


def read_source(
    job: TransferJob, manifest: pd.DataFrame, transaction: Connection | None = None
) -> tuple[Rows, list[Failure]]:
    """The source's rows of some groups as they stand now, and the groups that were edited after the manifest was made.

    ``manifest``: entity, entity_id, group, decision, row_hash of these groups. Rows of other groups are no edits: they
    may be there, or may have been retired with their own group.
    """
    moving = (manifest["entity"] == "contact") & (manifest["decision"] == "move")
    rows = job.read_source(sorted(manifest.loc[moving, "entity_id"].astype("int64")), transaction)
    mine = manifest[~manifest["entity"].isin(SHARED)]
    edits = find_edits(mine, hashed(rows))
    if edits.empty:
        return rows, []
    group_nos = mine["group"].dropna().unique().tolist()
    known = groups.known_elsewhere(job.ledger, job.transfer_id, edits, group_nos).drop_duplicates()
    edits = edits.merge(known.assign(is_known=True), on=["entity", "entity_id"], how="left")
    edits = edits[edits["is_known"].isna()]
    owners = _owners(mine, rows, edits[edits["where"] == "right_only"])
    failures: dict[int, Failure] = {}
    for row in each_row(edits):
        numbers = owners.get((row.entity, row.entity_id), []) if row.where == "right_only" else [int(row.group)]
        for number in numbers:
            why = f"{row.became} after the manifest was made"
            failures.setdefault(number, Failure(number, EDITED, row.entity, row.entity_id, why))
    return rows, list(failures.values())


def hashed(rows: Rows) -> pd.DataFrame:
    """entity, entity_id, row_hash of every row but carriers and products."""
    parts = [
        pd.DataFrame(
            {
                "entity": entity,
                "entity_id": canonical.row_ids(entity, some).to_numpy(),
                "row_hash": canonical.row_hashes(entity, some).to_numpy(),
            }
        )
        for entity, some in rows.items()
        if entity not in SHARED and len(some)
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=_HASHED, dtype="str")


def find_edits(noted: pd.DataFrame, now: pd.DataFrame) -> pd.DataFrame:
    """The rows (entity, entity_id, row_hash) that differ, with ``where`` (of an outer merge) and ``became`` (words)."""
    both = noted.merge(now, on=["entity", "entity_id"], how="outer", suffixes=("", "_now"), indicator="where")
    both = both[(both["row_hash"] != both["row_hash_now"]).fillna(True)]
    words = {"left_only": "it is no longer there", "right_only": "it was added", "both": "it was edited"}
    return both.assign(became=both["where"].astype("str").map(words))


def _owners(
    manifest: pd.DataFrame, rows: Mapping[str, pd.DataFrame], new: pd.DataFrame
) -> dict[tuple[str, str], list[int]]:
    """The groups of rows that the manifest does not know: those of the records that the rows refer to."""
    group_of = {(row.entity, row.entity_id): int(row.group) for row in each_row(manifest) if pd.notna(row.group)}
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
                    number = group_of.get((parent, str(value)))
                    if number is not None:
                        named[place].add(number)
        found.update({(entity, one): sorted(numbers) for one, numbers in zip(ids, named, strict=True)})
    return found


def differing(connection: Connection, batch: Batch) -> list[Failure]:
    """The groups whose rows the target does not hold exactly as they were to be written."""
    failures: dict[int, Failure] = {}
    for entity, wanted in ((str(name), some) for name, some in batch.of_groups.groupby("entity", sort=False)):
        there = _read_back(connection, batch, entity)
        held = pd.Series(canonical.row_hashes(entity, there).array, canonical.row_ids(entity, there), dtype="str")
        differ = wanted["target_id"].map(held) != wanted["row_hash"]
        for row in each_row(wanted[differ.fillna(True)]):
            columns = _columns_that_differ(batch.values(entity), there, row.target_id, entity)
            why = f"the target does not hold it exactly ({', '.join(columns) or 'it is not there'})"
            record = str(row.source_id) if pd.notna(row.source_id) else row.target_id
            failures.setdefault(int(row.group_no), Failure(int(row.group_no), DIFFERS, entity, record, why))
    return list(failures.values())


def _read_back(connection: Connection, batch: Batch, entity: str) -> pd.DataFrame:
    """The rows of a table that have the keys of the batch's rows, as the target holds them."""
    key, own = canonical.key_column(entity), schema.metadata.tables[entity].primary_key.columns.keys()
    values = batch.rows[entity]
    ids = bulk.id_list(connection, values[key.name].dropna().unique())
    found = bulk.read(connection, schema.metadata.tables[entity], key.in_(ids))
    return found if len(own) == 1 else found.merge(values[own].drop_duplicates(), on=own)


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


def has_taken_keys(connection: Connection, batch: Batch) -> bool:
    """Whether the target has records of somebody else under new keys of this batch."""
    own = (entity for entity in batch.rows if entity not in SHARED and canonical.own_key(entity) is not None)
    return any(_is_any_taken(connection, batch, entity) for entity in own)


def _is_any_taken(connection: Connection, batch: Batch, entity: str) -> bool:
    """Whether the target has a row of a table under a new key of this batch."""
    key = canonical.key_column(entity)
    keys = batch.rows[entity][key.name] if entity in batch.rows else ()
    return (
        connection.execute(sa.select(key).where(key.in_(bulk.id_list(connection, keys))).limit(1)).first() is not None
    )


def groups_present(connection: Connection, batch: Batch) -> list[int]:
    """The groups of the batch that are in the target; each is there as a whole or not at all.

    A key alone proves nothing, for somebody else may have taken it; one row that is exactly as it was to be written
    does. Every group has a contact: as a rule none of their keys is taken, and there is nothing to compare.
    """
    if not _is_any_taken(connection, batch, "contact"):
        return []
    present: set[int] = set()
    for entity, wanted in batch.of_groups.groupby("entity", sort=False):
        held = canonical.row_hashes(str(entity), _read_back(connection, batch, str(entity)))
        present |= {int(number) for number in wanted.loc[wanted["row_hash"].isin(held), "group_no"]}
    return sorted(present)
