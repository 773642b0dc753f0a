"""eMoney's feeds: which lines each one carried, and its result."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

import sqlalchemy as sa

from etl.load.bulk import text_list
from etl.load.ledger.store import Ledger, matching, pack
from etl.load.ledger.story import unpack
from etl.load.ledger.tables import feed, link

UNRESOLVED = ("sending", "accepted")
RESOLVED = ("done", "failed")
# The records of a unit that go, and those that only a license keeps back.
KEY_LISTS = ("source_keys", "withheld_keys")


@dataclass(frozen=True)
class Line:
    """What one client has: ``items`` is a JSON list of objects with their ``asOf``, ``items_hash`` is without that.

    ``source_keys``: of the items; ``withheld_keys``: what the CRM has of it, too, and only a license keeps back
    (LIC-EMONEY-*). Both are texts with blanks between the keys. ``items``: None where another run has sent the line.
    """

    unit_key: str
    client_id: str
    items_hash: str
    source_keys: str
    withheld_keys: str = ""
    items: bytes | None = field(default=None, repr=False)

    @property
    def keys(self) -> list[str]:
        """The source keys, as a list."""
        return self.source_keys.split()

    @property
    def withheld(self) -> list[str]:
        """The withheld keys, as a list."""
        return self.withheld_keys.split()


def begin_feed(ledger: Ledger, name: str, run_id: str, as_of: date, lines: Sequence[Line]) -> str:
    """Commits the intent of a feed with all its lines; gives its id.

    The id is the feed's name. The vendor processes an id once: where a feed failed or lines were rejected, the same
    content goes again under the name and a number.
    """
    now = ledger.now()
    feed_id = _unused_id(ledger, name, as_of)
    content = pack([[one.unit_key, one.client_id, one.items_hash, one.source_keys, one.withheld_keys] for one in lines])
    head = {"feed_id": feed_id, "run_id": run_id, "as_of": as_of, "status": "sending", "lines": len(lines)}
    ledger.save(feed, [{**head, "content": content, "created_at": now, "updated_at": now}])
    return feed_id


def _unused_id(ledger: Ledger, name: str, as_of: date) -> str:
    same = (feed.c.as_of == as_of, feed.c.feed_id.startswith(name, autoescape=True), feed.c.status.in_(RESOLVED))
    through = set(ledger.column(sa.select(feed.c.feed_id).where(*same)))
    numbered = (f"{name}-{number}" for number in itertools.count(2))
    return next(feed_id for feed_id in itertools.chain([name], numbered) if feed_id not in through)


def mark_feed(ledger: Ledger, feed_id: str, status: str) -> None:
    """sending -> accepted -> done | failed. The lines of a feed with a result are no longer needed."""
    values = {"status": status, "updated_at": ledger.now()} | ({"content": None} if status in RESOLVED else {})
    ledger.execute(sa.update(feed).where(feed.c.feed_id == feed_id).values(**values))


def unresolved_feeds(ledger: Ledger, unit_key: str | None = None) -> list[tuple[str, date]]:
    """(feed id, as_of) of feeds whose result nobody has read back, oldest first; all, or those with a unit's line."""
    statement = sa.select(feed.c.feed_id, feed.c.as_of).where(feed.c.status.in_(UNRESOLVED))
    found = list(ledger.mapping(statement.order_by(feed.c.created_at)).items())
    if unit_key is None:
        return found
    return [one for one in found if any(line.unit_key == unit_key for line in read_lines(ledger, one[0]))]


def read_lines(ledger: Ledger, feed_id: str) -> list[Line]:
    """The lines of a feed that has no result yet, without their items."""
    content = unpack(ledger.first(sa.select(feed.c.content).where(*matching(feed, feed_id=feed_id))))
    return under_present_keys(ledger, [Line(*of_line) for of_line in content or ()])


def under_present_keys(ledger: Ledger, lines: Sequence[Line]) -> list[Line]:
    """The lines under the keys of the units to which their clients are linked now: a link may have followed a merge."""
    clients = link.c.vendor_client_id.in_(text_list(ledger.engine, [line.client_id for line in lines]))
    unit_of = ledger.mapping(
        sa.select(link.c.vendor_client_id, link.c.unit_key).where(link.c.vendor == "emoney", clients)
    )
    return [
        line if unit_of.get(line.client_id, line.unit_key) == line.unit_key else _moved(line, unit_of[line.client_id])
        for line in lines
    ]


def _moved(line: Line, unit_key: str) -> Line:
    return Line(unit_key, line.client_id, line.items_hash, line.source_keys, line.withheld_keys, line.items)
