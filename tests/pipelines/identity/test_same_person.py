"""Who is who: one person in two units goes to a vendor once (MATCH-TWICE)."""

from datetime import date, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from etl.load.ledger import links
from etl.load.ledger.links import Link
from include.pipelines.refresh.plan import plan_and_extract
from tests.pipelines.household.by_hand import run_by_hand
from tests.run_book import Book, Ran

NEXT = "2026-11-23"
VENDORS = ("profiles", "emoney")
ANN: dict[str, Any] = {"first_name": "Ann", "last_name": "Lee", "birth_date": date(1970, 5, 1)}


def waits(book: Book, vendor: str = "profiles", linked: tuple[str, ...] = ()) -> dict[str, str]:
    """Which units a night would let wait, and for whom; ``linked``: the units that have a record at the vendor."""
    context = book.context(NEXT, dry_run=True, vendors=(vendor,))
    for key in linked:
        made = Link(key, key, None, None, None, None, "CREATED")
        context.ledger.commit(links.linked(context.ledger, vendor, made))
    plan_and_extract(context)
    waiting = context.staging.read(f"identity/{vendor}")["waiting"]
    return dict(zip(waiting["unit_key"], waiting["other_unit_key"], strict=True))


def held_by_twice(ran: Ran) -> set[tuple[str, str]]:
    """Vendor and unit of what waits."""
    return {
        (vendor, key)
        for vendor in VENDORS
        for key, outcome in ran.outcomes(vendor).items()
        if outcome == "held" and "MATCH-TWICE" in ran.reason(vendor, key)
    }


def message(ran: Ran, vendor: str, unit_key: str, rule_id: str = "MATCH-TWICE") -> str:
    (row,) = ran.rows("finding_v", vendor=vendor, unit_key=unit_key, rule_id=rule_id)
    return str(row["message"])


SAME: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "tax id": ({"tax_id": "900-11-2222"}, {"tax_id": "900 112222 ", "first_name": "Anna"}),
    "names and birth date": (ANN, {**ANN, "first_name": " ANN "}),
    "names in another form": ({**ANN, "first_name": "Zo\u00eb"}, {**ANN, "first_name": "ZOE\u0308"}),
}
OTHERS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "zeros": ({"tax_id": "000-00-0000"}, {"tax_id": "000-00-0000"}),
    "nines": ({"tax_id": "999999999"}, {"tax_id": "999-99-9999"}),
    "the last four digits": ({"tax_id": "***-**-1234"}, {"tax_id": "***-**-1234"}),
    "no tax id": ({"tax_id": ""}, {"tax_id": ""}),
    "another birth date": (ANN, {**ANN, "birth_date": date(1970, 5, 2)}),
    "no birth date": ({**ANN, "birth_date": None}, {**ANN, "birth_date": None}),
    "no names": ({"first_name": " ", "last_name": None}, {"first_name": " ", "last_name": None}),
}


@pytest.mark.parametrize("name", SAME)
def test_of_one_person_twice_in_the_crm_the_second_waits_for_the_first(book: Book, name: str) -> None:
    for contact_id, values in zip((7, 8), SAME[name], strict=True):
        book.person(contact_id, **values)
    assert waits(book) == {"C8": "C7"}


@pytest.mark.parametrize("name", OTHERS)
def test_values_that_identify_nobody_hold_no_unit(book: Book, name: str) -> None:
    for contact_id, values in zip((7, 8), OTHERS[name], strict=True):
        book.person(contact_id, **values)
    assert waits(book) == {}


def test_a_deleted_contact_holds_no_unit(book: Book) -> None:
    book.person(7, **ANN, deleted_at=datetime(2026, 11, 2))
    book.person(8, **ANN)
    assert waits(book) == {}


def test_the_linked_unit_goes_on_and_the_new_one_waits_also_with_a_lower_key(book: Book) -> None:
    for contact_id in (7, 8, 9):
        book.person(contact_id, **ANN)
    assert waits(book, linked=("C8",)) == {"C7": "C8", "C9": "C8"}


@pytest.mark.parametrize(
    ("linked", "waiting"),
    [((), {"C7": "H1"}), (("C7",), {"H1": "C7"}), (("H1",), {"C7": "H1"})],
    ids=["neither is linked", "the client is linked", "the couple is linked"],
)
def test_of_a_client_and_a_couple_with_a_copy_of_the_client_as_spouse_one_waits(
    book: Book, linked: tuple[str, ...], waiting: dict[str, str]
) -> None:
    book.couple(1)
    book.person(7, first_name="First102", last_name="Last101")
    assert waits(book, linked=linked) == waiting


def test_a_lone_client_does_not_wait_for_a_unit_with_the_same_copy_of_a_spouse(
    book: Book,
) -> None:
    for contact_id, spouse_id in ((7, 17), (8, 18)):
        book.person(contact_id)
        book.person(spouse_id, **ANN, contact_type="Prospect")
        book.tie(contact_id, contact_id, spouse_id)
    assert waits(book, "emoney") == {}
    book.person(9, **ANN)
    assert waits(book, "emoney") == {"C9": "C7"}


def test_a_couple_with_one_tax_id_and_a_spouse_with_another_household_do_not_wait(book: Book) -> None:
    book.couple(1, tax_id="900-11-2222")
    book.crm.update("contact", {"contact_id": 102}, tax_id="900-11-2222")
    assert waits(book) == {}
    book.crm.update("contact", {"contact_id": 101}, tax_id=None)
    book.crm.insert("household", household_id=2, name="Hers", head_contact_id=102)
    assert waits(book) == {}  # HH-COUPLE-TWICE


def two_households(book: Book, primary: int) -> None:
    """Contact 7 heads H1 and H2."""
    book.person(7)
    for household_id in (1, 2):
        book.crm.insert("household", household_id=household_id, name="Home", head_contact_id=7)
        book.crm.insert(
            "household_member", household_id=household_id, contact_id=7, role="Head", is_primary=household_id == primary
        )
    book.account(5, 7)


def test_a_unit_of_an_enrolled_set_does_not_wait_for_units_outside_the_set(book: Book) -> None:
    for contact_id in (7, 8):
        book.person(contact_id, **ANN)
    book.crm.insert("contact_set", set_id=1, name="Pilot")
    book.crm.insert("contact_set_member", set_id=1, contact_id=8)
    book.set("profiles", enroll="set:Pilot")
    assert waits(book) == {}


def test_of_two_households_of_one_head_the_primary_one_goes_to_both_vendors(book: Book) -> None:
    two_households(book, primary=2)
    ran = book.run()
    assert held_by_twice(ran) == {(vendor, "H1") for vendor in VENDORS}
    words = "Contact 7 is the client of H2 and of H1. H2 goes to eMoney; H1 waits."
    assert message(ran, "emoney", "H1") == words
    assert (len(book.vendors.cases()), len(book.vendors.clients())) == (1, 1)


def test_two_units_that_are_both_linked_go_on_and_are_reported(book: Book) -> None:
    for contact_id in (7, 8):
        book.person(contact_id)
    book.run(vendors=("profiles",))
    book.crm.update("contact", {"contact_id": 8}, first_name="First7", last_name="Last7")
    ran = book.run(NEXT, vendors=("profiles",))
    assert ran.outcomes("profiles") == {"C7": "unchanged", "C8": "updated"}
    (row,) = ran.rows("finding_v", unit_key="C8", rule_id="MATCH-TWICE")
    assert (row["severity"], row["status"]) == ("warning", "new")
    assert "Both units have a record at Profiles already, and both go on." in row["message"]


@pytest.fixture
def twins(book: Book) -> Book:
    """C7 is linked, C8 looks like the same person."""
    for contact_id in (7, 8):
        book.person(contact_id, **ANN)
    ran = book.run()
    assert held_by_twice(ran) == {(vendor, "C8") for vendor in VENDORS}
    assert (len(book.vendors.cases()), len(book.vendors.clients())) == (1, 1)
    return book


def told_apart(book: Book) -> list[tuple[Any, ...]]:
    with book.context().ledger.read() as connection:
        rows = connection.execute(sa.text("SELECT contact_id, other_contact_id, reason FROM distinct_people_v"))
        return [tuple(row) for row in rows]


def test_two_contacts_declared_to_be_two_people_both_go_from_then_on(twins: Book) -> None:
    asked = {"contact_id": 8, "vendor": "profiles", "as_of": NEXT, "action": "create_client_and_case"}
    held = run_by_hand(twins, **asked)
    assert held_by_twice(held) == {("profiles", "C8")}
    dry = run_by_hand(twins, **asked, dry_run=True, are_two="twins")
    assert dry.outcomes("profiles") == {"C8": "created"}
    assert told_apart(twins) == []
    said = run_by_hand(twins, **asked, are_two="twins, seen both", report=True)
    assert said.outcomes("profiles") == {"C8": "created"}
    assert told_apart(twins) == [(7, 8, "twins, seen both")]
    assert "twins, seen both" in (said.context.reports / "worklist.html").read_text()
    night = twins.run(NEXT)
    assert held_by_twice(night) == set()
    assert night.outcomes("emoney")["C8"] == "created"


def test_telling_apart_without_a_twin_is_refused(sent: Book) -> None:
    ran = run_by_hand(sent, 1, vendor="emoney", as_of=NEXT, are_two="twins")
    assert str(ran.stopped) == "are_two: SmartOffice has nobody who looks like the client or the spouse of H1."
