"""Fills the database of a sandbox with many records at once, past the API."""

from collections.abc import Iterable
from typing import Any

from include.sandbox.common.records import complete
from include.sandbox.emoney.accounts import name_of, values_of
from include.sandbox.emoney.records import Spouse, complete_client
from include.sandbox.emoney.store import Store as EmoneyStore
from include.sandbox.profiles.records import NewCase, complete_document
from include.sandbox.profiles.store import Store as ProfilesStore

Json = dict[str, Any]
ADD_ACCOUNT = """INSERT INTO accounts (client_id, source_key, kind, name, state, classification, linked_after, amounts)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?)"""


def fill_profiles(store: ProfilesStore, bodies: Iterable[Json]) -> list[tuple[int, int]]:
    """(household id, case id) of each new household; bodies as in `POST /api/households`."""
    with store.database.write():
        return [
            store.add_household(body["externalSourceId"], complete_document(NewCase, body["case"], "case"))
            for body in bodies
        ]


def fill_emoney(store: EmoneyStore, rows: Iterable[Json]) -> list[int]:
    """The ids of the new clients.

    A row is ``{"client": Client, "spouse": Spouse | None, "accounts": [Account]}``; an Account is an Item with
    ``state`` ("available" or "linked") and ``classification``. Every client is connected.
    """
    added = []
    with store.database.write() as connection:
        for row in rows:
            client_id = store.add_client(complete_client(row["client"]))
            if row.get("spouse"):
                store.put_spouse(client_id, complete(Spouse, row["spouse"]))
            store.connect(client_id)
            connection.executemany(ADD_ACCOUNT, [_account(client_id, item) for item in row["accounts"]])
            added.append(client_id)
    return added


def _account(client_id: int, item: Json) -> tuple[Any, ...]:
    state = item.get("state", "available")
    named = (client_id, item["sourceKey"], item["kind"], name_of(item))
    return *named, state, item.get("classification"), 0 if state == "linked" else None, values_of(item)
