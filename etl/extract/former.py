"""People whom a vendor has in a unit and the CRM no longer: what became of them, and what they own (LIFE-EVENT)."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
import pyarrow as pa

from etl.extract.crm import Frames, read_people
from etl.extract.one import units_led_by
from etl.extract.source import Snapshot


def read_former(snapshot: Snapshot, contact_ids: Iterable[int]) -> Frames:
    """contacts, client_of, accounts, liabilities, policies, beneficiaries of these people, as in a shard's frames."""
    people = pd.Series(sorted(contact_ids), dtype="int64")
    led = units_led_by(snapshot, people)[["client_contact_id", "unit_key"]]
    led = led.rename(columns={"client_contact_id": "contact_id"})
    return {**read_people(snapshot, people), "client_of": pa.Table.from_pandas(led, preserve_index=False)}
