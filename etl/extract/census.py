"""All units of the CRM and the people of each (SCP-1 to SCP-3).

A unit is a household (``H12``, client = its head) or a contact without one (``C7``). Everything here is set-wise: a
fixed number of statements, for any size of the CRM.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import sqlalchemy as sa

from etl import schema as s
from etl.errors import ParamsError
from etl.extract.broken_rows import Faults, read_rows
from etl.extract.cells import is_alive, may_be_unreadable, text_of
from etl.extract.source import Snapshot, to_frame
from etl.frames import are_among
from etl.units import contact_keys, household_keys
from etl.values import CLIENT_CONTACT_TYPES, SPOUSE_WORDS, is_one_of

# A column and the values of it that are wanted; None: all rows.
Key = sa.Column[Any] | None
Keys = Iterable[int] | None


@dataclass(frozen=True)
class Census:
    """All units of the CRM and the people that belong to each.

    units: unit_key, household_id, household_name, client_contact_id, office_id; index = unit number.
    people: unit (the number), contact_id — members, the client, and who may be tied to the client as a spouse.
    faults: what is wrong with the rows that make them units.
    """

    units: pd.DataFrame
    people: pd.DataFrame
    faults: Faults = field(default_factory=Faults)

    def units_of(self, contact_ids: pd.Series) -> pd.Index:
        """The numbers of the units that any of these contacts belongs to."""
        numbers: pd.Index = pd.Index(self.people.loc[self.people["contact_id"].isin(contact_ids), "unit"].unique())
        return numbers

    def of_keys(self, unit_keys: list[str]) -> pd.Index:
        """The numbers of these units. Raises `ParamsError` naming keys that are no unit (SCP-1 to SCP-3)."""
        unknown = sorted(set(unit_keys) - set(self.units["unit_key"]))
        if unknown:
            raise ParamsError(
                f"No such unit in the CRM: {', '.join(unknown[:20])}. A unit is H<household id> of a household that is "
                "not deleted, or C<contact id> of a client contact in no household."
            )
        return self.units.index[are_among(self.units["unit_key"], unit_keys)]


def take_census(snapshot: Snapshot) -> Census:
    """All units (SCP-1, SCP-2, SCP-3) and their people."""
    faults = Faults()
    households = read_households(snapshot, faults=faults)
    members = read_members(snapshot, faults=faults)
    members = members[members["household_id"].isin(households["household_id"])]
    singles = as_units(read_clients(snapshot), pd.concat([members["contact_id"], households["client_contact_id"]]))
    units = in_order(households, singles)
    return Census(units, people_of(units, members, read_ties(snapshot)), faults)


def read_households(
    snapshot: Snapshot, key: Key = None, keys: Keys = None, faults: Faults | None = None
) -> pd.DataFrame:
    """Households that are not deleted, as rows of `Census.units`: all, or those whose ``key`` is one of ``keys``.

    What is wrong with them goes to ``faults``.
    """
    household = s.household.c
    statement = sa.select(
        *snapshot.columns(
            household.household_id,
            household.name,
            household.head_contact_id,
            household.office_id,
            household.deleted_at,
        )
    ).where(is_alive(snapshot.is_sqlite, s.household))
    found, wrong = read_rows(snapshot, s.household, _narrowed(snapshot, statement, key), keys, "household_id")
    if faults is not None:
        faults.add("household", wrong)
    rows = to_frame(found).rename(columns={"name": "household_name", "head_contact_id": "client_contact_id"})
    rows["unit_key"] = household_keys(rows["household_id"])
    return rows


def read_members(snapshot: Snapshot, key: Key = None, keys: Keys = None, faults: Faults | None = None) -> pd.DataFrame:
    """household_id, contact_id, of deleted households too.

    A person in a household that cannot be read is in no other household: ``faults`` holds that person.
    """
    member = s.household_member.c
    statement = sa.select(*snapshot.columns(member.household_id, member.contact_id))
    found, wrong = read_rows(snapshot, s.household_member, _narrowed(snapshot, statement, key), keys, "contact_id")
    if faults is not None:
        faults.add("lone client", wrong)
    return to_frame(found)


def read_clients(snapshot: Snapshot, key: Key = None, keys: Keys = None) -> pd.DataFrame:
    """client_contact_id, office_id of the contacts who are a unit of their own if they are in no household (SCP-2).

    Labels that cannot be read may be any: such a contact is a unit too, which the gate holds (SCP-CELL).
    """
    contact = s.contact.c
    labels = (contact.record_type, contact.subsystem_type, contact.contact_type)
    may_be = [
        text_of(labels[0]) == "Contact",
        text_of(labels[1]) == "Contact",
        sa.func.lower(text_of(labels[2])).contains("client"),
    ]
    statement = sa.select(*snapshot.columns(contact.contact_id, contact.office_id, *labels)).where(
        is_alive(snapshot.is_sqlite, s.contact),
        *(
            sa.or_(is_wanted, may_be_unreadable(snapshot.is_sqlite, label))
            for label, is_wanted in zip(labels, may_be, strict=True)
        ),
    )
    cells = snapshot.read_cells(_narrowed(snapshot, statement, key), keys)
    clients = to_frame(cells.rows).rename(columns={"contact_id": "client_contact_id"})
    wanted = [(clients[name] == "Contact").to_numpy(dtype=bool) for name in ("record_type", "subsystem_type")]
    wanted.append(is_one_of(clients["contact_type"], CLIENT_CONTACT_TYPES))
    is_unit = clients["client_contact_id"].notna()
    for label, is_wanted in zip(labels, wanted, strict=True):
        is_unit &= is_wanted | cells.unreadable.get(label.name, False)
    return clients.loc[is_unit, ["client_contact_id", "office_id"]].drop_duplicates("client_contact_id")


def read_ties(snapshot: Snapshot, key: Key = None, keys: Keys = None) -> pd.DataFrame:
    """contact_id, related_contact_id of the relations that may name a spouse, each from both sides."""
    relation = s.key_relation.c
    statement = sa.select(*snapshot.columns(relation.contact_id, relation.related_contact_id))
    ties = to_frame(snapshot.read(_narrowed(snapshot, statement.where(may_name_a_spouse()), key), keys)).dropna()
    turned = ties.rename(columns={"contact_id": "related_contact_id", "related_contact_id": "contact_id"})
    return pd.concat([ties, turned])


def ties_of(snapshot: Snapshot, clients: pd.Series) -> pd.DataFrame:
    """The same for these clients alone."""
    sides = (s.key_relation.c.contact_id, s.key_relation.c.related_contact_id)
    return pd.concat([read_ties(snapshot, side, clients) for side in sides]).drop_duplicates()


def as_units(clients: pd.DataFrame, in_households: pd.Series) -> pd.DataFrame:
    """The clients who are in no household, as rows of `Census.units`."""
    clients = clients[~clients["client_contact_id"].isin(in_households)]
    return clients.assign(
        unit_key=contact_keys(clients["client_contact_id"]),
        household_id=pd.array([pd.NA] * len(clients), dtype="Int64"),
        household_name=pd.array([None] * len(clients), dtype="str"),
    )


def in_order(*parts: pd.DataFrame) -> pd.DataFrame:
    """The units of a census, numbered in the order of their keys."""
    units = pd.concat(parts, ignore_index=True).sort_values("unit_key", ignore_index=True)
    return units[["unit_key", "household_id", "household_name", "client_contact_id", "office_id"]]


def people_of(units: pd.DataFrame, members: pd.DataFrame, ties: pd.DataFrame) -> pd.DataFrame:
    """unit, contact_id: members, the client, and who may be tied to the client as a spouse."""
    numbered = units.reset_index(names="unit")
    by_household = numbered.dropna(subset=["household_id"])[["unit", "household_id"]]
    clients = numbered.dropna(subset=["client_contact_id"])[["unit", "client_contact_id"]]
    clients = clients.rename(columns={"client_contact_id": "contact_id"})
    related = clients.merge(ties, on="contact_id")[["unit", "related_contact_id"]]
    people = pd.concat(
        [
            by_household.merge(members, on="household_id")[["unit", "contact_id"]],
            clients,
            related.rename(columns={"related_contact_id": "contact_id"}),
        ],
        ignore_index=True,
    )
    return people.astype({"contact_id": "int64"}).drop_duplicates(ignore_index=True)


def may_name_a_spouse(among_unreadable_on: bool = False) -> sa.ColumnElement[bool]:
    """Key relations worth reading: of type Family, with a word of a spouse in them. The transform decides exactly.

    With ``among_unreadable_on`` (SQLite) those too whose labels may be such that nobody can read them.
    """
    kind, relation = s.key_relation.c.relation_type, s.key_relation.c.relation
    words = sa.func.lower(text_of(relation))
    return sa.and_(
        sa.or_(sa.func.lower(text_of(kind)).contains("family"), may_be_unreadable(among_unreadable_on, kind)),
        sa.or_(*(words.contains(word) for word in SPOUSE_WORDS), may_be_unreadable(among_unreadable_on, relation)),
    )


def _narrowed(snapshot: Snapshot, statement: sa.Select[Any], key: Key) -> sa.Select[Any]:
    return statement if key is None else statement.where(key.in_(snapshot.id_list()))
