"""Connections that write to the CRM, for transfers alone.

SQLite: a transaction locks the database for writing from its beginning, and foreign keys are checked. PostgreSQL: a
transaction waits `LOCK_SECONDS` for the locks of others.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, make_url

from etl.errors import SettingsError, SourceUnavailable

# Errors that say something about the rows; all others (connection, disk, deadlock) say something about the day.
REFUSALS = (sa.exc.IntegrityError, sa.exc.DataError)
LOCK_SECONDS = 60

_IDENTITY = """
SELECT control.system_identifier, database.oid,
       (SELECT relnamespace FROM pg_class WHERE oid = to_regclass('contact'))
FROM pg_control_system() AS control, pg_database AS database WHERE database.datname = current_database()
"""


@dataclass(frozen=True)
class Databases:
    """Both offices' databases; one and the same engine where they share one."""

    source: sa.Engine
    target: sa.Engine

    @property
    def are_one(self) -> bool:
        """Whether source and target change in one transaction."""
        return self.source is self.target

    @property
    def all(self) -> tuple[sa.Engine, ...]:
        """Each database once."""
        return (self.source,) if self.are_one else (self.source, self.target)

    def dispose(self) -> None:
        """Closes all connections."""
        for engine in self.all:
            engine.dispose()


def open_databases(source_url: str, target_url: str | None) -> Databases:
    """Connects to ``crm`` and ``crm_target``; one engine for both where they are one database.

    One database with two log-ins is written with that of ``crm_target``: the connection serves transfers alone. Raises
    `SourceUnavailable`, `SettingsError`.
    """
    if target_url is None or target_url == source_url:
        one = _open(source_url, "crm")
        return Databases(one, one)
    target = _open(target_url, "crm_target")
    return Databases(target if are_one(source_url, target_url) else _open(source_url, "crm"), target)


def are_one(source_url: str, target_url: str) -> bool:
    """Whether ``crm`` and ``crm_target`` are one database, for any spelling of its address and any log-in.

    Raises `SourceUnavailable`, `SettingsError`.
    """
    return source_url == target_url or identity_of(source_url, "crm") == identity_of(target_url, "crm_target")


def identity_of(url: str, connection_id: str) -> str:
    """A text that no other database has, from functions that any user of the database may call.

    SQLite: device and inode; PostgreSQL: the cluster, the database, and the schema in which the CRM's tables are.
    """
    engine = _open(url, connection_id)
    try:
        if engine.dialect.name == "sqlite":
            file = Path(engine.url.database or "").stat()
            return f"sqlite {file.st_dev} {file.st_ino}"
        with reading(engine) as connection:
            return " ".join(map(str, ("postgresql", *connection.exec_driver_sql(_IDENTITY).one())))
    finally:
        engine.dispose()


@contextmanager
def writing(engine: sa.Engine) -> Iterator[Connection]:
    """One transaction. Raises `SourceUnavailable` where the database cannot be written now; refusals go through."""
    with translated(engine), engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
        yield connection


@contextmanager
def reading(engine: sa.Engine) -> Iterator[Connection]:
    """A connection that takes no lock."""
    with translated(engine), engine.connect() as connection:
        yield connection.execution_options(is_reading=True)


def own_transaction(connection: Connection) -> Connection | None:
    """On SQLite the transaction, which must read itself what it has locked; else None: any connection may read."""
    return connection if connection.dialect.name == "sqlite" else None


def clock(engine: sa.Engine) -> datetime | None:
    """The database's time in UTC, so that its ``modified_at`` follow one clock; None for SQLite, which has none."""
    if engine.dialect.name == "sqlite":
        return None
    with reading(engine) as connection:
        now: datetime = connection.exec_driver_sql("SELECT clock_timestamp() AT TIME ZONE 'UTC'").scalar_one()
        return now


@contextmanager
def rolled_back(engine: sa.Engine) -> Iterator[Connection]:
    """A transaction for a trial: nothing of it stays."""
    with translated(engine), engine.connect() as connection:
        transaction = connection.begin()
        try:
            yield connection
        finally:
            transaction.rollback()


@contextmanager
def translated(engine: sa.Engine) -> Iterator[None]:
    """Raises `SourceUnavailable` for a driver's error, without its text, which can hold values of a row."""
    try:
        yield
    except REFUSALS:
        raise
    except sa.exc.DBAPIError as error:
        state = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "sqlite_errorname", None)
        raise SourceUnavailable(
            f"The CRM at {_place(engine)} cannot be written now ({state or type(error.orig).__name__}). What was begun "
            "is rolled back; the next try goes on where this one stopped."
        ) from None


def _place(engine: sa.Engine) -> str:
    url = engine.url
    return str(url.database) if engine.dialect.name == "sqlite" else f"{url.host}:{url.port or 5432}/{url.database}"


def _open(url: str, connection_id: str) -> sa.Engine:
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError):
        backend = ""
    if backend not in ("sqlite", "postgresql"):
        raise SettingsError(
            f"The address of the connection `{connection_id}` is not understood. Use sqlite:////absolute/path.db or "
            "postgresql://user:password@host:port/name."
        )
    if backend == "sqlite":
        if not parsed.database or not Path(parsed.database).exists():
            raise SourceUnavailable(f"There is no database {parsed.database} (connection `{connection_id}`).")
        options = {"timeout": LOCK_SECONDS, "check_same_thread": False}
        engine = sa.create_engine(parsed, hide_parameters=True, connect_args=options)
        sa.event.listen(engine, "connect", _tune)
        sa.event.listen(engine, "begin", _begin)
        return engine
    return sa.create_engine(parsed.set(drivername="postgresql+psycopg"), hide_parameters=True, pool_pre_ping=True)


def _tune(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None
    # Spilling a large transaction would lock readers out before it is committed.
    for pragma in ("foreign_keys = ON", "synchronous = FULL", "cache_spill = OFF"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    if not connection.get_execution_options().get("is_reading"):
        connection.exec_driver_sql("BEGIN IMMEDIATE")
