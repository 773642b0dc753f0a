"""A database is opened under the very name that it has, by each library, and nothing is made beside it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from etl import schema
from etl.databases import conninfo, sqlite_url
from etl.errors import SourceUnavailable
from etl.extract.schema_check import check_schema
from etl.extract.source import Snapshot
from etl.load.ledger.store import Ledger, default_url
from etl.load.transfer.databases import are_one, open_databases, reading
from include.commands.quick import GivenConnection
from include.runtime.connections import database_url

NAMES = ["a#b", "a?b", "a?mode=memory", "%41", "a%20b", "a b", "a+b", "a&b=c", "ä", "a'b"]


@pytest.fixture(params=NAMES)
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    made = tmp_path / request.param
    made.mkdir()
    return made


def make_crm(path: Path) -> None:
    """Without any address: by the path alone."""
    engine = sa.create_engine("sqlite://", creator=lambda: sqlite3.connect(path))
    schema.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO office (office_id, name, status) VALUES (1, 'Main', 'Active')")
    engine.dispose()


def test_a_crm_is_read_and_written_at_its_very_path(folder: Path) -> None:
    path = folder / f"{folder.name}.db"
    url = database_url("crm", GivenConnection("sqlite", schema=str(path)))
    make_crm(path)
    check_schema(url)
    with Snapshot(url) as snapshot:
        assert snapshot.read(sa.select(schema.office.c.name)).column(0).to_pylist() == ["Main"]
    databases = open_databases(url, None)
    with reading(databases.source) as connection:
        assert connection.execute(sa.select(schema.office.c.name)).scalar_one() == "Main"
    databases.dispose()
    assert sorted(place.name for place in folder.parent.iterdir()) == [folder.name]
    assert [place.name for place in folder.iterdir()] == [path.name]


def test_a_ledger_lies_at_its_very_path_and_is_read_there(folder: Path) -> None:
    written = Ledger(default_url(folder))
    with written.write() as connection:
        connection.exec_driver_sql("CREATE TABLE kept (word TEXT)")
        connection.exec_driver_sql("INSERT INTO kept VALUES ('here')")
    written.engine.dispose()
    for read_only in (False, True):
        ledger = Ledger(default_url(folder), read_only=read_only)
        with ledger.read() as connection:
            assert connection.exec_driver_sql("SELECT word FROM kept").scalar_one() == "here"
        ledger.engine.dispose()
    assert "ledger.db" in {place.name for place in folder.iterdir()}
    assert [place.name for place in folder.parent.iterdir()] == [folder.name]


def test_a_crm_that_is_not_there_is_not_made(folder: Path) -> None:
    url = database_url("crm", GivenConnection("sqlite", schema=str(folder / "crm.db")))
    with pytest.raises(SourceUnavailable), Snapshot(url):
        pass
    with pytest.raises(SourceUnavailable):
        check_schema(url)
    assert list(folder.iterdir()) == []


@pytest.mark.postgres
def test_a_postgresql_crm_is_read_where_its_options_say(postgres_url: Callable[[], str]) -> None:
    plain = sa.make_url(postgres_url())
    engine = sa.create_engine(plain)
    with engine.begin() as connection:
        connection.exec_driver_sql('CREATE SCHEMA "smart office"')
        connection.exec_driver_sql('SET LOCAL search_path = "smart office"')
        schema.metadata.create_all(connection)
        connection.exec_driver_sql("INSERT INTO office (office_id, name, status) VALUES (1, 'Main', 'Active')")
    engine.dispose()
    options = {"options": '-c search_path="smart\\ office"', "keepalives": 0, "application_name": "a name"}
    access = GivenConnection(
        "postgres", plain.host, plain.port, plain.database, plain.username, plain.password, options
    )
    url = database_url("crm", access)
    check_schema(url)
    with Snapshot(url) as snapshot:
        assert snapshot.read(sa.select(schema.office.c.name)).column(0).to_pylist() == ["Main"]


def test_a_sqlite_file_by_two_spellings_is_one_database_to_plan_and_to_move(tmp_path: Path) -> None:
    make_crm(tmp_path / "crm.db")
    make_crm(tmp_path / "other.db")
    (tmp_path / "link.db").symlink_to(tmp_path / "crm.db")
    url, link, other = (sqlite_url(tmp_path / name) for name in ("crm.db", "link.db", "other.db"))
    assert are_one(url, link)
    assert not are_one(url, other)
    for target, is_one in ((link, True), (other, False)):
        databases = open_databases(url, target)
        assert databases.are_one is is_one
        databases.dispose()


@pytest.mark.postgres
def test_two_log_ins_and_spellings_of_a_postgresql_database_are_one_and_two_schemas_are_two(
    postgres_url: Callable[[], str],
) -> None:
    url = sa.make_url(postgres_url())
    with psycopg.connect(conninfo(url)) as connection:
        connection.execute("CREATE TABLE contact (contact_id bigint); CREATE SCHEMA branch")
        connection.execute("CREATE TABLE branch.contact (contact_id bigint)")
        connection.execute("CREATE ROLE reader_of_one LOGIN PASSWORD 'secret'")
    reader = url.set(username="reader_of_one", host="localhost").render_as_string(hide_password=False)
    branch = url.update_query_dict({"options": "-c search_path=branch"}).render_as_string(hide_password=False)
    here = url.render_as_string(hide_password=False)
    for target, is_one in ((reader, True), (branch, False), (postgres_url(), False)):
        assert are_one(here, target) is is_one
        databases = open_databases(here, target)
        assert databases.are_one is is_one
        databases.dispose()
    with psycopg.connect(conninfo(url), autocommit=True) as connection:
        connection.execute("DROP ROLE reader_of_one")
