"""People whom the vendors have in a unit and the CRM does not, read while the run's snapshot is open (LIFE-EVENT).

Stages ``former`` (contacts, client_of, accounts, liabilities, policies, beneficiaries) and ``holders``, if there are
such people.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from etl.extract.census import Census, read_households
from etl.extract.contact_units import read_former
from etl.extract.source import Snapshot
from etl.schema import household
from etl.units import numbers_of
from include.pipelines.identity.link_ownership import held_by_households
from include.pipelines.run.context import RunContext

Numbers = np.ndarray[tuple[int], np.dtype[np.int64]]

STAGE = "former"
HOLDERS = "holders"


def stage_former(
    context: RunContext, snapshot: Snapshot, census: Census, numbers: pd.Index, linked: Mapping[str, pd.DataFrame]
) -> None:
    """Stages the heads and spouses last sent who are not in their unit any more, of the units with these numbers.

    ``linked``: by vendor, unit_key, client_contact_id and spouse_contact_id as last sent.
    """
    units = census.units.loc[numbers]
    # The place of each link's unit in ``units``; -1: the run does not take the unit.
    keys = pd.Index(units["unit_key"].to_numpy(dtype=object))
    places = {
        vendor: keys.get_indexer(linked[vendor]["unit_key"].to_numpy(dtype=object))
        for vendor in context.request.vendors
    }
    sent = [_people(linked[vendor], place, numbers) for vendor, place in places.items()]
    people = census.people.loc[census.people["unit"].isin(numbers), ["unit", "contact_id"]]
    gone = _missing(pd.concat(sent, ignore_index=True), people)
    if len(gone):
        context.staging.write(STAGE, read_former(snapshot, np.unique(gone).tolist()))
    if "emoney" in context.request.vendors:
        is_fresh = np.ones(len(units), dtype=np.bool_)
        is_fresh[places["emoney"][places["emoney"] >= 0]] = False
        if is_fresh.any() and len(holders := _holders(context, snapshot, units[is_fresh], linked["emoney"])):
            context.staging.write(HOLDERS, {"holders": holders})


def _holders(context: RunContext, snapshot: Snapshot, units: pd.DataFrame, linked: pd.DataFrame) -> pd.DataFrame:
    """unit_key, client_contact_id, holder, role: units without a link whose client eMoney has in a household's record.

    The role there is client, of a household that has another head now, or spouse. A second client for the same person
    would stay for good, because eMoney does not compare clients.
    """
    held = held_by_households(context, "emoney", units, linked)
    ids = numbers_of(held["holder"])
    heads = read_households(snapshot, household.c.household_id, ids)[["unit_key", "client_contact_id"]].dropna()
    heads = heads.rename(columns={"unit_key": "holder", "client_contact_id": "head"})
    clients = held.merge(heads, on="holder")
    clients = clients[clients["client_contact_id"] != clients["head"]].drop(columns="head").assign(role="client")
    spouses = held_by_households(context, "emoney", units, linked, "spouse_contact_id").assign(role="spouse")
    return pd.concat([clients, spouses], ignore_index=True).drop_duplicates("unit_key")


def _people(linked: pd.DataFrame, places: Numbers, numbers: pd.Index) -> pd.DataFrame:
    """unit, contact_id of all people last sent."""
    unit = np.append(numbers.to_numpy(dtype=np.int64), -1)[places]
    sent = [
        pd.DataFrame({"unit": unit, "contact_id": linked[column].to_numpy()})[places >= 0]
        for column in ("client_contact_id", "spouse_contact_id")
    ]
    return pd.concat(sent).dropna().astype("int64")


def _missing(sent: pd.DataFrame, people: pd.DataFrame) -> Numbers:
    """The contacts who were sent in a unit and are not in it."""
    # A contact's key has up to 64 bits; its place among all keys leaves room for the unit's number.
    places, keys = pd.factorize(pd.concat([sent["contact_id"], people["contact_id"]]))
    pairs = pd.concat([sent["unit"], people["unit"]], ignore_index=True) * len(keys) + places
    is_missing = ~pairs[: len(sent)].isin(pairs[len(sent) :])
    return sent.loc[is_missing, "contact_id"].to_numpy(dtype=np.int64)
