"""Fields pinned in a run by hand: it does so itself, the nights keep to it, and another run by hand ends it."""

from typing import Any

import pytest

from etl.load.ledger import pins
from etl.load.ledger.pins import Pin, Side
from tests.load.advisors import edit_person
from tests.pipelines.household.by_hand import run_by_hand
from tests.pipelines.undo.undoing import ended, undo
from tests.run_book import Book

PHONE = "clientA.cellPhone"


def pinned(side: Side) -> tuple[Pin, ...]:
    return (Pin(PHONE, side, "as she told us"),)


def phone(book: Book) -> Any:
    return book.vendors.cases()["household:1"]["document"]["clientA"]["cellPhone"]


@pytest.fixture
def edited(book: Book) -> Book:
    """H1 was sent, an advisor edited its phone, and the CRM has another one since."""
    book.couple(1)
    book.phone(9, 101, "555-0101")
    book.run(vendors=("profiles",))
    edit_person(book.vendors, cellPhone="555-0199")
    book.crm.update("contact_phone", {"phone_id": 9}, number="555-0102")
    return book


def test_a_field_pinned_to_smartoffice_is_written_over_the_edit_and_stays_so(edited: Book) -> None:
    ran = run_by_hand(edited, 1, vendor="profiles", pins=pinned("smartoffice"), report=True)
    assert ran.outcomes("profiles") == {"H1": "updated"}
    assert phone(edited) == "555-0102"
    assert "as she told us" in (ran.context.reports / "why.html").read_text()
    edit_person(edited.vendors, cellPhone="555-0198")
    edited.run("2026-11-23", vendors=("profiles",))
    assert phone(edited) == "555-0102"
    run_by_hand(edited, 1, vendor="profiles", unpins=(PHONE,))
    edit_person(edited.vendors, cellPhone="555-0197")
    edited.run("2026-11-24", vendors=("profiles",))
    assert phone(edited) == "555-0197"


def test_a_run_by_hand_can_be_undone(edited: Book) -> None:
    ran = run_by_hand(edited, 1, vendor="profiles", pins=pinned("smartoffice"))
    assert ended(undo(edited, ran.context.request.run_id)) == {"H1": "updated"}
    assert phone(edited) == "555-0199"


def test_a_dry_run_pins_nothing(edited: Book) -> None:
    ran = run_by_hand(edited, 1, vendor="profiles", pins=pinned("profiles"), dry_run=True)
    assert ("H1", PHONE, "pinned") in ran.decisions("profiles")
    assert pins.pins_of(ran.context.ledger, "H1") == ()
