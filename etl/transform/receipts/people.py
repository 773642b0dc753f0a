"""Receipts for people: contacts, and their addresses, phones and e-mails."""

import numpy as np
import pandas as pd

from etl.schema import NOT_FINITE
from etl.transform.arrays import NULL, Flags, Ints, blank_texts, first_reason, integers, join
from etl.transform.mapping.columns import sent_columns
from etl.transform.mapping.fields import ADDRESS_FIELDS, person_fields
from etl.transform.receipts.book import ReceiptBook
from etl.transform.rules.contacts import Reach
from etl.transform.rules.households import Households
from etl.transform.rules.members import CLIENT, DEPENDENT, SPOUSE
from etl.values import ADDRESS_VALUES, PHONE_VALUES, Vendor

# The field matrix by what somebody is in a unit.
ROLES: dict[Vendor, dict[int, str]] = {
    "profiles": {CLIENT: "clientA", SPOUSE: "clientB", DEPENDENT: "dependent"},
    "emoney": {CLIENT: "client", SPOUSE: "spouse"},
}
# What the field matrix never sends for a role.
MATRIX = "DEM-MATRIX"
INCOME_COLUMNS = ("annual_salary", "total_income")


def values_of_role(vendor: Vendor, role: int) -> frozenset[str]:
    """The values that the field matrix sends for somebody."""
    return frozenset(value for _, value in person_fields(ROLES[vendor][role])) if role in ROLES[vendor] else frozenset()


def add_people(book: ReceiptBook, households: Households, vendor: Vendor) -> None:
    """Contacts that do not go, and the values of those who do that the matrix or DEM-TEXT keeps back."""
    people = households.people
    unit_no, contact_id = integers(people["unit_no"]), integers(people["contact_id"])
    book.add_records("contact", unit_no, contact_id, people["rule_id"])
    if vendor == "profiles":
        household_id = integers(households.units["household_id"])
        units = np.arange(len(household_id))
        book.add("household", "name", "DEM-TEXT", units, household_id, blank_texts(households.units["household_name"]))
    for role in ROLES[vendor]:
        of_role = households.of_role(role)
        rows = households.book.contacts.take(integers(of_role["contact_at"]))
        values = values_of_role(vendor, role)
        keys = integers(of_role["unit_no"]), integers(of_role["contact_id"])
        for column in sent_columns("contact", vendor):
            if column in INCOME_COLUMNS:
                continue
            if column not in values:
                book.add("contact", column, MATRIX, *keys, rows[column].notna().to_numpy())
            elif column != "birth_date":
                book.add("contact", column, "DEM-TEXT", *keys, blank_texts(rows[column]))
        if vendor == "profiles":
            _add_incomes(book, rows, keys, "income" in values)


def _add_incomes(book: ReceiptBook, rows: pd.DataFrame, keys: tuple[Ints, Ints], goes: bool) -> None:
    """Annual salary, else total income; neither for a dependent."""
    salary, income = (integers(rows[column]) for column in INCOME_COLUMNS)
    book.add("contact", "annual_salary", MATRIX, *keys, (salary != NULL) & (not goes))
    book.add("contact", "total_income", MATRIX, *keys, (income != NULL) & ((salary != NULL) | (not goes)))
    book.add("contact", "annual_salary", "ACC-MONEY", *keys, (salary == NOT_FINITE) & goes)
    book.add("contact", "total_income", "ACC-MONEY", *keys, (income == NOT_FINITE) & (salary == NULL) & goes)


def add_reach(book: ReceiptBook, households: Households, reached: Reach, vendor: Vendor) -> None:
    """DEM-PICK, DEM-ADDRESS, DEM-PHONE, DEM-E-MAIL: addresses, phones and e-mails that do not go."""
    addresses = _Reached(households, reached.addresses, "address_id")
    kinds = reached.address_kinds[addresses.row_at]
    is_null = reached.address_values.is_null
    goes = addresses.add(book, "address", vendor, kinds, ADDRESS_VALUES, reached.address_picks, is_null, "DEM-ADDRESS")
    for _, column in ADDRESS_FIELDS:
        addresses.add_blank(book, "address", column, reached.addresses, goes)
    phones = _Reached(households, reached.phones, "phone_id")
    kinds = reached.phone_kinds[phones.row_at]
    is_null = reached.phone_values.is_null
    goes = phones.add(book, "phone", vendor, kinds, PHONE_VALUES, reached.phone_picks, is_null, "DEM-PHONE")
    phones.add_blank(book, "phone", "extension", reached.phones, goes)
    emails = _Reached(households, reached.emails, "email_id")
    kinds = np.zeros(len(emails.row_at), dtype=np.int64)
    emails.add(book, "email", vendor, kinds, ("email",), reached.email_picks, ~reached.is_email, "DEM-E-MAIL")


class _Reached:
    """The rows of one way to reach people, joined to everybody in the units."""

    def __init__(self, households: Households, rows: pd.DataFrame, id_column: str) -> None:
        people = households.people
        ids = integers(rows[id_column])
        person_at, self.row_at = join(integers(people["contact_id"]), integers(rows["contact_id"]), ids)
        self.person = people.take(person_at)
        self.unit_no, self.entity_id = integers(self.person["unit_no"]), ids[self.row_at]

    def add(
        self,
        book: ReceiptBook,
        entity: str,
        vendor: Vendor,
        kinds: Ints,
        names: tuple[str, ...],
        picks: Ints,
        is_null: Flags,
        null_rule: str,
    ) -> Flags:
        """Receipts for the rows that do not go; returns which go."""
        role = integers(self.person["role"])
        takes = np.zeros((max(role, default=0) + 1, len(names) + 1), dtype=np.bool_)
        for each in ROLES[vendor]:
            if each < len(takes):
                takes[each, :-1] = [name in values_of_role(vendor, each) for name in names]
        is_picked = picks[kinds, integers(self.person["contact_at"])] == self.row_at
        is_taken = takes[role, kinds]
        theirs = self.person["rule_id"].notna().to_numpy()
        book.add_records(entity, self.unit_no, self.entity_id, self.person["rule_id"])
        checks = {
            MATRIX: ~theirs & ~is_taken,
            "DEM-PICK": ~theirs & ~is_picked,
            null_rule: ~theirs & is_null[self.row_at],
        }
        reasons = first_reason(checks, len(role))
        book.add_records(entity, self.unit_no, self.entity_id, pd.Series(reasons))
        goes: Flags = ~theirs & pd.isna(reasons)
        return goes

    def add_blank(self, book: ReceiptBook, entity: str, column: str, rows: pd.DataFrame, goes: Flags) -> None:
        """DEM-TEXT: the blank texts of rows that go."""
        is_blank = blank_texts(rows[column])[self.row_at]
        book.add(entity, column, "DEM-TEXT", self.unit_no, self.entity_id, goes & is_blank)
