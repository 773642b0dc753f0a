"""A SQLite ledger in a file, by SQLite's online backup: as of one moment, while others write."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from etl.databases import sqlite_uri
from etl.errors import LedgerUnavailable
from etl.load.ledger.backup.contents import Contents, require_same
from etl.load.ledger.migrations import VERSION_TABLE


def write(place: str, file: Path) -> Contents:
    """Copies the ledger at ``place`` into the empty ``file``, and reads the copy again."""
    with _opened(sqlite_uri(place, mode="rw")) as ledger, _opened(sqlite_uri(file, mode="rw")) as copy:
        ledger.execute("BEGIN")
        held = _contents(ledger)  # from here on this connection sees the ledger as it is now
        ledger.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, without another one beside it
    require_same(f"The backup {file}", held, read(file))
    return held


def read(file: Path) -> Contents:
    """What a backup holds. Raises `LedgerUnavailable` where the file is damaged."""
    with _opened(sqlite_uri(file, mode="ro", immutable="1")) as copy:
        problem = copy.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if problem != "ok":
            raise LedgerUnavailable(f"The backup {file} is damaged ({problem}). Take another one.")
        return _contents(copy)


def restore(file: Path, place: str) -> None:
    """Puts a backup in the place of what a ledger holds, in one transaction; other connections see it at once."""
    with _opened(sqlite_uri(file, mode="ro", immutable="1")) as copy, _opened(sqlite_uri(place, mode="rw")) as ledger:
        copy.backup(ledger)
        require_same(f"The ledger {place}", _contents(copy), _contents(ledger))


def _contents(connection: sqlite3.Connection) -> Contents:
    names = [
        name
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        if not name.startswith("sqlite_")
    ]
    rows = {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}
    if VERSION_TABLE not in rows:
        return Contents(None, rows)
    found = connection.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone()
    return Contents(found and found[0], rows)


@contextmanager
def _opened(uri: str) -> Iterator[sqlite3.Connection]:
    try:
        with closing(sqlite3.connect(uri, uri=True, timeout=60, isolation_level=None)) as connection:
            yield connection
    except sqlite3.Error as error:
        raise LedgerUnavailable(
            f"{uri.partition('?')[0].removeprefix('file:')} cannot be copied ({error}). Check that the file is whole "
            "and that the disk is not full; then start again. Nothing was replaced."
        ) from None
