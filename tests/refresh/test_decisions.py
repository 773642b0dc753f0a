"""What stops before anything is sent: guards, life events, licenses."""

import pytest
import sqlalchemy as sa

from etl.errors import StopRun
from tests.run_book import Book

NEXT = "2026-11-23"


def test_too_many_changes_at_once_stop_the_run_before_its_first_write(book: Book) -> None:
    book.set("guard", at_least=2, max_changed_percent=50)
    for number in (1, 2, 3):
        book.couple(number)
    book.run(vendors=("profiles",))
    for number in (1, 2):
        book.phone(number, number * 100 + 1, f"603-555-010{number}")
    before = book.vendors.writes()
    stopped = book.run(NEXT, vendors=("profiles",))
    assert isinstance(stopped.stopped, StopRun)
    assert "MAX_CHANGED_PERCENT" in str(stopped.stopped)
    assert "2 of 3" in str(stopped.stopped)
    assert set(stopped.outcomes("profiles").values()) == {"failed"}
    assert book.vendors.writes() == before
    book.set("guard", max_changed_percent=100)
    assert list(book.run(NEXT, vendors=("profiles",)).outcomes("profiles").values()).count("updated") == 2


def test_one_rule_that_fails_for_many_stops_the_run_before_its_first_write(book: Book) -> None:
    book.set("guard", at_least=2)
    for number in (7, 8):
        book.person(number, birth_date=None)
    book.person(9)
    stopped = book.run()
    assert "MAX_RULE_PERCENT" in str(stopped.stopped)
    assert "DEM-BIRTH-DATE" in str(stopped.stopped)
    assert book.vendors.writes() == {}


def test_an_empty_crm_is_not_believed_where_units_are_linked(book: Book) -> None:
    book.couple(1)
    book.run()
    book.crm.update("household", {"household_id": 1}, deleted_at=book.crm.moment)
    book.crm.update("contact", {"office_id": 1}, deleted_at=book.crm.moment)
    before = book.vendors.writes()
    assert "no units" in str(book.run(NEXT).stopped)
    assert book.vendors.writes() == before


LIFE_EVENTS = {
    "the spouse has gone": ("DELETE FROM household_member WHERE contact_id = 102", "DELETE FROM key_relation"),
    "the spouse is another": (
        "UPDATE household_member SET contact_id = 7 WHERE contact_id = 102",
        "UPDATE key_relation SET related_contact_id = 7",
    ),
    "the head is another": (
        "UPDATE household SET head_contact_id = 102",
        "UPDATE household_member SET role = CASE contact_id WHEN 101 THEN 'Husband' ELSE 'Head' END",
    ),
}


@pytest.mark.parametrize("event", LIFE_EVENTS)
def test_a_life_event_is_held_at_both_vendors_until_it_is_undone(book: Book, event: str) -> None:
    book.couple(1)
    book.person(7)
    book.run()
    with book.crm.engine.begin() as connection:
        for statement in LIFE_EVENTS[event]:
            connection.execute(sa.text(statement))
        connection.execute(sa.text("UPDATE contact SET marital_status = 'Single' WHERE contact_id IN (101, 102)"))
        if event != "the spouse has gone":
            connection.execute(sa.text("UPDATE contact SET marital_status = 'Married'"))
    before = {call: made for call, made in book.vendors.writes().items() if "feeds" not in call}
    ran = book.run(NEXT, full=True)
    assert ran.stopped is None
    for vendor in ("profiles", "emoney"):
        assert ran.outcomes(vendor)["H1"] == "held"
        assert "LIFE-EVENT" in ran.reason(vendor, "H1")
        assert ("H1", "LIFE-EVENT") in ran.findings(vendor)
    after = {call: made for call, made in book.vendors.writes().items() if "feeds" not in call}
    assert after.get("PUT /api/cases/{case_id}") == before.get("PUT /api/cases/{case_id}")
    assert after["PUT /public/v1/clients/{client_id}/spouse"] == before["PUT /public/v1/clients/{client_id}/spouse"]


def test_a_spouse_who_is_added_goes_by_herself(book: Book) -> None:
    book.couple(1)
    with book.crm.engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM household_member WHERE contact_id = 102"))
        connection.execute(sa.text("DELETE FROM key_relation"))
        connection.execute(sa.text("UPDATE contact SET marital_status = 'Single'"))
    book.run()
    book.crm.later(days=1)
    book.member(1, 102, "Wife")
    book.tie(5, 101, 102)
    book.crm.update("contact", {"contact_id": 101}, marital_status="Married")
    ran = book.run(NEXT)
    assert ran.outcomes("profiles")["H1"] == ran.outcomes("emoney")["H1"] == "updated"
    assert book.vendors.cases()["household:1"]["document"]["clientB"]["firstName"] == "First102"
    assert book.vendors.clients()["contact:101"]["spouse"]["firstName"] == "First102"


def test_a_user_without_the_license_is_skipped_and_named_with_what_is_missing(book: Book) -> None:
    book.couple(1)
    book.crm.insert("crm_user", user_id=2, user_name="amy", status="Enabled")
    book.crm.insert("user_right", user_id=2, right_name="eMoney")
    book.crm.update("contact", {"contact_id": 101}, assigned_user_id=2)
    ran = book.run()
    assert ran.outcomes("profiles") == {"H1": "skipped"}
    reason = ran.reason("profiles", "H1")
    assert "LIC-PROFILES" in reason
    assert "amy" in reason
    assert "Profiles Professional - Web" in reason
    assert ran.outcomes("emoney") == {"H1": "created"}
    (client,) = book.vendors.clients().values()
    assert (client["accounts"], client["spouse"]["firstName"]) == ([], "First102")


def test_a_missing_tracking_license_keeps_back_only_what_it_is_for(book: Book) -> None:
    book.couple(1)
    book.crm.delete("user_right", user_id=1, right_name="Policy Tracking")
    ran = book.run(vendors=("emoney",))
    assert ran.outcomes("emoney") == {"H1": "created"}
    (client,) = book.vendors.clients().values()
    assert [one["sourceKey"] for one in client["accounts"]] == ["account:1"]
