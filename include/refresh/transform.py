"""The second stage: the documents of a shard, what the gate checks of them, and what does not go.

Stages for each vendor ``<vendor>/<shard>``: documents, their heads (hashes and contacts, no content), receipts, users,
items, and a ``facts_…`` table for each facts frame; and ``labels/<shard>``, by which people find the households in the
CRM.
"""

from __future__ import annotations

from types import ModuleType

import pandas as pd

from etl.load.emoney_document import split
from include.refresh.context import RunContext
from include.refresh.plan import shard_name


def transform_shard(context: RunContext, number: int) -> int:
    """Builds and stages both vendors' documents of a shard; gives the number of units."""
    from etl.transform import emoney, profiles

    builders: dict[str, ModuleType] = {"profiles": profiles, "emoney": emoney}
    frames = context.staging.read(shard_name("source", number))
    for vendor in context.request.vendors:
        built = builders[vendor].build(frames, context.request.as_of, context.settings.service.user)
        documents = _split(built.documents) if vendor == "emoney" else built.documents
        heads = documents.drop(columns=["document", "items", "source_keys"], errors="ignore")
        tables = {
            "documents": documents,
            "heads": heads,
            "receipts": built.receipts,
            "users": built.users,
            "items": built.items,
        }
        facts = {f"facts_{name}": rows for name, rows in built.facts.items()}
        context.staging.write(shard_name(vendor, number), {**tables, **facts})
    context.staging.write(shard_name("labels", number), {"labels": _labels(frames)})
    return len(frames["units"])


def _split(documents: pd.DataFrame) -> pd.DataFrame:
    """eMoney takes people by call and values by feed: the hash of the people, the values as bytes and their keys."""
    parts = [split(document) for document in documents["document"]]
    return documents.assign(
        people_hash=pd.array([part.people_hash for part in parts], dtype="str"),
        items=[part.items for part in parts],
        source_keys=pd.array([" ".join(part.source_keys) for part in parts], dtype="str"),
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
