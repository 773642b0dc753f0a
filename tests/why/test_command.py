"""``make why`` and ``make undo`` as typed: the ledger is found as the DAGs find it, and answers come at once."""

import hashlib
import json
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from rich.console import Console
from typer.testing import CliRunner, Result

from etl.errors import LedgerUnavailable, SettingsError
from etl.load.ledger.store import Ledger
from etl.load.ledger.tables import run
from include import ROOT
from include.commands import operator
from include.commands.cli import app
from include.commands.operator import operator_context, operator_settings
from include.commands.quick import read_connection
from include.commands.transfer import cancel, roll_back
from include.pipelines.undo.undoing import request_of
from include.runtime.connections import database_url
from include.why.asking import ask
from tests.load.ledger.test_migrations import BEFORE_REVISIONS
from tests.run_book import Book

# What is made for all of them is made by one worker.
pytestmark = pytest.mark.xdist_group("why")


def call(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own, with no connection but those given, and a home of Airflow's that is empty."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW_CONN", "PLANB"))}
    environment |= {"COLUMNS": "200", **variables}
    command = [sys.executable, "-m", "include.commands.cli", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def why(*arguments: str, **variables: str) -> Result:
    """`make why` in this process, which has its libraries already."""
    return CliRunner().invoke(app, ["why", *arguments], env={"COLUMNS": "200", **variables})


def data_of(book: Book) -> str:
    return str(book.contexts[0].data_folder)


def test_the_ledger_under_the_data_folder_answers_at_once(told_book: Book) -> None:
    # Importing these takes about a second of a processor: the measure of how fast this one is, with all its other work.
    libraries = spent_on([sys.executable, "-c", "import pandas, pyarrow, sqlalchemy, typer, rich"])
    folder = data_of(told_book)
    before = spent()
    done = call("why", "--unit", "H1", "--field", "clientA.cellPhone", PLANBRIDGE__DATA__FOLDER=folder)
    seconds = spent() - before
    assert done.returncode == 0, done.stderr
    assert "contact_phone.number, key 9" in done.stdout
    assert "555-0109" not in done.stdout
    assert seconds < 1.5 * libraries


def test_an_answer_imports_no_library_that_takes_longer_than_it(told_book: Book) -> None:
    asked = "from include.commands.cli import app; app(['why', '--unit', 'H1'], standalone_mode=False)"
    loaded = f"import sys, typer\ntry:\n    {asked}\nexcept typer.Exit:\n    pass\nprint('loaded:', *sys.modules)"
    environment = {**os.environ, "PLANBRIDGE__DATA__FOLDER": data_of(told_book)}
    done = subprocess.run(
        [sys.executable, "-c", loaded], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    answer, _, modules = done.stdout.partition("loaded:")
    assert "contact_phone.number" in answer
    assert {"pandas", "sqlalchemy", "pydantic_settings", "great_expectations", "airflow"}.isdisjoint(modules.split())


def spent_on(command: list[str]) -> float:
    before = spent()
    subprocess.run(command, check=True)
    return spent() - before


def spent() -> float:
    """Seconds of a processor that finished child processes have taken."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.mark.parametrize("form", ["uri", "json"])
def test_the_connection_of_the_environment_comes_first(told_book: Book, form: str, tmp_path: Path) -> None:
    path = f"{data_of(told_book)}/ledger.db"
    uri = f"sqlite:///{path}" if form == "uri" else json.dumps({"conn_type": "sqlite", "schema": path})
    done = why("--unit", "H1", "--vendor", "emoney", PLANBRIDGE__DATA__FOLDER=str(tmp_path), AIRFLOW_CONN_LEDGER=uri)
    assert done.exit_code == 0, done.stderr
    assert "contact.first_name, key 101" in done.stdout


def test_an_unanswerable_question_gets_one_line_in_plain_words(told_book: Book) -> None:
    done = call("why", "--unit", "H99", PLANBRIDGE__DATA__FOLDER=data_of(told_book))
    assert (done.returncode, done.stdout) == (1, "")
    assert "The ledger knows no unit H99" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_invalid_date_gets_one_line_in_plain_words(told_book: Book) -> None:
    done = why("--unit", "H1", "--date", "May", PLANBRIDGE__DATA__FOLDER=data_of(told_book))
    assert (done.exit_code, done.stdout) == (1, "")
    assert "DATE is a date such as 2026-03-31, not 'May'" in done.stderr
    assert isinstance(done.exception, SystemExit)


def test_a_folder_without_a_ledger_gets_one_line_and_no_ledger(tmp_path: Path) -> None:
    done = why("--unit", "H1", PLANBRIDGE__DATA__FOLDER=str(tmp_path / "nowhere"))
    assert done.exit_code == 1
    assert "no run has been made there" in done.stderr
    assert not (tmp_path / "nowhere").exists()


def test_a_units_key_may_be_typed_in_small_letters(told_book: Book) -> None:
    done = why("--unit", "h1", "--field", "clientA.gender", PLANBRIDGE__DATA__FOLDER=data_of(told_book))
    assert done.stdout.startswith("\nH1 at Profiles"), done.output


def test_a_question_never_makes_a_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "none" / "ledger.db"
    monkeypatch.setenv("AIRFLOW_CONN_LEDGER", f"sqlite:///{path}")
    for look_up in (
        lambda: operator_context(request_of("ann", "UTC", True), operator_settings()),
        lambda: cancel("transfer", "ann", Console()),
        lambda: roll_back("transfer", Console()),
    ):
        with pytest.raises(SettingsError, match=r"none/ledger\.db is not there or empty: no run has been made there"):
            look_up()
        assert list(tmp_path.iterdir()) == []


def test_a_ledger_without_runs_does_not_hide_the_demos_ledger(
    told_book: Book, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names_nothing(monkeypatch)
    monkeypatch.setattr(operator, "ROOT", tmp_path)
    monkeypatch.setattr(operator, "DEMO", Path(data_of(told_book)))
    for make in (lambda path: None, lambda path: path.touch(), lambda path: Ledger(f"sqlite:///{path}").migrate()):
        (tmp_path / ".planbridge").mkdir(exist_ok=True)
        make(tmp_path / ".planbridge" / "ledger.db")
        assert operator_settings().data.folder == Path(data_of(told_book))
    monkeypatch.setenv("AIRFLOW_CONN_PROFILES", "http://127.0.0.1")
    assert operator_settings().data.folder == Path(".planbridge")


def names_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*os.environ]:
        if name.startswith(("AIRFLOW_CONN", "PLANBRIDGE")):
            monkeypatch.delenv(name)


def test_a_ledger_in_a_read_only_folder_is_read_and_not_changed(told_book: Book, tmp_path: Path) -> None:
    path = copy_of(told_book, tmp_path)
    before = hashlib.sha256(path.read_bytes()).digest()
    ledger = Ledger(f"sqlite:///{path}", read_only=True)
    (told,) = ask(ledger, "H1", "clientA.cellPhone", None, None)
    assert told.answers[0].run_id == "run-2"
    with pytest.raises(LedgerUnavailable, match="readonly"), ledger.write() as connection:
        connection.execute(sa.delete(run))
    ledger.engine.dispose()
    assert [*tmp_path.iterdir()] == [path]
    assert hashlib.sha256(path.read_bytes()).digest() == before


def copy_of(book: Book, folder: Path) -> Path:
    path = folder / "ledger.db"
    with closing(sqlite3.connect(f"{data_of(book)}/ledger.db")) as ledger, closing(sqlite3.connect(path)) as copy:
        ledger.backup(copy)
    return path


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose Python and set-up only say that they were called, and in it the demo's environment."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name, lines in (
        (".venv/bin/python", "#!/bin/sh\necho called $PLANBRIDGE__DATA__FOLDER $AIRFLOW_CONN_LEDGER"),
        ("include/local/setup.sh", "echo set up"),
        (".planbridge/env", "export PLANBRIDGE__DATA__FOLDER=demo"),
    ):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(lines + "\n")
        (tmp_path / name).chmod(0o755)
    return tmp_path


def make(checkout: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], **variables}
    command = ["make", "-s", *arguments]
    return subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("command", ["why UNIT=H1", "undo RUN=1", "return TRANSFER=1", "cancel-transfer TRANSFER=1"])
def test_an_installation_named_by_the_shell_comes_before_the_demo(checkout: Path, command: str) -> None:
    arguments = command.split()
    assert make(checkout, *arguments).stdout == "set up\ncalled demo\n"
    assert make(checkout, *arguments, PLANBRIDGE__DATA__FOLDER="mine").stdout == "set up\ncalled mine\n"
    assert make(checkout, *arguments, AIRFLOW_CONN_LEDGER="sqlite:////l").stdout == "set up\ncalled sqlite:////l\n"


@pytest.mark.parametrize("command", ["why", "undo", "return", "cancel-transfer"])
def test_a_command_without_its_argument_shows_its_usage_and_sets_nothing_up(checkout: Path, command: str) -> None:
    done = make(checkout, command)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"Usage: make {command} ")


def test_an_older_ledger_gets_the_tables_that_it_lacks(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as old:
        old.executescript(BEFORE_REVISIONS)
        for table in ("lineage", "lineage_unit", "pin", "other_case"):
            old.execute(f"DROP TABLE {table}")
    done = why("--unit", "H1", "--field", "clientA.gender", PLANBRIDGE__DATA__FOLDER=str(tmp_path))
    assert done.exit_code == 0, done.stderr
    assert "contact.gender, key 101" in done.stdout


@pytest.mark.airflow
def test_an_undo_finds_ledger_and_vendor_and_prints_a_table(told_book: Book, tmp_path: Path) -> None:
    port = told_book.vendors.profiles.url.rsplit(":", 1)[1]
    profiles = {
        "conn_type": "http",
        "host": "127.0.0.1",
        "port": int(port),
        "login": "planbridge",
        "password": "sandbox",
    }
    variables = {"PLANBRIDGE__DATA__FOLDER": data_of(told_book), "AIRFLOW_CONN_PROFILES": json.dumps(profiles)}
    done = call("undo", "--run", "run-2", "--dry-run", **variables)
    assert done.returncode == 0, done.stderr
    assert "clientA.cellPhone" in done.stdout
    assert "would go back" in done.stdout
    assert "eMoney has no undo" in done.stdout
    assert "555-01" not in done.stdout
    refused = call("undo", "--run", "run-9", **variables)
    assert refused.returncode == 1
    assert "There is no run run-9" in refused.stderr


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("postgresql://pb:se%2Fcret@127.0.0.1:5433/ledger", "postgresql://pb:se%2Fcret@127.0.0.1:5433/ledger"),
        ("postgres://127.0.0.1/ledger?sslmode=require", "postgresql://@127.0.0.1/ledger?sslmode=require"),
        ("sqlite:////data/ledger.db", "sqlite:////data/ledger.db"),
        (
            '{"conn_type": "postgres", "host": "db", "login": "pb", "password": "x", "schema": "l", "port": "5433"}',
            "postgresql://pb:x@db:5433/l",
        ),
    ],
)
def test_a_connection_is_read_as_airflow_reads_it(text: str, url: str) -> None:
    assert database_url("ledger", read_connection("AIRFLOW_CONN_LEDGER", text)) == url


@pytest.mark.parametrize("text", ["{no json", "sqlite://[half", '{"conn_type": "sqlite", "extra": "{"}'])
def test_an_unreadable_connection_is_refused_without_showing_its_text(text: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read_connection("AIRFLOW_CONN_LEDGER", text)
    assert "AIRFLOW_CONN_LEDGER is neither" in str(refused.value)
    assert text not in str(refused.value)
