"""People whom a vendor has in a unit and the CRM no longer: what became of them, and what they own (LIFE-EVENT)."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
import pyarrow as pa

from etl.extract.contact_units import Labels, own_units
from etl.extract.shard import Frames, read_people
from etl.extract.single_unit import units_led_by
from etl.extract.source import Snapshot


def read_former(snapshot: Snapshot, contact_ids: Iterable[int], labels: Labels) -> Frames:
    """contacts, client_of, accounts, liabilities, policies, beneficiaries of these people, as in a shard's frames."""
    led = units_of_persons(snapshot, contact_ids, labels)[["client_contact_id", "unit_key"]]
    led = led.rename(columns={"client_contact_id": "contact_id"})
    people = pd.Series(sorted(contact_ids), dtype="int64")
    return {**read_people(snapshot, people), "client_of": pa.Table.from_pandas(led, preserve_index=False)}


def units_of_persons(snapshot: Snapshot, contact_ids: Iterable[int], labels: Labels) -> pd.DataFrame:
    """The units whose client each of these people is in a run by hand (SCP-7), as rows of `Census.units`."""
    people = pd.Series(sorted(contact_ids), dtype="int64")
    units = pd.concat([units_led_by(snapshot, people), own_units(snapshot, people, labels)], ignore_index=True)
    return units[units["client_contact_id"].isin(people)].drop_duplicates("unit_key")
