"""Whom the vendors have in a unit and the CRM no longer has there: read while the run's snapshot is open (LIFE-EVENT).

Stages ``former`` (contacts, client_of, accounts, liabilities, policies, beneficiaries), if there is anybody.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from etl.extract.former import read_former
from etl.extract.scope import Census
from etl.extract.source import Snapshot
from include.refresh.context import RunContext

STAGE = "former"

# Contact ids are shorter than this many bits.
_BITS = 40


def stage_former(
    context: RunContext, snapshot: Snapshot, census: Census, numbers: pd.Index, linked: Mapping[str, pd.DataFrame]
) -> None:
    """Heads and spouses last sent of the units with these numbers who are not of the unit any more.

    ``linked``: by vendor, unit_key, client_contact_id and spouse_contact_id as last sent.
    """
    number_of = pd.Series(numbers, index=census.units.loc[numbers, "unit_key"])
    sent = [_people(linked[vendor], number_of) for vendor in context.request.vendors]
    people = census.people[census.people["unit"].isin(numbers)]
    known = (people["unit"].to_numpy(dtype=np.int64) << _BITS) + people["contact_id"].to_numpy(dtype=np.int64)
    gone = np.setdiff1d(np.concatenate(sent), known) & ((1 << _BITS) - 1)
    if len(gone):
        context.staging.write(STAGE, read_former(snapshot, np.unique(gone).tolist()))


def _people(linked: pd.DataFrame, number_of: pd.Series[int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Unit and contact of everybody last sent, as one number each."""
    numbers = linked["unit_key"].map(number_of)
    parts = [
        (numbers[known].to_numpy(dtype=np.int64) << _BITS) + linked.loc[known, column].to_numpy(dtype=np.int64)
        for column in ("client_contact_id", "spouse_contact_id")
        for known in [numbers.notna() & linked[column].notna()]
    ]
    return np.concatenate(parts)
