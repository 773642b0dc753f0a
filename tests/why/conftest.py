"""A small book with three nights behind it, made once for all questions."""

from collections.abc import Iterator
from datetime import date

import pytest

from etl.load.ledger import pins
from etl.load.ledger.pins import Pin
from tests.load.advisors import edit_person
from tests.run_book import Book, sandboxes


@pytest.fixture(scope="session")
def told_book(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Book]:
    """H1: a couple with a loan whose figures are computed, a child with an account, an edit at Profiles. H2: held.

    run-1 sends H1; run-2 brings a new phone number, and a first name that an advisor edited; run-3 finds nothing new.
    """
    folder = tmp_path_factory.mktemp("told")
    with sandboxes(folder) as vendors:
        book = Book(folder, vendors)
        _tell(book)
        yield book
        book.close()


def _tell(book: Book) -> None:
    for number in (1, 2):
        book.couple(number)
    book.phone(9, 101, "555-0101")
    book.phone(10, 102, "555-0102")
    book.crm.insert("contact_email", email_id=3, contact_id=101, email_type="Home", address="no address")
    book.crm.insert(
        "liability", liability_id=4, primary_contact_id=101, loan_number="L-77", calculate=True,
        orig_loan_amount=100_000, orig_interest_rate=5, orig_balloon_period=30, orig_loan_date=date(2020, 1, 1),
        payment_method="Monthly",
    )  # fmt: skip
    book.person(103, contact_type=None)
    book.member(1, 103, "Child")
    book.account(50, 103)
    book.crm.update("contact", {"contact_id": 201}, birth_date=None)
    book.run("2026-11-20", report=True)
    edit_person(book.vendors, firstName="Nick")
    book.crm.update("contact_phone", {"phone_id": 9}, number="555-0109")
    book.crm.update("contact", {"contact_id": 101}, first_name="Nicholas")
    ledger = book.run("2026-11-23", requested_by="ann", report=True).context.ledger
    book.run("2026-11-24", report=True)
    pins.change_pins(ledger, "H1", [Pin("clientA.fax", "profiles", "he has none")], [], "ann", "hand")
