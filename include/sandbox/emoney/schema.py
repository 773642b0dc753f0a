"""eMoney's tables, and its ids: opaque text outside, numbers inside."""

APPLICATION = 0x454D4F4E
CLIENT_PREFIX = "em-"
CONNECTION_PREFIX = "cn-"
LARGEST_ID_DIGITS = 18

SCHEMA = """
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
ALL_BUT_LOG_IN = ("feed_entries", "feeds", "accounts", "connections", "spouses", "clients")


def as_client_id(number: int) -> str:
    return f"{CLIENT_PREFIX}{number}"


def as_connection_id(number: int) -> str:
    return f"{CONNECTION_PREFIX}{number}"


def number_of(identifier: object, prefix: str = CLIENT_PREFIX) -> int:
    """The number inside an id; an id that is none belongs to nothing (0)."""
    if not isinstance(identifier, str) or not identifier.startswith(prefix):
        return 0
    digits = identifier[len(prefix) :]
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= LARGEST_ID_DIGITS else 0
