"""Feeds: kept as they came until they are processed, then only their results."""

import gzip
import hashlib
import zlib
from dataclasses import dataclass
from typing import Any

import orjson

from include.sandbox.common.database import Database
from include.sandbox.common.wire import TooLarge, Unreadable

LINES_AT_MOST = 5000
BYTES_AT_MOST = 16 * 1024 * 1024
FOREVER = 1e12
COUNTS = ("refreshed", "unchanged", "available", "missing", "rejected")
STATE = f"SELECT feed_number, feed_id, status, refreshed_at, {', '.join(COUNTS)} FROM feeds "


@dataclass(frozen=True)
class Waiting:
    """A feed that is to be processed, from the line after `lines_done` on."""

    feed_number: int
    feed_id: str
    lines: list[bytes]
    lines_done: int
    stamp: str | None
    rejects: dict[str, Any] | None


def unpack(content: bytes, encoding: str) -> bytes:
    """The lines as they were before compression; raises TooLarge and Unreadable."""
    if encoding in ("", "identity"):
        return content
    if encoding != "gzip":
        raise Unreadable(f"Content-Encoding {encoding} is not supported")
    unzip = zlib.decompressobj(wbits=31)
    try:
        plain = unzip.decompress(content, BYTES_AT_MOST + 1)
    except zlib.error as error:
        raise Unreadable("the content is not gzip") from error
    if len(plain) > BYTES_AT_MOST:
        raise TooLarge
    if not unzip.eof:
        raise Unreadable("the gzip content is cut off")
    return plain


def split(plain: bytes) -> list[bytes]:
    return [line for line in plain.split(b"\n") if line.strip()]


class Feeds:
    def __init__(self, database: Database) -> None:
        self.database = database

    def digest(self, feed_id: str) -> bytes | None:
        """What the feed's content hashes to; None for a feed that has not come."""
        row = self.database.query("SELECT digest FROM feeds WHERE feed_id = ?", (feed_id,)).fetchone()
        return None if row is None else row[0]

    def receive(
        self, feed_id: str, plain: bytes, status: str, hold_until: float, rejects: dict[str, Any] | None
    ) -> None:
        """Keep a new feed; raises TooLarge for too many lines."""
        lines = len(split(plain))
        if lines > LINES_AT_MOST:
            raise TooLarge
        with self.database.write() as connection:
            connection.execute(
                "INSERT INTO feeds (feed_id, digest, status, content, lines, hold_until, rejects) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    feed_id,
                    content_digest(plain),
                    status,
                    gzip.compress(plain, 1) if status == "queued" else None,
                    lines,
                    hold_until,
                    None if rejects is None else orjson.dumps(rejects).decode(),
                ),
            )

    def state(self, feed_id: str) -> dict[str, Any] | None:
        """The feed as the API shows it; None for one that has not come."""
        row = self.database.query(f"{STATE}WHERE feed_id = ?", (feed_id,)).fetchone()
        return None if row is None else self._body(row)

    def latest(self, at_most: int) -> list[dict[str, Any]]:
        """The newest feeds with their counts and `lines`, without their entries."""
        rows = self.database.query(
            f"SELECT feed_id, status, refreshed_at, lines, {', '.join(COUNTS)} FROM feeds "
            "ORDER BY feed_number DESC LIMIT ?",
            (at_most,),
        )
        names = ("feedId", "status", "refreshedAt", "lines")
        return [
            {**dict(zip(names, row[:4], strict=True)), "counts": dict(zip(COUNTS, row[4:], strict=True))}
            for row in rows
        ]

    def describe(self) -> list[dict[str, Any]]:
        return [self._body(row) for row in self.database.query(f"{STATE}ORDER BY feed_number").fetchall()]

    def _body(self, row: tuple[Any, ...]) -> dict[str, Any]:
        """Rejected and newly available items are told once the feed is done."""
        rejected, newly_available = [], []
        entries = "SELECT client_id, source_key, code, message FROM feed_entries WHERE feed_number = ? ORDER BY rowid"
        told = row[0] if row[2] == "done" else None
        for client_id, source_key, code, message in self.database.query(entries, (told,)):
            if code is None:
                newly_available.append({"clientId": client_id, "sourceKey": source_key})
            else:
                rejected.append({"clientId": client_id, "sourceKey": source_key, "code": code, "message": message})
        return {
            "feedId": row[1],
            "status": row[2],
            "counts": dict(zip(COUNTS, row[4:], strict=True)),
            "rejected": rejected,
            "newlyAvailable": newly_available,
            "refreshedAt": row[3],
        }

    def next_waiting(self, now: float) -> Waiting | None:
        """The oldest feed that may go on now."""
        row = self.database.query(
            "SELECT feed_number, feed_id, content, lines_done, stamp, rejects FROM feeds "
            "WHERE status IN ('queued', 'running') AND hold_until <= ? ORDER BY feed_number LIMIT 1",
            (now,),
        ).fetchone()
        if row is None:
            return None
        rejects = None if row[5] is None else orjson.loads(row[5])
        return Waiting(row[0], row[1], split(gzip.decompress(row[2])), row[3], row[4], rejects)

    def start_held(self, now: float) -> float | None:
        """Feeds that are held back run, as far as anybody can see; gives when the first of them may go on."""
        with self.database.write() as connection:
            connection.execute("UPDATE feeds SET status = 'running' WHERE status = 'queued' AND hold_until > ?", (now,))
        row = self.database.query("SELECT min(hold_until) FROM feeds WHERE status = 'running'").fetchone()
        return row[0]

    def release(self) -> None:
        """Let every held feed go on."""
        with self.database.write() as connection:
            connection.execute("UPDATE feeds SET hold_until = 0 WHERE status IN ('queued', 'running')")

    def finish(self, feed_number: int, stamp: str) -> None:
        with self.database.write() as connection:
            connection.execute(
                "UPDATE feeds SET status = 'done', content = NULL, refreshed_at = ? WHERE feed_number = ?",
                (stamp, feed_number),
            )


def content_digest(plain: bytes) -> bytes:
    return hashlib.sha256(plain).digest()
