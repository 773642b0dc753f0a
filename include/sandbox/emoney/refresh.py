"""The refresh: what a feed's lines do to the clients' accounts. In bulk, and only what changed is written."""

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from include.sandbox.common.store import Database, number_in
from include.sandbox.common.wire import Json, Unreadable, parse
from include.sandbox.emoney.accounts import name_of, values_of
from include.sandbox.emoney.feeds import COUNTS
from include.sandbox.emoney.records import item_rejections
from include.sandbox.emoney.store import CLIENT_PREFIX, INSTITUTION

CHUNK_LINES = 250
# What a chunk does to the tables, statement by statement.
NEW = "INSERT INTO accounts (client_id, source_key, kind, name, amounts) VALUES (?, ?, ?, ?, ?)"
CHANGED = "UPDATE accounts SET amounts = ?, name = ?, is_missing = 0 WHERE client_id = ? AND source_key = ?"
BACK = "UPDATE accounts SET is_missing = 0 WHERE client_id = ? AND source_key = ?"
GONE = """UPDATE accounts SET is_missing = 1, last_refreshed_at = CASE WHEN linked_after < ? THEN ? END
  WHERE client_id = ? AND source_key = ?"""
SERVED = """UPDATE connections SET last_as_of = ?, last_refreshed_at = ?, last_feed = ?
  WHERE client_id = ? AND institution = ?"""
ENTRY = "INSERT INTO feed_entries VALUES (?, ?, ?, ?, ?)"
STATEMENTS = (NEW, CHANGED, BACK, GONE, SERVED, ENTRY)
PROGRESS = f"""UPDATE feeds SET status = 'running', stamp = ?, lines_done = ?,
  {", ".join(f"{name} = {name} + ?" for name in COUNTS)} WHERE feed_number = ?"""
Account = tuple[str, bytes, int]  # state, values, is missing
Known = dict[int, dict[str, Account]]  # client number -> source key -> account
Refresh = tuple[str | None, int]  # when a connection was refreshed last, and by which feed


@dataclass
class Harvest:
    """What one chunk of lines comes to: counts, and rows for each statement."""

    feed: Json
    counts: Counter[str] = field(default_factory=Counter)
    rows: dict[str, list[tuple[Any, ...]]] = field(default_factory=lambda: {statement: [] for statement in STATEMENTS})

    def reject(self, client_id: Any, source_key: Any, code: str, message: str) -> None:
        self.counts["rejected"] += 1
        name = client_id if isinstance(client_id, str) else None
        key = source_key if isinstance(source_key, str) else None
        self.rows[ENTRY].append((self.feed["feed_number"], name, key, code, message))


def process_chunk(database: Database, feed: Json, start: int, stamp: str) -> int:
    """Refresh with the lines from `start` on, so many at once that other calls get their turn; how many are done."""
    raw_lines = list(enumerate(feed["lines"][start : start + CHUNK_LINES], start + 1))
    done = start + len(raw_lines)
    with database.write() as connection:
        harvest = _reap(database, feed, raw_lines, stamp)
        for statement, rows in harvest.rows.items():
            connection.executemany(statement, rows)
        counts = [harvest.counts[name] for name in COUNTS]
        connection.execute(PROGRESS, (stamp, done, *counts, feed["feed_number"]))
    return done


def _reap(database: Database, feed: Json, raw_lines: list[tuple[int, bytes]], stamp: str) -> Harvest:
    harvest = Harvest(feed)
    lines = _read_lines(raw_lines, harvest)
    connected, exist, known = _find_known(database, [client for client, _ in lines])
    for client, line in lines:
        if client in connected:
            _refresh_line(client, line, known[client], connected[client], harvest)
            as_of = line.get("asOf")
            as_of = as_of if isinstance(as_of, str) else None
            harvest.rows[SERVED].append((as_of, stamp, feed["feed_number"], client, INSTITUTION))
        elif client in exist:
            harvest.reject(line["clientId"], None, "no_connection", "The client has no active connection.")
        else:
            harvest.reject(line.get("clientId"), None, "unknown_client", "The client does not exist.")
    return harvest


def _read_lines(raw_lines: list[tuple[int, bytes]], harvest: Harvest) -> list[tuple[int, Json]]:
    """(client number, line) of the lines that can be read."""
    lines = []
    rejects = harvest.feed["rejects"]
    for number, raw in raw_lines:
        try:
            line = parse(raw)
        except Unreadable:
            line = None
        if not isinstance(line, dict) or not isinstance(line.get("items"), list):
            harvest.reject(None, None, "invalid_line", f"Line {number} is not an object with a clientId and items.")
        elif rejects is not None and _is_spoilt(harvest.feed["feed_id"], number, rejects):
            harvest.reject(line.get("clientId"), None, rejects["code"], rejects["message"])
        else:
            lines.append((number_in(line.get("clientId"), CLIENT_PREFIX), line))
    return lines


def _is_spoilt(feed_id: str, number: int, rejects: Json) -> bool:
    """Whether a fault rejects this line; the same after a restart in mid-feed."""
    chance = random.Random(f"{rejects['seed']}:{feed_id}:{number}").random()
    return number in rejects["lines"] or chance < rejects["share"]


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


def _refresh_line(client: int, line: Json, known: dict[str, Account], last: Refresh, harvest: Harvest) -> None:
    """One client's line against what is known of the client; `known` moves along."""
    seen: set[str] = set()
    rejections = item_rejections(line["items"])
    for place, item in enumerate(line["items"]):
        rejection = rejections.get(place)
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
            harvest.rows[NEW].append((client, key, item["kind"], name_of(item), values))
            harvest.rows[ENTRY].append((harvest.feed["feed_number"], line["clientId"], key, None, None))
            harvest.counts["available"] += 1
        if isinstance(key, str):
            seen.add(key)
    for key in known.keys() - seen:
        _note_missing(client, key, known, last, harvest)


def _refresh_item(client: int, item: Json, before: Account, harvest: Harvest) -> Account:
    """One item that was seen before; gives what is known of it from now on. Only linked ones take new values."""
    state, old_values, was_missing = before
    key = item["sourceKey"]
    if state == "available":
        harvest.counts["available"] += 1
    elif (values := values_of(item)) != old_values:
        harvest.counts["refreshed"] += 1
        harvest.rows[CHANGED].append((values, name_of(item), client, key))
        return state, values, 0
    else:
        harvest.counts["unchanged"] += 1
    if was_missing:
        harvest.rows[BACK].append((client, key))
    return state, old_values, 0


def _note_missing(client: int, key: str, known: dict[str, Account], last: Refresh, harvest: Harvest) -> None:
    state, values, was_missing = known[key]
    harvest.counts["missing"] += 1
    if not was_missing:
        refreshed_at, by_feed = last
        harvest.rows[GONE].append((by_feed, refreshed_at, client, key))
        known[key] = (state, values, 1)
