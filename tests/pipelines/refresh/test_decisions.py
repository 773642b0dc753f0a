"""What stops before anything is sent: guards, life events, licenses."""

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


def test_an_empty_crm_is_not_believed_where_units_are_linked(sent: Book) -> None:
    sent.crm.update("household", {"household_id": 1}, deleted_at=sent.crm.moment)
    sent.crm.update("contact", {"office_id": 1}, deleted_at=sent.crm.moment)
    before = sent.vendors.writes()
    assert "no units" in str(sent.run(NEXT).stopped)
    assert sent.vendors.writes() == before


def test_a_couple_in_which_she_becomes_head_is_held_at_both_vendors(sent: Book) -> None:
    sent.crm.update("household", {"household_id": 1}, head_contact_id=102)
    sent.crm.update("household_member", {"contact_id": 101}, role="Husband")
    sent.crm.update("household_member", {"contact_id": 102}, role="Head")
    before = sent.vendors.writes()
    ran = sent.run(NEXT, full=True)
    assert ran.stopped is None
    for vendor in ("profiles", "emoney"):
        assert ran.outcomes(vendor)["H1"] == "held"
        assert "LIFE-EVENT" in ran.reason(vendor, "H1")
        (finding,) = ran.rows("finding_v", rule_id="LIFE-EVENT", vendor=vendor, unit_key="H1")
        assert finding["message"].startswith("New head: contact 102")
    made = {call for call, count in sent.vendors.writes().items() if count != before.get(call, 0)}
    assert [call for call in made if "feeds" not in call] == []


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


def test_a_missing_tracking_license_withholds_only_its_own_records(book: Book) -> None:
    book.couple(1)
    book.crm.delete("user_right", user_id=1, right_name="Policy Tracking")
    ran = book.run(vendors=("emoney",))
    assert ran.outcomes("emoney") == {"H1": "created"}
    (client,) = book.vendors.clients().values()
    assert [one["sourceKey"] for one in client["accounts"]] == ["account:1"]
