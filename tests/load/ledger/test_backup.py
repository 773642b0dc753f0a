"""Backup and restoration of the ledger, on both databases: whole, of one moment, and never over what must stay."""

import os
import sqlite3
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa

from etl.errors import LedgerBusy, LedgerTooNew, LedgerUnavailable, ParamsError, SettingsError
from etl.load.ledger import runs
from etl.load.ledger.backup import copies
from etl.load.ledger.migrations import newest_revision
from etl.load.ledger.runs import Outcome
from etl.load.ledger.store import Ledger
from etl.load.ledger.tables import outcome, run
from tests.load.ledger.test_migrations import rows_of
from tests.postgres import client_programs

DAY = date(2026, 11, 20)
STRANGE = "a tab\t, a backslash \\, a line\nand \\. é"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def new_url(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    postgres_url: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[], str]:
    """Gives the address of an empty ledger at each call."""
    if request.param == "sqlite":
        numbers = iter(range(9))
        return lambda: f"sqlite:///{tmp_path / f'ledger-{next(numbers)}' / 'ledger.db'}"
    monkeypatch.setenv("PATH", f"{client_programs()}{os.pathsep}{os.environ['PATH']}")
    return postgres_url


@pytest.fixture
def ledgers(new_url: Callable[[], str]) -> Iterator[Callable[[], Ledger]]:
    made: list[Ledger] = []

    def new() -> Ledger:
        made.append(Ledger(new_url()))
        return made[-1]

    yield new
    for ledger in made:
        ledger.engine.dispose()


@pytest.fixture
def ledger(ledgers: Callable[[], Ledger]) -> Ledger:
    """Two ended runs with outcomes."""
    made = ledgers()
    made.migrate()
    for number in (1, 2):
        end_run(made, f"run-{number}")
    return made


def end_run(ledger: Ledger, run_id: str) -> None:
    runs.start_run(ledger, run_id, "weeknight_refresh", DAY, None, False, {})
    runs.save_outcomes(ledger, run_id, [Outcome("profiles", "H1", "held", STRANGE)])
    with ledger.write() as connection:
        runs.finish_run(connection, run_id, "success", ledger.now())


def test_a_backup_brings_every_row_back_into_an_empty_place(
    ledger: Ledger, ledgers: Callable[[], Ledger], tmp_path: Path
) -> None:
    file, held = copies.back_up(ledger, tmp_path)
    assert (held.revision, held.runs) == (newest_revision(), 2)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.glob("*ledger*") if path.is_file()] == [file.name]
    other = ledgers()
    assert copies.restore(other, file) == held
    assert rows_of(other) == rows_of(ledger)
    assert runs.read_outcomes(other, "run-1")["reason"].tolist() == [STRANGE]
    assert len(other.select("SELECT * FROM outcome_v")) == 2
    end_run(other, "run-3")  # keys that the ledger gives itself go on


def test_a_backup_is_of_one_moment_while_a_run_writes(
    ledger: Ledger, ledgers: Callable[[], Ledger], tmp_path: Path
) -> None:
    """Each transaction writes a run with its outcome: no backup has one without the other."""
    stopping, written = threading.Event(), threading.Event()

    def write() -> None:
        number = 10
        while not stopping.is_set():
            with ledger.write() as connection:
                row = {"run_id": f"run-{number}", "vendor": "profiles", "unit_key": "H1", "outcome": "created"}
                connection.execute(sa.insert(outcome).values(row))
                of_run = {
                    "dag_id": "d",
                    "as_of": DAY,
                    "dry_run": False,
                    "status": "success",
                    "started_at": ledger.now(),
                }
                connection.execute(sa.insert(run).values(run_id=f"run-{number}", **of_run))
            number += 1
            written.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert written.wait(20)
        taken = [copies.back_up(ledger, tmp_path / f"{number}.backup") for number in range(3)]
    finally:
        stopping.set()
        writer.join(20)
    assert taken[0][1].runs < taken[-1][1].runs
    for file, held in taken:
        other = ledgers()
        copies.restore(other, file)
        (apart,) = other.select(
            "SELECT count(*) AS n FROM run FULL JOIN outcome ON outcome.run_id = run.run_id "
            "WHERE (run.dag_id = 'd' AND outcome.run_id IS NULL) OR run.run_id IS NULL"
        )
        (together,) = other.select("SELECT count(*) AS n FROM run")
        assert (apart["n"], together["n"]) == (0, held.runs)


def test_nothing_is_replaced_unless_asked(ledger: Ledger, tmp_path: Path) -> None:
    file, _ = copies.back_up(ledger, tmp_path / "one.backup")
    first = file.read_bytes()
    end_run(ledger, "run-3")
    with pytest.raises(ParamsError, match=r"one\.backup is there"):
        copies.back_up(ledger, file)
    with pytest.raises(ParamsError, match="has runs"):
        copies.restore(ledger, file)
    assert file.read_bytes() == first
    assert runs.find_run(ledger, "run-3")
    copies.restore(ledger, file, replace=True)
    assert runs.find_run(ledger, "run-3") is None
    assert ledger.is_current()
    assert copies.back_up(ledger, file, replace=True)[1].runs == 2


def test_nothing_is_restored_while_a_run_is_open(ledger: Ledger, tmp_path: Path) -> None:
    file, _ = copies.back_up(ledger, tmp_path)
    runs.start_run(ledger, "run-3", "weeknight_refresh", DAY, None, False, {})
    before = rows_of(ledger)
    with pytest.raises(LedgerBusy, match=r"1 open runs \(run-3 the first"):
        copies.restore(ledger, file, replace=True)
    assert rows_of(ledger) == before


def test_an_older_backup_is_not_restored_over_a_newer_revision(
    ledger: Ledger, ledgers: Callable[[], Ledger], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, _ = copies.back_up(ledger, tmp_path)
    with ledger.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ParamsError, match="revision 9999, newer than the backup"):
        copies.restore(ledger, file, replace=True)
    monkeypatch.setattr("etl.load.ledger.migrations.newest_revision", lambda: "9999")
    newer, _ = copies.back_up(ledger, tmp_path / "newer.backup")
    monkeypatch.undo()
    if not ledger.is_sqlite:
        monkeypatch.setenv("PATH", f"{client_programs()}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(LedgerTooNew, match="made by a newer Planbridge"):
        copies.restore(ledgers(), newer)


@pytest.mark.postgres
def test_a_backup_of_the_other_database_or_none_at_all_is_refused(
    ledger: Ledger, tmp_path: Path, postgres_url: Callable[[], str]
) -> None:
    file, _ = copies.back_up(ledger, tmp_path)
    other = Ledger(postgres_url() if ledger.is_sqlite else f"sqlite:///{tmp_path / 'other.db'}")
    with pytest.raises(ParamsError, match=r"is a backup of a \w+ ledger; the ledger .* is \w+"):
        copies.restore(other, file)
    (tmp_path / "letter.txt").write_text("Dear Ann")
    with pytest.raises(ParamsError, match="no backup of a ledger"):
        copies.restore(other, tmp_path / "letter.txt")
    other.engine.dispose()


def test_a_damaged_backup_changes_nothing(ledger: Ledger, tmp_path: Path) -> None:
    rows = [{"run_id": f"old-{n}", "vendor": "profiles", "unit_key": "H1", "outcome": "created"} for n in range(20_000)]
    ledger.save(outcome, rows)
    file, _ = copies.back_up(ledger, tmp_path)
    content = bytearray(file.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 8192] = bytes(8192)
    file.write_bytes(content)
    before = rows_of(ledger)
    with pytest.raises(LedgerUnavailable):
        copies.restore(ledger, file, replace=True)
    assert rows_of(ledger) == before


def test_a_backup_that_breaks_off_leaves_no_file(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("etl.load.ledger.backup.copies.os.fsync", full)
    folder = tmp_path / "backups"
    folder.mkdir()
    with pytest.raises(OSError, match="No space left"):
        copies.back_up(ledger, folder)
    assert list(folder.iterdir()) == []


def test_a_database_of_sqlite_that_is_no_ledger_is_refused(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "crm.db")) as made:
        made.execute("CREATE TABLE contact (contact_id)")
        made.commit()
    with pytest.raises(ParamsError, match="no table of runs"):
        copies.restore(Ledger(f"sqlite:///{tmp_path / 'ledger.db'}"), tmp_path / "crm.db")


@pytest.mark.postgres
def test_without_the_programs_of_postgresql_the_way_out_is_said(
    postgres_url: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(postgres_url())
    ledger.migrate()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SettingsError, match=r"pg_dump is not on this machine's PATH\. Install"):
        copies.back_up(ledger, tmp_path)
    assert list(tmp_path.iterdir()) == []
    ledger.engine.dispose()


@pytest.mark.postgres
def test_tables_of_others_in_the_same_schema_stay_out_of_it(
    postgres_url: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{client_programs()}{os.pathsep}{os.environ['PATH']}")
    ledger = Ledger(postgres_url())
    ledger.migrate()
    end_run(ledger, "run-1")
    with ledger.write() as connection:
        connection.execute(sa.text("CREATE TABLE contact (contact_id int)"))
        connection.execute(sa.text("INSERT INTO contact VALUES (7)"))
    file, held = copies.back_up(ledger, tmp_path)
    assert "contact" not in held.rows
    copies.restore(ledger, file, replace=True)
    assert ledger.select("SELECT contact_id FROM contact") == [{"contact_id": 7}]
    ledger.engine.dispose()
