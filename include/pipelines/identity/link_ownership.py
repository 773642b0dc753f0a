"""Current owner of each vendor record. A link follows its client when the CRM moves the client to another unit.

Stages ``taken_over/<vendor>``, if there are any: ``units``, the ones that take over the link of another unit
(known_as). The load moves the link, with the unit's lock held; planning changes nothing.
"""

from __future__ import annotations

import pandas as pd

from etl.extract.census import Census, read_households
from etl.extract.contact_units import households_of
from etl.extract.source import Snapshot
from etl.frames import are_among
from etl.load.ledger import links
from etl.schema import household
from etl.units import are_households, contact_keys, household_keys, numbers_of
from include.pipelines.run.context import RunContext

STAGE = "taken_over"


def current_links(
    context: RunContext, snapshot: Snapshot, vendor: str, census: Census, numbers: pd.Index | None = None
) -> pd.DataFrame:
    """The vendor's links as `links.read_links_of` gives them: all, or those of the units with these numbers.

    A link follows its client out of a deleted household, which is no unit any more (SCP-3), and into the household of
    a lone client's spouse (SCP-7).
    """
    units = census.units if numbers is None else census.units.loc[numbers]
    linked = links.read_links_of(context.ledger, vendor, units, of_these_alone=numbers is not None)
    fresh = units[~are_among(units["unit_key"], linked["unit_key"])].dropna(subset=["client_contact_id"])
    moves: dict[str, str] = {}
    if not fresh.empty and (len(linked) or numbers is not None):
        moves = _of_spouses(snapshot, fresh, _no_units(context, vendor, census, numbers, linked))
        moves |= _of_deleted_households(context, snapshot, vendor, fresh, linked)
    if not moves and not context.staging.has(f"{STAGE}/{vendor}"):
        return linked
    table = pd.DataFrame({"unit_key": list(moves), "known_as": list(moves.values())}, dtype="str")
    context.staging.write(f"{STAGE}/{vendor}", {"units": table})
    return links_of(context, vendor, units, of_these_alone=numbers is not None)


def read_taken_over(context: RunContext, vendor: str) -> dict[str, str]:
    """unit key -> the key under which the ledger still knows the unit."""
    if not context.staging.has(f"{STAGE}/{vendor}"):
        return {}
    units = context.staging.read(f"{STAGE}/{vendor}", ["units"])["units"]
    return dict(zip(units["unit_key"], units["known_as"], strict=True))


def links_of(context: RunContext, vendor: str, units: pd.DataFrame, *, of_these_alone: bool) -> pd.DataFrame:
    """The links as `links.read_links_of` gives them, as they will be when they have followed their clients."""
    taken_over = read_taken_over(context, vendor)
    return links.read_links_of(context.ledger, vendor, units, of_these_alone=of_these_alone, taken_over=taken_over)


def _of_deleted_households(
    context: RunContext, snapshot: Snapshot, vendor: str, fresh: pd.DataFrame, linked: pd.DataFrame
) -> dict[str, str]:
    """Unit without a link -> the deleted household whose client was last sent and is now the unit's client."""
    held = held_by_households(context, vendor, fresh, linked)
    living = read_households(snapshot, household.c.household_id, numbers_of(held["holder"]))
    ended = held[~held["holder"].isin(living["unit_key"])]
    ended = ended.drop_duplicates("unit_key").drop_duplicates("client_contact_id")
    return dict(zip(ended["unit_key"], ended["holder"], strict=True))


def _of_spouses(snapshot: Snapshot, fresh: pd.DataFrame, contact_ids: list[int]) -> dict[str, str]:
    """Household without a link -> the key of the lone contact, one of these, who is its head or spouse now."""
    if not contact_ids:
        return {}
    homes = households_of(snapshot, contact_ids).drop_duplicates("contact_id")
    homes = homes.assign(unit_key=household_keys(homes["household_id"])).drop_duplicates("unit_key")
    homes = homes[homes["unit_key"].isin(fresh["unit_key"])]
    return dict(zip(homes["unit_key"], contact_keys(homes["contact_id"]), strict=True))


def _no_units(
    context: RunContext, vendor: str, census: Census, numbers: pd.Index | None, linked: pd.DataFrame
) -> list[int]:
    """Contacts who are linked alone and are no units any more; by hand only the people of the unit."""
    if numbers is not None:
        people = census.people.loc[census.people["unit"].isin(numbers), "contact_id"]
        linked = links.read_links(context.ledger, vendor, contact_keys(people))
    keys = linked.loc[~are_among(linked["unit_key"], census.units["unit_key"]), "unit_key"]
    return numbers_of(keys[~are_households(keys)]).tolist()


def held_by_households(
    context: RunContext, vendor: str, units: pd.DataFrame, linked: pd.DataFrame, person: str = "client_contact_id"
) -> pd.DataFrame:
    """unit_key, client_contact_id, holder: units without a link whose client stands in a household's record.

    ``holder``: the household; ``person``: the role in which the client was last sent there, ``client_contact_id`` or
    ``spouse_contact_id``.
    """
    fresh = units[["unit_key", "client_contact_id"]].dropna()
    clients = fresh["client_contact_id"]
    if context.request.by_hand is not None:
        linked = links.read_links_by_person(context.ledger, vendor, person, clients)
    held = linked.loc[linked[person].isin(clients), ["unit_key", person]]
    held = held.rename(columns={"unit_key": "holder", person: "client_contact_id"})
    held = held[are_households(held["holder"])]
    return fresh.merge(held, on="client_contact_id")
