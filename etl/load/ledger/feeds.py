"""eMoney's feeds: which lines each one carried, and its result."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from etl.load.ledger.store import Ledger, matching
from etl.load.ledger.tables import feed, feed_line

UNRESOLVED = ("sending", "accepted")
RESOLVED = ("done", "failed")
# The records of a unit that go, and those that only a license keeps back.
KEY_LISTS = ("source_keys", "withheld_keys")


@dataclass(frozen=True)
class FeedLine:
    """One client's line as the ledger remembers it."""

    unit_key: str
    client_id: str
    items_hash: str
    source_keys: tuple[str, ...]
    withheld_keys: tuple[str, ...] = ()


def begin_feed(ledger: Ledger, name: str, run_id: str, as_of: date, lines: Iterable[FeedLine]) -> str:
    """Commits the intent of a feed with all its lines; gives its id.

    The id is the feed's name. The vendor processes an id once: where a feed failed or lines were rejected, the same
    content goes again under the name and a number.
    """
    now = ledger.now()
    feed_id = _unused_id(ledger, name, as_of)
    rows = [
        {
            "feed_id": feed_id, "unit_key": line.unit_key, "client_id": line.client_id, "items_hash": line.items_hash,
            "source_keys": " ".join(line.source_keys), "withheld_keys": " ".join(line.withheld_keys),
        }
        for line in lines
    ]  # fmt: skip
    with ledger.write() as connection:
        head = {"feed_id": feed_id, "run_id": run_id, "as_of": as_of, "status": "sending", "lines": len(rows)}
        ledger.upsert(connection, feed, [{**head, "created_at": now, "updated_at": now}])
        ledger.upsert(connection, feed_line, rows)
    return feed_id


def _unused_id(ledger: Ledger, name: str, as_of: date) -> str:
    same = (feed.c.as_of == as_of, feed.c.feed_id.startswith(name, autoescape=True), feed.c.status.in_(RESOLVED))
    through = set(ledger.column(sa.select(feed.c.feed_id).where(*same)))
    numbered = (f"{name}-{number}" for number in itertools.count(2))
    return next(feed_id for feed_id in itertools.chain([name], numbered) if feed_id not in through)


def mark_feed(ledger: Ledger, feed_id: str, status: str) -> None:
    """sending -> accepted -> done | failed. The lines of a feed with a result are no longer needed."""
    change = sa.update(feed).where(feed.c.feed_id == feed_id).values(status=status, updated_at=ledger.now())
    lines = sa.delete(feed_line).where(feed_line.c.feed_id == feed_id)
    ledger.execute(change, *([lines] if status in RESOLVED else []))


def unresolved_feeds(ledger: Ledger, unit_key: str | None = None) -> list[tuple[str, date]]:
    """(feed id, as_of) of feeds whose result nobody has read back, oldest first; all, or those with a unit's line."""
    statement = sa.select(feed.c.feed_id, feed.c.as_of).where(feed.c.status.in_(UNRESOLVED))
    if unit_key is not None:
        theirs = sa.select(feed_line.c.feed_id).where(feed_line.c.unit_key == unit_key)
        statement = statement.where(feed.c.feed_id.in_(theirs))
    return list(ledger.mapping(statement.order_by(feed.c.created_at)).items())


def read_lines(ledger: Ledger, feed_id: str) -> list[FeedLine]:
    """The lines of a feed that has no result yet."""
    rows = ledger.rows(sa.select(feed_line).where(*matching(feed_line, feed_id=feed_id)))
    return [
        FeedLine(
            row["unit_key"], row["client_id"], row["items_hash"], *(tuple(row[name].split()) for name in KEY_LISTS)
        )
        for row in rows
    ]
