"""The calls that one api key may make: so many a rolling minute, so many in flight, over all processes of a machine.

Machines that share a PostgreSQL ledger share their limit there (`etl.load.ledger_limiter`).

The state is one SQLite file per key, so that the task processes of one scheduler share it; a file, because nothing else
is there before they start and after they were killed. pyrate-limiter counts starts in a window, but knows no calls in
flight, and a start says little about when a slow network delivers a call. Here a call occupies its place from before
it is sent until a minute after its answer: however long it travels, the vendor never counts more than the limit.

Places are given in the order of asking. A waiter or a holder that vanished is noticed by its silence.
"""

import hashlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from etl.errors import LedgerUnavailable

SCHEMA = """
CREATE TABLE IF NOT EXISTS call (id INTEGER PRIMARY KEY, started_at REAL NOT NULL, ended_at REAL);
CREATE INDEX IF NOT EXISTS call_by_end ON call (ended_at);
CREATE TABLE IF NOT EXISTS waiter (ticket INTEGER PRIMARY KEY AUTOINCREMENT, seen_at REAL NOT NULL);
"""
SHORTEST_WAIT = 0.01
LONGEST_WAIT = 0.5
WAITER_SILENT = 5.0  # seconds after which a waiter that has not asked again is gone


@dataclass(frozen=True)
class Limit:
    """``calls`` in any ``window`` seconds, ``in_flight`` at once; a call is over after ``longest`` seconds at most."""

    calls: int = 60
    in_flight: int = 8
    window: float = 60.0
    longest: float = 60.0


class SharedLimiter:
    """Waits until a call may be made; never refuses one. For any number of threads and processes.

    LedgerUnavailable where its file cannot be used.
    """

    def __init__(
        self,
        folder: Path,
        api_key: str,
        limit: Limit,
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / f"limiter-{hashlib.sha256(api_key.encode()).hexdigest()[:16]}.db"
        self._limit = limit
        self._now, self._sleep = now, sleep  # the monotonic clock is the machine's: all its processes read the same one
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._process = os.getpid()
        with self._transaction() as connection:
            for statement in SCHEMA.strip().split(";\n"):
                connection.execute(statement)

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold one of the places while a call is made."""
        call_id = self._wait_for_place()
        try:
            yield
        finally:
            with suppress(LedgerUnavailable), self._transaction() as connection:  # else it counts as over in due time
                connection.execute("UPDATE call SET ended_at = ? WHERE id = ?", (self._now(), call_id))

    def _wait_for_place(self) -> int:
        ticket: int | None = None
        while True:
            with self._transaction() as connection:
                ticket, call_id, wait = self._ask(connection, ticket)
            if call_id is not None:
                return call_id
            self._sleep(wait)

    def _ask(self, connection: sqlite3.Connection, ticket: int | None) -> tuple[int, int | None, float]:
        """A ticket, the first time a new one; the call that may start now, or the seconds until it is asked again."""
        now, limit = self._now(), self._limit
        self._sweep(connection, now)
        ticket = connection.execute("INSERT OR REPLACE INTO waiter VALUES (?, ?)", (ticket, now)).lastrowid or 0
        ahead = connection.execute("SELECT count(*) FROM waiter WHERE ticket < ?", (ticket,)).fetchone()[0]
        flying = connection.execute("SELECT count(*) FROM call WHERE ended_at IS NULL").fetchone()[0]
        taken = self._taken(connection)
        if ahead == 0 and flying < limit.in_flight and taken < limit.calls:
            connection.execute("DELETE FROM waiter WHERE ticket = ?", (ticket,))
            return ticket, connection.execute("INSERT INTO call (started_at) VALUES (?)", (now,)).lastrowid, 0.0
        return ticket, None, self._pause(connection, now, taken, ahead)

    def _taken(self, connection: sqlite3.Connection) -> int:
        """How many calls count, exact from the limit on. Below it the range of their ids is enough, at no cost."""
        ids = "SELECT 1 + (SELECT max(id) FROM call) - (SELECT min(id) FROM call)"
        most: int = connection.execute(ids).fetchone()[0] or 0
        if most < self._limit.calls:
            return most
        counted: int = connection.execute("SELECT count(*) FROM call").fetchone()[0]
        return counted

    def _sweep(self, connection: sqlite3.Connection, now: float) -> None:
        """Forget calls that no longer count and silent processes.

        Times ahead of now are from before the machine was started anew, when its clock began at 0: they were over then.
        """
        limit = self._limit
        connection.execute(
            "UPDATE call SET started_at = 0, ended_at = 0 WHERE coalesce(ended_at, started_at) > ?", (now,)
        )
        connection.execute("DELETE FROM call WHERE ended_at <= ?", (now - limit.window,))
        connection.execute(
            "UPDATE call SET ended_at = ? WHERE ended_at IS NULL AND started_at <= ?", (now, now - limit.longest)
        )
        connection.execute("DELETE FROM waiter WHERE seen_at <= ? OR seen_at > ?", (now - WAITER_SILENT, now))

    def _pause(self, connection: sqlite3.Connection, now: float, taken: int, ahead: int) -> float:
        """Until the call that makes room for us has left the window; where it is still in flight, a short while."""
        shortest = SHORTEST_WAIT * (1 + ahead)
        to_leave = taken + ahead - self._limit.calls
        query = "SELECT ended_at FROM call WHERE ended_at IS NOT NULL ORDER BY ended_at LIMIT 1 OFFSET ?"
        row = connection.execute(query, (to_leave,)).fetchone() if to_leave >= 0 else None
        until = 0.0 if row is None else row[0] + self._limit.window - now
        return min(LONGEST_WAIT, max(shortest, until))

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._lock:
                connection = self._connect()
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                except BaseException:
                    connection.execute("ROLLBACK")
                    raise
                connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise LedgerUnavailable(f"The limiter's file {self._file} cannot be used ({error}).") from None

    def _connect(self) -> sqlite3.Connection:
        """This process's connection; one that was forked off opens its own."""
        if self._connection is None or self._process != os.getpid():
            connection = sqlite3.connect(self._file, timeout=60.0, isolation_level=None, check_same_thread=False)
            connection.execute("PRAGMA journal_mode = TRUNCATE")  # the change to WAL fails where processes race for it
            connection.execute("PRAGMA synchronous = OFF")  # after a crash of the machine the minute is over anyway
            self._connection, self._process = connection, os.getpid()
        return self._connection

    def close(self) -> None:
        """Close the file; the next call opens it again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
