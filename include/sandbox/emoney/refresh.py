"""The refresh: what a feed's lines do to the clients' accounts. In bulk, and only what changed is written."""

import asyncio
import random
import re
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from include.sandbox.common.database import Database
from include.sandbox.common.wire import Unreadable, as_timestamp, parse
from include.sandbox.emoney.accounts import name_of, values_of
from include.sandbox.emoney.feeds import COUNTS, Feeds, Waiting
from include.sandbox.emoney.records import INSTITUTION
from include.sandbox.emoney.schema import number_of

CHUNK_LINES = 250
KEY_AT_MOST = 64
MASKED_NUMBER = re.compile(r"\*\*\*.{0,4}", re.DOTALL)
OWNERS = {"investment": {"client", "spouse", None}, "policy": {"client", "spouse", "other", None}}
UPDATE_VALUES = """UPDATE accounts SET amounts = ?, name = ?, is_missing = 0 WHERE client_id = ? AND source_key = ?"""
Account = tuple[str, bytes, int]  # state, values, is missing
Known = dict[int, dict[str, Account]]  # client number -> source key -> account
Rejection = tuple[str, str]
Refresh = tuple[str | None, int]  # when a connection was refreshed last, and by which feed


@dataclass
class Harvest:
    """What one chunk of lines comes to: rows for executemany, and counts."""

    counts: Counter[str] = field(default_factory=Counter)
    entries: list[tuple[Any, ...]] = field(default_factory=list)
    new: list[tuple[Any, ...]] = field(default_factory=list)
    changed: list[tuple[Any, ...]] = field(default_factory=list)
    back: list[tuple[Any, ...]] = field(default_factory=list)
    gone: list[tuple[Any, ...]] = field(default_factory=list)
    served: list[tuple[Any, ...]] = field(default_factory=list)

    def reject(self, client_id: Any, source_key: Any, code: str, message: str) -> None:
        self.counts["rejected"] += 1
        name = client_id if isinstance(client_id, str) else None
        key = source_key if isinstance(source_key, str) else None
        self.entries.append((name, key, code, message))


def item_rejection(item: Any) -> Rejection | None:
    """(code, message) for an item that is not taken."""
    if not isinstance(item, dict):
        return "invalid_item", "An item must be an object."
    key, kind = item.get("sourceKey"), item.get("kind")
    if not isinstance(key, str) or not 0 < len(key) <= KEY_AT_MOST:
        return "invalid_item", "The sourceKey is missing or too long."
    if kind not in OWNERS:
        return "invalid_item", "The kind must be investment or policy."
    owner = item.get("owner")
    if owner is not None and owner not in OWNERS[kind]:
        return "invalid_item", "The owner does not exist for this kind."
    number = item.get("policyNumber")
    if number is not None and (not isinstance(number, str) or MASKED_NUMBER.fullmatch(number) is None):
        return "policy_number_not_masked", "A policy number goes as *** and at most its last four characters."
    return None


def _read_lines(
    feed: Waiting, raw_lines: list[tuple[int, bytes]], harvest: Harvest
) -> list[tuple[int, dict[str, Any]]]:
    """(client number, line) of the lines that can be read."""
    lines = []
    for number, raw in raw_lines:
        try:
            line = parse(raw)
        except Unreadable:
            line = None
        if not isinstance(line, dict) or not isinstance(line.get("items"), list):
            harvest.reject(None, None, "invalid_line", f"Line {number} is not an object with a clientId and items.")
        elif feed.rejects is not None and _is_spoilt(feed, number):
            harvest.reject(line.get("clientId"), None, feed.rejects["code"], feed.rejects["message"])
        else:
            lines.append((number_of(line.get("clientId")), line))
    return lines


def _is_spoilt(feed: Waiting, number: int) -> bool:
    """Whether a fault rejects this line; the same after a restart in mid-feed."""
    rejects = feed.rejects or {}
    if number in rejects["lines"]:
        return True
    return random.Random(f"{rejects['seed']}:{feed.feed_id}:{number}").random() < rejects["share"]


def _find_known(database: Database, clients: list[int]) -> tuple[dict[int, Refresh], set[int], Known]:
    """(connected client -> last refresh, clients that exist, their accounts)."""
    marks = ",".join("?" * len(clients))
    exist = {row[0] for row in database.query(f"SELECT client_id FROM clients WHERE client_id IN ({marks})", clients)}
    connections = database.query(
        "SELECT client_id, last_refreshed_at, last_feed FROM connections "
        f"WHERE status = 'active' AND institution = ? AND client_id IN ({marks})",
        [INSTITUTION, *clients],
    )
    connected: dict[int, Refresh] = {client: (refreshed_at, by) for client, refreshed_at, by in connections}
    known: Known = {client: {} for client in connected}
    accounts = f"SELECT client_id, source_key, state, amounts, is_missing FROM accounts WHERE client_id IN ({marks})"
    for client, key, state, amounts, is_missing in database.query(accounts, clients):
        if client in known:
            known[client][key] = (state, amounts, is_missing)
    return connected, exist, known


def _refresh_line(
    client: int, line: dict[str, Any], known: dict[str, Account], last: Refresh, harvest: Harvest
) -> None:
    """One client's line against what is known of the client; `known` moves along."""
    seen: set[str] = set()
    for item in line["items"]:
        rejection = item_rejection(item)
        key: Any = item.get("sourceKey") if isinstance(item, dict) else None
        if rejection is None and key in seen:
            rejection = ("duplicate_item", "The sourceKey occurs twice in the line.")
        if rejection is not None:
            harvest.reject(line["clientId"], key, *rejection)
        elif key in known:
            known[key] = _refresh_item(client, item, known[key], harvest)
        else:
            values = values_of(item)
            known[key] = ("available", values, 0)
            harvest.new.append((client, key, item["kind"], name_of(item), values))
            harvest.entries.append((line["clientId"], key, None, None))
            harvest.counts["available"] += 1
        if isinstance(key, str):
            seen.add(key)
    if not seen.issuperset(known):
        _note_missing(client, known, seen, last, harvest)


def _refresh_item(client: int, item: dict[str, Any], before: Account, harvest: Harvest) -> Account:
    """One item that was seen before; gives what is known of it from now on. Only linked ones take new values."""
    state, old_values, was_missing = before
    key = item["sourceKey"]
    if state == "available":
        harvest.counts["available"] += 1
    elif (values := values_of(item)) != old_values:
        harvest.counts["refreshed"] += 1
        harvest.changed.append((values, name_of(item), client, key))
        return state, values, 0
    else:
        harvest.counts["unchanged"] += 1
    if was_missing:
        harvest.back.append((client, key))
    return state, old_values, 0


def _note_missing(client: int, known: dict[str, Account], seen: set[str], last: Refresh, harvest: Harvest) -> None:
    for key, (state, values, was_missing) in known.items():
        if key in seen:
            continue
        harvest.counts["missing"] += 1
        if not was_missing:
            refreshed_at, by_feed = last
            harvest.gone.append((by_feed, refreshed_at, client, key))
            known[key] = (state, values, 1)


def _reap(database: Database, feed: Waiting, raw_lines: list[tuple[int, bytes]], stamp: str) -> Harvest:
    harvest = Harvest()
    lines = _read_lines(feed, raw_lines, harvest)
    connected, exist, known = _find_known(database, [client for client, _ in lines])
    for client, line in lines:
        if client in connected:
            _refresh_line(client, line, known[client], connected[client], harvest)
            as_of = line.get("asOf")
            as_of = as_of if isinstance(as_of, str) else None
            harvest.served.append((as_of, stamp, feed.feed_number, client, INSTITUTION))
        elif client in exist:
            harvest.reject(line["clientId"], None, "no_connection", "The client has no active connection.")
        else:
            harvest.reject(line.get("clientId"), None, "unknown_client", "The client does not exist.")
    return harvest


def _keep(connection: sqlite3.Connection, feed: Waiting, harvest: Harvest, lines_done: int, stamp: str) -> None:
    connection.executemany(
        "INSERT INTO accounts (client_id, source_key, kind, name, amounts) VALUES (?, ?, ?, ?, ?)", harvest.new
    )
    connection.executemany(UPDATE_VALUES, harvest.changed)
    connection.executemany("UPDATE accounts SET is_missing = 0 WHERE client_id = ? AND source_key = ?", harvest.back)
    connection.executemany(
        "UPDATE accounts SET is_missing = 1, last_refreshed_at = CASE WHEN linked_after < ? THEN ? END "
        "WHERE client_id = ? AND source_key = ?",
        harvest.gone,
    )
    connection.executemany(
        "UPDATE connections SET last_as_of = ?, last_refreshed_at = ?, last_feed = ? "
        "WHERE client_id = ? AND institution = ?",
        harvest.served,
    )
    connection.executemany(
        f"INSERT INTO feed_entries VALUES ({feed.feed_number}, ?, ?, ?, ?)",
        harvest.entries,
    )
    added = ", ".join(f"{name} = {name} + ?" for name in COUNTS)
    connection.execute(
        f"UPDATE feeds SET status = 'running', stamp = ?, lines_done = ?, {added} WHERE feed_number = ?",
        (stamp, lines_done, *(harvest.counts[name] for name in COUNTS), feed.feed_number),
    )


class Refresher:
    """Processes feeds one after the other, in chunks, so that other calls get their turn; goes on after a restart."""

    def __init__(self, feeds: Feeds, clock: Callable[[], float] = time.time) -> None:
        self._feeds = feeds
        self._clock = clock
        self._work = asyncio.Event()

    def wake(self) -> None:
        self._work.set()

    async def run(self) -> None:
        """For ever."""
        while True:
            self._work.clear()
            feed = self._feeds.next_waiting(self._clock())
            if feed is not None:
                await self._process(feed)
                continue
            go_on_at = self._feeds.start_held(self._clock())
            wait = None if go_on_at is None else max(0.01, min(go_on_at - self._clock(), 3600.0))
            try:
                await asyncio.wait_for(self._work.wait(), wait)
            except TimeoutError:
                continue

    async def _process(self, feed: Waiting) -> None:
        stamp = feed.stamp or as_timestamp(self._clock())
        database = self._feeds.database
        for start in range(feed.lines_done, len(feed.lines), CHUNK_LINES):
            chunk = list(enumerate(feed.lines[start : start + CHUNK_LINES], start + 1))
            with database.write() as connection:
                harvest = _reap(database, feed, chunk, stamp)
                _keep(connection, feed, harvest, start + len(chunk), stamp)
            await asyncio.sleep(0)
        self._feeds.finish(feed.feed_number, stamp)
