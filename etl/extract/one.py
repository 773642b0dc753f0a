"""One unit of the CRM and what its shard needs, read narrowly: a run by hand reads no table as a whole (SCP-7).

The census of one unit gives `etl.extract.crm.read_shard` what the census of all units would give it for that unit: the
frames, and so the documents, are the same bytes (SCP-5).
"""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import sqlalchemy as sa

from etl import schema as s
from etl.errors import ParamsError
from etl.extract import scope
from etl.extract.scope import Census
from etl.extract.source import Snapshot, to_frame

# Whether each label of a column is one that makes a spouse: the value tables are the transform's.
IsSpouse = Callable[[pd.Series], "pd.Series[bool]"]


def unit_of_household(snapshot: Snapshot, household_id: int) -> str:
    """``H<id>``. Raises `ParamsError` for a household that the CRM does not have, or has among its deleted records."""
    household = s.household.c
    rows = snapshot.read(
        sa.select(*snapshot.columns(household.household_id), _is_deleted(household.deleted_at)).where(
            household.household_id.in_(snapshot.id_list())
        ),
        [household_id],
    ).to_pylist()
    if not rows:
        raise ParamsError(f"The CRM has no household {household_id}.")
    if rows[0]["is_deleted"]:
        raise ParamsError(f"Household {household_id} is deleted in the CRM: restore it from Deleted Records first.")
    return f"H{household_id}"


def unit_of_contact(snapshot: Snapshot, contact_id: int, is_spouse: IsSpouse, is_family: IsSpouse) -> str:
    """SCP-7: ``H<id>`` for the head or spouse of a household, ``C<id>`` for any other person.

    Raises `ParamsError` for a contact that the CRM does not have, that is deleted, or that is no person.
    """
    _check_person(snapshot, contact_id)
    households = _households_of(snapshot, contact_id, is_spouse, is_family)
    return f"C{contact_id}" if households.empty else f"H{households['household_id'].iloc[0]}"


def take_census_of(snapshot: Snapshot, unit_key: str) -> tuple[Census, int]:
    """The census as far as it concerns one unit, and the unit's number in it."""
    number = int(unit_key[1:])
    if unit_key[0] == "H":
        unit = scope.read_households(snapshot, s.household.c.household_id, [number])
    else:
        contact = s.contact.c
        rows = snapshot.read(
            sa.select(*snapshot.columns(contact.contact_id, contact.office_id)).where(
                contact.contact_id.in_(snapshot.id_list())
            ),
            [number],
        )
        single = to_frame(rows).rename(columns={"contact_id": "client_contact_id"})
        unit = scope.as_units(single, pd.Series(dtype="Int64"))
    people = scope.people_of(
        unit,
        scope.read_members(snapshot, s.household_member.c.household_id, unit["household_id"].dropna()),
        _ties_of(snapshot, unit["client_contact_id"].dropna()),
    )
    others = units_led_by(snapshot, people["contact_id"])
    units = scope.in_order(unit, others[others["unit_key"] != unit_key])
    at = int(units.index[units["unit_key"] == unit_key][0])
    return Census(units, people.assign(unit=at)), at


def units_led_by(snapshot: Snapshot, people: pd.Series) -> pd.DataFrame:
    """The units in the whole CRM whose client is one of these people, as rows of `Census.units`."""
    led = scope.read_households(snapshot, s.household.c.head_contact_id, people)
    memberships = scope.read_members(snapshot, s.household_member.c.contact_id, people)
    living = scope.read_households(snapshot, s.household.c.household_id, memberships["household_id"])["household_id"]
    members = memberships.loc[memberships["household_id"].isin(living), "contact_id"]
    clients = scope.read_clients(snapshot, s.contact.c.contact_id, people)
    return pd.concat([led, scope.as_units(clients, pd.concat([members, led["client_contact_id"]]))], ignore_index=True)


def _ties_of(snapshot: Snapshot, clients: pd.Series) -> pd.DataFrame:
    sides = (s.key_relation.c.contact_id, s.key_relation.c.related_contact_id)
    return pd.concat([scope.read_ties(snapshot, side, clients) for side in sides]).drop_duplicates()


def _check_person(snapshot: Snapshot, contact_id: int) -> None:
    contact = s.contact.c
    rows = snapshot.read(
        sa.select(
            *snapshot.columns(contact.record_type, contact.subsystem_type), _is_deleted(contact.deleted_at)
        ).where(contact.contact_id.in_(snapshot.id_list())),
        [contact_id],
    ).to_pylist()
    if not rows:
        raise ParamsError(f"The CRM has no contact {contact_id}.")
    kinds = {str(rows[0][name] or "").strip().lower() for name in ("record_type", "subsystem_type")}
    odd = sorted(kinds & {"business", "advisor", "agency", "carrier"})
    if rows[0]["is_deleted"]:
        raise ParamsError(f"Contact {contact_id} is deleted in the CRM: restore it from Deleted Records first.")
    if odd or "contact" not in kinds:
        what = odd[0] if odd else "no contact"
        raise ParamsError(f"Contact {contact_id} is {_with_article(what)}: only persons have a financial plan (SCP-3).")


def _households_of(snapshot: Snapshot, contact_id: int, is_spouse: IsSpouse, is_family: IsSpouse) -> pd.DataFrame:
    """household_id, is_primary of the living households whose head or spouse the contact is; the one to take first."""
    member = s.household_member.c
    rows = snapshot.read(
        sa.select(*snapshot.columns(member.household_id, member.role, member.is_primary)).where(
            member.contact_id.in_(snapshot.id_list())
        ),
        [contact_id],
    )
    memberships = to_frame(rows)
    heads = [contact_id, *_spouses_by_relation(snapshot, contact_id, is_spouse, is_family)]
    led = scope.read_households(snapshot, s.household.c.head_contact_id, heads)["household_id"]
    by_role = memberships.loc[is_spouse(memberships["role"]), "household_id"]
    living = scope.read_households(snapshot, s.household.c.household_id, pd.concat([led, by_role]).unique())
    primary = memberships.loc[memberships["is_primary"], "household_id"]
    found = living[["household_id"]].assign(is_primary=living["household_id"].isin(primary))
    return found.sort_values(["is_primary", "household_id"], ascending=[False, True], ignore_index=True)


def _spouses_by_relation(snapshot: Snapshot, contact_id: int, is_spouse: IsSpouse, is_family: IsSpouse) -> set[int]:
    relation = s.key_relation.c
    sides = (relation.contact_id, relation.related_contact_id)
    columns = snapshot.columns(*sides, relation.relation_type, relation.relation)
    ties = pd.concat(
        [
            to_frame(snapshot.read(sa.select(*columns).where(side.in_(snapshot.id_list())), [contact_id]))
            for side in sides
        ]
    )
    ties = ties[is_family(ties["relation_type"]) & is_spouse(ties["relation"])]
    return {*ties["contact_id"].tolist(), *ties["related_contact_id"].tolist()} - {contact_id}


def _is_deleted(deleted_at: sa.Column[object]) -> sa.ColumnElement[bool]:
    return sa.type_coerce(deleted_at.is_not(None), sa.Boolean).label("is_deleted")


def _with_article(noun: str) -> str:
    return noun if noun.startswith("no ") else f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
