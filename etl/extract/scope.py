"""Which units a run takes (SCP-1 to SCP-4, SCP-6), from the CRM and from what the last finished run saw.

A unit is a household (``H12``, client = its head) or a contact without one (``C7``). Everything here is set-wise: a
fixed number of statements for the whole CRM, whatever its size.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import sqlalchemy as sa

from etl import schema as s
from etl.errors import ParamsError, SettingsError
from etl.extract.source import Snapshot, to_frame

# Every label of HH-SPOUSE-RELATION's table holds one of these words.
SPOUSE_WORDS = ("husband", "wife", "spouse", "partner")


@dataclass(frozen=True)
class Census:
    """All units of the CRM and the people that belong to each.

    units: unit_key, household_id, household_name, client_contact_id, office_id; index = unit number.
    people: unit (the number), contact_id — members, the client, and who may be tied to the client as a spouse.
    """

    units: pd.DataFrame
    people: pd.DataFrame

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
        return self.units.index[self.units["unit_key"].isin(unit_keys)]


def take_census(snapshot: Snapshot) -> Census:
    """All units (SCP-1, SCP-2, SCP-3) and their people."""
    households = to_frame(
        snapshot.read(
            sa.select(
                *snapshot.columns(
                    s.household.c.household_id,
                    s.household.c.name,
                    s.household.c.head_contact_id,
                    s.household.c.office_id,
                )
            ).where(s.household.c.deleted_at.is_(None))
        )
    ).rename(columns={"name": "household_name", "head_contact_id": "client_contact_id"})
    households["unit_key"] = "H" + households["household_id"].astype("str")
    members = to_frame(
        snapshot.read(sa.select(*snapshot.columns(s.household_member.c.household_id, s.household_member.c.contact_id)))
    )
    members = members[members["household_id"].isin(households["household_id"])]
    singles = _lone_clients(snapshot, pd.concat([members["contact_id"], households["client_contact_id"]]))
    units = pd.concat([households, singles], ignore_index=True)
    units = units.sort_values("unit_key", ignore_index=True)[
        ["unit_key", "household_id", "household_name", "client_contact_id", "office_id"]
    ]
    return Census(units, _people(snapshot, units, members))


def _lone_clients(snapshot: Snapshot, in_households: pd.Series) -> pd.DataFrame:
    contact = s.contact.c
    clients = to_frame(
        snapshot.read(
            sa.select(*snapshot.columns(contact.contact_id, contact.office_id, contact.contact_type)).where(
                contact.deleted_at.is_(None),
                contact.record_type == "Contact",
                contact.subsystem_type == "Contact",
                sa.func.lower(contact.contact_type).contains("client"),
            )
        )
    ).rename(columns={"contact_id": "client_contact_id"})
    clients = clients[_is_label(clients["contact_type"], "client")]
    clients = clients[~clients["client_contact_id"].isin(in_households)]
    return clients.assign(
        unit_key="C" + clients["client_contact_id"].astype("str"),
        household_id=pd.array([pd.NA] * len(clients), dtype="Int64"),
        household_name=pd.array([None] * len(clients), dtype="str"),
    )


def _people(snapshot: Snapshot, units: pd.DataFrame, members: pd.DataFrame) -> pd.DataFrame:
    numbered = units.reset_index(names="unit")
    by_household = numbered.dropna(subset=["household_id"])[["unit", "household_id"]]
    clients = numbered.dropna(subset=["client_contact_id"])[["unit", "client_contact_id"]]
    clients = clients.rename(columns={"client_contact_id": "contact_id"})
    relation = s.key_relation.c
    ties = to_frame(
        snapshot.read(
            sa.select(*snapshot.columns(relation.contact_id, relation.related_contact_id)).where(may_name_a_spouse())
        )
    )
    both_ways = pd.concat(
        [ties, ties.rename(columns={"contact_id": "related_contact_id", "related_contact_id": "contact_id"})]
    )
    related = clients.merge(both_ways, on="contact_id")[["unit", "related_contact_id"]]
    people = pd.concat(
        [
            by_household.merge(members, on="household_id")[["unit", "contact_id"]],
            clients,
            related.rename(columns={"related_contact_id": "contact_id"}),
        ],
        ignore_index=True,
    )
    return people.astype({"contact_id": "int64"}).drop_duplicates(ignore_index=True)


def may_name_a_spouse() -> sa.ColumnElement[bool]:
    """Key relations worth reading: of type Family, with a word of a spouse in them. The transform decides exactly."""
    relation = s.key_relation.c
    return sa.and_(
        sa.func.lower(relation.relation_type).contains("family"),
        sa.or_(*(sa.func.lower(relation.relation).contains(word) for word in SPOUSE_WORDS)),
    )


def enrolled(snapshot: Snapshot, census: Census, enroll: str, linked: set[str]) -> pd.Index:
    """The numbers of the units enrolled with a vendor (SCP-6): ``linked``, ``all``, or ``set:<name>`` by the client."""
    if enroll == "all":
        return census.units.index
    if enroll == "linked":
        return census.units.index[census.units["unit_key"].isin(linked)]
    name = enroll.removeprefix("set:").strip()
    if not enroll.startswith("set:") or not name:
        raise SettingsError(f"Enrollment {enroll!r} is not understood: use linked, all or set:<name of a CRM set>.")
    rows = snapshot.read(
        sa.select(*snapshot.columns(s.contact_set.c.set_id, s.contact_set_member.c.contact_id))
        .select_from(
            s.contact_set.outerjoin(s.contact_set_member, s.contact_set.c.set_id == s.contact_set_member.c.set_id)
        )
        .where(s.contact_set.c.name == name)
    )
    if not rows.num_rows:
        raise SettingsError(
            f"The CRM has no set named {name!r}, which the enrollment names. Check Sets in SmartOffice."
        )
    return census.units.index[census.units["client_contact_id"].isin(to_frame(rows)["contact_id"].dropna())]


def in_shards(numbers: pd.Index, units_per_shard: int) -> list[pd.Index]:
    """The units cut into shards of at most ``units_per_shard``, in the order of their keys."""
    ordered = numbers.sort_values()
    return [ordered[start : start + units_per_shard] for start in range(0, len(ordered), units_per_shard)]


def _is_label(labels: pd.Series, label: str) -> pd.Series:
    return labels.str.strip().str.lower() == label
