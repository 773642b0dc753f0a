"""A small sound book: families that break no rule, in a SQLite database that keeps nothing in order.

Its tables have neither keys nor constraints, so that any cell may be odd and any row may stand twice. Each family has
an office, a user, products and carriers of its own: what is wrong with one family is wrong with no other.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any, Final

from sqlalchemy.dialects import sqlite

from etl import schema

Row = dict[str, Any]
Rows = dict[str, list[Row]]

AS_OF: Final = date(2026, 1, 31)
TABLES: Final = tuple(schema.FOUND_BY)
RIGHTS: Final = (
    "Profiles Professional - Web", "eMoney", "Policy Tracking", "Pending Case & Policy Setup Administrator",
    "Investment Tracking",
)  # fmt: skip
_CHANGED: Final = "2026-01-05 12:00:00"


def first_id(number: int) -> int:
    """The household's id and its head's; every other id of the family is one of the next hundred."""
    return 7_000_100 + 100 * number


def number_of(any_id: int) -> int:
    """The family to which an id belongs."""
    return (any_id - 7_000_100) // 100


def user_name(number: int) -> str:
    """The CRM user to whom the family is assigned."""
    return f"user{first_id(number)}"


def family(number: int) -> Rows:
    """The rows of one family: a couple and a child, with a record of every kind, of some kinds two."""
    one = first_id(number)
    rows: Rows = {**_people(one), **_reach(one), **_holdings(one), **_cover(one)}
    for name, of_table in rows.items():
        if "modified_at" in schema.metadata.tables[name].c:
            for row in of_table:
                row["modified_at"] = _CHANGED
    return rows


def _people(one: int) -> Rows:
    wife, son = one + 1, one + 2
    person = {
        "office_id": one, "assigned_user_id": one, "record_type": "Contact", "subsystem_type": "Contact",
        "is_deceased": False,
    }  # fmt: skip
    return {
        "office": [{"office_id": one, "name": "Harbor Planning", "status": "Active"}],
        "crm_user": [{"user_id": one, "office_id": one, "user_name": f"user{one}", "status": "Enabled"}],
        "user_right": [{"user_id": one, "right_name": right} for right in RIGHTS],
        "contact": [
            {**person, "contact_id": one, "contact_type": "Client", "first_name": "Robin", "last_name": "Harbor",
             "birth_date": "1961-04-17", "gender": "Male", "marital_status": "Married", "company": "Quay Works",
             "job_title": "Fitter", "annual_salary": 84_000, "total_income": 91_000},
            {**person, "contact_id": wife, "contact_type": "Prospect", "first_name": "Kim", "last_name": "Quayside",
             "birth_date": "1963-05-09", "gender": "Female", "marital_status": "Civil Union", "company": "Pier Books",
             "job_title": "Editor", "annual_salary": 72_000, "total_income": 75_500},
            {**person, "contact_id": son, "contact_type": None, "first_name": "Sam", "last_name": "Harborside",
             "birth_date": "1994-06-03", "gender": "Male"},
        ],
        "household": [{"household_id": one, "office_id": one, "name": "Harbor Family", "head_contact_id": one}],
        "household_member": [
            {"household_id": one, "contact_id": one, "role": "Head", "is_primary": True},
            {"household_id": one, "contact_id": wife, "role": "Wife", "is_primary": True},
            {"household_id": one, "contact_id": son, "role": "Son", "is_primary": True},
        ],
        "key_relation": [
            {"relation_id": one, "contact_id": one, "related_contact_id": wife, "relation_type": "Family",
             "relation": "Wife"},
        ],
    }  # fmt: skip


def _reach(one: int) -> Rows:
    wife = one + 1
    return {
        "contact_address": [
            _address(one, one, "Residence", "1 Quay Street"), _address(one + 1, one, "Business", "2 Pier Road"),
            _address(one + 2, wife, "Business", "3 Lock Lane"),
        ],
        "contact_phone": [
            _phone(one, one, "Home", "603-555-0101"), _phone(one + 1, one, "Mobile", "603-555-0102"),
            _phone(one + 2, one, "Fax", "603-555-0103"), _phone(one + 3, one, "Business", "603-555-0104"),
            _phone(one + 4, one, "Business Fax", "603-555-0105"), _phone(one + 5, wife, "Mobile", "603-555-0106"),
        ],
        "contact_email": [
            {"email_id": one, "contact_id": one, "email_type": "Personal", "address": "robin@example.com",
             "is_preferred": True},
            {"email_id": one + 1, "contact_id": one, "email_type": "Work", "address": "harbor@example.com",
             "is_preferred": False},
        ],
    }  # fmt: skip


def _address(key: int, contact_id: int, kind: str, line1: str) -> Row:
    return {
        "address_id": key, "contact_id": contact_id, "address_type": kind, "line1": line1, "line2": f"Suite {line1[0]}",
        "city": f"Port {line1[0]}", "state": f"N{line1[0]}", "postal_code": f"0310{line1[0]}", "country": "US",
        "is_preferred": True,
    }  # fmt: skip


def _phone(key: int, contact_id: int, kind: str, number: str) -> Row:
    return {
        "phone_id": key, "contact_id": contact_id, "phone_type": kind, "number": number, "extension": number[-2:],
        "is_preferred": True,
    }  # fmt: skip


def _holdings(one: int) -> Rows:
    wife = one + 1
    return {
        "investment_account": [
            {"account_id": one, "office_id": one, "primary_contact_id": one, "account_name": "Harbor Brokerage",
             "account_number": "EX-1001", "account_type": "Individual", "is_qualified": False, "is_held_away": True,
             "is_discretionary": False, "account_value": 125_000, "loan_balance": 5_000, "net_value": 120_000},
            {"account_id": one + 1, "office_id": one, "primary_contact_id": wife, "account_name": "Quay Annuity",
             "account_number": "EX-1002", "how_held": "Variable Annuity", "is_qualified": True, "is_held_away": False,
             "is_discretionary": True, "account_value": 60_000, "loan_balance": 2_500, "net_value": 57_500},
        ],
        "investment_position": [
            {"position_id": one, "account_id": one, "symbol": "EXA", "product_name": "Example Growth",
             "market_value": 125_000},
            {"position_id": one + 1, "account_id": one + 1, "symbol": "EXB", "product_name": "Example Bond",
             "market_value": 60_000},
        ],
        "liability": [
            {"liability_id": one, "office_id": one, "primary_contact_id": one, "lender": "Harbor Bank",
             "loan_number": "LN-2001", "account_name": "House", "payment_method": "Monthly", "calculate": True,
             "loan_balance": 207_255, "interest_rate": 4.25, "monthly_payment": 1_180.66, "balloon_period": 23.167,
             "orig_loan_date": "2019-03-01", "orig_loan_amount": 240_000, "orig_interest_rate": 4.25,
             "orig_monthly_payment": 1_180.66, "orig_balloon_period": 30},
            {"liability_id": one + 1, "office_id": one, "primary_contact_id": wife, "lender": "Quay Credit",
             "loan_number": "LN-2002", "account_name": "Car", "payment_method": "Coupon", "calculate": False,
             "orig_loan_date": "2024-02-15", "orig_loan_amount": 18_000, "orig_interest_rate": 6.5,
             "orig_monthly_payment": 352.19, "orig_balloon_period": 5},
        ],
    }  # fmt: skip


def _cover(one: int) -> Rows:
    wife, son = one + 1, one + 2
    kinds = (("Term 20", "Life", "Term"), ("Income Guard", "Disability", "DI Income"), ("Pension 10", "Annuity", "EIA"))
    policy = {"office_id": one, "status": "Inforce"}
    return {
        "carrier": [
            {"carrier_id": one + at, "office_id": one, "name": f"Carrier {at}"} for at in range(len(kinds))
        ],
        "product": [
            {"product_id": one + at, "carrier_id": one + at, "office_id": one, "plan_name": plan,
             "insurance_type": insurance, "plan_type": plan_type}
            for at, (plan, insurance, plan_type) in enumerate(kinds)
        ],
        "policy": [
            {**policy, "policy_id": one, "primary_contact_id": one, "product_id": one, "policy_number": "LF-3001",
             "owner_contact_id": one, "primary_insured_id": one, "annual_premium": 1_200, "annualized_premium": 1_210,
             "basic_face_amount": 500_000, "total_death_benefit": 510_000, "gross_cash_value": 4_000},
            {**policy, "policy_id": one + 1, "primary_contact_id": wife, "product_id": one + 1,
             "policy_number": "DI-3002", "owner_contact_id": wife, "primary_insured_id": wife, "annual_premium": 900,
             "annualized_premium": 910, "gross_cash_value": 300, "elimination_period": "90 Days"},
            {**policy, "policy_id": one + 2, "primary_contact_id": one, "product_id": one + 2,
             "policy_number": "AN-3003", "owner_contact_id": wife, "primary_insured_id": one, "annual_premium": 2_400,
             "annualized_premium": 2_410, "basic_face_amount": 30_000, "total_death_benefit": 31_000,
             "gross_cash_value": 29_000},
        ],
        "policy_beneficiary": [
            {"policy_id": one, "contact_id": wife}, {"policy_id": one, "contact_id": son},
        ],
    }  # fmt: skip


def write(path: Path, books: Iterable[Rows]) -> None:
    """Makes the tables in a new SQLite file and fills them with the rows of all families."""
    with closing(sqlite3.connect(path)) as database:
        for table in TABLES:
            typed = (f"{column.name} {column.type.compile(sqlite.dialect())}" for column in table.columns)
            database.execute(f"CREATE TABLE {table.name} ({', '.join(typed)})")
        for rows in books:
            for name, of_table in rows.items():
                columns = list(schema.metadata.tables[name].c.keys())
                places = ", ".join("?" * len(columns))
                cells = [[row.get(column) for column in columns] for row in of_table]
                database.executemany(f"INSERT INTO {name} VALUES ({places})", cells)
        database.commit()
