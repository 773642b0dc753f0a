"""One cell never stops the night: its household is held and told, all others go (SCP-CELL, SCP-STRAY, LIA-TERM)."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.run_book import Book, Ran, Vendors


def spoil(book: Book, *statements: str) -> None:
    """Writes as an import would, past the CRM's own program."""
    with book.crm.engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def messages(night: Ran, rule_id: str) -> dict[str, str]:
    """What Profiles was told by a rule, by unit."""
    found = night.rows("finding_v", vendor="profiles", rule_id=rule_id)
    return {row["unit_key"]: row["message"] for row in found}


def test_a_name_in_latin_1_holds_its_household_only_and_blank_keys_hold_no_unit(book: Book) -> None:
    for number in (1, 2, 3):
        book.couple(number)
    book.phone(1, 301, "603-555-0101")
    book.person(9)
    spoil(
        book,
        "UPDATE contact SET contact_id = '' WHERE contact_id = 9",
        "UPDATE contact SET first_name = CAST(x'416E6EE9' AS TEXT) WHERE contact_id = 101",
        "UPDATE policy SET owner_contact_id = ''",
        "UPDATE investment_account SET deleted_at = ''",
        "UPDATE contact_phone SET contact_id = 'N/A'",
    )
    night = book.run(report=True)
    assert night.stopped is None
    for vendor in ("profiles", "emoney"):
        assert night.outcomes(vendor) == {"H1": "held", "H2": "created", "H3": "created"}
    assert messages(night, "SCP-CELL") == {
        "H1": "contact.first_name of contact_id 101 cannot be read: it is no text in UTF-8."
    }
    stray = "1 row of contact_phone whose contact_id cannot be read: phone_id 1"
    strays = [row["message"] for row in night.rows("finding_v", vendor="profiles", rule_id="SCP-STRAY")]
    for told in (stray, "1 row of contact whose contact_id cannot be read: no key"):
        assert any(told in message for message in strays)
    with (night.context.reports / "worklist.csv").open() as file:
        told = {(row["unit_key"], row["rule_id"]) for row in csv.DictReader(file)}
    assert {("H1", "SCP-CELL"), ("CRM", "SCP-STRAY")} <= told
    assert stray in (night.context.reports / "worklist.html").read_text()


def test_a_spouse_whose_membership_cannot_be_read_gets_no_second_client(book: Book) -> None:
    book.couple(1)
    book.run(vendors=("emoney",))
    spoil(
        book,
        "UPDATE household_member SET contact_id = '' WHERE contact_id = 102",
        "DELETE FROM key_relation",
    )
    night = book.run("2026-11-23", vendors=("emoney",))
    assert night.outcomes("emoney") == {"C102": "held", "H1": "held"}
    (held,) = night.rows("finding_v", unit_key="C102", rule_id="LIFE-EVENT")
    assert "Contact 102 is still the spouse of H1's record at eMoney." in held["message"]
    assert set(book.vendors.clients()) == {"contact:101"}


@pytest.mark.postgres
def test_a_loan_without_a_date_is_reported_and_not_computed(
    tmp_path: Path, vendors: Vendors, postgres_url: Callable[[], str]
) -> None:
    book = Book(tmp_path, vendors, postgres_url())
    for number, lent in ((1, "infinity"), (2, "2020-02-29")):
        book.couple(number)
        book.crm.insert(
            "liability", liability_id=number, primary_contact_id=number * 100 + 1, lender="Bank", calculate=True,
            orig_loan_amount=9000, orig_interest_rate=3, orig_balloon_period=10,
        )  # fmt: skip
        spoil(book, f"UPDATE liability SET orig_loan_date = '{lent}' WHERE liability_id = {number}")
    night = book.run()
    assert night.stopped is None
    assert night.outcomes("profiles") == night.outcomes("emoney") == {"H1": "held", "H2": "created"}
    assert messages(night, "LIA-TERM")["H1"].startswith("originating Loan Date is beyond what a loan can have")
    assert "liability.orig_loan_date of liability_id 1 cannot be read" in messages(night, "SCP-CELL")["H1"]
    book.close()
