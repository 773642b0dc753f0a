"""The second stage: the documents of a shard, what the gate checks of them, and what does not go.

Stages for each vendor ``<vendor>/<shard>``: documents, their heads (hashes and contacts, no content), how many receipts
there are of each kind, users, items, and a ``facts_…`` table for each facts frame, with the columns that the gate asks
for; and ``labels/<shard>``, by which people find the households in the CRM.
"""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType
from typing import TYPE_CHECKING

import pandas as pd

from etl.load import known_names
from etl.load.emoney_document import people_hash
from etl.load.ledger import unit_moves
from expectations.facts import FRAMES, FRAMES_OF
from include.refresh.context import RunContext
from include.refresh.plan import shard_name

if TYPE_CHECKING:
    from etl.transform.built import Built


def transform_shard(context: RunContext, number: int) -> int:
    """Builds and stages both vendors' documents of a shard; gives the number of units."""
    from etl.transform import emoney, profiles

    builders: dict[str, ModuleType] = {"profiles": profiles, "emoney": emoney}
    frames = context.staging.read(shard_name("source", number))
    names = unit_moves.known_names(context.ledger)
    for vendor in context.request.vendors:
        built = builders[vendor].build(frames, context.request.as_of, context.settings.service.user)
        if names:
            documents, items = (
                known_names.in_documents(built.documents, names),
                known_names.in_items(built.items, names),
            )
            built = replace(built, documents=documents, items=items)
        documents = _in_parts(built) if vendor == "emoney" else built.documents
        tables = {
            "documents": documents,
            "heads": documents.drop(columns=["document", "source_keys"], errors="ignore"),
            "receipts": built.book.counts(),
            "users": built.users,
            "items": built.items,
        }
        facts = {f"facts_{name}": built.facts[name][list(FRAMES[name])] for name in FRAMES_OF[vendor]}
        context.staging.write(shard_name(vendor, number), {**tables, **facts})
    context.staging.write(shard_name("labels", number), {"labels": _labels(frames)})
    return len(frames["units"])


def _in_parts(built: Built) -> pd.DataFrame:
    """eMoney takes people by call and values by feed: the documents with the people's hash and the values' keys."""
    keys: dict[str, list[str]] = {}
    for unit_key, source_key in zip(built.items["unit_key"].tolist(), built.items["source_key"].tolist(), strict=True):
        keys.setdefault(unit_key, []).append(source_key)
    documents = built.documents
    return documents.assign(
        people_hash=pd.array([people_hash(document) for document in documents["document"]], dtype="str"),
        source_keys=pd.array([" ".join(keys.get(unit_key, ())) for unit_key in documents["unit_key"]], dtype="str"),
    )


def _labels(frames: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """unit_key, household_name, head_name, assigned_user, office_name: names, for the stewards' report alone."""
    people = frames["contacts"][["contact_id", "first_name", "last_name", "assigned_user_id"]]
    rows = frames["units"].merge(people, left_on="client_contact_id", right_on="contact_id", how="left")
    rows = rows.merge(frames["users"], left_on="assigned_user_id", right_on="user_id", how="left")
    rows = rows.merge(frames["offices"], on="office_id", how="left")
    head = rows["first_name"].fillna("").str.cat(rows["last_name"].fillna(""), sep=" ").str.strip()
    return pd.DataFrame(
        {
            "unit_key": rows["unit_key"],
            "household_name": rows["household_name"].fillna(""),
            "head_name": head,
            "office_name": rows["office_name"].fillna(""),
            "assigned_user": rows["user_name"].fillna(""),
        }
    )
