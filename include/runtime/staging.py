"""Files at rest between tasks: whole or not there, and what is read is what was staged.

A stage is a folder of Arrow files, named by what they hold, with a manifest (row counts and hashes). Each is written
under another name, synced and renamed, the manifest last; without a manifest there are no data. Of two tries of a step
at once (a task that outlived its supervisor, and its retry) the last whole one counts, and neither is in the other's
way. Files are readable by their owner only; a run's folder is removed when the run has succeeded, and `keep_days` later
otherwise.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import pandas as pd
import pyarrow as pa

from etl.errors import StagingError
from etl.extract.source import to_frame

MANIFEST = "manifest.json"
# The steps that were stopped by what a person had given, as stages without tables under this folder.
MISTAKES = "mistakes"


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
        folder = self.folder / stage
        try:
            folder.mkdir(parents=True, mode=0o700, exist_ok=True)
            manifest = {name: _write_table(folder, name, table) for name, table in tables.items()}
            with _partial(folder) as path:
                with _synced(path) as file:
                    file.write(json.dumps(manifest, indent=1).encode())
                path.replace(folder / MANIFEST)
        except OSError as error:
            raise StagingError(
                f"Staged files cannot be written to {self.folder} ({error.strerror}). Free the disk or make the folder "
                "writable (PLANBRIDGE__DATA__FOLDER), then run again; nothing is lost."
            ) from None

    def read(self, stage: str, names: Iterable[str] | None = None) -> dict[str, pd.DataFrame]:
        """The staged tables (all, or those named), each checked against the manifest. Raises `StagingError`."""
        folder, manifest = self._manifest(stage)
        return {name: to_frame(_read_table(folder, name, manifest)) for name in (manifest if names is None else names)}

    def read_together(self, stages: Sequence[str], name: str) -> pd.DataFrame:
        """One table of several stages (at least one) as one frame."""
        tables = [_read_table(folder, name, manifest) for folder, manifest in map(self._manifest, stages)]
        # A column without a value has no type of its own in the shard that it comes from.
        return to_frame(pa.concat_tables(tables, promote_options="default").combine_chunks())

    def _manifest(self, stage: str) -> tuple[Path, dict[str, dict[str, int | str]]]:
        folder = self.folder / stage
        try:
            return folder, json.loads((folder / MANIFEST).read_text())
        except (OSError, ValueError):
            raise StagingError(
                f"{folder} has no manifest: the step that stages it has not finished. Run it again."
            ) from None

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

    def exists(self) -> bool:
        """Whether anything of the run is staged."""
        return self.folder.exists()

    def remove(self) -> None:
        """The run has succeeded: client data go, all at once as far as anybody sees."""
        _remove(self.folder)


def each_row(table: pd.DataFrame) -> Iterator[Any]:
    """The rows of a staged table, with its columns as attributes."""
    return iter(table.itertuples(index=False))


def remove_old_runs(data_folder: Path, keep_days: int) -> None:
    """Removes what failed runs have left behind longer than ``keep_days`` ago."""
    remove_old((data_folder / "staging").glob("*"), keep_days)


def remove_old(folders: Iterable[Path], keep_days: int) -> None:
    """Removes those of the folders in which nothing was begun or ended for ``keep_days``."""
    for folder in folders:
        if folder.is_dir() and folder.stat().st_mtime < time.time() - keep_days * 86_400:
            _remove(folder)


def _remove(folder: Path) -> None:
    """Under another name first: what was killed half-way is no run's folder any more, and goes with the old ones."""
    leaving = folder.with_name(f".removed-{folder.name}-{os.getpid()}")
    with suppress(OSError):
        folder.rename(leaving)
    shutil.rmtree(leaving, ignore_errors=True)


def _write_table(folder: Path, name: str, table: pa.Table | pd.DataFrame) -> dict[str, int | str]:
    if isinstance(table, pd.DataFrame):
        # One thread: a pool costs more than a shard's columns.
        table = pa.Table.from_pandas(table, preserve_index=False, nthreads=1).replace_schema_metadata()
    with _partial(folder) as path:
        with _synced(path) as file:
            hashed = _Hashed(file)
            with pa.ipc.new_file(pa.PythonFile(hashed, mode="w"), table.schema) as writer:
                writer.write_table(table)
        sha256 = hashed.digest.hexdigest()
        path.replace(folder / _file_name(name, sha256))
    return {"rows": table.num_rows, "sha256": sha256}


def _file_name(name: str, sha256: str) -> str:
    return f"{name}.{sha256[:16]}.arrow"


class _Hashed:
    """A file as Arrow writes to it, hashed on the way."""

    closed = False

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def write(self, content: bytes) -> int:
        self.digest.update(content)
        return self._file.write(content)

    def tell(self) -> int:
        return self._file.tell()

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        """Left to whoever opened the file."""


@contextmanager
def _partial(folder: Path) -> Iterator[Path]:
    """The path of a file in the making, which nobody else uses; what was not renamed is gone afterwards."""
    path = folder / f".{uuid.uuid4().hex}"
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


@contextmanager
def _synced(path: Path) -> Iterator[BinaryIO]:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def _read_table(folder: Path, name: str, manifest: Mapping[str, Mapping[str, int | str]]) -> pa.Table:
    try:
        expected = str(manifest[name]["sha256"])
        path = folder / _file_name(name, expected)
        content = path.read_bytes()
    except (OSError, KeyError):
        raise StagingError(f"{folder} lacks {name}. Run the step that stages it again.") from None
    if hashlib.sha256(content).hexdigest() != expected:
        raise StagingError(f"{path} is not what was staged: it has been changed. Run the step again.")
    return pa.ipc.open_file(pa.BufferReader(content)).read_all()
