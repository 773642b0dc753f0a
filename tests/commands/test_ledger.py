"""``make ledger`` and ``make ledger-upgrade``: what an operator sees before and after an upgrade."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from etl.load.ledger.migrations import newest_revision
from include.commands.cli import app
from tests.load.ledger.test_migrations import BEFORE_REVISIONS


def test_an_older_ledger_is_named_tried_and_upgraded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANBRIDGE__DATA__FOLDER", str(tmp_path))
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as made:
        made.executescript(BEFORE_REVISIONS)
    assert run("check") == (1, f"revision before revisions were kept; this code needs {newest_revision()}.")
    assert run("upgrade", "--try") == (0, f"would be revision {newest_revision()}; it stays as it was")
    assert run("check")[0] == 1
    assert run("upgrade") == (0, f"revision {newest_revision()}")
    assert run("check") == (0, f"revision {newest_revision()}, as this code needs it.")
    assert run("upgrade") == (0, f"revision {newest_revision()}, nothing to upgrade.")


def run(*command: str) -> tuple[int, str]:
    """The exit status, and what is said of the ledger after its place."""
    done = CliRunner().invoke(app, ["ledger", *command])
    line = done.output.splitlines()[-1].partition("ledger.db: ")[2]
    return done.exit_code, line.partition(" make ")[0].partition(" (")[0]


def test_where_no_run_was_made_the_place_is_named_and_nothing_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANBRIDGE__DATA__FOLDER", str(tmp_path))
    done = CliRunner().invoke(app, ["ledger", "check"])
    assert done.exit_code == 1
    assert "no run has been made there" in done.output
    assert list(tmp_path.iterdir()) == []


def test_a_backup_is_written_and_restored_over_a_ledger_only_when_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANBRIDGE__DATA__FOLDER", str(tmp_path))
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as made:
        made.executescript(BEFORE_REVISIONS)
        made.execute("UPDATE run SET status = 'success'")
        made.commit()
    file = tmp_path / "nightly.db"
    written = CliRunner().invoke(app, ["ledger", "backup", str(file)])
    assert written.exit_code == 0, written.output
    assert "nightly.db written and compared with the ledger." in written.output
    refused = CliRunner().invoke(app, ["ledger", "restore", str(file)])
    assert (refused.exit_code, "--force" in refused.output) == (1, True)
    done = CliRunner().invoke(app, ["ledger", "restore", str(file), "--force"])
    assert done.exit_code == 0, done.output
    assert "begin with a dry run" in done.output
    assert run("check") == (0, f"revision {newest_revision()}, as this code needs it.")
    missing = CliRunner().invoke(app, ["ledger", "backup", str(tmp_path / "nowhere" / "nightly.db")])
    assert "nowhere is not there" in missing.output
