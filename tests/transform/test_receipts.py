"""Sent + receipt = source: each value of a column that goes is in the document or has a receipt, and never both.

A random office with values that occur only once, so that a value found in a document can only be its own.
"""

import random
from collections.abc import Iterator
from decimal import Decimal
from itertools import count
from typing import Any

import pytest

from etl.transform.assembly import VendorBatch
from etl.transform.mapping.columns import sent_columns
from etl.values import ACCOUNT_TYPE_CATEGORIES, HOW_HELD_CATEGORIES, normal
from tests.builders import COLUMNS, Home, Office, person
from tests.transform.reading import batch_of, document, receipts

# CRM table, frame, entity of a receipt, id column.
TABLES = (
    ("contact", "contacts", "contact", "contact_id"),
    ("contact_address", "addresses", "address", "address_id"),
    ("contact_phone", "phones", "phone", "phone_id"),
    ("contact_email", "emails", "email", "email_id"),
    ("investment_account", "accounts", "account", "account_id"),
    ("investment_position", "positions", "position", "position_id"),
    ("liability", "liabilities", "liability", "liability_id"),
    ("policy", "policies", "policy", "policy_id"),
)
LABELS = {
    "address_type": ("Residence", "Business", "Mailing", None),
    "phone_type": ("Home", "Mobile", "Fax", "Business", "Business Fax", "Pager"),
    "account_type": ("Roth IRA", "Odd", " ", None),
    "how_held": ("Bank", "Variable Annuity", "Strange", None),
    "status": ("Inforce", "Inforce", "Lapsed"),
    "insurance_type": ("Life", "Disability", "LTC", "Annuity", "Auto", None),
    "elimination_period": ("90 Days", "a while", " ", None),
    "email_type": ("Personal",),
}


class RandomOffice:
    """A household with all kinds of members and a random lot of records for each."""

    def __init__(self, seed: int) -> None:
        self.random, self.numbers, self.office = random.Random(seed), count(1000), Office()
        self.home: Home = self.office.couple(
            head=self.contact(), spouse=self.contact(), son=person(**self.contact()), daughter=person(birth_date=None),
            uncle=person(**self.contact()),
        )  # fmt: skip
        for contact_id in self.home.members:
            self.add_records(contact_id)

    def value(self, frame: str, column: str) -> Any:
        kind = COLUMNS[frame][column]
        if column in LABELS:
            return self.random.choice(LABELS[column])
        if kind == "b":
            return self.random.random() < 0.4
        if kind == "t":
            return self.random.choice([f" text-{next(self.numbers)}", f"text-{next(self.numbers)}", " ", None])
        number = Decimal(next(self.numbers)) + Decimal("0.25")
        return self.random.choice([number, number, number, None, float("nan")])

    def row(self, frame: str, *columns: str) -> dict[str, Any]:
        names = columns or [
            name for name, kind in COLUMNS[frame].items() if kind not in ("k", "n", "d") and name != "calculate"
        ]
        return {name: self.value(frame, name) for name in names}

    def contact(self) -> dict[str, Any]:
        texts = self.row("contacts", "gender", "company", "job_title", "annual_salary", "total_income")
        return texts | {"first_name": f"text-{next(self.numbers)}", "last_name": f"text-{next(self.numbers)}"}

    def add_records(self, contact_id: int) -> None:
        office = self.office
        for _ in range(4):
            office.address(contact_id, **self.row("addresses"))
            office.phone(contact_id, **self.row("phones"))
            address = self.random.choice([f"a{next(self.numbers)}@example.com", "nobody", " ", None])
            office.email(contact_id, address=address, is_preferred=self.random.random() < 0.3)
            account_id = office.account(contact_id, **self.row("accounts"))
            office.position(account_id, **self.row("positions"))
            office.liability(contact_id, calculate=self.random.random() < 0.5, **self.row("liabilities"))
            policy = self.row("policies")
            if policy["insurance_type"] is None:
                policy |= {"plan_name": None, "carrier_name": None, "plan_type": None}
            insured = self.random.choice([None, *self.home.members])
            office.policy(contact_id, **policy | {"primary_insured_id": insured})


def leaves(value: Any) -> Iterator[str]:
    """Every text and number of a document part, numbers as plain text."""
    if isinstance(value, dict):
        for part in value.values():
            yield from leaves(part)
    elif isinstance(value, list):
        for part in value:
            yield from leaves(part)
    elif value is not None:
        yield format(value.normalize(), "f") if isinstance(value, Decimal) else str(value)


def parts(home: Home, whole: dict[str, Any]) -> dict[tuple[str, int], Any]:
    """The part of the document that each record went into; people also under their addresses, phones, e-mails."""
    case = whole.get("document", {})
    client, spouse = (case.get("clientA"), case.get("clientB")) if case else (whole["client"], whole["spouse"])
    found: dict[tuple[str, int], Any] = {("contact", home.members[0]): client, ("contact", home.members[1]): spouse}
    items = [*case.get("dependents", []), *case.get("assets", []), *case.get("liabilities", [])]
    items += [*case.get("insurancePolicies", []), *whole.get("items", [])]
    items += [holding for asset in case.get("assets", []) for holding in asset["holdings"]]
    for item in items:
        entity, number = (item.get("externalSourceId") or item["sourceKey"]).split(":")
        found[entity, int(number)] = item
    return found


def went(column: str, value: Any, part: dict[str, Any] | None) -> bool:
    """Whether a source value is in its part of the document."""
    if part is None:
        return False
    if column in ("account_type", "how_held"):
        table = ACCOUNT_TYPE_CATEGORIES if column == "account_type" else HOW_HELD_CATEGORIES
        return part["accountType"] == table.get(normal(value), object())
    if column == "elimination_period":
        return part.get("eliminationPeriod") is not None
    texts = list(leaves(part))
    if column == "policy_number":
        return f"***{value.strip()[-4:]}" in texts and bool(value.strip())
    if isinstance(value, str):
        words = {word for text in texts for word in (text, *text.split(" x"), *text.split(" "))}
        return value.strip() in words and bool(value.strip())
    if isinstance(value, (Decimal, float)):
        return value == value and format(Decimal(value).normalize(), "f") in texts
    return str(value) in texts


def unaccounted(office: RandomOffice, vendor: str, result: VendorBatch) -> list[str]:
    found = parts(office.home, document(result, office.home.unit_key))
    kept = {(entity, number, field) for entity, number, field, _ in receipts(result)}
    wrong = []
    for table, frame, entity, id_column in TABLES:
        columns = list(sent_columns(table, vendor))
        columns += ["carrier_name", "plan_name"] if table == "policy" else []
        for row in office.office.rows[frame]:
            owner = found.get(("contact", row.get("contact_id", -1)))
            part = owner if entity in ("contact", "address", "phone", "email") else found.get((entity, row[id_column]))
            for column in columns:
                value = row.get(column)
                if value is None:
                    continue
                has_receipt = bool({(entity, row[id_column], field) for field in (column, "*")} & kept)
                if has_receipt == went(column, value, part):
                    wrong.append(f"{entity} {row[id_column]} {column} {value!r}: receipt {has_receipt}")
    return wrong


@pytest.mark.parametrize("vendor", ["profiles", "emoney"])
@pytest.mark.parametrize("seed", range(8))
def test_each_value_is_sent_or_has_a_receipt_and_never_both(vendor, seed):
    office = RandomOffice(seed)
    assert unaccounted(office, vendor, batch_of(office.office, vendor)) == []


@pytest.mark.parametrize("vendor", ["profiles", "emoney"])
def test_no_receipt_is_given_twice(vendor):
    result = batch_of(RandomOffice(99).office, vendor)
    assert not result.receipts.duplicated().any()
    assert result.receipts.notna().all(axis=None)


def test_beneficiaries_who_do_not_go_have_a_receipt():
    office = Office()
    home = office.couple(uncle=person())
    life, annuity = office.policy(home.head), office.policy(home.head, insurance_type="Annuity", annual_premium=None)
    office.beneficiary(life, home.members[1])
    office.beneficiary(life, home.members[2])
    office.beneficiary(annuity, home.members[1])
    given = receipts(batch_of(office, "profiles"))
    assert ("policy", life, f"beneficiary contact:{home.members[2]}", "POL-BENEFICIARY") in given
    assert ("policy", annuity, f"beneficiary contact:{home.members[1]}", "ACC-FIXED-ANNUITY") in given
    assert len([field for _, _, field, _ in given if field.startswith("beneficiary")]) == 2


def test_receipts_name_the_rule():
    office = Office()
    home = office.couple()
    home_phone, pager = office.phone(home.members[1]), office.phone(home.head, phone_type="Pager")
    first, second = office.address(home.head), office.address(home.head, is_preferred=True)
    given = receipts(batch_of(office, "profiles"))
    assert ("phone", home_phone, "*", "DEM-MATRIX") in given
    assert ("phone", pager, "*", "DEM-MATRIX") in given
    assert ("address", first, "*", "DEM-PICK") in given
    assert second not in {number for entity, number, _, _ in given if entity == "address"}
