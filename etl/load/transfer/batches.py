"""The staged rows of a batch of groups: files of one owner, written whole or not there.

A file is written under another name, flushed and renamed; `batch.json` comes last, with the number of rows and the hash
of every file. No `batch.json`, no batch.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path

import pandas as pd
import pyarrow as pa

from etl import canonical, schema
from etl.errors import StagingError
from etl.load.ledger.transfers.transfers import SHARED

SOURCE_ID, GROUP_NO = "_source_id", "_group_no"
_LIST, _UNITS = "batch.json", "units"
_INT64 = {pa.int64(): pd.Int64Dtype()}


@dataclass(frozen=True)
class Batch:
    """The new rows of some groups.

    ``rows``: table -> rows in canonical form in the order of insertion, with two more columns: ``_source_id`` (text;
    the row's key in the source, if it has one there) and ``_group_no`` (of carriers and products, which groups share,
    it says nothing).
    ``stamp``: when the source's records are retired (UTC); it tells what this batch has retired from anything else.
    ``units``: from_unit, to_unit, group_no of units that change their key with it.
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
            entity: frame[frame[GROUP_NO].isin(chosen)] if entity not in SHARED else frame
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

    def values(self, entity: str) -> pd.DataFrame:
        """The rows of a table, with its own columns only."""
        return self.rows[entity][[column.name for column in schema.metadata.tables[entity].columns]]

    @cached_property
    def written(self) -> pd.DataFrame:
        """entity, entity_id, row_hash, source_id, group_no of the groups' own rows, as the target is to hold them."""
        parts = [
            pd.DataFrame(
                {
                    "entity": entity,
                    "entity_id": canonical.row_ids(entity, rows).to_numpy(),
                    "row_hash": canonical.row_hashes(entity, rows).to_numpy(),
                    "source_id": rows[SOURCE_ID].to_numpy(),
                    "group_no": rows[GROUP_NO].array,
                }
            )
            for entity, rows in self.rows.items()
            if entity not in SHARED
        ]
        return pd.concat(parts, ignore_index=True)

    def keys(self, entity: str) -> pd.Series[int]:
        """The new keys of a table's rows (one column), none where there are none."""
        if entity not in self.rows:
            return pd.Series(dtype="int64")
        first = next(iter(schema.metadata.tables[entity].primary_key.columns))
        return self.rows[entity][first.name].astype("int64")

    @property
    def id_map(self) -> pd.DataFrame:
        """entity, source_id, target_id (text), group_no (Int64) of every row."""
        parts = [
            pd.DataFrame(
                {
                    "entity": entity,
                    "source_id": rows[SOURCE_ID].to_numpy(),
                    "target_id": canonical.row_ids(entity, rows).to_numpy(),
                    "group_no": rows[GROUP_NO].array,
                }
            )
            for entity, rows in self.rows.items()
        ]
        return pd.concat(parts, ignore_index=True)


def folder_of(folder: Path, transfer_id: str) -> Path:
    """Where the batches of a transfer lie."""
    readable = re.sub(r"[^A-Za-z0-9_.+-]", "_", transfer_id)[:150]
    return folder / f"{readable}-{hashlib.sha256(transfer_id.encode()).hexdigest()[:8]}"


def write(folder: Path, batch: Batch) -> None:
    """Stages a batch in place of one of the same number."""
    place = folder / f"{batch.number:06d}"
    remove(folder, batch.number)
    place.mkdir(parents=True, mode=0o700)
    files = {}
    for entity, rows in {**batch.rows, _UNITS: batch.units}.items():
        content = _packed(rows)
        _put(place / f"{entity}.arrow", content)
        files[entity] = {"rows": len(rows), "sha256": hashlib.sha256(content).hexdigest()}
    head = {"stamp": batch.stamp.isoformat(), "groups": list(batch.group_nos), "files": files}
    _put(place / _LIST, json.dumps(head).encode())
    _sync(place)
    _sync(folder)


def read_all(folder: Path) -> Iterator[Batch]:
    """Every batch that is staged whole, in their order."""
    for place in sorted(folder.glob("[0-9]*")):
        if (place / _LIST).exists():
            yield _read(place)


def remove(folder: Path, number: int) -> None:
    """Takes a batch away: its list first."""
    place = folder / f"{number:06d}"
    (place / _LIST).unlink(missing_ok=True)
    shutil.rmtree(place, ignore_errors=True)


def remove_all(folder: Path) -> None:
    """The transfer is through: nothing of it stays staged."""
    shutil.rmtree(folder, ignore_errors=True)


def _read(place: Path) -> Batch:
    head = json.loads((place / _LIST).read_bytes())
    rows = {}
    for entity, said in head["files"].items():
        path = place / f"{entity}.arrow"
        content = path.read_bytes() if path.exists() else b""
        if hashlib.sha256(content).hexdigest() != said["sha256"]:
            raise StagingError(f"{path.name} of {place.parent.name} is not what was staged.")
        frame = pa.ipc.open_file(pa.BufferReader(content)).read_all().to_pandas(types_mapper=_INT64.get)
        if len(frame) != said["rows"]:
            raise StagingError(f"{path.name} of {place.parent.name} does not hold the rows that were staged.")
        rows[entity] = frame
    units = rows.pop(_UNITS)
    return Batch(int(place.name), datetime.fromisoformat(head["stamp"]), tuple(head["groups"]), rows, units)


def _packed(rows: pd.DataFrame) -> bytes:
    table = pa.Table.from_pandas(rows, preserve_index=False)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _put(path: Path, content: bytes) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
