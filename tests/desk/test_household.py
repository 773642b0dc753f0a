"""The page of a household, over a real night at both sandboxes; and values, for whom may see them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial

import pytest

from etl.load.ledger.desk import audit, work
from etl.load.ledger.desk.work import Person
from expectations.rules.cards import cards, title
from include import ROOT
from include.desk.household import LEFT_OUT
from tests.desk.office import Office
from tests.load.advisors import edit_person
from tests.load.ledger.desk.desks import rows_of
from tests.report.pages import read_page
from tests.run_book import Book, BookSnapshot, Restore, snapshot

TAX_ID = "900-12-3456"
HEAD = 101
RECORD = f"contact:{HEAD}"


@partial(snapshot, scope="module")
def four_nights(book: Book) -> None:
    """H1 goes to both vendors; an advisor edits it, and so does the CRM; then its head loses the birth date."""
    book.couple(1)
    book.crm.update("contact", {"contact_id": HEAD}, job_title=" ")
    book.run("2026-11-18", report=True)
    edit_person(book.vendors, lastName="Typed")
    book.crm.update("contact", {"contact_id": HEAD}, last_name="Changed")
    book.run("2026-11-19", report=True)
    book.crm.update("contact", {"contact_id": HEAD}, birth_date=None, tax_id=TAX_ID)
    book.crm.insert("office", office_id=3, name="Harbor", status="Active")
    book.crm.insert("crm_user", user_id=77, office_id=3, user_name="harbor.reed", status="Enabled")
    book.run("2026-11-20", report=True)
    book.run("2026-11-21", report=True)


@pytest.fixture
def office(four_nights: BookSnapshot, restore: Restore) -> Iterator[Office]:
    book = restore(four_nights)
    made = Office(book.folder / "data", book.crm)
    yield made
    made.ledger.engine.dispose()


def test_the_page_says_what_is_open_and_where_the_household_stands(office: Office) -> None:
    page = office.visitor("admin", is_admin=True).read("/household/H1")
    card = cards()["DEM-BIRTH-DATE"]
    assert title("DEM-BIRTH-DATE") in page.words
    assert card.why in page.words
    assert "critical" in page.words.lower()
    assert f"Last outcome Held: {title('DEM-BIRTH-DATE')}" in page.words
    assert "SmartOffice as of 2026-11-19" in page.words
    assert "What went:" in page.words
    assert "clientA.birthDate written; unchanged since contact.birth_date, key 101" in page.words
    assert "As of 2026-11-20 to 2026-11-21, 2 runs" in page.words
    assert "Created" in page.words
    assert "Kept, because somebody edited or pinned it there clientA.lastName : kept: somebody edited it" in page.words
    assert page.headings()[0] == 1


def test_the_page_shows_values_by_their_shape_alone(office: Office) -> None:
    text = office.visitor("admin", is_admin=True).get("/household/H1").text
    for value in (TAX_ID, "555-01", "LIFE-5551234"):
        assert value not in text
    assert "a date" in text


def test_its_history_has_what_people_did(office: Office) -> None:
    (item, *_) = rows_of(office.ledger, "SELECT item_id FROM work_item WHERE rule_id = 'DEM-BIRTH-DATE'")
    work.wait_for(office.ledger, Person("main.morgan", None), [item["item_id"]], "the client", "Form sent")
    page = office.visitor("admin", is_admin=True).read("/household/H1")
    assert "main.morgan" in page.words
    assert "Waiting for the client: Form sent" in page.words


def test_a_household_of_another_office_is_not_there(office: Office) -> None:
    reed = office.visitor("harbor.reed")
    assert reed.get("/household/H1").status_code == 404
    for key in ("H99", "X1", "H1'", "H" + "9" * 30):
        assert office.visitor("admin", is_admin=True).get(f"/household/{key}").status_code == 404


def test_a_household_that_the_crm_has_given_another_office_goes_with_it(office: Office) -> None:
    office.crm.update("household", {"household_id": 1}, office_id=3)
    assert office.visitor("harbor.reed").get("/household/H1").status_code == 200


def test_a_household_that_the_crm_has_no_more_is_shown_as_the_ledger_knows_it(office: Office) -> None:
    office.crm.delete("household_member", household_id=1)
    office.crm.delete("household", household_id=1)
    assert "Not in SmartOffice any more" in office.visitor("admin", is_admin=True).read("/household/H1").words
    assert office.visitor("harbor.reed").get("/household/H1").status_code == 404


def test_values_are_shown_once_with_a_reason_and_an_entry_in_the_audit(office: Office) -> None:
    admin = office.visitor("admin", is_admin=True)
    assert f'value="{RECORD}"' in admin.get("/household/H1").text
    answer = admin.send("/household/H1/values", record=RECORD, reason="The client is on the phone")
    assert answer.status_code == 200
    assert TAX_ID in answer.text
    assert "Tax id" in read_page(answer.text).words
    assert answer.headers["cache-control"] == "no-store"
    (entry,) = rows_of(office.ledger, "SELECT * FROM audit_v")
    assert (entry["actor"], entry["action"], entry["subject"]) == ("admin", "values shown", "unit:H1")
    assert (json.loads(entry["after"]), entry["reason"]) == ({"record": RECORD}, "The client is on the phone")
    assert TAX_ID not in str(entry)
    assert audit.verify(office.ledger).broken is None


def test_values_are_refused_without_the_right_a_reason_or_an_item_that_names_the_record(office: Office) -> None:
    office.crm.insert("crm_user", user_id=78, office_id=1, user_name="main.morgan", status="Enabled")
    morgan, admin = office.visitor("main.morgan"), office.visitor("admin", is_admin=True)
    assert "Show values" not in morgan.read("/household/H1").words
    refusals = [
        (morgan, {"record": RECORD, "reason": "Why not"}, 403), (admin, {"record": RECORD, "reason": "  "}, 422),
        (admin, {"record": "contact:99999", "reason": "Curious"}, 404),
        (admin, {"record": "crm_user:1", "reason": "Curious"}, 404), (admin, {"reason": "Curious"}, 404),
    ]  # fmt: skip
    for visitor, given, status in refusals:
        answer = visitor.send("/household/H1/values", **given)
        assert answer.status_code == status, given
        assert TAX_ID not in answer.text
    assert rows_of(office.ledger, "SELECT * FROM audit_v") == []


def test_values_of_a_record_that_has_gone_to_another_office_are_not_shown(
    four_nights: BookSnapshot, restore: Restore
) -> None:
    book = restore(four_nights)
    office = Office(book.folder / "data", book.crm, {"desk": {"deciders": ["main.morgan"]}})
    office.crm.insert("crm_user", user_id=78, office_id=1, user_name="main.morgan", status="Enabled")
    morgan, asked = office.visitor("main.morgan"), {"record": RECORD, "reason": "The client is on the phone"}
    assert TAX_ID in morgan.send("/household/H1/values", **asked).text
    office.crm.update("contact", {"contact_id": HEAD}, office_id=3)
    answer = morgan.send("/household/H1/values", **asked)
    assert (answer.status_code, TAX_ID in answer.text) == (404, False)
    assert len(rows_of(office.ledger, "SELECT * FROM audit_v")) == 1
    office.ledger.engine.dispose()


def test_hostile_names_stay_text(office: Office) -> None:
    office.crm.update("household", {"household_id": 1}, name="=1+1<script>alert(1)</script>\u202e")
    text = office.visitor("admin", is_admin=True).get("/household/H1").text
    assert "<script>" not in text
    assert "\u202e" not in text
    assert "\\u202e" in text


def test_what_does_not_go_has_a_reason_in_words_for_every_rule() -> None:
    sources = "".join(path.read_text() for path in (ROOT / "etl" / "transform" / "receipts").glob("*.py"))
    rules = set(re.findall(r'"([A-Z]{3}(?:-[A-Z]+)+)"', sources))
    assert len(rules) > 15
    assert rules - LEFT_OUT.keys() - cards().keys() == set()


def test_what_does_not_go_is_named_as_a_person_would(office: Office) -> None:
    page = office.visitor("admin", is_admin=True).read("/household/H1")
    assert "Contact 101, Job title : it is blank DEM-TEXT" in page.words
    assert "created by Planbridge" in page.words
