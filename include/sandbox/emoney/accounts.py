"""Available and linked accounts of the clients."""

import sqlite3
from typing import Any

from include.sandbox.common.store import Database
from include.sandbox.common.wire import Json, dump, parse

OWNERS = ("client", "spouse", "other")
CLASSIFICATION_AT_MOST = 64
# Not part of an account's values: they name it, or say when it was delivered.
NOT_VALUES = frozenset({"sourceKey", "kind", "asOf", "state", "classification"})
# A linked account that the last line named was refreshed with that line, whether or not a value changed; one that is
# missing keeps the time of the last line that named it. `linked_after` is the last feed before the link.
ACCOUNTS = """SELECT a.client_id, a.source_key AS sourceKey, a.kind, a.name, a.classification,
  CASE WHEN a.state = 'available' THEN NULL WHEN a.is_missing THEN a.last_refreshed_at
       WHEN c.last_feed > a.linked_after THEN c.last_refreshed_at END AS lastRefreshedAt,
  a.owner, a.state, a.is_missing, a.amounts
  FROM accounts a LEFT JOIN connections c ON c.client_id = a.client_id """
SHOWN = ("sourceKey", "kind", "name", "classification", "lastRefreshedAt")


def values_of(item: Json) -> bytes:
    """An item's values as canonical JSON: equal bytes are equal values."""
    return dump({name: value for name, value in item.items() if name not in NOT_VALUES}, sort_keys=True)


def name_of(item: Json) -> str | None:
    name = item.get("assetName") if item["kind"] == "investment" else item.get("policyName")
    return name if isinstance(name, str) else None


def _body(row: Json) -> Json:
    """An account as the API shows it; the owner that a link named stands before the one that the feed has."""
    owner = {} if row["owner"] is None else {"owner": row["owner"]}
    return {name: row[name] for name in SHOWN} | parse(row["amounts"]) | owner


class Accounts:
    def __init__(self, database: Database) -> None:
        self.database = database

    def of_client(self, client_id: int, state: str | None = None) -> list[Json]:
        """The client's accounts as the API shows them, all or of one state."""
        where = "WHERE a.client_id = ? AND (? IS NULL OR a.state = ?) ORDER BY a.source_key"
        return [_body(row) for row in self.database.rows(ACCOUNTS + where, (client_id, state, state))]

    def missing(self, client_id: int) -> set[str]:
        """Source keys that the last line did not name."""
        rows = self.database.query("SELECT source_key FROM accounts WHERE client_id = ? AND is_missing", (client_id,))
        return {row[0] for row in rows}

    def link(self, client_id: int, links: list[Any]) -> list[Json]:
        """Link and classify, each on its own; the result of each as the API shows it."""
        results = []
        with self.database.write() as connection:
            for link in links:
                asked = link if isinstance(link, dict) else {}
                status, code = self._link(connection, client_id, asked)
                results.append({"sourceKey": asked.get("sourceKey"), "status": status, "code": code})
        return results

    def _link(self, connection: sqlite3.Connection, client_id: int, link: Json) -> tuple[int, str | None]:
        """(status, code) of one link."""
        key, classification, owner = link.get("sourceKey"), link.get("classification"), link.get("owner")
        find = "SELECT state FROM accounts WHERE client_id = ? AND source_key = ?"
        state = self.database.value(find, client_id, key) if isinstance(key, str) else None
        if state is None:
            return 400, "unknown_account"
        if state == "linked":
            return 409, "already_linked"
        if not isinstance(classification, str) or not 0 < len(classification.strip()) <= CLASSIFICATION_AT_MOST:
            return 400, "classification_required"
        if owner is not None and owner not in OWNERS:
            return 400, "invalid_owner"
        connection.execute(
            "UPDATE accounts SET state = 'linked', classification = ?1, owner = ?2, linked_after = "
            "coalesce((SELECT max(last_feed) FROM connections WHERE client_id = ?3), 0) "
            "WHERE client_id = ?3 AND source_key = ?4",
            (classification.strip(), owner, client_id, key),
        )
        return 201, None

    def describe(self) -> dict[int, list[Json]]:
        """Every account by client id, with its state and whether it is missing."""
        found: dict[int, list[Json]] = {}
        for row in self.database.rows(f"{ACCOUNTS}ORDER BY a.client_id, a.source_key"):
            shown = {**_body(row), "state": row["state"], "isMissing": bool(row["is_missing"])}
            found.setdefault(row["client_id"], []).append(shown)
        return found
