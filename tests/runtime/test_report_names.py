"""A report has a name that a person can type, and keeps it."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import pytest

from include.runtime.report_names import name_report

NIGHT = datetime(2026, 12, 1, 3, 0)


def report(folder: Path, run_id: str) -> None:
    (folder / "reports" / run_id).mkdir(parents=True)
    (folder / "reports" / run_id / "worklist.html").write_text(run_id)


def name(folder: Path, run_id: str, dag_id: str = "weeknight_refresh", at: datetime = NIGHT) -> str | None:
    if not (folder / "reports" / run_id).exists():
        report(folder, run_id)
    return name_report(folder, run_id, dag_id, at, "America/New_York")


def test_a_report_is_named_by_the_offices_day_its_kind_and_number(tmp_path: Path) -> None:
    assert name(tmp_path, "manual__2026-12-01T03:00:00+00:00") == "2026-11-30-night-1"
    assert name(tmp_path, "manual__2") == "2026-11-30-night-2"
    assert name(tmp_path, "manual__3", "household_sync") == "2026-11-30-hand-1"
    assert name(tmp_path, "manual__4", "office_transfer") == "2026-11-30-transfer-1"
    assert name(tmp_path, "undo__5", "undo") == "2026-11-30-undo-1"
    page = tmp_path / "runs" / "2026-11-30-night-1" / "worklist.html"
    assert page.read_text() == "manual__2026-12-01T03:00:00+00:00"


def test_a_run_keeps_its_name_in_a_later_try(tmp_path: Path) -> None:
    names = [name(tmp_path, run_id) for run_id in ("first", "second", "first")]
    assert names == ["2026-11-30-night-1", "2026-11-30-night-2", "2026-11-30-night-1"]


def test_latest_is_the_report_that_was_written_last(tmp_path: Path) -> None:
    for run_id in ("first", "second"):
        name(tmp_path, run_id)
        assert (tmp_path / "runs" / "latest" / "worklist.html").read_text() == run_id
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == [
        "2026-11-30-night-1", "2026-11-30-night-2", "latest",
    ]  # fmt: skip


def test_a_data_folder_that_moves_keeps_its_names(tmp_path: Path) -> None:
    name(tmp_path / "here", "first")
    (tmp_path / "here").rename(tmp_path / "there")
    assert (tmp_path / "there" / "runs" / "latest" / "worklist.html").read_text() == "first"


def test_a_disk_without_links_has_the_names_as_text_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "symlink", refuse)
    assert [name(tmp_path, run_id) for run_id in ("first", "second", "first")] == [
        "2026-11-30-night-1", "2026-11-30-night-2", "2026-11-30-night-1",
    ]  # fmt: skip
    texts = {file.name: file.read_text() for file in (tmp_path / "runs").iterdir()}
    assert texts == {
        "2026-11-30-night-1.txt": "../reports/first\n",
        "2026-11-30-night-2.txt": "../reports/second\n",
        "latest.txt": "../reports/first\n",
    }


def test_a_name_that_cannot_be_written_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    report(tmp_path, "first")
    (tmp_path / "runs").write_text("not a folder")
    assert name(tmp_path, "first") is None
    assert "The report has no short name" in caplog.text
