"""One unit of the CRM and what its shard needs, read narrowly: a run by hand reads no table as a whole (SCP-7).

The census of one unit gives `etl.extract.shard.read_shard` what the census of all units would give it for that unit.
The frames, and so the documents, are the same bytes (SCP-5).
"""

from __future__ import annotations

import pandas as pd
import sqlalchemy as sa

from etl import schema as s
from etl.errors import ParamsError
from etl.extract.broken_rows import Faults
from etl.extract.census import Census, as_units, in_order, people_of, read_households, read_members, ties_of
from etl.extract.contact_units import households_of, units_led_by
from etl.extract.source import Snapshot, to_frame
from etl.units import HOUSEHOLD, UnitKey, contact_key, household_key
from etl.values import NO_PERSON_TYPES, PERSON_RECORD_TYPES, normal


def unit_of_household(snapshot: Snapshot, household_id: int) -> str:
    """``H<id>``. Raises `ParamsError` for a household that the CRM does not have, or has among its deleted records."""
    household = s.household.c
    rows = snapshot.read(
        sa.select(*snapshot.columns(household.household_id, household.deleted_at)).where(
            household.household_id.in_(snapshot.id_list())
        ),
        [household_id],
    ).to_pylist()
    if not rows:
        raise ParamsError(f"The CRM has no household {household_id}.")
    if rows[0]["deleted_at"]:
        raise ParamsError(f"Household {household_id} is deleted in the CRM: restore it from Deleted Records first.")
    return household_key(household_id)


def unit_of_contact(snapshot: Snapshot, contact_id: int) -> str:
    """SCP-7: ``H<id>`` for the head or spouse of a household, ``C<id>`` for any other person.

    Raises `ParamsError` for a contact that the CRM does not have, that is deleted, or that is no person.
    """
    _check_person(snapshot, contact_id)
    households = households_of(snapshot, [contact_id])
    return contact_key(contact_id) if households.empty else household_key(households["household_id"].iloc[0])


def take_census_of(snapshot: Snapshot, unit_key: str) -> tuple[Census, int]:
    """The census as far as it concerns one unit, and the unit's number in it."""
    (letter, number), faults = UnitKey.parse(unit_key), Faults()
    if letter == HOUSEHOLD:
        unit = read_households(snapshot, s.household.c.household_id, [number], faults)
    else:
        contact = s.contact.c
        rows = snapshot.read(
            sa.select(*snapshot.columns(contact.contact_id, contact.office_id)).where(
                contact.contact_id.in_(snapshot.id_list())
            ),
            [number],
        )
        single = to_frame(rows).rename(columns={"contact_id": "client_contact_id"}).drop_duplicates("client_contact_id")
        unit = as_units(single, pd.Series(dtype="Int64"))
        read_members(snapshot, s.household_member.c.contact_id, [number], faults)
    people = people_of(
        unit,
        read_members(snapshot, s.household_member.c.household_id, unit["household_id"].dropna()),
        ties_of(snapshot, unit["client_contact_id"].dropna()),
    )
    others = units_led_by(snapshot, people["contact_id"])
    units = in_order(unit, others[others["unit_key"] != unit_key])
    at = int(units.index[units["unit_key"] == unit_key][0])
    return Census(units, people.assign(unit=at), faults), at


def _check_person(snapshot: Snapshot, contact_id: int) -> None:
    contact = s.contact.c
    rows = snapshot.read(
        sa.select(*snapshot.columns(contact.record_type, contact.subsystem_type, contact.deleted_at)).where(
            contact.contact_id.in_(snapshot.id_list())
        ),
        [contact_id],
    ).to_pylist()
    if not rows:
        raise ParamsError(f"The CRM has no contact {contact_id}.")
    kinds = {normal(rows[0][name] or "") for name in ("record_type", "subsystem_type")}
    odd = sorted(kinds & NO_PERSON_TYPES)
    if rows[0]["deleted_at"]:
        raise ParamsError(f"Contact {contact_id} is deleted in the CRM: restore it from Deleted Records first.")
    if odd or not kinds & PERSON_RECORD_TYPES:
        what = odd[0] if odd else "no contact"
        raise ParamsError(f"Contact {contact_id} is {_with_article(what)}: only persons have a financial plan (SCP-3).")


def _with_article(noun: str) -> str:
    return noun if noun.startswith("no ") else f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
