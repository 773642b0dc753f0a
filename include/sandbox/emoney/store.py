"""What eMoney keeps about clients: identity and demographics, spouses, connections, tokens and used assertions."""

import sqlite3
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import orjson

from include.sandbox.common.database import Database, batches
from include.sandbox.common.sessions import Sessions
from include.sandbox.common.wire import as_timestamp, dump, parse
from include.sandbox.emoney.accounts import Accounts
from include.sandbox.emoney.records import INSTITUTION, complete_client, complete_spouse
from include.sandbox.emoney.schema import APPLICATION, SCHEMA, as_client_id, as_connection_id

ADD_CLIENT = """INSERT INTO clients (client_id, external_id, owner_id, first_name, last_name, birth_date, first_key,
  last_key, visible_at, document) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
UPDATE_CLIENT = """UPDATE clients SET external_id = ?2, owner_id = ?3, first_name = ?4, last_name = ?5, birth_date = ?6,
  first_key = ?7, last_key = ?8, document = ?9 WHERE client_id = ?1"""
LISTED = "SELECT client_id, first_name, last_name, birth_date, owner_id, external_id FROM clients "
CONNECTION = """SELECT connection_id, institution, status, created_at, last_as_of, last_refreshed_at FROM connections
  WHERE client_id = ? ORDER BY connection_id"""


def _columns(client: dict[str, Any]) -> tuple[Any, ...]:
    """The searched columns of a client, in the order of the statements above."""
    first, last = client["firstName"], client["lastName"]
    identity = (client["externalId"], client["ownerId"], first, last, client["dateOfBirth"])
    return (*identity, first.casefold(), last.casefold())


def _listed(row: tuple[Any, ...]) -> dict[str, Any]:
    names = ("firstName", "lastName", "dateOfBirth", "ownerId", "externalId")
    return {"id": as_client_id(row[0]), **dict(zip(names, row[1:6], strict=True))}


class Store:
    """The whole state in one SQLite file; every write is one transaction."""

    def __init__(self, path: Path, search_lag: float = 0.0, clock: Callable[[], float] = time.time) -> None:
        self.database = Database(path, SCHEMA, APPLICATION)
        self.accounts = Accounts(self.database)
        self.search_lag = search_lag
        self.clock = clock
        self.sessions = Sessions(self.database, clock)

    def use_assertion(self, jti: str, expires_at: float) -> bool:
        """Whether the assertion is new; it is kept until it could not be used any more anyway."""
        try:
            with self.database.write() as connection:
                connection.execute("DELETE FROM assertions WHERE expires_at < ?", (self.clock() - 60,))
                connection.execute("INSERT INTO assertions VALUES (?, ?)", (jti, expires_at))
        except sqlite3.IntegrityError:
            return False
        return True

    def search(self, wanted: dict[str, str]) -> list[dict[str, Any]]:
        """Clients by the API's search parameters, all of which must hold; names in any case."""
        columns = {"firstName": "first_key", "lastName": "last_key", "ownerId": "owner_id", "externalId": "external_id"}
        where = ["visible_at <= ?"]
        values: list[Any] = [self.clock()]
        for name, value in wanted.items():
            where.append(f"{columns[name]} = ?")
            values.append(value.casefold() if name.endswith("Name") else value)
        rows = self.database.query(f"{LISTED}WHERE {' AND '.join(where)} ORDER BY client_id", tuple(values))
        return [_listed(row) for row in rows]

    def page_of_clients(self, prefix: str, page: int, rows: int) -> list[dict[str, Any]]:
        """Clients whose last name begins with the prefix (any case), by name; one more than a page may hold."""
        low, high = prefix.casefold(), prefix.casefold() + "\U0010ffff"
        tail = "WHERE last_key >= ? AND last_key < ? ORDER BY last_key, first_key, client_id LIMIT ? OFFSET ?"
        found = self.database.query(LISTED + tail, (low, high, rows + 1, (page - 1) * rows))
        return [_listed(row) for row in found]

    def add_client(self, client: dict[str, Any], lag: float | None = None) -> int:
        """The id of a new client; the record is already valid."""
        visible_at = self.clock() + (self.search_lag if lag is None else lag)
        return self._add([{"client": client}], visible_at)[0]

    def add_clients(self, rows: Iterable[dict[str, Any]]) -> list[int]:
        """Fill in bulk, not validated; the ids in order.

        A row is `{"client": Client, "spouse": Spouse | None, "connected": bool, "accounts": [Account]}`, all but the
        client optional; an Account is an Item with `state` ("available" or "linked") and `classification`.
        """
        added: list[int] = []
        for batch in batches(rows):
            added += self._add(batch, 0.0)
        return added

    def _add(self, rows: list[dict[str, Any]], visible_at: float) -> list[int]:
        now = as_timestamp(self.clock())
        with self.database.write() as connection:
            first_id = self.database.next_id("clients")
            ids = list(range(first_id, first_id + len(rows)))
            clients, spouses, connected = [], [], []
            for client_id, row in zip(ids, rows, strict=True):
                client = complete_client(row["client"])
                clients.append((client_id, *_columns(client), visible_at, dump(client)))
                if row.get("spouse") is not None:
                    spouses.append((client_id, dump(complete_spouse(row["spouse"]))))
                if row.get("connected"):
                    connected.append((client_id, INSTITUTION, now))
            connection.executemany(ADD_CLIENT, clients)
            connection.executemany("INSERT INTO spouses VALUES (?, ?)", spouses)
            connection.executemany(
                "INSERT INTO connections (client_id, institution, created_at) VALUES (?, ?, ?)", connected
            )
            self.accounts.fill(connection, zip(ids, rows, strict=True))
        return ids

    def client_json(self, client_id: int) -> bytes | None:
        """The client as the API shows it; None where there is none."""
        row = self.database.query("SELECT document FROM clients WHERE client_id = ?", (client_id,)).fetchone()
        return None if row is None else b'{"id":"' + as_client_id(client_id).encode() + b'",' + row[0][1:]

    def client(self, client_id: int) -> dict[str, Any] | None:
        found = self.client_json(client_id)
        return None if found is None else parse(found)

    def replace_client(self, client_id: int, client: dict[str, Any]) -> None:
        whole = complete_client(client)
        with self.database.write() as connection:
            connection.execute(UPDATE_CLIENT, (client_id, *_columns(whole), dump(whole)))

    def spouse_json(self, client_id: int) -> bytes | None:
        row = self.database.query("SELECT document FROM spouses WHERE client_id = ?", (client_id,)).fetchone()
        return None if row is None else row[0]

    def put_spouse(self, client_id: int, spouse: dict[str, Any]) -> bytes:
        document = dump(complete_spouse(spouse))
        with self.database.write() as connection:
            connection.execute("INSERT OR REPLACE INTO spouses VALUES (?, ?)", (client_id, document))
        return document

    def delete_spouse(self, client_id: int) -> bool:
        with self.database.write() as connection:
            return connection.execute("DELETE FROM spouses WHERE client_id = ?", (client_id,)).rowcount > 0

    def connections(self, client_id: int) -> list[dict[str, Any]]:
        names = ("institution", "status", "createdAt", "lastAsOf", "lastRefreshedAt")
        return [
            {"id": as_connection_id(row[0]), **dict(zip(names, row[1:], strict=True))}
            for row in self.database.query(CONNECTION, (client_id,))
        ]

    def connect(self, client_id: int, institution: str) -> str:
        """The id of a new connection; raises IntegrityError where the client has one with the institution."""
        with self.database.write() as connection:
            added = connection.execute(
                "INSERT INTO connections (client_id, institution, created_at) VALUES (?, ?, ?)",
                (client_id, institution, as_timestamp(self.clock())),
            )
        return as_connection_id(int(added.lastrowid or 0))

    def set_connection_status(self, client_id: int, connection_id: int, status: str) -> None:
        with self.database.write() as connection:
            connection.execute(
                "UPDATE connections SET status = ? WHERE client_id = ? AND connection_id = ?",
                (status, client_id, connection_id),
            )

    def disconnect(self, client_id: int, connection_id: int) -> bool:
        """Whether there was such a connection; its accounts and their history go with it."""
        where = "WHERE client_id = ? AND connection_id = ?"
        with self.database.write() as connection:
            gone = connection.execute(f"DELETE FROM connections {where}", (client_id, connection_id)).rowcount > 0
            if gone:
                connection.execute("DELETE FROM accounts WHERE client_id = ?", (client_id,))
        return gone

    def describe(self) -> list[dict[str, Any]]:
        """Every client with all that belongs to it."""
        spouses = dict(self.database.query("SELECT client_id, document FROM spouses"))
        accounts = self.accounts.describe()
        return [
            {
                "id": as_client_id(client_id),
                "client": orjson.Fragment(document),
                "spouse": orjson.Fragment(spouses[client_id]) if client_id in spouses else None,
                "connections": self.connections(client_id),
                "accounts": accounts.get(client_id, []),
            }
            for client_id, document in self.database.query("SELECT client_id, document FROM clients ORDER BY 1")
        ]
