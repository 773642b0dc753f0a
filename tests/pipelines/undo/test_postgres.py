"""Pins, lineage and undo with the ledger on PostgreSQL."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from etl.load.ledger import pins
from etl.load.ledger.pins import Pin
from etl.load.ledger.retention import Keep, remove_old
from include.why.asking import ask
from tests.pipelines.undo.undoing import decided, ended, undo
from tests.run_book import Book, Vendors

pytestmark = pytest.mark.postgres


@pytest.fixture
def postgres_book(tmp_path: Path, vendors: Vendors, postgres_url: Callable[[], str]) -> Iterator[Book]:
    made = Book(tmp_path, vendors, ledger_url=postgres_url())
    made.couple(1)
    made.phone(9, 101, "555-0101")
    yield made
    made.close()


def test_pins_questions_and_undos_are_the_same_on_postgresql(postgres_book: Book) -> None:
    book = postgres_book
    ledger = book.run(report=True).context.ledger
    pins.change_pins(ledger, "H1", [Pin("clientA.fax", "profiles", "none")], [], "ann", "hand")
    book.crm.update("contact_phone", {"phone_id": 9}, number="555-0102")
    book.run("2026-11-23", report=True)
    assert remove_old(ledger, Keep(lineage_days=0)).is_through
    (told,) = ask(ledger, "H1", "clientA.cellPhone", None, None)
    assert told.answers[0].source == "contact_phone.number, key 9"
    assert told.answers[0].run_id == "run-2"
    assert [pin.field for pin in told.history.pins] == ["clientA.fax"]
    undone = undo(book, "run-2")
    assert ended(undone) == {"H1": "updated"}
    assert decided(undone) == {("H1", "clientA.cellPhone", "written")}
    assert ended(undo(book, undone.run_id)) == {"H1": "updated"}
    pins.change_pins(ledger, "H1", [], ["clientA.fax"], "ann", "hand-2")
    assert pins.read_pins(ledger).empty
