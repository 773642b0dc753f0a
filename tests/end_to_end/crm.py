"""A CRM of eight units in plain SQL, with every kind of value that a SmartOffice database holds.

======  ==============================================================================================
``H1``  the Castellans: a couple with a son, accounts, a variable annuity, loans and policies
``H2``  a single head, nothing else
``H3``  the head has no birth date: held at both vendors (DEM-BIRTH-DATE)
``H5``  married, the wife by key relation only: held at Profiles (HH-SPOUSE-ROLE-MISSING), sent to eMoney
``H7``  assigned to a user without the license eMoney: skipped there (LIC-EMONEY)
``H8``  an account whose value is not a number: held at both vendors (ACC-MONEY)
``C9``  a client in no household
======  ==============================================================================================
A deleted household, a business and a lead are there too, and are no units. On SQLite timestamps stand in both forms
that programs write, with ``T`` and with a blank.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from etl import schema

Rows = dict[str, list[dict[str, Any]]]

UNITS = ("C9", "H1", "H2", "H3", "H5", "H7", "H8")
LICENSES = (
    "Profiles Professional - Web", "eMoney", "Policy Tracking", "Pending Case & Policy Setup Administrator",
    "Investment Tracking",
)  # fmt: skip
# What must never be seen outside the stewards' report and the vendors.
SECRETS = (
    "Castellan", "Zephyrine", "Ottokar", "Quillon", "Mirabelle", "Nightingale", "Tanglewood", "Fotheringay",
    "zephyrine@example.com", "555-0142", "555-0143", "1970-05-01", "ACC-90017", "POL-77741234", "LN-5581",
    "12 Lantern Walk", "900-12-3456",
)  # fmt: skip


def rows() -> Rows:
    """The office's rows by table, without ``modified_at``."""
    return {
        "office": [{"office_id": 1, "name": "Harbor Office", "status": "Active"}],
        "crm_user": [
            {"user_id": 1, "office_id": 1, "user_name": "service", "full_name": "Service", "status": "Enabled"},
            {"user_id": 2, "office_id": 1, "user_name": "bob", "full_name": "Bob", "status": "Enabled"},
        ],
        "user_right": [
            *({"user_id": 1, "right_name": right} for right in LICENSES),
            {"user_id": 2, "right_name": "Profiles Professional - Web"},
        ],
        "contact": list(_contacts()),
        "contact_address": [
            _address(1, 1, address_type="Mailing", line1="PO Box 9"),
            _address(2, 1, address_type="Residence", line1="1 Old Street"),
            _address(3, 1, line1=" 12 Lantern Walk\u00a0", line2="  ", is_preferred=True),
            _address(4, 1, address_type="Business", line1="7 Mill Lane", city="Dover", postal_code="00002"),
        ],
        "contact_phone": [
            _phone(1, 1, "Home", "603-555-0142"),
            _phone(2, 1, "Mobile", "603-555-0143", extension="7"),
            _phone(3, 1, "Fax", "603-555-0144"),
            _phone(4, 1, "Business", "603-555-0145"),
            _phone(5, 2, "Mobile", "603-555-0146"),
            _phone(6, 2, "Home", "603-555-0147"),
        ],
        "contact_email": [
            {"email_id": 1, "contact_id": 1, "email_type": "Business", "address": "office@example.com"},
            {"email_id": 2, "contact_id": 1, "email_type": "Personal", "address": "zephyrine@example.com",
             "is_preferred": True},
            {"email_id": 3, "contact_id": 2, "email_type": "Personal", "address": "ottokar@example.com"},
        ],
        "household": [
            _household(1, "Castellan Family", 1),
            _household(2, "Mirabelle", 4),
            _household(3, "Nightingale", 5),
            _household(5, "Tanglewood", 6),
            _household(6, "Gone Family", 4) | {"deleted_at": "2026-01-05 10:00:00"},
            _household(7, None, 8),
            _household(8, "Fotheringay", 10),
        ],
        "household_member": [
            _member(1, 1, "Head"), _member(1, 2, "husband "), _member(1, 3, "Son"),
            _member(2, 4, "Head"), _member(3, 5, "Head"),
            _member(5, 6, "Head"), _member(5, 7, "Partner"),
            _member(7, 8, "Head"), _member(8, 10, "Head"),
        ],
        "key_relation": [
            _relation(1, 1, 2, "Family", "Husband"),
            _relation(2, 1, 4, "Business", "Partner"),
            _relation(3, 7, 6, "Family", "Wife"),
        ],
        **_holdings(),
    }  # fmt: skip


def _contacts() -> Iterator[dict[str, Any]]:
    married = {"marital_status": "Married"}
    yield _contact(
        1, "Zephyrine", "Castellan", **married, company="Lantern Works", job_title="Keeper", annual_salary="90000.50",
        tax_id="900-12-3456",
    )  # fmt: skip
    yield _contact(2, "Ottokar", " Castellan ", "1968-02-29", gender="Male", **married, total_income="40000")
    yield _contact(
        3, "Quillon", "Castellan", "2012-12-24", gender="Male", subsystem_type="Dependent", contact_type=None
    )
    yield _contact(4, "Mirabelle", "Moore")
    yield _contact(5, "Ned", "Nightingale", None)
    yield _contact(6, "Tom", "Tanglewood", "1960-01-31", gender="Male", **married)
    yield _contact(7, "Tess", "Tanglewood", "1961-06-30", **married)
    yield _contact(8, "Bea", "Brook", assigned_user_id=2)
    yield _contact(9, "Cleo", "Crane")
    yield _contact(10, "Fay", "Fotheringay")
    yield _contact(11, "Lee", "Lead", contact_type="Lead")
    yield _contact(12, None, None, record_type="Business", subsystem_type="Business", business_name="Mill & Co")


def _holdings() -> Rows:
    inforce = {"office_id": 1, "primary_contact_id": 1, "status": "Inforce"}
    return {
        "carrier": [{"carrier_id": 1, "office_id": 1, "name": "Beacon Life", "status": "Active"}],
        "product": [
            _product(1, "Term 20", "Life", "Term"),
            _product(2, "Fixed Five", "Annuity", "SPIA"),
            _product(3, "Income Guard", "Disability", "DI Income"),
        ],
        "policy": [
            inforce | {"policy_id": 31, "product_id": 1, "policy_number": "POL-77741234", "primary_insured_id": 2,
                       "owner_contact_id": 2, "annualized_premium": "480.10", "basic_face_amount": "250000",
                       "total_death_benefit": "260000.25"},
            inforce | {"policy_id": 32, "product_id": 2, "policy_number": "AN-3", "gross_cash_value": "51000.05",
                       "annual_premium": "0"},
            inforce | {"policy_id": 33, "product_id": 1, "policy_number": "POL-0", "status": "Lapsed"},
            inforce | {"policy_id": 34, "product_id": 3, "policy_number": "DI-900-5678", "annual_premium": "120",
                       "basic_face_amount": "3000", "elimination_period": "90 days"},
        ],
        "policy_beneficiary": [
            {"policy_id": 31, "contact_id": 1, "designation": "Primary", "percentage": "50"},
            {"policy_id": 31, "contact_id": 3, "designation": "Primary", "percentage": "50"},
            {"policy_id": 31, "contact_id": 4, "designation": "Contingent", "percentage": "100"},
        ],
        "investment_account": [
            _account(11, 1, "Lantern Brokerage", account_number="ACC-90017", account_type="brokerage",
                     is_held_away=True, account_value="1000.10", loan_balance="100.05", net_value="900.05"),
            _account(12, 2, "Annuity", account_type="Roth IRA", how_held="Variable Annuity", is_qualified=True,
                     is_discretionary=True, account_value="2000", net_value="2000"),
            _account(13, 10, "Broken", account_type="Individual", account_value="NaN"),
            _account(14, 3, "Savings of the son", account_type="Savings", account_value="5"),
        ],
        "investment_position": [
            _position(41, 11, "AAA", "Alpha Fund", "600.05"),
            _position(42, 11, None, "Cash", "400.05"),
            _position(43, 12, "SUB", "Subaccount One", "2000"),
        ],
        "liability": [
            {"liability_id": 21, "office_id": 1, "primary_contact_id": 1, "lender": " ", "loan_number": "LN-5581",
             "payment_method": "Monthly", "calculate": True, "loan_balance": "150000.25", "interest_rate": "6.125",
             "monthly_payment": "1200.5", "balloon_period": "22.5", "orig_loan_amount": "200000"},
            {"liability_id": 22, "office_id": 1, "primary_contact_id": 2, "lender": "Harbor Bank", "calculate": None,
             "orig_loan_amount": "12000", "orig_interest_rate": "0", "orig_monthly_payment": "200",
             "orig_balloon_period": "5"},
        ],
    }  # fmt: skip


def _contact(contact_id: int, first: str | None, last: str | None, born: str | None = "1970-05-01", **more: Any) -> Any:
    return {
        "contact_id": contact_id, "office_id": 1, "record_type": "Contact", "subsystem_type": "Contact",
        "contact_type": "Client", "first_name": first, "last_name": last, "birth_date": born, "gender": "Female",
        "marital_status": "Single", **more,
    }  # fmt: skip


def _address(address_id: int, contact_id: int, **more: Any) -> dict[str, Any]:
    place = {"city": "Portsmouth", "state": "NH", "postal_code": "00001", "country": "USA"}
    return {"address_id": address_id, "contact_id": contact_id, "address_type": "residence ", **place, **more}


def _phone(phone_id: int, contact_id: int, kind: str, number: str, **more: Any) -> dict[str, Any]:
    return {"phone_id": phone_id, "contact_id": contact_id, "phone_type": kind, "number": number, **more}


def _household(household_id: int, name: str | None, head: int) -> dict[str, Any]:
    return {"household_id": household_id, "office_id": 1, "name": name, "head_contact_id": head}


def _member(household_id: int, contact_id: int, role: str) -> dict[str, Any]:
    return {"household_id": household_id, "contact_id": contact_id, "role": role, "is_primary": True}


def _relation(relation_id: int, contact_id: int, related: int, kind: str, relation: str) -> dict[str, Any]:
    people = {"contact_id": contact_id, "related_contact_id": related}
    return {"relation_id": relation_id, **people, "relation_type": kind, "relation": relation}


def _product(product_id: int, plan: str, kind: str, plan_type: str) -> dict[str, Any]:
    names = {"plan_name": plan, "insurance_type": kind, "plan_type": plan_type}
    return {"product_id": product_id, "carrier_id": 1, "office_id": 1, **names}


def _account(account_id: int, owner: int, name: str, **more: Any) -> dict[str, Any]:
    return {"account_id": account_id, "office_id": 1, "primary_contact_id": owner, "account_name": name, **more}


def _position(position_id: int, account_id: int, symbol: str | None, name: str, value: str) -> dict[str, Any]:
    record = {"position_id": position_id, "account_id": account_id, "symbol": symbol}
    return {**record, "product_name": name, "market_value": value}


def write_sqlite(path: Path, office: Rows | None = None) -> None:
    """The office as a SQLite file."""
    with closing(sqlite3.connect(path)) as connection:
        for statement in _tables(sqlite.dialect()):
            connection.execute(statement)
        for table, names, values in _dated(office or rows()):
            marks = ", ".join("?" * len(names))
            connection.execute(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", values)
        connection.commit()


def write_postgres(url: str, office: Rows | None = None) -> None:
    """The office in an empty PostgreSQL database."""
    with psycopg.connect(url) as connection:
        for statement in _tables(postgresql.dialect()):
            connection.execute(statement)
        for table, names, values in _dated(office or rows()):
            marks = ", ".join(["%s"] * len(names))
            connection.execute(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", values)


def _tables(dialect: sa.Dialect) -> list[str]:
    return [str(sa.schema.CreateTable(table).compile(dialect=dialect)) for table in schema.metadata.sorted_tables]


def _dated(office: Rows) -> Iterator[tuple[str, list[str], list[Any]]]:
    """Table, columns and values of each row, parents first; ``modified_at`` in either form in turn."""
    for table in schema.metadata.sorted_tables:
        for number, row in enumerate(office.get(table.name, [])):
            whole = dict(row)
            if "modified_at" in table.columns and "modified_at" not in whole:
                whole["modified_at"] = "2026-03-02T09:30:15" if number % 2 else "2026-03-02 09:30:15.250"
            yield table.name, list(whole), list(whole.values())
