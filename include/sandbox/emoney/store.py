"""What eMoney keeps: clients, spouses, connections, accounts, feeds and used assertions."""

import sqlite3
import time
from pathlib import Path
from typing import Any

import orjson

from include.sandbox.common.store import LAST_CHARACTER, VendorStore
from include.sandbox.common.wire import Json, as_timestamp, dump, parse
from include.sandbox.emoney.accounts import Accounts
from include.sandbox.emoney.feeds import Feeds

INSTITUTION = "SmartOffice (Ebix CRM)"
CLIENT_PREFIX = "em-"
CONNECTION_PREFIX = "cn-"
ADD_CLIENT = """INSERT INTO clients (external_id, owner_id, first_name, last_name, birth_date, first_key, last_key,
  document, visible_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"""
UPDATE_CLIENT = """UPDATE clients SET (external_id, owner_id, first_name, last_name, birth_date, first_key, last_key,
  document) = (?, ?, ?, ?, ?, ?, ?, ?) WHERE client_id = ?"""
# The searched columns as the API names them.
LISTED = f"""SELECT '{CLIENT_PREFIX}' || client_id AS id, first_name AS firstName, last_name AS lastName,
  birth_date AS dateOfBirth, owner_id AS ownerId, external_id AS externalId FROM clients """
SEARCHED = {"firstName": "first_key", "lastName": "last_key", "ownerId": "owner_id", "externalId": "external_id"}
CONNECT = "INSERT INTO connections (client_id, institution, created_at) VALUES (?, ?, ?)"
CONNECTIONS = f"""SELECT '{CONNECTION_PREFIX}' || connection_id AS id, institution, status, created_at AS createdAt,
  last_as_of AS lastAsOf, last_refreshed_at AS lastRefreshedAt FROM connections
  WHERE client_id = ? ORDER BY connection_id"""


def as_client_id(number: int) -> str:
    return f"{CLIENT_PREFIX}{number}"


def _columns(client: Json) -> tuple[Any, ...]:
    """The searched columns of a client, in the order of the statements."""
    first, last = client["firstName"], client["lastName"]
    identity = (client["externalId"], client["ownerId"], first, last, client["dateOfBirth"])
    return (*identity, first.casefold(), last.casefold())


class Store(VendorStore):
    """Every write is one transaction. Records that come in are valid and whole."""

    schema = """
CREATE TABLE IF NOT EXISTS clients (
  client_id INTEGER PRIMARY KEY AUTOINCREMENT, external_id TEXT, owner_id TEXT, first_name TEXT NOT NULL,
  last_name TEXT NOT NULL, birth_date TEXT, first_key TEXT NOT NULL, last_key TEXT NOT NULL,
  visible_at REAL NOT NULL DEFAULT 0, document BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS clients_by_external ON clients (external_id);
CREATE INDEX IF NOT EXISTS clients_by_name ON clients (last_key, first_key);
CREATE INDEX IF NOT EXISTS clients_by_owner ON clients (owner_id);
CREATE TABLE IF NOT EXISTS spouses (client_id INTEGER PRIMARY KEY REFERENCES clients, document BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS connections (
  connection_id INTEGER PRIMARY KEY AUTOINCREMENT, client_id INTEGER NOT NULL REFERENCES clients,
  institution TEXT NOT NULL, status TEXT NOT NULL DEFAULT 'active', created_at TEXT NOT NULL,
  last_as_of TEXT, last_refreshed_at TEXT,
  last_feed INTEGER NOT NULL DEFAULT 0, UNIQUE (client_id, institution));
CREATE TABLE IF NOT EXISTS accounts (
  client_id INTEGER NOT NULL REFERENCES clients, source_key TEXT NOT NULL, kind TEXT NOT NULL, name TEXT,
  state TEXT NOT NULL DEFAULT 'available', classification TEXT, owner TEXT, linked_after INTEGER,
  is_missing INTEGER NOT NULL DEFAULT 0, last_refreshed_at TEXT, amounts BLOB NOT NULL,
  PRIMARY KEY (client_id, source_key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS feeds (
  feed_number INTEGER PRIMARY KEY AUTOINCREMENT, feed_id TEXT NOT NULL UNIQUE, digest BLOB NOT NULL,
  status TEXT NOT NULL, content BLOB, lines INTEGER NOT NULL, lines_done INTEGER NOT NULL DEFAULT 0,
  hold_until REAL NOT NULL DEFAULT 0, rejects TEXT, refreshed INTEGER NOT NULL DEFAULT 0,
  unchanged INTEGER NOT NULL DEFAULT 0, available INTEGER NOT NULL DEFAULT 0, missing INTEGER NOT NULL DEFAULT 0,
  rejected INTEGER NOT NULL DEFAULT 0, stamp TEXT, refreshed_at TEXT);
CREATE TABLE IF NOT EXISTS feed_entries (
  feed_number INTEGER NOT NULL REFERENCES feeds, client_id TEXT, source_key TEXT, code TEXT, message TEXT);
CREATE INDEX IF NOT EXISTS feed_entries_by_feed ON feed_entries (feed_number);
CREATE TABLE IF NOT EXISTS assertions (jti TEXT PRIMARY KEY, expires_at REAL NOT NULL) WITHOUT ROWID;
"""
    application = 0x454D4F4E
    tables = ("feed_entries", "feeds", "accounts", "connections", "spouses", "clients")

    def __init__(self, path: Path, search_lag: float = 0.0) -> None:
        super().__init__(path, search_lag)
        self.accounts = Accounts(self.database)
        self.feeds = Feeds(self.database)

    def use_assertion(self, jti: str, expires_at: float) -> bool:
        """Whether the assertion is new; it is kept until it could not be used any more anyway."""
        with self.database.write() as connection:
            connection.execute("DELETE FROM assertions WHERE expires_at < ?", (time.time() - 60,))
            added = connection.execute("INSERT OR IGNORE INTO assertions VALUES (?, ?)", (jti, expires_at))
        return added.rowcount > 0

    def search(self, wanted: dict[str, str]) -> list[Json]:
        """Clients by the API's search parameters, all of which must hold; names in any case."""
        where = " AND ".join(["visible_at <= ?", *(f"{SEARCHED[name]} = ?" for name in wanted)])
        values = [value.casefold() if name.endswith("Name") else value for name, value in wanted.items()]
        return self.database.rows(f"{LISTED}WHERE {where} ORDER BY client_id", [time.time(), *values])

    def page(self, prefix: str, page: int, rows: int) -> list[Json]:
        """Clients whose last name begins with the prefix (any case), by name; one more than a page may hold."""
        low = prefix.casefold()
        where = "WHERE last_key >= ? AND last_key < ? ORDER BY last_key, first_key, client_id LIMIT ? OFFSET ?"
        return self.database.rows(LISTED + where, (low, low + LAST_CHARACTER, rows + 1, (page - 1) * rows))

    def add_client(self, client: Json, lag: float | None = None) -> int:
        """The id of a new client."""
        return self.database.add(ADD_CLIENT, *_columns(client), dump(client), self.visible_at(lag))

    def client_json(self, client_id: int) -> bytes | None:
        """The client as the API shows it; None where there is none."""
        document = self.database.value("SELECT document FROM clients WHERE client_id = ?", client_id)
        return None if document is None else b'{"id":"' + as_client_id(client_id).encode() + b'",' + document[1:]

    def client(self, client_id: int) -> Json | None:
        found = self.client_json(client_id)
        return None if found is None else parse(found)

    def replace_client(self, client_id: int, client: Json) -> None:
        self.database.change(UPDATE_CLIENT, *_columns(client), dump(client), client_id)

    def spouse_json(self, client_id: int) -> bytes | None:
        document: bytes | None = self.database.value("SELECT document FROM spouses WHERE client_id = ?", client_id)
        return document

    def put_spouse(self, client_id: int, spouse: Json) -> bytes:
        document = dump(spouse)
        self.database.change("INSERT OR REPLACE INTO spouses VALUES (?, ?)", client_id, document)
        return document

    def delete_spouse(self, client_id: int) -> bool:
        return self.database.change("DELETE FROM spouses WHERE client_id = ?", client_id) > 0

    def connections(self, client_id: int) -> list[Json]:
        return self.database.rows(CONNECTIONS, (client_id,))

    def connect(self, client_id: int) -> bool:
        """Whether the client is now connected to the institution and was not before."""
        now = as_timestamp(time.time())
        try:
            return self.database.change(CONNECT, client_id, INSTITUTION, now) > 0
        except sqlite3.IntegrityError:
            return False

    def set_connection_status(self, client_id: int, connection_id: int, status: str) -> None:
        where = "WHERE client_id = ? AND connection_id = ?"
        self.database.change(f"UPDATE connections SET status = ? {where}", status, client_id, connection_id)

    def disconnect(self, client_id: int, connection_id: int) -> bool:
        """Whether there was such a connection; its accounts and their history go with it."""
        where = "WHERE client_id = ? AND connection_id = ?"
        with self.database.write() as connection:
            gone = connection.execute(f"DELETE FROM connections {where}", (client_id, connection_id)).rowcount > 0
            if gone:
                connection.execute("DELETE FROM accounts WHERE client_id = ?", (client_id,))
        return gone

    def describe(self) -> Json:
        """Every client with all that belongs to it, and every feed."""
        spouses = dict(self.database.query("SELECT client_id, document FROM spouses"))
        accounts = self.accounts.describe()
        clients = [
            {
                "id": as_client_id(client_id),
                "client": orjson.Fragment(document),
                "spouse": orjson.Fragment(spouses[client_id]) if client_id in spouses else None,
                "connections": self.connections(client_id),
                "accounts": accounts.get(client_id, []),
            }
            for client_id, document in self.database.query("SELECT client_id, document FROM clients ORDER BY 1")
        ]
        return {"clients": clients, "feeds": self.feeds.describe()}
