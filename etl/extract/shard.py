"""The frames of a shard: everything the transform needs about some thousand units, in a fixed number of statements.

========================  =========================================================================================
units                     unit_key, household_id, household_name, client_contact_id, office_id
members                   household_id, contact_id, role, is_primary — all memberships of the shard's households
relations                 the Family relations that may name a client's spouse, from either side
contacts                  clients, members and possible spouses, deleted ones with ``is_deleted``
client_of                 contact_id, unit_key — the units in the whole CRM whose client the contact is
addresses phones emails   of those contacts
accounts positions        not deleted, primary contact among those contacts
liabilities policies      the same; product and carrier joined
beneficiaries             of those policies
users rights offices      the whole CRM (small)
faults                    `etl.extract.broken_rows.COLUMNS` of the units: SCP-CELL, SCP-KEY-TWICE
========================  =========================================================================================
Cells are as `etl.extract.cells` says; every row has its key, and no key stands twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from etl import schema as s
from etl.extract.broken_rows import Faults, read_rows
from etl.extract.cells import columns_as_read, is_alive
from etl.extract.census import Census, may_name_a_spouse
from etl.extract.source import Snapshot, id_list, to_frame

Frames = dict[str, pa.Table]


def read_shard(snapshot: Snapshot, census: Census, numbers: pd.Index) -> Frames:
    """The frames of the units with these numbers, as Arrow tables.

    17 statements for a shard of any size, and one more for each table whose key the database does not keep unique.
    """
    units, faults = census.units.loc[numbers], census.faults.copy()
    people = census.people.loc[census.people["unit"].isin(numbers)]
    ids = people["contact_id"].unique()
    owners = census.units.loc[census.units["client_contact_id"].isin(ids), ["client_contact_id", "unit_key"]]
    read = _Reading(snapshot, faults)
    frames: Frames = {
        "units": pa.Table.from_pandas(units, preserve_index=False),
        "members": read(s.household_member, _MEMBER, "household_id", units["household_id"], "household"),
        "relations": read.relations(units["client_contact_id"]),
        "client_of": pa.Table.from_pandas(
            owners.rename(columns={"client_contact_id": "contact_id"}), preserve_index=False
        ),
        "addresses": read(s.contact_address, _ADDRESS, "contact_id", ids),
        "phones": read(s.contact_phone, _PHONE, "contact_id", ids),
        "emails": read(s.contact_email, _EMAIL, "contact_id", ids),
        **read.people(ids),
    }
    frames["positions"] = read.positions(frames["accounts"])
    frames |= read.users(frames["contacts"])
    frames["faults"] = pa.Table.from_pandas(faults.of_units(units, people), preserve_index=False)
    return frames


def read_shared(snapshot: Snapshot) -> dict[str, pa.Table]:
    """By name, the rows that units share, in the types that the driver gives: users and their rights, products, …"""
    tables = {**_SMALL, s.product: _PRODUCT, s.carrier: _CARRIER}

    def read(table: sa.Table) -> pa.Table:
        statement = _select(snapshot.is_sqlite, table, tables[table])
        is_there = is_alive(snapshot.is_sqlite, table) if "deleted_at" in table.c else sa.true()
        return snapshot.read_raw(statement.where(is_there))

    return dict(zip((table.name for table in tables), snapshot.in_threads(read, tables), strict=True))


def read_heads(snapshot: Snapshot, units: pd.DataFrame) -> Frames:
    """units as they are given, members, contacts (their clients), users and offices: how people find a unit."""
    read = _Reading(snapshot, Faults())
    names = ("contact_id", "first_name", "last_name", "assigned_user_id")
    contacts = read(s.contact, names, "contact_id", units["client_contact_id"].dropna())
    return {
        "units": pa.Table.from_pandas(units, preserve_index=False),
        "members": read(s.household_member, _MEMBER, "household_id", units["household_id"], "household"),
        "contacts": contacts,
        **read.users(contacts),
    }


def read_people(snapshot: Snapshot, people: Any) -> Frames:
    """contacts, and accounts, liabilities, policies and beneficiaries of those whose primary contact they are."""
    return _Reading(snapshot, Faults()).people(people)


_MEMBER = ("household_id", "contact_id", "role", "is_primary")
_ADDRESS = (
    "address_id", "contact_id", "address_type", "line1", "line2", "city", "state", "postal_code", "country",
    "is_preferred",
)  # fmt: skip
_PHONE = ("phone_id", "contact_id", "phone_type", "number", "extension", "is_preferred")
_EMAIL = ("email_id", "contact_id", "email_type", "address", "is_preferred")
_CONTACT = (
    "contact_id", "office_id", "assigned_user_id", "record_type", "subsystem_type", "contact_type", "first_name",
    "last_name", "birth_date", "gender", "marital_status", "company", "job_title", "annual_salary", "total_income",
    "is_deceased", "deleted_at",
)  # fmt: skip
_ACCOUNT = (
    "account_id", "primary_contact_id", "account_name", "account_number", "account_type", "how_held", "is_qualified",
    "is_held_away", "is_discretionary", "account_value", "loan_balance", "net_value", "deleted_at",
)  # fmt: skip
_POSITION = ("position_id", "account_id", "symbol", "product_name", "market_value")
_LIABILITY = (
    "liability_id", "primary_contact_id", "lender", "loan_number", "account_name", "payment_method", "calculate",
    "loan_balance", "interest_rate", "monthly_payment", "balloon_period", "orig_loan_date", "orig_loan_amount",
    "orig_interest_rate", "orig_monthly_payment", "orig_balloon_period", "deleted_at",
)  # fmt: skip
_POLICY = (
    "policy_id", "primary_contact_id", "product_id", "policy_number", "status", "owner_contact_id",
    "primary_insured_id", "annual_premium", "annualized_premium", "basic_face_amount", "total_death_benefit",
    "gross_cash_value", "elimination_period", "deleted_at",
)  # fmt: skip
_BENEFICIARY = ("policy_id", "contact_id")
_PRODUCT = ("product_id", "carrier_id", "plan_name", "insurance_type", "plan_type")
_CARRIER = ("carrier_id", "name")
_RELATION = ("relation_id", "contact_id", "related_contact_id", "relation_type", "relation")
_SMALL = {
    s.office: ("office_id", "name"),
    s.crm_user: ("user_id", "user_name", "status"),
    s.user_right: ("user_id", "right_name"),
}


@dataclass(frozen=True)
class _Reading:
    """Reads table by table and keeps what is wrong with the rows, by the person or household that they belong to."""

    snapshot: Snapshot
    faults: Faults

    def __call__(
        self, table: sa.Table, names: tuple[str, ...], key: str, keys: Any, owned_by: str = "person"
    ) -> pa.Table:
        """The rows whose ``key`` is one of ``keys`` and the id of what they belong to."""
        rows, wrong = self.rows(table, names, key, keys)
        self.faults.add(owned_by, wrong)
        return rows

    def rows(self, table: sa.Table, names: tuple[str, ...], key: str, keys: Any) -> tuple[pa.Table, pd.DataFrame]:
        statement = _of_keys(self.snapshot.is_sqlite, table, names, key)
        return read_rows(self.snapshot, table, statement, keys, key)

    def through(
        self, table: sa.Table, names: tuple[str, ...], key: str, of: pa.Table, to: str, owned_by: str = "person"
    ) -> pa.Table:
        """The rows that belong to rows of another table, with which they share ``key``, and so to its column ``to``."""
        rows, wrong = self.rows(table, names, key, to_frame(of.select([key]))[key].unique())
        if len(wrong):
            self.faults.add(owned_by, _passed_on(wrong, of, key, to))
        return rows

    def people(self, people: Any) -> Frames:
        contacts = self(s.contact, _CONTACT, "contact_id", people)
        policies = self.policies(people)
        return {
            "contacts": _with_deleted(contacts),
            "accounts": self.owned(s.investment_account, _ACCOUNT, people),
            "liabilities": self.owned(s.liability, _LIABILITY, people),
            "policies": policies,
            "beneficiaries": self.through(
                s.policy_beneficiary, _BENEFICIARY, "policy_id", policies, "primary_contact_id"
            ),
        }

    def owned(self, table: sa.Table, names: tuple[str, ...], people: Any) -> pa.Table:
        return self(table, names, "primary_contact_id", people).drop_columns("deleted_at")

    def positions(self, accounts: pa.Table) -> pa.Table:
        return self.through(s.investment_position, _POSITION, "account_id", accounts, "primary_contact_id")

    def policies(self, people: Any) -> pa.Table:
        """With plan_name, insurance_type, plan_type of the product, and carrier_name."""
        policies = self.owned(s.policy, _POLICY, people)
        products = self.through(s.product, _PRODUCT, "product_id", policies, "primary_contact_id")
        of_people = _joined(policies, "product_id", products, ("carrier_id",))
        carriers = self.through(s.carrier, _CARRIER, "carrier_id", of_people, "primary_contact_id")
        named = carriers.rename_columns(["carrier_id", "carrier_name"])
        products = _joined(products, "carrier_id", named, ("carrier_name",))
        return _joined(policies, "product_id", products, ("plan_name", "insurance_type", "plan_type", "carrier_name"))

    def users(self, contacts: pa.Table) -> Frames:
        """users, rights and offices of the whole CRM; what is wrong with a user is so of their clients."""
        assigned = contacts.select(["assigned_user_id", "contact_id"]).rename_columns(["user_id", "contact_id"])
        whole = {table: _select(self.snapshot.is_sqlite, table, names) for table, names in _SMALL.items()}
        frames: Frames = {}
        for name, table in (("offices", s.office), ("users", s.crm_user), ("rights", s.user_right)):
            owner = _SMALL[table][0]
            frames[name], wrong = read_rows(self.snapshot, table, whole[table], None, owner)
            if len(wrong) and owner == "user_id":
                self.faults.add("client", _passed_on(wrong, assigned, "user_id", "contact_id"))
        frames["offices"] = frames["offices"].rename_columns(["office_id", "office_name"])
        return frames

    def relations(self, clients: pd.Series) -> pa.Table:
        """The relations that may name a spouse of these clients, from either side."""
        halves = []
        for side in ("contact_id", "related_contact_id"):
            statement = _spouse_relations(self.snapshot.is_sqlite, side)
            rows, wrong = read_rows(self.snapshot, s.key_relation, statement, clients, side)
            self.faults.add("client", wrong)
            halves.append(rows.filter(pc.and_(pc.is_valid(rows[1]), pc.is_valid(rows[2]))))
        known = halves[0]["relation_id"].combine_chunks()
        fresh = pc.invert(pc.is_in(halves[1]["relation_id"], value_set=known))
        return pa.concat_tables([halves[0], halves[1].filter(fresh)])


def _passed_on(wrong: pd.DataFrame, ways: pa.Table, key: str, to: str) -> pd.DataFrame:
    """Faults by ``key`` as faults of what the column ``to`` of the same rows names."""
    known = to_frame(ways.select([key, to])).rename(columns={key: "owner", to: "new"}).dropna().drop_duplicates()
    return wrong.merge(known, on="owner").drop(columns="owner").rename(columns={"new": "owner"})


def _joined(left: pa.Table, key: str, right: pa.Table, names: tuple[str, ...]) -> pa.Table:
    """``left`` with columns of the row of ``right`` that has the same key, null where there is none."""
    at = pc.index_in(left[key], value_set=right[key].combine_chunks())
    for name in names:
        left = left.append_column(name, right[name].take(at))
    return left


def _with_deleted(contacts: pa.Table) -> pa.Table:
    """``is_deleted`` for ``deleted_at``; where it cannot be read the contact stays, and is held."""
    at = contacts.column_names.index("deleted_at")
    return contacts.set_column(at, "is_deleted", pc.fill_null(contacts["deleted_at"], False))


# The statements, each made and compiled once for all shards.


@cache
def _select(is_sqlite: bool, table: sa.Table, names: tuple[str, ...]) -> sa.Select[Any]:
    return sa.select(*columns_as_read(is_sqlite, *(table.c[name] for name in names)))


@cache
def _of_keys(is_sqlite: bool, table: sa.Table, names: tuple[str, ...], key: str) -> sa.Select[Any]:
    """Deleted rows too of contacts, and of nothing else."""
    statement = _select(is_sqlite, table, names).where(table.c[key].in_(id_list(is_sqlite)))
    if table is s.contact or "deleted_at" not in table.c:
        return statement
    return statement.where(is_alive(is_sqlite, table))


@cache
def _spouse_relations(is_sqlite: bool, side: str) -> sa.Select[Any]:
    relation = s.key_relation
    return _of_keys(is_sqlite, relation, _RELATION, side).where(may_name_a_spouse(is_sqlite))
