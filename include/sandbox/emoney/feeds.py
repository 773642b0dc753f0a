"""Feeds: kept as they came until they are processed, then only their results."""

import asyncio
import gzip
import hashlib
import time
import zlib
from contextlib import suppress

import orjson

from include.sandbox.common.store import Database
from include.sandbox.common.wire import Json, TooLarge, Unreadable, as_timestamp

LINES_AT_MOST = 5000
BYTES_AT_MOST = 16 * 1024 * 1024
FOREVER = 1e12
COUNTS = ("refreshed", "unchanged", "available", "missing", "rejected")
STATE = f"""SELECT feed_number, feed_id AS feedId, status, refreshed_at AS refreshedAt, lines, {", ".join(COUNTS)}
  FROM feeds """
ENTRIES = """SELECT client_id AS clientId, source_key AS sourceKey, code, message FROM feed_entries
  WHERE feed_number = ? ORDER BY rowid"""
WAITING = """SELECT feed_number, feed_id, content, lines_done, stamp, rejects FROM feeds
  WHERE status IN ('queued', 'running') AND hold_until <= ? ORDER BY feed_number LIMIT 1"""
ADD = """INSERT INTO feeds (feed_id, digest, status, content, lines, hold_until, rejects)
  VALUES (?, ?, ?, ?, ?, ?, ?)"""


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
        digest: bytes | None = self.database.value("SELECT digest FROM feeds WHERE feed_id = ?", feed_id)
        return digest

    def receive(self, feed_id: str, plain: bytes, status: str, hold_until: float, rejects: Json | None) -> None:
        """Keep a new feed; raises TooLarge for too many lines."""
        lines = len(split(plain))
        if lines > LINES_AT_MOST:
            raise TooLarge
        content = gzip.compress(plain, 1) if status == "queued" else None
        spoilt = None if rejects is None else orjson.dumps(rejects).decode()
        self.database.change(ADD, feed_id, content_digest(plain), status, content, lines, hold_until, spoilt)

    def state(self, feed_id: str) -> Json | None:
        """The feed as the API shows it; None for one that has not come."""
        found = self.database.rows(f"{STATE}WHERE feed_id = ?", [feed_id])
        return self._body(found[0]) if found else None

    def latest(self, at_most: int) -> list[Json]:
        """The newest feeds with the number of their lines and with their counts."""
        return self.database.rows(f"{STATE}ORDER BY feed_number DESC LIMIT ?", [at_most])

    def describe(self) -> list[Json]:
        return [self._body(row) for row in self.database.rows(f"{STATE}ORDER BY feed_number")]

    def _body(self, row: Json) -> Json:
        """Rejected and newly available items are listed once the feed is done."""
        entries = self.database.rows(ENTRIES, [row["feed_number"]]) if row["status"] == "done" else []
        return {
            "feedId": row["feedId"],
            "status": row["status"],
            "counts": {name: row[name] for name in COUNTS},
            "rejected": [entry for entry in entries if entry["code"] is not None],
            "newlyAvailable": [
                {"clientId": entry["clientId"], "sourceKey": entry["sourceKey"]}
                for entry in entries
                if entry["code"] is None
            ],
            "refreshedAt": row["refreshedAt"],
        }

    def next_waiting(self, now: float) -> Json | None:
        """The oldest feed that may go on now, with its lines; those up to `lines_done` are done."""
        found = self.database.rows(WAITING, [now])
        if not found:
            return None
        feed = found[0]
        rejects = None if feed["rejects"] is None else orjson.loads(feed["rejects"])
        return {**feed, "lines": split(gzip.decompress(feed.pop("content"))), "rejects": rejects}

    def start_held(self, now: float) -> float | None:
        """Feeds that are held back run, as far as anybody can see; gives when the first of them may go on."""
        self.database.change("UPDATE feeds SET status = 'running' WHERE status = 'queued' AND hold_until > ?", now)
        held_until: float | None = self.database.value("SELECT min(hold_until) FROM feeds WHERE status = 'running'")
        return held_until

    def release(self) -> None:
        """Let every held feed go on."""
        self.database.change("UPDATE feeds SET hold_until = 0 WHERE status IN ('queued', 'running')")

    def finish(self, feed_number: int, stamp: str) -> None:
        done = "UPDATE feeds SET status = 'done', content = NULL, refreshed_at = ? WHERE feed_number = ?"
        self.database.change(done, stamp, feed_number)


def content_digest(plain: bytes) -> bytes:
    return hashlib.sha256(plain).digest()


class Refresher:
    """Processes feeds one after the other, in chunks, so that other calls get their turn; goes on after a restart."""

    def __init__(self, feeds: Feeds) -> None:
        self._feeds = feeds
        self._work = asyncio.Event()

    def wake(self) -> None:
        self._work.set()

    async def run(self) -> None:
        """For ever."""
        while True:
            self._work.clear()
            feed = self._feeds.next_waiting(time.time())
            if feed is not None:
                await self._process(feed)
                continue
            go_on_at = self._feeds.start_held(time.time())
            wait = None if go_on_at is None else max(0.01, min(go_on_at - time.time(), 3600.0))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._work.wait(), wait)

    async def _process(self, feed: Json) -> None:
        from include.sandbox.emoney.refresh import process_chunk  # with pydantic, so late as the API

        stamp = feed["stamp"] or as_timestamp(time.time())
        done = feed["lines_done"]
        while done < len(feed["lines"]):
            done = process_chunk(self._feeds.database, feed, done, stamp)
            await asyncio.sleep(0)
        self._feeds.finish(feed["feed_number"], stamp)
