"""Offices to try things on, valid by default: say only what matters, then take the frames of a shard.

    office = Office()
    home = office.household(head=person(first_name="Ann"), wife=person(first_name="Eve"), son=person(birth_date=None))
    office.account(home.head, account_value="1200.50")
    frames = office.frames()

Money, rates and periods are written as in the CRM (``"1200.50"``, ``6.25``); ``float("nan")`` is a figure that is not
finite. ``None`` is no value. Every method gives the id of what it added.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pandas as pd

from etl.schema import NOT_FINITE

AS_OF = date(2026, 1, 31)
SERVICE_USER = "service"
RIGHTS = (
    "Profiles Professional - Web", "eMoney", "Policy Tracking", "Pending Case & Policy Setup Administrator",
    "Investment Tracking",
)  # fmt: skip

# Kind of each column: k key, n nullable id, t text, b check box, d date, or the scale of a number.
COLUMNS: dict[str, dict[str, Any]] = {
    "units": {
        "unit_key": "t", "household_id": "n", "household_name": "t", "client_contact_id": "n", "office_id": "k",
        "in_profiles": "b", "in_emoney": "b",
    },
    "members": {"household_id": "k", "contact_id": "k", "role": "t", "is_primary": "b"},
    "relations": {
        "relation_id": "k", "contact_id": "k", "related_contact_id": "k", "relation_type": "t", "relation": "t",
    },
    "contacts": {
        "contact_id": "k", "office_id": "k", "assigned_user_id": "n", "record_type": "t", "subsystem_type": "t",
        "contact_type": "t", "first_name": "t", "last_name": "t", "birth_date": "d", "gender": "t",
        "marital_status": "t", "company": "t", "job_title": "t", "annual_salary": 2, "total_income": 2,
        "is_deceased": "b", "is_deleted": "b",
    },
    "client_of": {"contact_id": "k", "unit_key": "t"},
    "addresses": {
        "address_id": "k", "contact_id": "k", "address_type": "t", "line1": "t", "line2": "t", "city": "t",
        "state": "t", "postal_code": "t", "country": "t", "is_preferred": "b",
    },
    "phones": {
        "phone_id": "k", "contact_id": "k", "phone_type": "t", "number": "t", "extension": "t", "is_preferred": "b",
    },
    "emails": {"email_id": "k", "contact_id": "k", "email_type": "t", "address": "t", "is_preferred": "b"},
    "accounts": {
        "account_id": "k", "primary_contact_id": "n", "account_name": "t", "account_number": "t", "account_type": "t",
        "how_held": "t", "is_qualified": "b", "is_held_away": "b", "is_discretionary": "b", "account_value": 2,
        "loan_balance": 2, "net_value": 2,
    },
    "positions": {"position_id": "k", "account_id": "k", "symbol": "t", "product_name": "t", "market_value": 2},
    "liabilities": {
        "liability_id": "k", "primary_contact_id": "n", "lender": "t", "loan_number": "t", "account_name": "t",
        "payment_method": "t", "calculate": "b", "loan_balance": 2, "interest_rate": 6, "monthly_payment": 2,
        "balloon_period": 3, "orig_loan_date": "d", "orig_loan_amount": 2, "orig_interest_rate": 6,
        "orig_monthly_payment": 2, "orig_balloon_period": 3,
    },
    "policies": {
        "policy_id": "k", "primary_contact_id": "n", "product_id": "n", "policy_number": "t", "status": "t",
        "owner_contact_id": "n", "primary_insured_id": "n", "annual_premium": 2, "annualized_premium": 2,
        "basic_face_amount": 2, "total_death_benefit": 2, "gross_cash_value": 2, "elimination_period": "t",
        "plan_name": "t", "insurance_type": "t", "plan_type": "t", "carrier_name": "t",
    },
    "beneficiaries": {"policy_id": "k", "contact_id": "k"},
    "users": {"user_id": "k", "user_name": "t", "status": "t"},
    "rights": {"user_id": "k", "right_name": "t"},
    "faults": {
        "unit_key": "t", "rule_id": "t", "entity": "t", "entity_id": "k", "field": "t", "source_cell": "t",
        "source_record": "t", "reason": "t",
    },
}  # fmt: skip

DEFAULTS: dict[str, dict[str, Any]] = {
    "contacts": {
        "office_id": 1, "record_type": "Contact", "subsystem_type": "Contact", "contact_type": "Client",
        "first_name": "Ann", "last_name": "Harbor", "birth_date": date(1970, 5, 1), "gender": "Female",
        "marital_status": "Single",
    },
    "relations": {"relation_type": "Family", "relation": "Spouse"},
    "addresses": {
        "address_type": "Residence", "line1": "1 Quay Street", "city": "Portsmouth", "state": "NH",
        "postal_code": "00001", "country": "USA",
    },
    "phones": {"phone_type": "Home", "number": "603-555-0100"},
    "emails": {"email_type": "Personal", "address": "ann@example.com"},
    "accounts": {"account_name": "Brokerage", "account_type": "Individual", "account_value": 1000, "net_value": 1000},
    "positions": {"symbol": "XYZ", "product_name": "XYZ Fund", "market_value": 1000},
    "liabilities": {
        "lender": "Harbor Bank", "calculate": True, "loan_balance": 9000, "interest_rate": 3, "monthly_payment": 100,
        "balloon_period": 8,
    },
    "policies": {
        "product_id": 1, "policy_number": "POL-000-1234", "status": "Inforce", "annual_premium": 100,
        "basic_face_amount": 50000, "total_death_benefit": 60000, "carrier_name": "Harbor Life",
        "plan_name": "Term 20", "insurance_type": "Life", "plan_type": "Term",
    },
    "users": {"status": "Enabled"},
}  # fmt: skip


@dataclass(frozen=True)
class Home:
    """A household: its unit key, its id, and the contact ids of its members in the order they were named."""

    unit_key: str
    household_id: int
    members: tuple[int, ...]

    @property
    def head(self) -> int:
        return self.members[0]


def person(**values: Any) -> dict[str, Any]:
    """A person of a household; ``role`` overrules the role that the name of the argument says."""
    return values


class Office:
    """Rows of a shard under construction; every unit is in scope of both vendors unless it says otherwise."""

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = {frame: [] for frame in COLUMNS}
        self.user(SERVICE_USER)

    def add(self, frame: str, **values: Any) -> int:
        """One row on top of the defaults; the first column is counted up where it is not given. Gives its value."""
        unknown = values.keys() - COLUMNS[frame].keys()
        assert not unknown, f"{frame} has no column {sorted(unknown)}"
        key = next(iter(COLUMNS[frame]))
        row = {key: len(self.rows[frame]) + 1} | DEFAULTS.get(frame, {}) | values
        self.rows[frame].append(row)
        return row[key]

    def contact(self, **values: Any) -> int:
        return self.add("contacts", **values)

    def household(self, head: dict[str, Any] | None = None, name: str = "Harbor Family", **members: Any) -> Home:
        """A household with its members by role: ``wife=person()``; ``in_profiles``, ``in_emoney`` may be False."""
        scope = {name: members.pop(name) for name in ("in_profiles", "in_emoney") if name in members}
        household_id = len(self.rows["units"]) + 1
        people = {"head": head or person(), **members}
        ids = []
        for argument, values in people.items():
            values = dict(values)
            role, is_primary = values.pop("role", argument.replace("_", " ").title()), values.pop("is_primary", True)
            ids.append(self.contact(**values))
            self.add("members", household_id=household_id, contact_id=ids[-1], role=role, is_primary=is_primary)
        self._unit(f"H{household_id}", ids[0], household_id=household_id, household_name=name, **scope)
        return Home(f"H{household_id}", household_id, tuple(ids))

    def couple(self, head: dict[str, Any] | None = None, spouse: dict[str, Any] | None = None, **members: Any) -> Home:
        """A married head, a wife by role and by key relation, and others."""
        head = {"marital_status": "Married", **(head or {})}
        spouse = {"first_name": "Eve", "birth_date": date(1972, 2, 29), "marital_status": "Married", **(spouse or {})}
        home = self.household(head=head, wife=spouse, **members)
        self.relation(home.members[0], home.members[1], relation="Wife")
        return home

    def single(self, **values: Any) -> int:
        """A client contact who is a unit of its own."""
        contact_id = self.contact(**values)
        self._unit(f"C{contact_id}", contact_id)
        return contact_id

    def _unit(self, unit_key: str, client_id: int, **values: Any) -> None:
        scope = {"in_profiles": True, "in_emoney": True}
        self.add("units", **(scope | {"unit_key": unit_key, "client_contact_id": client_id, "office_id": 1} | values))
        self.add("client_of", contact_id=client_id, unit_key=unit_key)

    def relation(self, contact_id: int, related_contact_id: int, **values: Any) -> int:
        return self.add("relations", contact_id=contact_id, related_contact_id=related_contact_id, **values)

    def address(self, contact_id: int, **values: Any) -> int:
        return self.add("addresses", contact_id=contact_id, **values)

    def phone(self, contact_id: int, **values: Any) -> int:
        return self.add("phones", contact_id=contact_id, **values)

    def email(self, contact_id: int, **values: Any) -> int:
        return self.add("emails", contact_id=contact_id, **values)

    def account(self, contact_id: int, **values: Any) -> int:
        return self.add("accounts", primary_contact_id=contact_id, **values)

    def position(self, account_id: int, **values: Any) -> int:
        return self.add("positions", account_id=account_id, **values)

    def liability(self, contact_id: int, **values: Any) -> int:
        return self.add("liabilities", primary_contact_id=contact_id, **values)

    def policy(self, contact_id: int, **values: Any) -> int:
        return self.add("policies", primary_contact_id=contact_id, **values)

    def beneficiary(self, policy_id: int, contact_id: int) -> None:
        self.add("beneficiaries", policy_id=policy_id, contact_id=contact_id)

    def user(self, user_name: str, rights: tuple[str, ...] = RIGHTS, **values: Any) -> int:
        user_id = self.add("users", user_name=user_name, **values)
        for right_name in rights:
            self.add("rights", user_id=user_id, right_name=right_name)
        return user_id

    def frames(self) -> dict[str, pd.DataFrame]:
        """The frames of a shard with all units, typed as the extract types them."""
        return {frame: _frame(frame, rows) for frame, rows in self.rows.items()}


def _frame(frame: str, rows: list[dict[str, Any]]) -> pd.DataFrame:
    columns = COLUMNS[frame]
    return pd.DataFrame({name: _column(kind, [row.get(name) for row in rows]) for name, kind in columns.items()})


def _column(kind: Any, values: list[Any]) -> "pd.Series[Any]":
    if kind == "t":
        return pd.Series(values, dtype="str")
    if kind == "b":
        return pd.Series([bool(value) for value in values], dtype="bool")
    if kind == "d":
        return pd.Series(pd.to_datetime(pd.Series(values, dtype=object))).astype("datetime64[s]")
    if kind in ("k", "n"):
        return pd.Series(values, dtype="int64" if kind == "k" else "Int64")
    return pd.Series([None if value is None else _scaled(value, kind) for value in values], dtype="Int64")


def _scaled(value: Any, scale: int) -> int:
    figure = Decimal(str(value))
    return int(figure.scaleb(scale)) if figure.is_finite() else NOT_FINITE
