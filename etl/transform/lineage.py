"""Where the values of a document come from, as far as no table says so: which row was picked, which column went.

A field table names the column of most fields, and an item's key its row. What depends on the data stands here: the
picked addresses, phones and e-mails, the income, the category's source, a loan's set of figures and what of it was
computed, the premium, who counts as owner and insured.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from etl.transform.arrays import NULL, Frames, Ints, Objects, flags, integers, is_none, texts
from etl.transform.assembly import decide
from etl.transform.documents import keys
from etl.transform.mapping.fields import person_fields
from etl.transform.portfolio import Portfolio
from etl.transform.receipts import receipts_of
from etl.transform.receipts.people import ROLES
from etl.transform.rules.contacts import Reach, reach
from etl.transform.rules.households import Households
from etl.transform.rules.liabilities import CURRENT_SET, NAME_COLUMNS, ORIGINATING_SET
from etl.transform.rules.members import CLIENT, SPOUSE
from etl.values import ADDRESS_VALUES, PHONE_VALUES, Vendor

# The four figures of a liability in the order of the two sets.
FIGURES = ("currentBalance", "annualInterestRate", "scheduledMonthlyPayment", "remainingYears")
# LIA-COMPUTED: what a computed figure is made of.
TERMS = "orig_loan_amount, orig_interest_rate, orig_balloon_period, orig_loan_date"
CATEGORY_SOURCES = {
    "account_type": ("account_type", "ACC-CATEGORY"),
    "how_held": ("how_held", "ACC-CATEGORY"),
    "missing": ("is_qualified", "ACC-CATEGORY-MISSING"),
    "unknown": ("is_qualified", "ACC-CATEGORY-UNKNOWN"),
}


@dataclass
class _Rows:
    """Collects blocks of rows."""

    family: Households
    blocks: list[pd.DataFrame] = field(default_factory=list)

    def add(
        self, unit_no: Ints, subject: object, name: str, table: str, column: object, key: Ints, rule_id: object
    ) -> None:
        """One row for each unit number; the others are arrays of that length, or one value for all."""
        if len(unit_no):
            values = {"unit_key": self.family.keys_of(unit_no), "subject": subject, "name": name, "table": table}
            self.blocks.append(pd.DataFrame({**values, "column": column, "key": key, "rule_id": rule_id}))


@dataclass(frozen=True)
class Lineage:
    """``sources``: unit_key, subject (``clientA``, ``account:5``), name (API field), table, column, key, rule_id.

    ``receipts``: unit_key, entity, entity_id, field (``*``: the whole record), rule_id of every value that does not go.
    """

    sources: pd.DataFrame
    receipts: pd.DataFrame


def trace(frames: Frames, as_of: dt.date, vendor: Vendor, service_user: str = "service") -> Lineage:
    """Where the values of the units in a vendor's scope come from, and which do not go."""
    reached = reach(frames)
    family, _, owned = decide(vendor, frames, as_of, service_user, reached)
    rows = _Rows(family)
    for role in (CLIENT, SPOUSE):
        _add_person(rows, reached, role, vendor)
    _add_accounts(rows, owned)
    if vendor == "profiles":
        _add_liabilities(rows, owned)
        _add_insurance(rows, owned)
    else:
        _add_owners(rows, owned)
    names = ["unit_key", "subject", "name", "table", "column", "key", "rule_id"]
    sources = pd.concat(rows.blocks, ignore_index=True) if rows.blocks else pd.DataFrame(columns=names)
    return Lineage(sources, receipts_of(family, reached, owned, frames, vendor).frame())


def _add_person(rows: _Rows, reached: Reach, role: int, vendor: Vendor) -> None:
    family, subject = rows.family, ROLES[vendor][role]
    contact_at = family.client_at if role == CLIENT else family.spouse_at
    contact_id = family.client_id if role == CLIENT else family.spouse_id
    there = np.flatnonzero((contact_at >= 0) & family.is_usable)
    at, ids = contact_at[there], contact_id[there]
    rows.add(there, subject, "*", "contact", "contact_id", ids, "HH-HEAD" if role == CLIENT else _spouse_rule(vendor))
    wanted = {value: name.split(".")[0] if "." not in name else name for name, value in person_fields(subject)}
    picks = [
        (ADDRESS_VALUES, reached.address_picks, reached.addresses, "contact_address", "address_id"),
        (PHONE_VALUES, reached.phone_picks, reached.phones, "contact_phone", "phone_id"),
        (("email",), reached.email_picks, reached.emails, "contact_email", "email_id"),
    ]
    columns = {"contact_address": "", "contact_phone": "number", "contact_email": "address"}
    for names, picked, source, table, id_column in picks:
        row_ids = np.append(integers(source[id_column]), NULL)
        for kind, value in enumerate(names):
            found = picked[kind][at]
            has = np.flatnonzero(found >= 0)
            if value in wanted:
                rows.add(
                    there[has], subject, wanted[value], table, columns[table], row_ids[found[has]], "DEM-PICK"
                )  # fmt: skip
    if "income" in wanted:
        salary = np.append(integers(family.book.contacts["annual_salary"]), NULL)[at]
        column = np.where(salary != NULL, "annual_salary", "total_income").astype(object)
        rows.add(there, subject, wanted["income"], "contact", column, ids, "DEM-MATRIX")


def _spouse_rule(vendor: Vendor) -> str:
    return "HH-SPOUSE-ROLE" if vendor == "profiles" else "HH-SPOUSE-RELATION"


def _add_accounts(rows: _Rows, owned: Portfolio) -> None:
    accounts = owned.sent_accounts
    ids = integers(accounts["account_id"])
    chosen = [CATEGORY_SOURCES[source] for source in owned.categories[1]]
    columns, rules = _column(chosen, 0), _column(chosen, 1)
    rows.add(
        integers(accounts["unit_no"]), keys("account", ids), "accountType", "investment_account", columns, ids, rules
    )


def _column(pairs: list[tuple[str, str]], at: int) -> Objects:
    chosen: Objects = np.array([pair[at] for pair in pairs], dtype=object)
    return chosen


def _add_liabilities(rows: _Rows, owned: Portfolio) -> None:
    """LIA-NAME, LIA-CALCULATE, LIA-COMPUTED."""
    loans, sent = owned.sent_liabilities, owned.figures
    unit_no, ids = integers(loans["unit_no"]), integers(loans["liability_id"])
    subjects = keys("liability", ids)
    name = np.full(len(loans), None, dtype=object)
    for column in reversed(NAME_COLUMNS):
        name = np.where(is_none(texts(loans[column])), name, column)
    rows.add(unit_no, subjects, "liabilityName", "liability", name, ids, "LIA-NAME")
    calculate = flags(loans["calculate"])
    values = (sent.balance, sent.rate, sent.payment, sent.years)
    for figure, current, originating, value in zip(FIGURES, CURRENT_SET, ORIGINATING_SET, values, strict=True):
        recorded = np.where(calculate, integers(loans[current]), integers(loans[originating]))
        computed = (recorded == NULL) & (value != NULL)
        stands_in = computed & calculate & (integers(loans[originating]) != NULL)
        is_plain = figure in ("annualInterestRate", "scheduledMonthlyPayment")
        made_of = np.where(stands_in & is_plain, originating, TERMS)
        source = np.where(computed, made_of, np.where(calculate, current, originating)).astype(object)
        rule_id = np.where(computed, "LIA-COMPUTED", "LIA-CALCULATE").astype(object)
        rows.add(unit_no, subjects, figure, "liability", source, ids, rule_id)


def _add_insurance(rows: _Rows, owned: Portfolio) -> None:
    """POL-PREMIUM, POL-INSURED."""
    policies = owned.insurance
    unit_no, ids = integers(policies["unit_no"]), integers(policies["policy_id"])
    subjects = keys("policy", ids)
    has_annual = integers(policies["annual_premium"]) != NULL
    premium = np.where(has_annual, "annual_premium", "annualized_premium").astype(object)
    rows.add(unit_no, subjects, "annualPremium", "policy", premium, ids, "POL-PREMIUM")
    has_insured = integers(policies["primary_insured_id"]) != NULL
    insured = np.where(has_insured, "primary_insured_id", "primary_contact_id").astype(object)
    rows.add(unit_no, subjects, "insured", "policy", insured, ids, "POL-INSURED")


def _add_owners(rows: _Rows, owned: Portfolio) -> None:
    """POL-OWNER-EMONEY."""
    policies = owned.sent_policies
    unit_no, ids = integers(policies["unit_no"]), integers(policies["policy_id"])
    column: Objects = np.full(len(policies), "primary_contact_id", dtype=object)
    for name in ("primary_insured_id", "owner_contact_id"):
        column = np.where(integers(policies[name]) != NULL, name, column)
    rows.add(unit_no, keys("policy", ids), "owner", "policy", column, ids, "POL-OWNER-EMONEY")
