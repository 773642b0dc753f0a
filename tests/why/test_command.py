"""``make why`` and ``make undo`` as typed: the ledger is found as the DAGs find it, and answers come at once."""

import json
import os
import resource
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from etl.errors import SettingsError
from include.command_line import read_connection
from include.connections import database_url
from tests.run_book import ROOT, Book

# What is made for all of them is made by one worker.
pytestmark = pytest.mark.xdist_group("why")


def call(module: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own, with no connection but those given, and a home of Airflow's that is empty."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW_CONN", "PLANB"))}
    environment |= {"COLUMNS": "200", **variables}
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def data_of(book: Book) -> str:
    return str(book.contexts[0].data_folder)


def test_the_ledger_under_the_data_folder_answers_at_once(told_book: Book) -> None:
    # Importing these takes about a second of a processor: the measure of how fast this one is, with all its other work.
    libraries = spent_on([sys.executable, "-c", "import pandas, pyarrow, sqlalchemy, typer, rich"])
    folder = data_of(told_book)
    before = spent()
    done = call("include.why", "--unit", "H1", "--field", "clientA.cellPhone", PLANBRIDGE__DATA__FOLDER=folder)
    seconds = spent() - before
    assert done.returncode == 0, done.stderr
    assert "contact_phone.number, key 9" in done.stdout
    assert "555-0109" not in done.stdout
    assert seconds < 2 * max(libraries, 1.0)


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
    done = call(
        "include.why", "--unit", "H1", "--vendor", "emoney",
        PLANBRIDGE__DATA__FOLDER=str(tmp_path), AIRFLOW_CONN_LEDGER=uri,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "contact.first_name, key 101" in done.stdout


def test_what_cannot_be_answered_is_a_line_in_words(told_book: Book, tmp_path: Path) -> None:
    folder = data_of(told_book)
    for arguments, words in (
        (("--unit", "H99"), "The ledger knows no unit H99"),
        (("--unit", "H1", "--date", "May"), "DATE is a date such as 2026-03-31, not 'May'"),
    ):
        done = call("include.why", *arguments, PLANBRIDGE__DATA__FOLDER=folder)
        assert (done.returncode, done.stdout) == (1, "")
        assert words in done.stderr
        assert "Traceback" not in done.stderr
    done = call("include.why", "--unit", "H1", PLANBRIDGE__DATA__FOLDER=str(tmp_path / "nowhere"))
    assert done.returncode == 1
    assert "no run has been made there" in done.stderr
    assert not (tmp_path / "nowhere").exists()


def test_an_older_ledger_gets_the_tables_that_it_lacks(told_book: Book, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as copy:
        with closing(sqlite3.connect(f"{data_of(told_book)}/ledger.db")) as ledger:
            ledger.backup(copy)
        for table in ("lineage", "lineage_unit", "pin"):
            copy.execute(f"DROP TABLE {table}")
    done = call("include.why", "--unit", "H1", "--field", "clientA.gender", PLANBRIDGE__DATA__FOLDER=str(tmp_path))
    assert done.returncode == 0, done.stderr
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
    done = call("include.undo", "--run", "run-2", "--dry-run", **variables)
    assert done.returncode == 0, done.stderr
    assert "clientA.cellPhone" in done.stdout
    assert "would go back" in done.stdout
    assert "eMoney has no undo" in done.stdout
    assert "555-01" not in done.stdout
    refused = call("include.undo", "--run", "run-9", **variables)
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
def test_a_connection_that_is_none_is_refused_without_its_text(text: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read_connection("AIRFLOW_CONN_LEDGER", text)
    assert "AIRFLOW_CONN_LEDGER is neither" in str(refused.value)
    assert text not in str(refused.value)
