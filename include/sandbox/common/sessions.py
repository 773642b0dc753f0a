"""The tokens that a sandbox has handed out, kept in its database."""

import secrets
from collections.abc import Callable

from include.sandbox.common.database import Database

SCHEMA = "CREATE TABLE IF NOT EXISTS sessions (token TEXT PRIMARY KEY, expires_at REAL NOT NULL) WITHOUT ROWID;"


class Sessions:
    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self.database = database
        self.clock = clock
        database.connection.executescript(SCHEMA)

    def open(self, lifetime: float) -> str:
        """A new token; those that have expired are forgotten."""
        token = secrets.token_urlsafe(24)
        with self.database.write() as connection:
            connection.execute("DELETE FROM sessions WHERE expires_at < ?", (self.clock(),))
            connection.execute("INSERT INTO sessions VALUES (?, ?)", (token, self.clock() + lifetime))
        return token

    def is_open(self, token: str) -> bool:
        row = self.database.query("SELECT expires_at FROM sessions WHERE token = ?", (token,)).fetchone()
        return row is not None and row[0] > self.clock()

    def end_all(self) -> None:
        self.database.empty("sessions")
