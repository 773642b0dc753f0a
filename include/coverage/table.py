"""The table of the gate's coverage, as it is committed (``gate_coverage.csv``) and shown on the desk.

Each line is a mapped column of the CRM and one way in which it goes wrong. A vendor's cell has the rules that find it,
or one of the words below. Severities are the rules' own and can be overridden, so that they stand in no cell.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, fields
from functools import cache
from importlib.resources import files
from io import StringIO
from typing import Final

from expectations.rules import RULES

FOUND_NOTHING, NO_EFFECT, NOT_SENT = "not found", "changes nothing", "not sent"
FILE: Final = "gate_coverage.csv"

BLANK, WRONG_TYPE, OUT_OF_RANGE = "blank", "wrong type", "out of range"
SWAPPED, SWAPPED_COLUMN, DUPLICATED = "swapped with another record", "swapped with another field", "duplicated"
MAY_LOOK_RIGHT: Final = (SWAPPED, SWAPPED_COLUMN, DUPLICATED)
"""Corruptions that leave a plausible value: no check of one night can tell it from the right one."""

BLANK_IS_NO_FAULT: Final[Mapping[str, str]] = {
    "contact.annual_salary": "Total Income goes instead.",
    "investment_account.net_value": "Account Value and Loan Balance go; SmartOffice need not have added them up.",
    "policy.annual_premium": "Annlzd Prem goes instead (POL-PREMIUM).",
    "policy.owner_contact_id": "The primary insured, else the primary contact, counts as the owner (POL-OWNER-EMONEY).",
    "policy.total_death_benefit": "SmartOffice knows it only of products with Calculate Benefit.",
}
"""Protected columns that may be blank, and why."""

IDENTITY, BIRTH_DATE, OWNER, MONEY = "identity", "birth date", "owner", "money"
PROTECTED: Final[Mapping[str, tuple[str, ...]]] = {
    IDENTITY: (
        "contact.contact_id", "contact.first_name", "contact.last_name", "household.household_id",
        "household.head_contact_id", "household_member.contact_id", "key_relation.contact_id",
        "key_relation.related_contact_id",
    ),
    BIRTH_DATE: ("contact.birth_date",),
    OWNER: (
        "contact.assigned_user_id", "investment_account.primary_contact_id", "liability.primary_contact_id",
        "policy.primary_contact_id", "policy.owner_contact_id", "policy.primary_insured_id",
    ),
    MONEY: (
        "contact.annual_salary", "contact.total_income", "investment_account.account_value",
        "investment_account.loan_balance", "investment_account.net_value", "investment_position.market_value",
        "liability.loan_balance", "liability.interest_rate", "liability.monthly_payment", "liability.balloon_period",
        "liability.orig_loan_amount", "liability.orig_interest_rate", "liability.orig_monthly_payment",
        "liability.orig_balloon_period", "policy.annual_premium", "policy.annualized_premium",
        "policy.basic_face_amount", "policy.total_death_benefit", "policy.gross_cash_value",
    ),
}  # fmt: skip
"""The columns whose blank, mistyped or impossible value some rule has to find."""


@dataclass(frozen=True)
class Line:
    """One way in which one column goes wrong, and what each vendor's gate makes of it."""

    table: str
    column: str
    corruption: str
    profiles: str
    emoney: str

    @property
    def field(self) -> str:
        return f"{self.table}.{self.column}"

    @property
    def group(self) -> str:
        """Which of the protected groups the column is in; empty for none."""
        return next((group for group, columns in PROTECTED.items() if self.field in columns), "")

    def rules(self, vendor: str) -> list[str]:
        """The ids of the rules that find it at the vendor."""
        return [word for word in getattr(self, vendor).split() if word in RULES]

    def is_open(self, vendor: str) -> bool:
        """Whether it changes what the vendor gets and no rule finds it."""
        return getattr(self, vendor) == FOUND_NOTHING


def as_text(lines: Iterable[Line]) -> str:
    """The table as CSV."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(each.name for each in fields(Line))
    writer.writerows(astuple(line) for line in lines)
    return text.getvalue()


@cache
def committed() -> tuple[Line, ...]:
    """The table as it was measured last."""
    text = files("include.coverage").joinpath(FILE).read_text(encoding="utf-8")
    return tuple(Line(**row) for row in csv.DictReader(text.splitlines()))
