"""Names of reports that a person can type: ``runs/2026-11-30-night-1`` and ``runs/latest``.

A report lies in ``reports/<run id>``. Its name is a link to that folder; where the disk has no links, it is a text file
with the folder's path.
"""

from __future__ import annotations

import logging
import os
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from zoneinfo import ZoneInfo

from include.runtime.staging import folder_name

log = logging.getLogger(__name__)

LATEST = "latest"
# What a person calls a run of each DAG; any other run has the name of its DAG.
KINDS = {
    "weeknight_refresh": "night",
    "household_sync": "hand",
    "household_check": "check",
    "tonight_forecast": "forecast",
    "office_transfer": "transfer",
}


def name_report(data_folder: Path, run_id: str, dag_id: str, started_at: datetime, timezone: str) -> str | None:
    """Names the report of a run by its day, kind and number, and as ``latest``; gives the name.

    ``started_at``: in UTC, without a zone; ``timezone``: the office's. A run keeps its name in a later try. None, with
    a warning in the log, where the folder cannot be written: the report itself is complete.
    """
    day = started_at.replace(tzinfo=UTC).astimezone(ZoneInfo(timezone)).date()
    kind = KINDS.get(dag_id, dag_id.replace("_", "-"))
    names, target = data_folder / "runs", Path("..", "reports", folder_name(run_id))
    try:
        names.mkdir(mode=0o700, exist_ok=True)
        name = next(name for number in count(1) if _take(names / (name := f"{day}-{kind}-{number}"), target))
        _point(names / LATEST, target)
    except OSError as error:
        log.warning("The report has no short name: %s cannot be written (%s).", names, error.strerror)
        return None
    return name


def _take(name: Path, target: Path) -> bool:
    """Whether the name is this report's: it was free, or the report had it already. Two runs never get one name."""
    try:
        name.symlink_to(target, target_is_directory=True)
    except FileExistsError:
        return name.readlink() == target
    except (OSError, NotImplementedError):
        return _take_as_text(_text_file(name), target)
    return True


def _take_as_text(file: Path, target: Path) -> bool:
    try:
        with file.open("x", encoding="utf-8") as text:
            text.write(f"{target}\n")
    except FileExistsError:
        return file.read_text(encoding="utf-8") == f"{target}\n"
    return True


def _point(name: Path, target: Path) -> None:
    """Lets a name stand for this report from now on, at once as far as any reader sees."""
    new = name.with_name(f".{name.name}-{os.getpid()}")
    new.unlink(missing_ok=True)
    try:
        new.symlink_to(target, target_is_directory=True)
    except (OSError, NotImplementedError):
        new.write_text(f"{target}\n", encoding="utf-8")
        name = _text_file(name)
    new.replace(name)


def _text_file(name: Path) -> Path:
    return name.with_name(f"{name.name}.txt")
