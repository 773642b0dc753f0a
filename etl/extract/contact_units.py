"""Contacts as units (SCP-7): the household that a person heads or is the spouse in, else a unit of its own.

And people whom a vendor has in a unit and the CRM no longer has there: where they are now, what they own (LIFE-EVENT).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import sqlalchemy as sa

from etl import schema as s
from etl.extract.cells import is_alive
from etl.extract.census import (
    Census,
    as_units,
    in_order,
    people_of,
    read_clients,
    read_households,
    read_members,
    ties_of,
)
from etl.extract.shard import Frames, read_people
from etl.extract.source import Snapshot, to_frame
from etl.frames import are_among
from etl.units import contact_keys
from etl.values import FAMILY_RELATION_TYPES, NO_PERSON_TYPES, PERSON_RECORD_TYPES, SPOUSE_ROLES, is_one_of


def households_of(snapshot: Snapshot, contact_ids: Iterable[int]) -> pd.DataFrame:
    """contact_id, household_id of the living households that they head or are the spouse in, preferred first."""
    people = pd.Series(list(contact_ids), dtype="int64")
    member = s.household_member.c
    columns = snapshot.columns(member.contact_id, member.household_id, member.role, member.is_primary)
    rows = snapshot.read(sa.select(*columns).where(member.contact_id.in_(snapshot.id_list())), people)
    memberships = to_frame(rows)
    heads = pd.concat([pd.DataFrame({"contact_id": people, "head": people}), spouses_of(snapshot, people)])
    led = read_households(snapshot, s.household.c.head_contact_id, heads["head"].unique())
    led = led[["household_id", "client_contact_id"]].astype("int64")
    by_head = heads.merge(led, left_on="head", right_on="client_contact_id")[["contact_id", "household_id"]]
    by_role = memberships.loc[is_one_of(memberships["role"], SPOUSE_ROLES), ["contact_id", "household_id"]]
    living = read_households(snapshot, s.household.c.household_id, by_role["household_id"].unique())
    by_role = by_role[by_role["household_id"].isin(living["household_id"])]
    found = pd.concat([by_head, by_role]).dropna().drop_duplicates()
    found = found.merge(memberships[["contact_id", "household_id", "is_primary"]], how="left")
    found["is_primary"] = found["is_primary"].eq(True)
    order = ["contact_id", "is_primary", "household_id"]
    return found.sort_values(order, ascending=[True, False, True], ignore_index=True)[["contact_id", "household_id"]]


def own_units(snapshot: Snapshot, contact_ids: Iterable[int]) -> pd.DataFrame:
    """The persons among them who are head or spouse of no household, as rows of `Census.units`."""
    people = pd.Series(list(contact_ids), dtype="int64")
    contact = s.contact.c
    columns = snapshot.columns(contact.contact_id, contact.office_id, contact.record_type, contact.subsystem_type)
    living = sa.select(*columns).where(
        is_alive(snapshot.is_sqlite, s.contact), contact.contact_id.in_(snapshot.id_list())
    )
    rows = to_frame(snapshot.read(living, people)).drop_duplicates("contact_id")
    kinds = rows["record_type"], rows["subsystem_type"]
    is_person = is_one_of(kinds[0], PERSON_RECORD_TYPES) | is_one_of(kinds[1], PERSON_RECORD_TYPES)
    is_person &= ~(is_one_of(kinds[0], NO_PERSON_TYPES) | is_one_of(kinds[1], NO_PERSON_TYPES))
    clients = rows.loc[is_person, ["contact_id", "office_id"]].rename(columns={"contact_id": "client_contact_id"})
    return as_units(clients, households_of(snapshot, people)["contact_id"])


def with_own_units(snapshot: Snapshot, census: Census, contact_ids: Iterable[int]) -> Census:
    """The census with those of these contacts who are units of their own, although SCP-2 makes them none."""
    others = pd.Series(list(contact_ids), dtype="int64")
    others = others[~are_among(contact_keys(others), census.units["unit_key"])]
    more = own_units(snapshot, others) if len(others) else census.units.iloc[:0]
    if more.empty:
        return census
    units = in_order(census.units, more)
    numbers = pd.Series(units.index, index=units["unit_key"])
    now = numbers[census.units["unit_key"]].to_numpy()
    known = census.people.assign(unit=now[census.people["unit"]])
    fresh = units[units["unit_key"].isin(more["unit_key"])]
    ties = ties_of(snapshot, fresh["client_contact_id"])
    nobody = pd.DataFrame({"household_id": pd.Series(dtype="int64"), "contact_id": pd.Series(dtype="int64")})
    people = pd.concat([known, people_of(fresh, nobody, ties)], ignore_index=True)
    return Census(units, people, census.faults)


def units_led_by(snapshot: Snapshot, people: pd.Series) -> pd.DataFrame:
    """The units in the whole CRM whose client is one of these people, as rows of `Census.units`."""
    led = read_households(snapshot, s.household.c.head_contact_id, people)
    memberships = read_members(snapshot, s.household_member.c.contact_id, people)
    living = read_households(snapshot, s.household.c.household_id, memberships["household_id"])["household_id"]
    members = memberships.loc[memberships["household_id"].isin(living), "contact_id"]
    clients = read_clients(snapshot, s.contact.c.contact_id, people)
    return pd.concat([led, as_units(clients, pd.concat([members, led["client_contact_id"]]))], ignore_index=True)


def read_former(snapshot: Snapshot, contact_ids: Iterable[int]) -> Frames:
    """contacts, client_of, accounts, liabilities, policies, beneficiaries of these people, as in a shard's frames."""
    led = units_of_persons(snapshot, contact_ids)[["client_contact_id", "unit_key"]]
    led = led.rename(columns={"client_contact_id": "contact_id"})
    people = pd.Series(sorted(contact_ids), dtype="int64")
    return {**read_people(snapshot, people), "client_of": pa.Table.from_pandas(led, preserve_index=False)}


def units_of_persons(snapshot: Snapshot, contact_ids: Iterable[int]) -> pd.DataFrame:
    """The units whose client each of these people is in a run by hand (SCP-7), as rows of `Census.units`."""
    people = pd.Series(sorted(contact_ids), dtype="int64")
    units = pd.concat([units_led_by(snapshot, people), own_units(snapshot, people)], ignore_index=True)
    return units[units["client_contact_id"].isin(people)].drop_duplicates("unit_key")


def spouses_of(snapshot: Snapshot, people: pd.Series) -> pd.DataFrame:
    """contact_id, head: the contacts to which key relations tie them as a spouse, from either side."""
    relation = s.key_relation.c
    sides = (relation.contact_id, relation.related_contact_id)
    columns = snapshot.columns(*sides, relation.relation_type, relation.relation)
    found = []
    for mine, other in (sides, sides[::-1]):
        ties = to_frame(snapshot.read(sa.select(*columns).where(mine.in_(snapshot.id_list())), people))
        found.append(ties.loc[are_spouses(ties), [mine.name, other.name]].set_axis(["contact_id", "head"], axis=1))
    spouses = pd.concat(found).dropna()
    return spouses[spouses["contact_id"] != spouses["head"]]


def are_spouses(ties: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Which key relations name a spouse (HH-SPOUSE-RELATION)."""
    is_spouse: npt.NDArray[np.bool_] = is_one_of(ties["relation_type"], FAMILY_RELATION_TYPES)
    return is_spouse & is_one_of(ties["relation"], SPOUSE_ROLES)
