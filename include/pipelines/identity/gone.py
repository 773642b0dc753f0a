"""Linked units that are no units any more (SCP-GONE): reported once, with what stays at the vendor.

Stages ``gone/<vendor>``: ``units``, the ones that no earlier run has reported. The finding stays open until the unit is
back, or until a person ends its link.
"""

from __future__ import annotations

import pandas as pd
import sqlalchemy as sa

from etl import schema as s
from etl.errors import VENDOR_NAMES
from etl.extract.census import Census
from etl.extract.contact_units import households_of
from etl.extract.source import Snapshot, to_frame
from etl.frames import are_among, each_row, typed
from etl.load.ledger import findings, identities
from etl.units import are_households, numbers_of
from include.pipelines.run.context import RunContext
from include.pipelines.run.findings import as_findings, unit_finding

STAGE = "gone"
RULE = "SCP-GONE"
_KINDS = {"unit_key": "str", "words": "str"}


def stage_gone(
    context: RunContext, snapshot: Snapshot, vendor: str, census: Census, linked: pd.DataFrame, people: pd.DataFrame
) -> None:
    """Stages the linked units that are gone.

    ``linked``: unit_key, vendor_client_id of all the vendor's links; ``people``: the identities of all contacts.
    """
    gone = linked[~are_among(linked["unit_key"], census.units["unit_key"])]
    if len(gone):
        known = findings.units_with(context.ledger, context.request.run_id, vendor, [RULE])
        gone = gone[~are_among(gone["unit_key"], known)]
    keys = gone["unit_key"]
    in_households = are_households(keys)
    why = _why_households(snapshot, keys[in_households])
    why |= _why_contacts(context, snapshot, keys[~in_households], people)
    rows = [
        (
            row.unit_key,
            f"{row.unit_key} {why[row.unit_key]}, and is no unit any more. {VENDOR_NAMES[vendor]} keeps its record "
            f"{row.vendor_client_id} as it is, with all that is linked and typed there; nothing is sent to it.",
        )
        for row in each_row(gone)
    ]
    context.staging.write(f"{STAGE}/{vendor}", {"units": typed(rows, _KINDS)})


def read_gone(context: RunContext, vendor: str) -> pd.DataFrame:
    """SCP-GONE of the units that this run has found gone: `rules.FINDING_COLUMNS`. A run by hand looks for none."""
    stage = f"{STAGE}/{vendor}"
    if not context.staging.has(stage):
        return as_findings([])
    units = context.staging.read(stage)["units"]
    return as_findings(unit_finding(context, RULE, vendor, row.unit_key, row.words) for row in each_row(units))


def _why_households(snapshot: Snapshot, keys: pd.Series) -> dict[str, str]:
    if keys.empty:
        return {}
    household = s.household.c
    statement = sa.select(*snapshot.columns(household.household_id)).where(
        household.household_id.in_(snapshot.id_list())
    )
    ids = numbers_of(keys)
    is_there = ids.isin(to_frame(snapshot.read(statement, ids))["household_id"])
    words = is_there.map({True: "is in Deleted Records", False: "is not in SmartOffice"})
    return dict(zip(keys, words, strict=True))


def _why_contacts(context: RunContext, snapshot: Snapshot, keys: pd.Series, people: pd.DataFrame) -> dict[str, str]:
    if keys.empty:
        return {}
    ids = numbers_of(keys)
    merged = identities.merges_followed(context.ledger)
    states = people[people["contact_id"].isin(ids)].set_index("contact_id")["is_deleted"]
    homes = households_of(snapshot, ids).drop_duplicates("contact_id").set_index("contact_id")["household_id"]
    return {
        key: _why_contact(one, merged.get(one), states.get(one), homes.get(one))
        for key, one in zip(keys, ids, strict=True)
    }


def _why_contact(contact_id: int, merged_into: int | None, is_deleted: bool | None, home: int | None) -> str:
    if merged_into is not None:
        return f"was merged into contact {merged_into}, who has a record of its own there"
    if is_deleted is None:
        return "is not in SmartOffice"
    if is_deleted:
        return "is in Deleted Records"
    return f"is head or spouse of H{home}" if home is not None else "is no person by record and subsystem type"
