"""The frames of a shard, or of some of its units alone."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from etl.frames import are_among


def of_units(frames: dict[str, pd.DataFrame], unit_keys: Sequence[str]) -> dict[str, pd.DataFrame]:
    """The frames without what belongs to other units than these; of all units, as they are."""
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
