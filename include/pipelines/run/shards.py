"""The shards of a run, as its stages name and read them.

The plan divides the units of a run into shards of the same size; `transform` and `load` work on one shard each. Units
that were asked for by hand are a shard each.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import pandas as pd

from etl.frames import are_among, empty
from include.pipelines.run.context import RunContext
from include.report.run.model import LABEL_COLUMNS

# The part of a unit that is sent, and the column with the hash of its content.
OFFERED = {"case": "payload_hash", "client": "people_hash", "items": "items_hash"}

# By what people find a unit in the CRM, and on the desk.
STAGED_LABELS = (*LABEL_COLUMNS, "office_id", "contact_ids")


def shard_name(stage: str, number: int) -> str:
    """The stage that holds the staged files of a shard: ``source/00003``."""
    return f"{stage}/{number:05d}"


def read_shards(context: RunContext, stage: str, numbers: Iterable[int], table: str) -> pd.DataFrame:
    """One table of several shards (at least one) as one frame, in the order of their numbers."""
    return context.staging.read_together([shard_name(stage, number) for number in sorted(numbers)], table)


def read_documents(context: RunContext, vendor: str, number: int, unit_keys: Iterable[str]) -> pd.DataFrame:
    """The staged documents of these units in a shard."""
    documents = context.staging.read(shard_name(vendor, number), ["documents"])["documents"]
    return documents[are_among(documents["unit_key"], unit_keys)]


def read_scope(context: RunContext) -> pd.DataFrame:
    """unit_key, profiles, emoney (flags), shard, digest of the units that the run takes."""
    return context.staging.read("plan/scope", ["units"])["units"]


def read_decisions(context: RunContext, vendor: str) -> pd.DataFrame:
    """unit_key, shard, decision (send | held | skipped | failed), reason, payload_hash and the couple of each unit."""
    return context.staging.read(f"verdict/{vendor}", ["decisions"])["decisions"]


def read_labels(context: RunContext, unit_keys: Collection[str]) -> pd.DataFrame:
    """`STAGED_LABELS` of those of these units that the run has read."""
    parts = [context.staging.read(stage)["labels"] for stage in context.staging.stages("labels")]
    labels = pd.concat(parts, ignore_index=True) if parts else empty(STAGED_LABELS)
    return labels[are_among(labels["unit_key"], unit_keys)]


def of_units(frames: dict[str, pd.DataFrame], unit_keys: Sequence[str]) -> dict[str, pd.DataFrame]:
    """The frames of a shard, without the rows of other units than these."""
    if len(unit_keys) == len(frames["units"]):
        return frames
    units = frames["units"][are_among(frames["units"]["unit_key"], unit_keys)]
    members = frames["members"][frames["members"]["household_id"].isin(units["household_id"].dropna())]
    ties, ends = frames["relations"], ("contact_id", "related_contact_id")
    ties = ties[ties[ends[0]].isin(units["client_contact_id"]) | ties[ends[1]].isin(units["client_contact_id"])]
    people = pd.concat([units["client_contact_id"].dropna(), members["contact_id"], *(ties[end] for end in ends)])
    few = {**frames, "units": units, "members": members, "relations": ties}
    for name in ("contacts", "client_of", "addresses", "phones", "emails"):
        few[name] = frames[name][frames[name]["contact_id"].isin(people)]
    for name in ("accounts", "liabilities", "policies"):
        few[name] = frames[name][frames[name]["primary_contact_id"].isin(people)]
    for name, owner, key in (("positions", "accounts", "account_id"), ("beneficiaries", "policies", "policy_id")):
        few[name] = frames[name][frames[name][key].isin(few[owner][key])]
    return {name: rows.reset_index(drop=True) for name, rows in few.items()}
