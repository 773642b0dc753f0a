"""One SQLite file holds a sandbox's whole state, so that it survives a restart."""

import secrets
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from include.sandbox.common.wire import Json

LARGEST_ID_DIGITS = 18
SESSIONS = "CREATE TABLE IF NOT EXISTS sessions (token TEXT PRIMARY KEY, expires_at REAL NOT NULL) WITHOUT ROWID;"
# A prefix with the last of all characters stands behind every name that begins with the prefix.
LAST_CHARACTER = "\U0010ffff"


class DatabaseUnusable(Exception):
    """The file cannot be used; the message is one line that says what to do."""


class Database:
    """A connection in WAL mode with explicit transactions; `application` guards a stranger's file from us."""

    def __init__(self, path: Path, schema: str, application: int) -> None:
        self.path = path
        try:
            if not path.exists():
                path.touch(mode=0o600)  # its owner's alone, and so is what SQLite lays beside it
            self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
            self._prepare(schema, application)
        except (sqlite3.Error, OSError) as error:
            raise DatabaseUnusable(
                f"Cannot use the database {path}: {error}. Name a file in a folder that exists and may be written, "
                "with --database FILE."
            ) from error
        self.query = self.connection.execute

    def _prepare(self, schema: str, application: int) -> None:
        found = self.connection.execute("PRAGMA application_id").fetchone()[0]
        holds_tables = self.connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] > 0
        if holds_tables and found != application:
            self.connection.close()
            raise DatabaseUnusable(
                f"The database {self.path} belongs to something else. Name another file with --database FILE; "
                "it is made if it does not exist."
            )
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA synchronous = NORMAL")
        self.connection.execute("PRAGMA foreign_keys = ON")
        self.connection.execute("PRAGMA cache_size = -65536")
        if not holds_tables:
            self.connection.execute(f"PRAGMA application_id = {application}")
        self.connection.executescript(schema)

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One transaction: everything inside is committed together or not at all, further transactions included."""
        if self.connection.in_transaction:
            yield self.connection
            return
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield self.connection
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    def rows(self, query: str, values: Iterable[Any] = ()) -> list[Json]:
        """The rows by the names that the query gives its columns."""
        cursor = self.query(query, tuple(values))
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def value(self, query: str, *values: Any) -> Any:
        """The first column of the first row; None where there is no row."""
        row = self.query(query, values).fetchone()
        return None if row is None else row[0]

    def change(self, statement: str, *values: Any) -> int:
        """How many rows the statement changed, in a transaction of its own."""
        with self.write() as connection:
            return connection.execute(statement, values).rowcount

    def add(self, statement: str, *values: Any) -> int:
        """The id of the row that the statement adds."""
        with self.write() as connection:
            return connection.execute(statement, values).lastrowid or 0

    def empty(self, *tables: str) -> None:
        """Remove every row, children first; ids go on from where they were, so that no old id comes back to life."""
        with self.write() as connection:
            for table in tables:
                connection.execute(f"DELETE FROM {table}")

    def close(self) -> None:
        self.connection.close()


class VendorStore:
    """What both vendors keep in the same way: the database, the tokens handed out, when a new record is found.

    `application` marks the vendor's files; `tables` are those that a reset empties, children first.
    """

    schema: ClassVar[str]
    application: ClassVar[int]
    tables: ClassVar[tuple[str, ...]]

    def __init__(self, path: Path, search_lag: float = 0.0) -> None:
        self.database = Database(path, self.schema + SESSIONS, self.application)
        self.search_lag = search_lag

    def visible_at(self, lag: float | None) -> float:
        """When a search finds a record that is new now; `lag` in seconds, None for the usual one."""
        return time.time() + (self.search_lag if lag is None else lag)

    def open_session(self, lifetime: float) -> str:
        """A new token; those that have expired are forgotten."""
        token = secrets.token_urlsafe(24)
        with self.database.write() as connection:
            connection.execute("DELETE FROM sessions WHERE expires_at < ?", (time.time(),))
            connection.execute("INSERT INTO sessions VALUES (?, ?)", (token, time.time() + lifetime))
        return token

    def has_session(self, token: str) -> bool:
        return (self.database.value("SELECT expires_at FROM sessions WHERE token = ?", token) or 0) > time.time()

    def end_sessions(self) -> None:
        self.database.empty("sessions")

    def describe(self) -> Json:
        """Everything that the vendor keeps."""
        raise NotImplementedError

    def reset(self) -> None:
        """Remove all data; tokens and ids handed out stay used."""
        self.database.empty(*self.tables)


def number_in(identifier: object, prefix: str = "") -> int:
    """The number inside an id; an id that is none belongs to nothing (0)."""
    if not isinstance(identifier, str) or not identifier.startswith(prefix):
        return 0
    digits = identifier.removeprefix(prefix)
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= LARGEST_ID_DIGITS else 0
