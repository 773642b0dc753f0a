"""The new rows of some groups, staged in a folder of their own (`etl.files`) until they are in the target."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path

import pandas as pd
import pyarrow as pa

from etl import canonical, files, schema
from etl.load.ledger.transfers.transfers import SHARED

_UNITS = "units"
_INT64 = {pa.int64(): pd.Int64Dtype()}


@dataclass(frozen=True)
class Batch:
    """The new rows of some groups.

    ``rows``: table -> rows in canonical form, tables in the order of insertion, with two more columns: ``source_id``
    (text; the row's key in the source, null where it has none) and ``group`` (no meaning for carriers and products,
    which groups share).
    ``stamp``: when the source's records are retired (UTC). It tells the records that this batch retired from others.
    ``units``: from_unit, to_unit, group_no of the units that get another key.
    """

    number: int
    stamp: datetime
    group_nos: tuple[int, ...]
    rows: dict[str, pd.DataFrame]
    units: pd.DataFrame

    def of(self, group_nos: Sequence[int]) -> Batch:
        """The part of some groups, with the carriers and products that they need."""
        chosen = set(group_nos)
        rows = {
            entity: frame[frame["group"].isin(chosen)] if entity not in SHARED else frame
            for entity, frame in self.rows.items()
        }
        if "product" in rows:
            users = [rows[entity]["product_id"] for entity in ("policy", "pending_case") if entity in rows]
            used = pd.concat(users) if users else pd.Series(dtype="Int64")
            rows["product"] = rows["product"][rows["product"]["product_id"].isin(used.dropna())]
        if "carrier" in rows:
            makers = rows["product"]["carrier_id"] if "product" in rows else pd.Series(dtype="Int64")
            rows["carrier"] = rows["carrier"][rows["carrier"]["carrier_id"].isin(makers)]
        kept = tuple(number for number in self.group_nos if number in chosen)
        units = self.units[self.units["group_no"].isin(chosen)]
        filled = {entity: frame for entity, frame in rows.items() if len(frame)}
        return replace(self, group_nos=kept, rows=filled, units=units)

    def without(self, group_nos: Sequence[int]) -> Batch:
        """The batch but for some groups."""
        return self.of([number for number in self.group_nos if number not in group_nos])

    def values(self, entity: str) -> pd.DataFrame:
        """The rows of a table, with its own columns only."""
        return self.rows[entity][list(schema.metadata.tables[entity].columns.keys())]

    def old_keys(self, entity: str) -> pd.Series[int]:
        """The keys that the rows of a table have in the source."""
        if entity not in self.rows:
            return pd.Series(dtype="int64")
        return self.rows[entity]["source_id"].dropna().astype("int64")

    def first_contact(self, group_no: int) -> str:
        """The key in the source of a group's first contact."""
        contacts = self.rows["contact"]
        return str(contacts.loc[contacts["group"] == group_no, "source_id"].iloc[0])

    @cached_property
    def written(self) -> pd.DataFrame:
        """entity, source_id, target_id (text), group_no, row_hash (as the target is to hold it) of every row."""
        parts = [
            pd.DataFrame(
                {
                    "entity": entity,
                    "source_id": rows["source_id"].to_numpy(),
                    "target_id": canonical.row_ids(entity, rows).to_numpy(),
                    "group_no": rows["group"].array,
                    "row_hash": canonical.row_hashes(entity, rows).to_numpy(),
                }
            )
            for entity, rows in self.rows.items()
        ]
        return pd.concat(parts, ignore_index=True)

    @property
    def of_groups(self) -> pd.DataFrame:
        """`written` without carriers and products."""
        return self.written[~self.written["entity"].isin(SHARED)]


def folder_of(folder: Path, transfer_id: str) -> Path:
    """Where the batches of a transfer lie."""
    readable = re.sub(r"[^A-Za-z0-9_.+-]", "_", transfer_id)[:150]
    return folder / f"{readable}-{hashlib.sha256(transfer_id.encode()).hexdigest()[:8]}"


def write(folder: Path, batch: Batch) -> None:
    """Stages a batch in place of one of the same number."""
    remove(folder, batch.number)
    frames = {**batch.rows, _UNITS: batch.units}
    tables = {name: pa.Table.from_pandas(rows, preserve_index=False) for name, rows in frames.items()}
    about = {"stamp": batch.stamp.isoformat(), "groups": list(batch.group_nos)}
    files.write_tables(_place(folder, batch.number), tables, **about)


def read_all(folder: Path) -> Iterator[Batch]:
    """Every batch that is staged as a whole, in the order of their numbers. Raises `StagingError`."""
    for place in sorted(folder.glob("[0-9]*")):
        if files.has_tables(place):
            yield _read(place)


def remove(folder: Path, number: int) -> None:
    """Removes a batch; its manifest goes first."""
    place = _place(folder, number)
    (place / files.MANIFEST).unlink(missing_ok=True)
    shutil.rmtree(place, ignore_errors=True)


def remove_all(folder: Path) -> None:
    """Removes everything that a transfer has staged."""
    shutil.rmtree(folder, ignore_errors=True)


def _place(folder: Path, number: int) -> Path:
    return folder / f"{number:06d}"


def _read(place: Path) -> Batch:
    about = files.read_manifest(place)
    rows = {name: files.read_table(place, name, about).to_pandas(types_mapper=_INT64.get) for name in about["tables"]}
    units = rows.pop(_UNITS)
    return Batch(int(place.name), datetime.fromisoformat(about["stamp"]), tuple(about["groups"]), rows, units)
