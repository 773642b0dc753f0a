"""Files at rest between tasks: whole or not there, and what is read is what was staged.

A stage is a folder of Parquet files with a manifest (row counts and hashes). It is written under another name, synced
and renamed; without a manifest there are no data. Files are readable by their owner only; a run's folder is removed
when the run has succeeded, and `keep_days` later otherwise.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from etl.errors import StagingError
from etl.extract.source import to_frame

MANIFEST = "manifest.json"


def folder_name(run_id: str) -> str:
    """A run's id as the name of one folder, whoever chose it: ``..`` is a legal run id."""
    name = run_id.replace("/", "_")
    return name if name.strip(".") else f"_{name}"


class Staging:
    """The staged files of one run, under ``<data folder>/staging/<run id>``."""

    def __init__(self, data_folder: Path, run_id: str) -> None:
        self.folder = data_folder / "staging" / folder_name(run_id)

    def write(self, stage: str, tables: Mapping[str, pa.Table | pd.DataFrame]) -> None:
        """Stages these tables as a whole, in place of what an earlier try staged there. Raises `StagingError`."""
        final = self.folder / stage
        partial = final.with_name(f".{final.name}.{os.getpid()}")
        try:
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True, mode=0o700)
            manifest = {name: _write_table(partial / f"{name}.parquet", table) for name, table in tables.items()}
            _write_synced(partial / MANIFEST, json.dumps(manifest, indent=1).encode())
            shutil.rmtree(final, ignore_errors=True)
            partial.rename(final)
        except OSError as error:
            shutil.rmtree(partial, ignore_errors=True)
            raise StagingError(
                f"Staged files cannot be written to {self.folder} ({error.strerror}). Free the disk or make the folder "
                "writable (PLANBRIDGE__DATA__FOLDER), then run again; nothing is lost."
            ) from None

    def read(self, stage: str, names: Iterable[str] | None = None) -> dict[str, pd.DataFrame]:
        """The staged tables (all, or those named), each checked against the manifest. Raises `StagingError`."""
        folder = self.folder / stage
        try:
            manifest = json.loads((folder / MANIFEST).read_text())
        except (OSError, ValueError):
            raise StagingError(
                f"{folder} has no manifest: the step that stages it has not finished. Run it again."
            ) from None
        return {name: _read_table(folder, name, manifest) for name in (manifest if names is None else names)}

    def has(self, stage: str) -> bool:
        """Whether a stage is there as a whole."""
        return (self.folder / stage / MANIFEST).exists()

    def stages(self, parent: str) -> list[str]:
        """The whole stages under a folder, in the order of their names."""
        return sorted(f"{parent}/{path.parent.name}" for path in (self.folder / parent).glob(f"*/{MANIFEST}"))

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Notes when a step began and ended, for the report."""
        started = time.time()
        try:
            yield
        finally:
            folder = self.folder / "times"
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            stage = name.split(" ")[0]
            (folder / f"{name.replace(' ', '-')}.json").write_text(json.dumps([stage, started, time.time()]))

    def stage_seconds(self) -> dict[str, float]:
        """Seconds from the first begin to the last end of each stage, in the order in which they began."""
        spans = [json.loads(path.read_text()) for path in (self.folder / "times").glob("*.json")]
        begins = {name: min(span[1] for span in spans if span[0] == name) for name, *_ in spans}
        ends = {name: max(span[2] for span in spans if span[0] == name) for name in begins}
        return {name: round(ends[name] - begins[name], 3) for name in sorted(begins, key=lambda name: begins[name])}

    def remove(self) -> None:
        """The run has succeeded: client data go."""
        shutil.rmtree(self.folder, ignore_errors=True)


def each_row(table: pd.DataFrame) -> Iterator[Any]:
    """The rows of a staged table, with its columns as attributes."""
    return iter(table.itertuples(index=False))


def remove_old_runs(data_folder: Path, keep_days: int) -> None:
    """Removes what failed runs have left behind longer than ``keep_days`` ago."""
    for folder in (data_folder / "staging").glob("*"):
        if folder.is_dir() and folder.stat().st_mtime < time.time() - keep_days * 86_400:
            shutil.rmtree(folder, ignore_errors=True)


def _write_table(path: Path, table: pa.Table | pd.DataFrame) -> dict[str, int | str]:
    arrow = pa.Table.from_pandas(table, preserve_index=False) if isinstance(table, pd.DataFrame) else table
    sink = pa.BufferOutputStream()
    pq.write_table(arrow, sink, compression="lz4", use_dictionary=False, write_statistics=False)
    content = sink.getvalue()
    _write_synced(path, content)
    return {"rows": arrow.num_rows, "sha256": hashlib.sha256(content).hexdigest()}


def _write_synced(path: Path, content: bytes | pa.Buffer) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _read_table(folder: Path, name: str, manifest: Mapping[str, Mapping[str, int | str]]) -> pd.DataFrame:
    try:
        content = (folder / f"{name}.parquet").read_bytes()
        expected = manifest[name]
    except (OSError, KeyError):
        raise StagingError(f"{folder} lacks {name}. Run the step that stages it again.") from None
    if hashlib.sha256(content).hexdigest() != expected["sha256"]:
        raise StagingError(f"{folder}/{name}.parquet is not what was staged: it has been changed. Run the step again.")
    return to_frame(pq.read_table(pa.BufferReader(content)))
