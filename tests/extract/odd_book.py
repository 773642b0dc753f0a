"""A book of many couples in a database that keeps nothing in order: tables without keys, and any cell may be odd.

Each couple has a record of every kind, and an office, a user, a product and a carrier of its own, so that whatever is
wrong with one of its rows is wrong for no other.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.types import UserDefinedType

from etl.extract.broken_rows import read_strays
from etl.extract.census import take_census
from etl.extract.changes import track
from etl.extract.schema_check import READ_TABLES
from etl.extract.scope import read_loans
from etl.extract.shard import read_shard
from etl.extract.source import Snapshot, to_frame
from etl.schema import metadata
from etl.transform.assembly import assemble
from etl.values import VENDORS
from expectations.gate import validate
from tests.builders import AS_OF, RIGHTS

Rows = dict[str, list[dict[str, Any]]]


class AsItIs(UserDefinedType[Any]):
    """A column's type in the database's own words; values go in as they are."""

    cache_ok = True

    def __init__(self, words: str) -> None:
        self.words = words

    def get_col_spec(self) -> str:
        return self.words


@dataclass(frozen=True)
class Cell:
    """A cell of one couple: the row is the couple's first in the table."""

    table: str
    column: str
    number: int

    @property
    def unit_key(self) -> str:
        return f"H{id_of(self.number)}"


@dataclass(frozen=True)
class Read:
    """What a run makes of a book, by vendor and unit; findings are rule, entity, id and message."""

    documents: dict[tuple[str, str], bytes]
    findings: dict[tuple[str, str], set[tuple[str, str, int, str]]]
    held: set[tuple[str, str]]
    strays: pd.DataFrame


def id_of(number: int) -> int:
    """The id of everything that couple ``number`` has one of; its wife is the next contact."""
    return 1000 + number * 10


def couple(number: int) -> Rows:
    """The rows of one couple."""
    one = id_of(number)
    wife = one + 1
    of_head, owned = {"contact_id": one}, {"office_id": one, "primary_contact_id": one}
    person = {
        "office_id": one, "assigned_user_id": one, "record_type": "Contact", "subsystem_type": "Contact",
        "contact_type": "Client", "birth_date": date(1970, 5, 1), "gender": "Female", "marital_status": "Married",
    }  # fmt: skip
    rows: Rows = {
        "office": [{"office_id": one, "name": "Harbor Planning", "status": "Active"}],
        "crm_user": [{"user_id": one, "office_id": one, "user_name": f"user{number}", "status": "Enabled"}],
        "user_right": [{"user_id": one, "right_name": right} for right in RIGHTS],
        "contact": [
            {**person, "contact_id": one, "first_name": "Ann", "last_name": "Harbor", "annual_salary": 50_000},
            {**person, "contact_id": wife, "first_name": "Eve", "last_name": "Harbor", "contact_type": None},
        ],
        "household": [{"household_id": one, "office_id": one, "name": "Harbor", "head_contact_id": one}],
        "household_member": [
            {"household_id": one, "contact_id": wife, "role": "Wife", "is_primary": True},
            {"household_id": one, "contact_id": one, "role": "Head", "is_primary": True},
        ],
        "key_relation": [
            {"relation_id": one, "contact_id": one, "related_contact_id": wife, "relation_type": "Family",
             "relation": "Wife"},
        ],
        "contact_address": [{**of_head, "address_id": one, "address_type": "Residence", "line1": "1 Quay Street"}],
        "contact_phone": [{**of_head, "phone_id": one, "phone_type": "Home", "number": "603-555-0100"}],
        "contact_email": [{**of_head, "email_id": one, "email_type": "Personal", "address": "ann@example.com"}],
        "investment_account": [
            {**owned, "account_id": one, "account_name": "Brokerage", "account_type": "Individual", "how_held": "Bank",
             "is_qualified": False, "is_held_away": True, "is_discretionary": False, "account_value": 1000,
             "loan_balance": 0, "net_value": 1000},
        ],
        "investment_position": [{"position_id": one, "account_id": one, "symbol": "XYZ", "market_value": 1000}],
        "liability": [
            {**owned, "liability_id": one, "lender": "Harbor Bank", "calculate": True, "orig_loan_amount": 9000,
             "orig_interest_rate": 3, "orig_balloon_period": 10, "orig_loan_date": date(2020, 2, 29)},
        ],
        "carrier": [{"carrier_id": one, "office_id": one, "name": "Harbor Life"}],
        "product": [
            {"product_id": one, "carrier_id": one, "office_id": one, "plan_name": "Term 20", "insurance_type": "Life"},
        ],
        "policy": [
            {**owned, "policy_id": one, "product_id": one, "policy_number": "POL-000-1234", "status": "Inforce",
             "owner_contact_id": one, "annual_premium": 100, "annualized_premium": 90, "basic_face_amount": 50_000,
             "total_death_benefit": 60_000},
        ],
        "policy_beneficiary": [{"policy_id": one, "contact_id": wife}],
    }  # fmt: skip
    stamped = {name for name in rows if "modified_at" in metadata.tables[name].c}
    for name in stamped:
        for row in rows[name]:
            row["modified_at"] = "2026-01-05 12:00:00"
    return rows


def build(
    url: str,
    couples: int,
    cells: Mapping[Cell, Any],
    types: Mapping[tuple[str, str], str] | None = None,
    setup: Iterable[str] = (),
    twice: Iterable[Cell] = (),
) -> None:
    """Makes the tables without any constraint and fills them; then ``cells`` get their values, as SQL.

    ``types``: the type of a column in the database's words; ``twice``: rows that are written again, with the cell's
    column null in the copy where it is no key.
    """
    engine = sa.create_engine(url)
    loose = sa.MetaData()
    declared = types or {}
    for table in READ_TABLES:
        columns = [
            sa.Column(column.name, AsItIs(declared.get((table.name, column.name), _spelled(column, engine.dialect))))
            for column in table.columns
        ]
        sa.Table(table.name, loose, *columns)
    with engine.begin() as connection:
        for statement in setup:
            connection.exec_driver_sql(statement)
        loose.create_all(connection)
        for name, rows in _all_rows(couples).items():
            for alike in _by_columns(rows):
                connection.execute(loose.tables[name].insert(), alike)
        for cell in twice:
            _write_again(connection, cell)
        for cell, value in cells.items():
            connection.exec_driver_sql(f"UPDATE {cell.table} SET {cell.column} = {value} WHERE {row_of(cell)}")
    engine.dispose()


def read(url: str, units_per_shard: int = 1_000_000) -> Read:
    """A run's way from the CRM to the gate, for both vendors."""
    documents: dict[tuple[str, str], bytes] = {}
    findings: dict[tuple[str, str], set[tuple[str, str, int, str]]] = {}
    held: set[tuple[str, str]] = set()
    with Snapshot(url) as snapshot:
        strays = read_strays(snapshot)
        census = take_census(snapshot)
        track(snapshot, census)
        read_loans(snapshot, census)
        for start in range(0, len(census.units), units_per_shard):
            numbers = census.units.index[start : start + units_per_shard]
            frames = {name: to_frame(rows) for name, rows in read_shard(snapshot, census, numbers).items()}
            frames["units"] = frames["units"].assign(in_profiles=True, in_emoney=True)
            for vendor in VENDORS:
                batch = assemble(vendor, frames, AS_OF)
                verdict = validate(vendor, batch.facts, frames["units"]["unit_key"].to_list(), as_of=AS_OF)
                held |= {(vendor, unit_key) for unit_key in verdict.held["unit_key"]}
                for row in batch.documents.itertuples():
                    documents[vendor, row.unit_key] = row.document
                for row in verdict.findings.itertuples():
                    found = (row.rule_id, row.entity, int(row.entity_id), row.message)
                    findings.setdefault((vendor, row.unit_key), set()).add(found)
    return Read(documents, findings, held, strays)


def row_of(cell: Cell) -> str:
    """The condition that finds the row of a cell."""
    row = couple(cell.number)[cell.table][0]
    keys = [column.name for column in metadata.tables[cell.table].primary_key]
    return " AND ".join(f"{key} = {row[key]!r}" for key in keys)


def key_in_words(cell: Cell) -> str:
    """The key of the row as findings name it, as far as the odd cell leaves one."""
    row = couple(cell.number)[cell.table][0]
    keys = [column.name for column in metadata.tables[cell.table].primary_key if column.name != cell.column]
    return ", ".join(f"{key} {row[key]}" for key in keys)


def _write_again(connection: sa.Connection, cell: Cell) -> None:
    table = metadata.tables[cell.table]
    names = ", ".join(column.name for column in table.columns)
    copy = ", ".join(
        "NULL" if name == cell.column and not table.c[name].primary_key else name for name in names.split(", ")
    )
    connection.exec_driver_sql(
        f"INSERT INTO {cell.table} ({names}) SELECT {copy} FROM {cell.table} WHERE {row_of(cell)}"
    )


def _spelled(column: sa.Column[Any], dialect: sa.Dialect) -> str:
    if isinstance(column.type, sa.Numeric) and dialect.name == "postgresql":
        return "NUMERIC"  # without a scale it holds anything
    return column.type.compile(dialect)


def _all_rows(couples: int) -> Rows:
    rows: Rows = {table.name: [] for table in READ_TABLES}
    for number in range(couples):
        for name, of_one in couple(number).items():
            rows[name] += of_one
    return rows


def _by_columns(rows: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """The rows with the same columns together: what is not named is null."""
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(row), []).append(row)
    return [*groups.values()]
