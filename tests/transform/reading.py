"""Reads what a build gives: one unit's document, facts and receipts as plain values."""

import json
from decimal import Decimal
from typing import Any

from etl.transform.assembly import VendorBatch, assemble
from etl.transform.rules.contacts import reach
from tests.builders import AS_OF, Office


def batch_of(office: Office, vendor: str, **changes: Any) -> VendorBatch:
    frames = office.frames()
    reached = reach(frames, changes.pop("aliases", {}))
    return assemble(vendor, frames, changes.pop("as_of", AS_OF), reached=reached, **changes)


def document(batch: VendorBatch, unit_key: str) -> dict[str, Any]:
    """One document, with its numbers as Decimal."""
    rows = batch.documents.set_index("unit_key")["document"]
    return json.loads(rows[unit_key], parse_float=Decimal, parse_int=int)


def case(office: Office, unit_key: str, **changes: Any) -> dict[str, Any]:
    """The Profiles document of a unit."""
    return document(batch_of(office, "profiles", **changes), unit_key)["document"]


def client_file(office: Office, unit_key: str, **changes: Any) -> dict[str, Any]:
    """The eMoney document of a unit."""
    return document(batch_of(office, "emoney", **changes), unit_key)


def fact(batch: VendorBatch, name: str, entity_id: int) -> dict[str, Any]:
    """One row of the facts; no value is None."""
    rows = batch.facts[name]
    row = rows[rows["entity_id"] == entity_id].astype(object)
    assert len(row) == 1, f"{len(row)} facts of {name} {entity_id}"
    return row.where(row.notna(), None).iloc[0].to_dict()


def receipts(batch: VendorBatch) -> set[tuple[str, int, str, str]]:
    """All receipts as (entity, id, field, rule)."""
    columns = ["entity", "entity_id", "field", "rule_id"]
    return set(batch.receipts[columns].itertuples(index=False, name=None))


def left_out(batch: VendorBatch) -> set[tuple[str, int, str]]:
    """Whole records left out by a reported rule, as (entity, id, rule)."""
    columns = ["entity", "entity_id", "rule_id"]
    return set(batch.facts["left_out"][columns].itertuples(index=False, name=None))
