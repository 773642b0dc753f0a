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
========================  =========================================================================================
Scalars are as `etl.extract.source` says.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from etl import schema as s
from etl.extract.scope import Census, may_name_a_spouse
from etl.extract.source import Snapshot, columns_as_read, id_list

Frames = dict[str, pa.Table]


def read_shard(snapshot: Snapshot, census: Census, numbers: pd.Index) -> Frames:
    """The frames of the units with these numbers, as Arrow tables. Statements: 15, whatever the shard's size."""
    units = census.units.loc[numbers]
    households = units["household_id"].dropna()
    clients = units["client_contact_id"].dropna()
    people = census.people.loc[census.people["unit"].isin(numbers), "contact_id"].unique()
    owners = census.units.loc[census.units["client_contact_id"].isin(people), ["client_contact_id", "unit_key"]]
    frames: Frames = {
        "units": pa.Table.from_pandas(units, preserve_index=False),
        "members": _read(snapshot, s.household_member, _MEMBER, s.household_member.c.household_id, households),
        "relations": _relations(snapshot, clients),
        "client_of": pa.Table.from_pandas(
            owners.rename(columns={"client_contact_id": "contact_id"}), preserve_index=False
        ),
        "addresses": _read(snapshot, s.contact_address, _ADDRESS, s.contact_address.c.contact_id, people),
        "phones": _read(snapshot, s.contact_phone, _PHONE, s.contact_phone.c.contact_id, people),
        "emails": _read(snapshot, s.contact_email, _EMAIL, s.contact_email.c.contact_id, people),
        **read_people(snapshot, people),
        **read_users(snapshot),
    }
    accounts, position = frames["accounts"]["account_id"], s.investment_position
    frames["positions"] = _read(snapshot, position, _POSITION, position.c.account_id, accounts.to_numpy())
    return frames


def read_people(snapshot: Snapshot, people: Any) -> Frames:
    """contacts, and accounts, liabilities, policies and beneficiaries of those whose primary contact they are."""
    policies, beneficiary = _policies(snapshot, people), s.policy_beneficiary
    ids = policies["policy_id"].to_pylist()
    return {
        "contacts": _contacts(snapshot, people),
        "accounts": _owned(snapshot, s.investment_account, _ACCOUNT, people),
        "liabilities": _owned(snapshot, s.liability, _LIABILITY, people),
        "policies": policies,
        "beneficiaries": _read(snapshot, beneficiary, _BENEFICIARY, beneficiary.c.policy_id, ids),
    }


def read_users(snapshot: Snapshot) -> Frames:
    """users, rights and offices of the whole CRM."""
    user, right, office = s.crm_user.c, s.user_right.c, s.office.c
    office_name = sa.type_coerce(office.name, sa.String).label("office_name")
    return {
        "offices": snapshot.read(sa.select(*snapshot.columns(office.office_id), office_name)),
        "users": snapshot.read(sa.select(*snapshot.columns(user.user_id, user.user_name, user.status))),
        "rights": snapshot.read(sa.select(*snapshot.columns(right.user_id, right.right_name))),
    }


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
    "is_deceased",
)  # fmt: skip
_ACCOUNT = (
    "account_id", "primary_contact_id", "account_name", "account_number", "account_type", "how_held", "is_qualified",
    "is_held_away", "is_discretionary", "account_value", "loan_balance", "net_value",
)  # fmt: skip
_POSITION = ("position_id", "account_id", "symbol", "product_name", "market_value")
_LIABILITY = (
    "liability_id", "primary_contact_id", "lender", "loan_number", "account_name", "payment_method", "calculate",
    "loan_balance", "interest_rate", "monthly_payment", "balloon_period", "orig_loan_date", "orig_loan_amount",
    "orig_interest_rate", "orig_monthly_payment", "orig_balloon_period",
)  # fmt: skip
_POLICY = (
    "policy_id", "primary_contact_id", "product_id", "policy_number", "status", "owner_contact_id",
    "primary_insured_id", "annual_premium", "annualized_premium", "basic_face_amount", "total_death_benefit",
    "gross_cash_value", "elimination_period",
)  # fmt: skip
_BENEFICIARY = ("policy_id", "contact_id")


def _read(snapshot: Snapshot, table: sa.Table, names: tuple[str, ...], key: sa.Column[Any], keys: Any) -> pa.Table:
    return snapshot.read(_of_keys(snapshot.is_sqlite, table, names, key), keys)


def _owned(snapshot: Snapshot, table: sa.Table, names: tuple[str, ...], people: Any) -> pa.Table:
    return snapshot.read(_alive(snapshot.is_sqlite, table, names), people)


def _relations(snapshot: Snapshot, clients: pd.Series) -> pa.Table:
    sides = (s.key_relation.c.contact_id, s.key_relation.c.related_contact_id)
    halves = [snapshot.read(_spouse_relations(snapshot.is_sqlite, side), clients) for side in sides]
    known = halves[0]["relation_id"].combine_chunks()
    fresh = pc.invert(pc.is_in(halves[1]["relation_id"], value_set=known))
    return pa.concat_tables([halves[0], halves[1].filter(fresh)])


def _contacts(snapshot: Snapshot, people: Any) -> pa.Table:
    return snapshot.read(_people(snapshot.is_sqlite), people)


def _policies(snapshot: Snapshot, people: Any) -> pa.Table:
    return snapshot.read(_policies_with_products(snapshot.is_sqlite), people)


# The statements, each made and compiled once, whatever the number of shards.


def _select(is_sqlite: bool, table: sa.Table, names: tuple[str, ...]) -> sa.Select[Any]:
    return sa.select(*columns_as_read(is_sqlite, *(table.c[name] for name in names)))


@cache
def _of_keys(is_sqlite: bool, table: sa.Table, names: tuple[str, ...], key: sa.Column[Any]) -> sa.Select[Any]:
    return _select(is_sqlite, table, names).where(key.in_(id_list(is_sqlite)))


@cache
def _alive(is_sqlite: bool, table: sa.Table, names: tuple[str, ...]) -> sa.Select[Any]:
    of_people = _of_keys(is_sqlite, table, names, table.c.primary_contact_id)
    return of_people.where(table.c.deleted_at.is_(None))


@cache
def _spouse_relations(is_sqlite: bool, side: sa.Column[Any]) -> sa.Select[Any]:
    columns = columns_as_read(is_sqlite, *s.key_relation.c)[:-1]
    return sa.select(*columns).where(side.in_(id_list(is_sqlite)), may_name_a_spouse())


@cache
def _people(is_sqlite: bool) -> sa.Select[Any]:
    contact = s.contact
    deleted = sa.type_coerce(contact.c.deleted_at.is_not(None), sa.Boolean).label("is_deleted")
    return _of_keys(is_sqlite, contact, _CONTACT, contact.c.contact_id).add_columns(deleted)


@cache
def _policies_with_products(is_sqlite: bool) -> sa.Select[Any]:
    policy, product, carrier = s.policy, s.product, s.carrier
    carrier_name = sa.type_coerce(carrier.c.name, sa.String).label("carrier_name")
    joined = policy.outerjoin(product, policy.c.product_id == product.c.product_id).outerjoin(
        carrier, product.c.carrier_id == carrier.c.carrier_id
    )
    of_product = columns_as_read(is_sqlite, product.c.plan_name, product.c.insurance_type, product.c.plan_type)
    statement = _select(is_sqlite, policy, _POLICY).add_columns(*of_product, carrier_name).select_from(joined)
    return statement.where(policy.c.deleted_at.is_(None), policy.c.primary_contact_id.in_(id_list(is_sqlite)))
