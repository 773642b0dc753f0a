"""One SQLite file holds a sandbox's whole state, so that it survives a restart."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

Row = tuple[object, ...]
FILL_BATCH = 2000


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
        """One transaction: everything inside is committed together or not at all."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield self.connection
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    def next_id(self, table: str) -> int:
        """The id that the next row of an AUTOINCREMENT table gets; call it inside `write`."""
        row = self.query("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)).fetchone()
        return 1 if row is None else int(row[0]) + 1

    def empty(self, *tables: str) -> None:
        """Remove every row, children first; ids go on from where they were, so that no old id comes back to life."""
        with self.write() as connection:
            for table in tables:
                connection.execute(f"DELETE FROM {table}")

    def close(self) -> None:
        self.connection.close()


def batches(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Rows to fill in, as many at once as make one transaction."""
    left = iter(rows)
    while batch := list(islice(left, FILL_BATCH)):
        yield batch
