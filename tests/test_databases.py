"""A database is opened under the very name that it has, by each library, and nothing is made beside it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from etl import schema
from etl.errors import SourceUnavailable
from etl.extract.check import check_schema
from etl.extract.source import Snapshot
from etl.load.ledger.store import Ledger, default_url
from etl.load.office_databases import open_databases, reading
from include.connections import database_url
from tests.run_book import Access

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
    url = database_url("crm", Access("sqlite", schema=str(path)))
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
    url = database_url("crm", Access("sqlite", schema=str(folder / "crm.db")))
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
    access = Access("postgres", plain.host, plain.port, plain.database, plain.username, plain.password, options)
    url = database_url("crm", access)
    check_schema(url)
    with Snapshot(url) as snapshot:
        assert snapshot.read(sa.select(schema.office.c.name)).column(0).to_pylist() == ["Main"]
