"""What a run stands on: staged files, connections, settings."""

import errno
import os
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.engine import make_url

from etl.databases import conninfo
from etl.errors import SettingsError, StagingError
from etl.files import MANIFEST
from include.commands.quick import GivenConnection
from include.runtime.connections import LIBPQ_OPTIONS, Connections, database_url, require_whole
from include.runtime.settings import read_settings
from include.runtime.staging import Staging, remove_old_runs
from tests.load.killing import finish, start

ROWS = {"rows": pd.DataFrame({"unit_key": ["H1", None], "count": pd.array([1, None], dtype="Int64")})}


def test_what_is_read_is_what_was_staged(tmp_path: Path) -> None:
    staging = Staging(tmp_path, "run/1")
    staging.write("plan/scope", ROWS)
    pd.testing.assert_frame_equal(staging.read("plan/scope")["rows"], ROWS["rows"].astype({"unit_key": "str"}))
    assert staging.stages("plan") == ["plan/scope"]
    modes = [path.stat().st_mode & 0o077 for path in staging.folder.rglob("*.arrow")]
    assert modes == [0]


def test_a_stage_that_was_changed_cut_off_or_never_finished_is_refused(tmp_path: Path) -> None:
    staging = Staging(tmp_path, "run")
    with pytest.raises(StagingError, match="no manifest"):
        staging.read("plan")
    staging.write("plan", ROWS)
    with pytest.raises(StagingError, match="lacks others"):
        staging.read("plan", ["others"])
    (file,) = (staging.folder / "plan").glob("*.arrow")
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(StagingError, match="not what was staged"):
        staging.read("plan")
    (staging.folder / "plan" / MANIFEST).unlink()
    assert not staging.has("plan")


def test_a_second_try_takes_the_place_of_the_first(tmp_path: Path) -> None:
    staging = Staging(tmp_path, "run")
    staging.write("plan", {"old": ROWS["rows"]})
    staging.write("plan", ROWS)
    assert list(staging.read("plan")) == ["rows"]


def test_a_task_that_outlived_its_supervisor_and_its_retry_are_not_in_each_others_way(tmp_path: Path) -> None:
    staging = Staging(tmp_path, "run")

    def table(text: str) -> dict[str, pd.DataFrame]:
        return {name: pd.DataFrame({"text": [text]}) for name in ("one", "two")}

    def stage(number: int) -> None:
        for turn in range(40):
            staging.write("plan", table(f"{number}-{turn}"))

    staging.write("plan", table("first"))
    writers = [start(partial(stage, number)) for number in range(3)]
    for _ in range(40):
        found = staging.read("plan")
        assert found["one"].equals(found["two"])
    assert [finish(writer) for writer in writers] == [0, 0, 0]
    assert staging.read("plan")["one"].loc[0, "text"] in {f"{number}-39" for number in range(3)}
    assert staging.stages("") == ["/plan"]


def test_a_full_disk_is_reported_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", no_space)
    staging = Staging(tmp_path, "run")
    with pytest.raises(StagingError, match=r"No space left on device.*Free the disk"):
        staging.write("plan", ROWS)
    assert not any((staging.folder / "plan").iterdir())


def test_a_folder_that_cannot_be_written_is_reported_in_words(tmp_path: Path) -> None:
    (tmp_path / "staging").write_text("a file where the folder should be")
    with pytest.raises(StagingError, match="PLANBRIDGE__DATA__FOLDER"):
        Staging(tmp_path, "run").write("plan", ROWS)


@pytest.mark.parametrize("run_id", ["..", ".", "../../elsewhere", "manual__2026-11-20T00:00:00+00:00"])
def test_a_run_keeps_to_its_folder_also_with_a_strange_id(tmp_path: Path, run_id: str) -> None:
    (tmp_path / "ledger.db").touch()
    staging = Staging(tmp_path, run_id)
    assert staging.folder.resolve().parent == (tmp_path / "staging").resolve()
    staging.write("plan", ROWS)
    staging.remove()
    assert (tmp_path / "ledger.db").exists()


def test_failed_runs_files_go_after_their_days(tmp_path: Path) -> None:
    for run_id, days in (("old", 8), ("new", 6)):
        staging = Staging(tmp_path, run_id)
        staging.write("plan", ROWS)
        then = time.time() - days * 86_400
        os.utime(staging.folder, (then, then))
    remove_old_runs(tmp_path, 7)
    assert [path.name for path in (tmp_path / "staging").iterdir()] == ["new"]


@pytest.mark.parametrize(
    ("connection", "url"),
    [
        (GivenConnection("sqlite", schema="/data/crm.db"), "sqlite:////data/crm.db"),
        (GivenConnection("sqlite", host="/data/crm.db"), "sqlite:////data/crm.db"),
        (GivenConnection("postgres", "db", 5433, "crm", "me", "p@:/ss"), "postgresql://me:p%40%3A%2Fss@db:5433/crm"),
        (GivenConnection("postgresql", "db", None, "crm", "me"), "postgresql://me@db/crm"),
        (GivenConnection("postgres", "::1", 5432, "crm", "me"), "postgresql://me@[::1]:5432/crm"),
        (GivenConnection("postgres", "/run/pg", None, "crm", "me"), "postgresql://me@/crm?host=%2Frun%2Fpg"),
        (GivenConnection("postgres", "one,two", None, "crm", "me"), "postgresql://me@one,two/crm"),
    ],
)
def test_database_connections_take_both_forms(connection: GivenConnection, url: str) -> None:
    assert database_url("crm", connection) == url


def test_every_parameter_of_libpq_goes_on_to_both_libraries() -> None:
    extra = {
        "options": "-c search_path=crm,public",
        "target_session_attrs": "read-only",
        "keepalives": 0,
        "sslmode": "",
    }
    access = GivenConnection("postgres", "::1", 5433, "a name?", "me@here", "#1 p%41ss", extra)
    url = make_url(database_url("crm", access))
    (_, given) = PGDialect_psycopg().create_connect_args(url)
    expected = {
        "host": "::1", "port": "5433", "dbname": "a name?", "user": "me@here", "password": "#1 p%41ss",
        "options": "-c search_path=crm,public", "target_session_attrs": "read-only", "keepalives": "0",
    }  # fmt: skip
    assert {name: str(value) for name, value in given.items()} == expected
    assert conninfo_to_dict(conninfo(url)) == expected


def test_every_parameter_of_libpq_is_taken_or_has_a_field() -> None:
    known = {option.keyword.decode() for option in pq.Conninfo.get_defaults()}
    assert known >= LIBPQ_OPTIONS
    assert known - LIBPQ_OPTIONS == {"user", "password", "dbname", "port", "client_encoding", "replication"}


@pytest.mark.parametrize(
    ("connection", "words"),
    [
        (
            GivenConnection("postgres", "db", extra_dejson={"search_path": "crm"}),
            ["search_path", "options", "-c search_path=crm"],
        ),
        (
            GivenConnection("postgres", "db", extra_dejson={"password": "x", "iam": True}),
            ["iam, password", "fields of their own"],
        ),
        (GivenConnection("sqlite", schema="/data/a", extra_dejson={"b.db": ""}), ["b.db", "%3F"]),
        (GivenConnection("mysql"), ["'mysql'", "sqlite or postgres"]),
    ],
)
def test_an_option_that_would_be_left_out_is_refused_by_name(connection: GivenConnection, words: list[str]) -> None:
    with pytest.raises(SettingsError) as refused:
        database_url("crm", connection)
    assert [word for word in ["`crm`", *words] if word not in str(refused.value)] == []


def test_a_uri_that_would_be_cut_off_is_refused_by_its_variable() -> None:
    for whole in ("sqlite:////data/a%23b.db", '{"conn_type": "http", "password": "#1"}'):
        require_whole("AIRFLOW_CONN_CRM", whole)
    with pytest.raises(SettingsError, match=r"AIRFLOW_CONN_CRM.*%23"):
        require_whole("AIRFLOW_CONN_CRM", "sqlite:////data/a#b.db")


@pytest.mark.parametrize(
    ("connection", "address"),
    [
        (GivenConnection("http", host="vendor.example.com"), "https://vendor.example.com"),
        (GivenConnection("http", host="vendor.example.com", port=8443, schema=""), "https://vendor.example.com:8443"),
        (GivenConnection("http", host="192.0.2.7"), "https://192.0.2.7"),
        (GivenConnection("http", host="127.0.0.1.example.com"), "https://127.0.0.1.example.com"),
        (GivenConnection("http", host="vendor.example.com", schema="http"), "http://vendor.example.com"),
        (GivenConnection("http", host="http://vendor.example.com/"), "http://vendor.example.com"),
        (GivenConnection("http", host="127.0.0.1", port=1), "http://127.0.0.1:1"),
        (GivenConnection("http", host="127.9.9.9"), "http://127.9.9.9"),
        (GivenConnection("http", host="LOCALHOST", port=1), "http://LOCALHOST:1"),
        (GivenConnection("http", host="::1", port=1), "http://[::1]:1"),
        (GivenConnection("http", host="2001:db8::7", port=1), "https://[2001:db8::7]:1"),
        (GivenConnection("http", host="localhost", schema="https"), "https://localhost"),
        (GivenConnection("https", "localhost"), "https://localhost"),
    ],
)
def test_a_vendors_address_is_encrypted_unless_it_is_this_machines_or_says_otherwise(
    connection: GivenConnection, address: str
) -> None:
    assert Connections(lambda _: replace(connection, login="me")).vendor("profiles").base_url == address


@pytest.mark.parametrize(
    ("vendor", "connection", "words"),
    [
        ("profiles", None, "AIRFLOW_CONN_PROFILES"),
        ("profiles", GivenConnection("http", host=None, login="me"), "host and a login"),
        ("emoney", GivenConnection("http", host="127.0.0.1", login="me"), "private_key"),
        (
            "emoney",
            GivenConnection("http", host="127.0.0.1", login="me", extra_dejson={"private_key_file": "/nowhere"}),
            "cannot be read",
        ),
    ],
)
def test_an_incomplete_vendor_is_refused_in_words(vendor: str, connection: GivenConnection | None, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        Connections(lambda _: connection).vendor(vendor)


def test_a_vendors_access_does_not_show_its_secrets() -> None:
    access = Connections(
        lambda _: GivenConnection(
            "http", host="127.0.0.1", port=1, login="me", password="word", extra_dejson={"private_key": "PEM\\nKEY"}
        )
    ).vendor("emoney")
    assert (access.base_url, access.private_key) == ("http://127.0.0.1:1", "PEM\nKEY")
    assert "word" not in repr(access)
    assert "KEY" not in repr(access)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PLANBRIDGE__PROFILES__ENROL", "all"),
        ("PLANBRIDGE__PROFILES__ENROLL", "everybody"),
        ("PLANBRIDGE__REFRESH__TIMEZONE", "Atlantis"),
        ("PLANBRIDGE__REFRESH__HOLIDAYS", "Christmas"),
        ("PLANBRIDGE__REFRESH__SCHEDULE", "0 22 31 2 *"),
        ("PLANBRIDGE__REFRESH__OVERLAP", "-PT1H"),
        ("PLANBRIDGE__REFRESH__AS_OF_AHEAD", "-P1D"),
        ("PLANBRIDGE__REFRESH__AS_OF_AHEAD", "tomorrow"),
        ("PLANBRIDGE__GUARD__MAX_RULE_PERCENT", "101"),
        ("PLANBRIDGE__EMONEY__CALLS_PER_MINUTE", "0"),
    ],
)
def test_a_setting_that_is_wrong_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=name):
        read_settings()


def test_lists_are_read_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANBRIDGE__REFRESH__HOLIDAYS", "2026-11-26, 2026-12-25")
    monkeypatch.setenv("PLANBRIDGE__EMONEY__AUTO_LINK", "Investment Account, Life,")
    settings = read_settings()
    assert [str(day) for day in settings.refresh.holidays] == ["2026-11-26", "2026-12-25"]
    assert settings.emoney.auto_link == ("Investment Account", "Life")
