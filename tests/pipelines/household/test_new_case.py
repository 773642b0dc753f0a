"""A new case by hand: from the CRM, but for the fields that a pin or an undo has made Profiles' own."""

from typing import Any

import pytest

from etl.load.ledger.pins import Pin, Side, change_pins
from include.pipelines.household.prepare import prepare_unit
from tests.load.advisors import edit_case, edit_person, put_into
from tests.pipelines.household.by_hand import carried_out, context_of, run_by_hand
from tests.pipelines.undo.undoing import undo
from tests.run_book import Book, BookSnapshot, Ran, Restore, snapshot

NEXT, THIRD = "2026-11-23", "2026-11-24"
PHONE = "clientA.cellPhone"


@snapshot
def home_kept(book: Book) -> None:
    """H1 was sent, the CRM has another phone since, and a run by hand has put that through the gate."""
    book.couple(1)
    book.phone(9, 101, "555-0101")
    book.run(vendors=("profiles",))
    book.crm.update("contact_phone", {"phone_id": 9}, number="555-0102")
    prepare_unit(context_of(book, 1, as_of=NEXT))


@pytest.fixture
def home(home_kept: BookSnapshot, restore: Restore) -> Book:
    return restore(home_kept)


def new_case(book: Book, **asked: Any) -> Ran:
    ran = run_by_hand(book, 1, action="create_case", as_of=NEXT, **asked)
    assert ran.outcomes("profiles") == {"H1": "created"}
    return ran


def new_case_of_the_home(book: Book, pins: tuple[Pin, ...] = ()) -> Ran:
    """The same, from what is through the gate already, with fields that are pinned before."""
    change_pins(book.context().ledger, "H1", pins, (), "amy", "pinning")
    ran = carried_out(book, action="create_case")
    assert ran.outcomes("profiles") == {"H1": "created"}
    return ran


def cases(book: Book) -> list[dict[str, Any]]:
    """The documents of the household's cases, the oldest first."""
    (household,) = book.vendors.profiles.state()["households"]
    return [case["document"] for case in household["cases"]]


def pinned(field: str, side: Side = "profiles") -> tuple[Pin, ...]:
    return (Pin(field, side, "as she told us"),)


def test_a_pinned_field_is_in_the_new_case_as_in_the_old_and_stays_so(home: Book) -> None:
    edit_person(home.vendors, cellPhone="555-0199")
    ran = new_case(home, pins=pinned(PHONE))
    assert [case["clientA"]["cellPhone"] for case in cases(home)] == ["555-0199", "555-0199"]
    assert ("H1", PHONE, "pinned") in ran.decisions("profiles")
    home.crm.update("contact_phone", {"phone_id": 9}, number="555-0103")
    home.run(THIRD, vendors=("profiles",))
    assert cases(home)[1]["clientA"]["cellPhone"] == "555-0199"


def test_a_pinned_field_that_nobody_edited_follows_the_crm_again_once_it_is_unpinned(home: Book) -> None:
    new_case_of_the_home(home, pinned(PHONE))
    assert cases(home)[1]["clientA"]["cellPhone"] == "555-0101"
    run_by_hand(home, 1, vendor="profiles", as_of=NEXT, unpins=(PHONE,))
    assert cases(home)[1]["clientA"]["cellPhone"] == "555-0102"


def test_values_that_an_undo_reverted_are_carried_into_the_new_case_and_kept_by_later_nights(home: Book) -> None:
    home.account(7, 101)
    home.run(NEXT, "sent", vendors=("profiles",))
    undo(home, "sent")
    ran = new_case(home)
    old, new = cases(home)
    assert new == old
    assert new["clientA"]["cellPhone"] == "555-0101"
    assert [asset["externalSourceId"] for asset in new["assets"]] == ["account:1"]
    kept = {row["field"] for row in ran.rows("finding_v", rule_id="PROFILES-KEPT")}
    assert kept == {PHONE, "assets[account:7]"}
    home.account(8, 101)
    home.run(THIRD, vendors=("profiles",))
    now = cases(home)[1]
    assert now["clientA"]["cellPhone"] == "555-0101"
    assert {asset["externalSourceId"] for asset in now["assets"]} == {"account:1", "account:8"}


def test_fields_that_only_an_advisor_edited_stay_in_the_old_case(home: Book) -> None:
    edit_person(home.vendors, cellPhone="555-0199")
    new_case_of_the_home(home)
    assert [case["clientA"]["cellPhone"] for case in cases(home)] == ["555-0199", "555-0102"]


@pytest.mark.parametrize("field", ["assets[account:1]", "assets[account:1].accountName"])
def test_a_pinned_account_goes_as_the_old_case_has_it(home: Book, field: str) -> None:
    (account,) = cases(home)[0]["assets"]
    edit_case(home.vendors, assets=[{**account, "accountName": "Her own"}])
    home.crm.update("investment_account", {"account_id": 1}, account_name="From the CRM")
    new_case(home, pins=pinned(field))
    assert cases(home)[1]["assets"][0]["accountName"] == "Her own"


def test_a_pinned_account_that_the_old_case_lacks_is_not_made(home: Book) -> None:
    edit_case(home.vendors, assets=[])
    new_case_of_the_home(home, pinned("assets[account:1]"))
    assert [case["assets"] for case in cases(home)] == [[], []]


def test_a_new_account_arrives_whole_although_fields_of_it_are_pinned(home: Book) -> None:
    home.account(7, 101)
    new_case(home, pins=pinned("assets[account:7].accountName"))
    names = {asset["externalSourceId"]: asset["accountName"] for asset in cases(home)[1]["assets"]}
    assert names["account:7"] == "Savings 7"


def test_a_pinned_spouse_whom_the_old_case_lacks_is_left_out(home: Book) -> None:
    edit_case(home.vendors, clientB=None)
    new_case_of_the_home(home, pinned("clientB"))
    assert [case["clientB"] for case in cases(home)] == [None, None]


def test_a_pin_to_smartoffice_is_kept_to_in_the_new_case(home: Book) -> None:
    new_case_of_the_home(home, pinned(PHONE, "smartoffice"))
    new = home.vendors.profiles.state()["households"][0]["cases"][1]
    person = {**new["document"]["clientA"], "cellPhone": "555-0199"}
    put_into(home.vendors, new, {**new["document"], "clientA": person})
    home.run(THIRD, vendors=("profiles",))
    assert cases(home)[1]["clientA"]["cellPhone"] == "555-0102"


def test_a_dry_run_names_the_values_that_the_new_case_would_not_get(home: Book) -> None:
    edit_person(home.vendors, cellPhone="555-0199")
    ran = new_case(home, pins=pinned(PHONE), dry_run=True)
    assert ("H1", PHONE, "pinned") in ran.decisions("profiles")
    assert len(cases(home)) == 1


@pytest.mark.parametrize("kind", ["reset_before", "reset_after"])
def test_a_new_case_whose_response_is_lost_is_found_with_the_kept_values(home: Book, kind: str) -> None:
    edit_person(home.vendors, cellPhone="555-0199")
    home.vendors.profiles.faults({"kind": kind, "method": "POST", "path": "/api/households/*/cases", "count": 1})
    new_case_of_the_home(home, pinned(PHONE))
    assert [case["clientA"]["cellPhone"] for case in cases(home)] == ["555-0199", "555-0199"]
