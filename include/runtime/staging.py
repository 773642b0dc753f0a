"""The files of a run between its tasks: a stage is a folder of tables (`etl.files`).

Two tries of a step may run at once: a task that outlived its supervisor, and its retry. A run's folder is removed when
the run has succeeded, and after `keep_days` otherwise.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pandas as pd
import pyarrow as pa

from etl.errors import StagingError
from etl.extract.source import to_frame
from etl.files import MANIFEST, has_tables, read_manifest, read_table, write_tables
from etl.frames import to_arrow


def folder_name(run_id: str) -> str:
    """A run's id as the name of one folder: ``..`` is a legal run id."""
    name = run_id.replace("/", "_")
    return name if name.strip(".") else f"_{name}"


class Staging:
    """The staged files of one run, under ``<data folder>/staging/<run id>``."""

    def __init__(self, data_folder: Path, run_id: str) -> None:
        self.folder = data_folder / "staging" / folder_name(run_id)

    def write(self, stage: str, tables: Mapping[str, pa.Table | pd.DataFrame]) -> None:
        """Stages these tables as a whole, in place of what an earlier try staged there. Raises `StagingError`."""
        try:
            write_tables(self.folder / stage, {name: _as_arrow(table) for name, table in tables.items()})
        except OSError as error:
            raise StagingError(
                f"Staged files cannot be written to {self.folder} ({error.strerror}). Free the disk or make the folder "
                "writable (PLANBRIDGE__DATA__FOLDER), then run again; nothing is lost."
            ) from None

    def read(self, stage: str, names: Iterable[str] | None = None) -> dict[str, pd.DataFrame]:
        """The staged tables (all, or those named), each checked against the manifest. Raises `StagingError`."""
        folder = self.folder / stage
        manifest = read_manifest(folder)
        return {
            name: to_frame(read_table(folder, name, manifest))
            for name in (manifest["tables"] if names is None else names)
        }

    def read_together(self, stages: Sequence[str], name: str) -> pd.DataFrame:
        """One table of several stages (at least one) as one frame."""
        folders = [self.folder / stage for stage in stages]
        tables = [read_table(folder, name, read_manifest(folder)) for folder in folders]
        # A column without a value has no type of its own in the shard that it comes from.
        return to_frame(pa.concat_tables(tables, promote_options="default").combine_chunks())

    def has(self, stage: str) -> bool:
        """Whether a stage is there as a whole."""
        return has_tables(self.folder / stage)

    def stages(self, parent: str) -> list[str]:
        """The whole stages under a folder, in the order of their names."""
        return sorted(f"{parent}/{path.parent.name}" for path in (self.folder / parent).glob(f"*/{MANIFEST}"))

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Notes when a step began and ended, for the report; a name begins with the stage."""
        started = time.time()
        try:
            yield
        finally:
            folder = self.folder / "times"
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            stage = name.split(" ")[0]
            (folder / f"{name.replace(' ', '-')}.json").write_text(json.dumps([stage, started, time.time()]))

    def stage_seconds(self) -> dict[str, float]:
        """Seconds from the first begin to the last end of each stage, in the order of their begins."""
        spans = [json.loads(path.read_text()) for path in (self.folder / "times").glob("*.json")]
        begins = {name: min(span[1] for span in spans if span[0] == name) for name, *_ in spans}
        ends = {name: max(span[2] for span in spans if span[0] == name) for name in begins}
        return {name: round(ends[name] - begins[name], 3) for name in sorted(begins, key=lambda name: begins[name])}

    def exists(self) -> bool:
        """Whether any stage of the run is there."""
        return self.folder.exists()

    def remove(self, stage: str = "") -> None:
        """Removes a stage or, when the run has succeeded, all of them: at once, as far as any reader sees."""
        _remove(self.folder / stage)


def remove_old_runs(data_folder: Path, keep_days: int) -> None:
    """Removes the staged files of failed runs after ``keep_days``."""
    remove_old((data_folder / "staging").glob("*"), keep_days)


def remove_old(folders: Iterable[Path], keep_days: int) -> None:
    """Removes the folders in which no step has begun or ended for ``keep_days``."""
    for folder in folders:
        if folder.is_dir() and folder.stat().st_mtime < time.time() - keep_days * 86_400:
            _remove(folder)


def _remove(folder: Path) -> None:
    """Renames first: a folder whose removal was killed is no run's any more, and goes with the old ones."""
    leaving = folder.with_name(f".removed-{folder.name}-{os.getpid()}")
    with suppress(OSError):
        folder.rename(leaving)
    shutil.rmtree(leaving, ignore_errors=True)


def _as_arrow(table: pa.Table | pd.DataFrame) -> pa.Table:
    return table if isinstance(table, pa.Table) else to_arrow(table)
