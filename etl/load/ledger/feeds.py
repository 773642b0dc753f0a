"""eMoney's feeds: which lines each one carried, its result, and the line of each client as it last went through."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import orjson
import sqlalchemy as sa

from etl.load.bulk import text_list
from etl.load.ledger.store import Ledger, matching, pack
from etl.load.ledger.story import unpack
from etl.load.ledger.tables import feed, link, sent

UNRESOLVED = ("sending", "accepted")
RESOLVED = ("done", "failed")
# The records of a unit that go, and those that only a license keeps back.
KEY_LISTS = ("source_keys", "withheld_keys")
# The category and the owner of an item by the rules, as far as they propose any (EMY-LINK).
Proposal = tuple[str | None, str | None]
_ITEMS = (sent.c.vendor == "emoney", sent.c.part == "items")


@dataclass(frozen=True)
class Line:
    """What one client has: ``items`` is a JSON list of objects with their ``asOf``, ``items_hash`` is without that.

    ``source_keys``: of the items; ``withheld_keys``: what the CRM has of it, too, and only a license keeps back
    (LIC-EMONEY-*). Both are texts with blanks between the keys. ``items``: None where another run has sent the line.
    ``proposals``: by source key the category and the owner of an item (EMY-LINK). ``is_carried``: the line is the last
    one, with another date.
    """

    unit_key: str
    client_id: str
    items_hash: str
    source_keys: str
    withheld_keys: str = ""
    items: bytes | None = field(default=None, repr=False)
    proposals: Mapping[str, Proposal] = field(default_factory=dict)
    is_carried: bool = False

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
    return replace(line, unit_key=unit_key)


def keep_lines(ledger: Ledger, lines: Iterable[Line], as_of: date) -> None:
    """Keeps lines with what was sent last, where that is the same: a later night may send them again.

    ``as_of``: their date. A line without its items is not kept, nor is one that is kept already.
    """
    texts = [
        {"a_unit": line.unit_key, "a_hash": line.items_hash, "a_line": _pack(line, line.items, as_of)}
        for line in lines
        if line.items is not None and not line.is_carried
    ]
    if not texts:
        return
    mine = (sent.c.unit_key == sa.bindparam("a_unit"), sent.c.offered_hash == sa.bindparam("a_hash"))
    with ledger.write() as connection:
        connection.execute(sa.update(sent).where(*_ITEMS, *mine).values(line=sa.bindparam("a_line")), texts)


def kept_lines(ledger: Ledger, clients: Mapping[str, str], as_of: date) -> list[Line]:
    """The kept lines of these units (unit key -> client id) whose last date is an earlier one, with this date."""
    return _kept(ledger, clients, as_of, sent.c.as_of < as_of)


def kept_source_keys(ledger: Ledger, unit_keys: Iterable[str]) -> list[str]:
    """The source keys of the kept line of each of these units, with blanks between them."""
    return [line.source_keys for line in _kept(ledger, dict.fromkeys(unit_keys, ""))]


def kept_proposals(ledger: Ledger, unit_keys: Iterable[str]) -> dict[tuple[str, str], Proposal]:
    """(unit key, source key) -> what the rules propose for the items of the kept lines of these units."""
    lines = _kept(ledger, dict.fromkeys(unit_keys, ""))
    return {(line.unit_key, key): proposal for line in lines for key, proposal in line.proposals.items()}


def _kept(
    ledger: Ledger, clients: Mapping[str, str], as_of: date | None = None, *chosen: sa.ColumnElement[bool]
) -> list[Line]:
    theirs = sent.c.unit_key.in_(text_list(ledger.engine, clients))
    kept = sa.select(sent.c.unit_key, sent.c.offered_hash, sent.c.line)
    with ledger.read() as connection:
        rows = connection.execute(kept.where(*_ITEMS, sent.c.line.is_not(None), theirs, *chosen)).all()
    return [_unpack(key, clients[key], items_hash, packed, as_of) for key, items_hash, packed in rows]


def _pack(line: Line, items: bytes, as_of: date) -> bytes:
    """The line in one compressed text: date, keys and proposals, then the items."""
    proposals = orjson.dumps(line.proposals).decode()
    head = "\n".join([str(as_of), line.source_keys, line.withheld_keys, proposals, ""])
    return zlib.compress(head.encode() + items, 1)


def _unpack(unit_key: str, client_id: str, items_hash: str, packed: bytes, as_of: date | None) -> Line:
    *head, items = zlib.decompress(packed).split(b"\n", 4)
    before, source_keys, withheld_keys, proposals = (one.decode() for one in head)
    # Within a text of JSON a quote has a backslash before it: nothing but the dates can look so.
    dated = items.replace(f'"asOf":"{before}"'.encode(), f'"asOf":"{as_of or before}"'.encode())
    known = {key: (category, owner) for key, (category, owner) in orjson.loads(proposals).items()}
    return Line(unit_key, client_id, items_hash, source_keys, withheld_keys, dated, known, is_carried=True)
