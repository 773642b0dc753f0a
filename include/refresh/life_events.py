"""LIFE-EVENT: a couple that is not the one which the vendor has. Held at both vendors until somebody confirms it."""

from __future__ import annotations

from typing import Any

import pandas as pd

from etl.load.ledger import links
from expectations import rules
from include.refresh.context import RunContext
from include.staging import each_row


def find_life_events(context: RunContext, vendor: str, decisions: pd.DataFrame, overrides: Any) -> pd.DataFrame:
    """LIFE-EVENT: against what was last sent, the head changed, or a spouse has gone or is another."""
    linked = links.read_links_of(context.ledger, vendor, decisions[["unit_key", "client_contact_id"]])
    linked = linked[["unit_key", "client_contact_id", "spouse_contact_id"]]
    pairs = decisions.merge(linked, on="unit_key", suffixes=("", "_sent"))
    other_head = (
        pairs["client_contact_id_sent"].notna()
        & pairs["client_contact_id"].notna()
        & (pairs["client_contact_id"] != pairs["client_contact_id_sent"]).fillna(False)
    )
    other_spouse = (
        pairs["spouse_contact_id_sent"].notna()
        & pairs["payload_hash"].notna()
        & ~(pairs["spouse_contact_id"] == pairs["spouse_contact_id_sent"]).fillna(False)
    )
    events = pairs[(other_head | other_spouse).to_numpy(dtype=bool)]
    found = [
        rules.finding(
            "LIFE-EVENT",
            vendor,
            row.unit_key,
            entity="household" if row.unit_key[0] == "H" else "contact",
            entity_id=int(row.unit_key[1:]),
            message=_life_event_message(row),
            overrides=overrides,
        )
        for row in each_row(events)
    ]
    return pd.DataFrame(found, columns=list(rules.FINDING_COLUMNS))


def _life_event_message(row: Any) -> str:
    if row.client_contact_id != row.client_contact_id_sent:
        return (
            f"The head was contact {row.client_contact_id_sent} when last sent and is contact {row.client_contact_id}."
        )
    if pd.isna(row.spouse_contact_id):
        return f"The spouse last sent (contact {row.spouse_contact_id_sent}) is not the spouse any more; nobody is."
    return f"The spouse was contact {row.spouse_contact_id_sent} when last sent and is contact {row.spouse_contact_id}."
