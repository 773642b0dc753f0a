"""Pins: a field that is one side's whatever the other says, until it is unpinned."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.errors import ParamsError
from etl.load.job import ByHand
from etl.load.ledger import links, pins
from etl.load.ledger.pins import Pin
from etl.load.profiles.deliver import ProfilesDelivery
from etl.load.profiles.document import flatten, show
from etl.load.profiles.field_paths import read_path, read_paths
from etl.load.profiles.merge import Merged, merge
from etl.load.profiles.pins import Pins, read_pins, read_unpins
from tests.load.advisors import edit_person
from tests.load.delivering import DAY, NEXT_DAY, Desk, decided, deliver_one, household
from tests.load.documents import DOCUMENTS, address, asset, document, edited, person, policy, text
from tests.run_book import Book

PHONE = ("clientA", "cellPhone")


def pinned(side: Any, *fields: str) -> Pins:
    return Pins.of(Pin(name, side, "a reason") for name in fields)


def phone(number: str | None) -> Any:
    return document(clientA=person(cellPhone=number))


def kept(merged: Merged) -> dict[str, tuple[bool, bool]]:
    return {one.path: (one.differs, one.pinned) for one in merged.kept}


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("clientA.homePhone", ("clientA", "homePhone")),
        ("clientA.addressInfo", ("clientA", "addressInfo")),
        ("assets[account:5].holdingsValue", ("assets", "account:5", "holdingsValue")),
        ("account:5.holdingsValue", ("assets", "account:5", "holdingsValue")),
        ("account:5", ("assets", "account:5")),
        ("liability:4.currentBalance", ("liabilities", "liability:4", "currentBalance")),
        ("policy:3.deathBenefit", ("insurancePolicies", "policy:3", "deathBenefit")),
        ("policy:3.cashBalance", ("assets", "policy:3", "cashBalance")),
        ("account:5.holdings[position:9].ticker", ("assets", "account:5", "holdings", "position:9", "ticker")),
        (" clientB.income.annualSalary ", ("clientB", "income", "annualSalary")),
    ],
)
def test_a_field_is_named_whole_or_by_its_items_key(text: str, path: tuple[str, ...]) -> None:
    assert read_path(text) == path
    assert read_path(show(path)) == path


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("clientA.homPhone", "Did you mean homePhone"),
        ("client.homePhone", "Did you mean client"),
        ("assets.holdingsValue", "one of assets is named by its key, such as assets[account:5]"),
        ("clientA[7].homePhone", "clientA is no list"),
        ("clientA.homePhone.areaCode", "holds no areaCode"),
        ("position:9.ticker", "assets[account:…].holdings[position:9]"),
        ("assets[account:5].externalSourceId", "is no field"),
        ("clientA..homePhone", "is no field"),
        ("", "is no field"),
        ("policy:3.owner", "may be insurancePolicies[policy:3].owner or assets[policy:3].owner"),
    ],
)
def test_what_is_no_field_is_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(ParamsError) as refused:
        read_path(text)
    assert words in str(refused.value)


def test_a_field_that_annuities_and_insurance_share_may_be_either() -> None:
    found = {show(path) for path in read_paths("policy:3.owner")}
    assert found == {"insurancePolicies[policy:3].owner", "assets[policy:3].owner"}


@given(DOCUMENTS)
def test_every_field_that_is_shown_can_be_read_back(some: Any) -> None:
    for path in flatten(some):
        if path[-1] != "externalSourceId":
            assert read_path(show(path)) == path


def test_a_field_pinned_to_profiles_is_never_written() -> None:
    merged = merge(phone("1"), phone("1"), phone("2"), pinned("profiles", "clientA.cellPhone"))
    assert not merged.changes
    assert kept(merged) == {"clientA.cellPhone": (True, True)}
    assert flatten(merged.base)[PHONE] == "1"


def test_a_field_pinned_to_smartoffice_is_written_over_an_advisors_edit() -> None:
    merged = merge(phone("1"), phone("edited"), phone("1"), pinned("smartoffice", "clientA.cellPhone"))
    assert [(one.path, one.old, one.new) for one in merged.written] == [("clientA.cellPhone", "edited", "1")]
    assert flatten(merged.document)[PHONE] == flatten(merged.base)[PHONE] == "1"


def test_a_field_pinned_to_smartoffice_that_is_there_already_counts_as_ours_from_now_on() -> None:
    merged = merge(phone("1"), phone("2"), phone("2"), pinned("smartoffice", "clientA.cellPhone"))
    assert not merged.changes
    assert flatten(merged.base)[PHONE] == "2"
    assert merge(merged.base, phone("2"), phone("3")).changes


def test_a_pin_on_an_object_holds_for_its_fields_and_a_nearer_one_wins() -> None:
    base = document(clientA=person(addressInfo=address(city="Salem", line1="1 Elm St")))
    ours = document(clientA=person(addressInfo=address(city="Lynn", line1="2 Oak St")))
    pins_now = Pins.of(
        [
            Pin("clientA.addressInfo", "profiles", "she moved"),
            Pin("clientA.addressInfo.city", "smartoffice", "but not out of town"),
        ]
    )
    merged = merge(base, base, ours, pins_now)
    assert [one.path for one in merged.written] == ["clientA.addressInfo.city"]
    assert kept(merged)["clientA.addressInfo.line1"] == (True, True)


def test_an_item_pinned_to_profiles_is_not_added() -> None:
    merged = merge(document(), document(), document(assets=[asset(5)]), pinned("profiles", "account:5"))
    assert not merged.changes
    assert kept(merged) == {"assets[account:5]": (True, True)}
    assert not merged.removed_by_advisor


def test_an_item_pinned_to_smartoffice_comes_back_after_an_advisor_deleted_it() -> None:
    with_item = document(assets=[asset(5)])
    assert merge(with_item, document(), with_item).removed_by_advisor == ("assets[account:5]",)
    merged = merge(with_item, document(), with_item, pinned("smartoffice", "account:5"))
    assert merged.added == ("assets[account:5]",)
    assert merged.document == with_item


def test_a_client_b_pinned_to_smartoffice_comes_back_after_an_advisor_removed_her() -> None:
    couple, alone = document(clientB=person(firstName="Bea")), document()
    assert not merge(couple, alone, couple).changes
    assert merge(couple, alone, couple, pinned("smartoffice", "clientB")).document == couple


def test_half_a_client_b_is_not_brought_back_for_one_pinned_field() -> None:
    couple = document(clientB=person(firstName="Bea", cellPhone="1"))
    assert not merge(couple, document(), couple, pinned("smartoffice", "clientB.cellPhone")).changes


@given(DOCUMENTS, DOCUMENTS, st.data())
def test_a_pinned_field_ends_as_its_side_says(base: Any, ours: Any, data: st.DataObject) -> None:
    theirs = data.draw(edited(base))
    now, new = flatten(theirs), flatten(ours)
    in_both = [path for path in new if path in now and path[-1] != "externalSourceId" and path[0] != "clientB"]
    path = data.draw(st.sampled_from(in_both))
    for side, wanted in (("profiles", now[path]), ("smartoffice", new[path])):
        ends = flatten(merge(base, theirs, ours, Pins({path: side})).document)[path]
        assert text(path, ends) == text(path, wanted)


def test_pins_come_as_a_list_of_fields_sides_and_reasons() -> None:
    given_pins = [{"field": "account:5.holdingsValue", "side": "profiles", "reason": " typed in by hand "}]
    assert read_pins(given_pins) == (Pin("assets[account:5].holdingsValue", "profiles", "typed in by hand"),)
    assert read_pins(None) == read_pins([]) == ()
    assert read_unpins(["account:5.holdingsValue"]) == ("assets[account:5].holdingsValue",)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("clientA.homePhone", "pin is a list"),
        ([{"field": "clientA.homePhone", "side": "crm", "reason": "x"}], "profiles or smartoffice, not 'crm'"),
        ([{"field": "clientA.homePhone", "side": "profiles"}], "needs a reason"),
        ([{"field": "clientA.homePhone", "side": "profiles", "reason": "  "}], "needs a reason"),
        ([{"field": "clientA.homePhone", "side": "profiles", "reason": "x", "until": "May"}], "has no until"),
        ([{"side": "profiles", "reason": "x"}], "field is a name"),
        ([{"field": "clientA.homPhone", "side": "profiles", "reason": "x"}], "Did you mean homePhone"),
        ([{"field": "account:5", "side": "profiles", "reason": "x"}] * 2, "more than once"),
    ],
)
def test_a_pin_that_is_none_is_refused_in_words(value: Any, words: str) -> None:
    with pytest.raises(ParamsError) as refused:
        read_pins(value)
    assert words in str(refused.value)


def test_a_pin_holds_from_run_to_run_until_it_is_unpinned(desk: Desk) -> None:
    desk.to_profiles(household(clientA=person(cellPhone="1")))
    pins.change_pins(desk.ledger, "H1", [Pin("clientA.cellPhone", "profiles", "he told me")], [], "ann", "hand-1")
    for day, number in ((DAY, "2"), (NEXT_DAY, "3")):
        delivered = desk.to_profiles(household(clientA=person(cellPhone=number)), day)
        assert delivered.outcome.outcome == "unchanged"
        assert decided(delivered) == {("clientA.cellPhone", "pinned")}
        assert not delivered.findings
    pins.change_pins(desk.ledger, "H1", [], ["clientA.cellPhone"], "bob", "hand-2")
    delivered = desk.to_profiles(household(clientA=person(cellPhone="3")), NEXT_DAY)
    assert decided(delivered) == {("clientA.cellPhone", "written")}
    assert desk.vendors.cases()["household:1"]["document"]["clientA"]["cellPhone"] == "3"


def test_a_field_pinned_to_smartoffice_is_put_right_though_nothing_changed_in_the_crm(desk: Desk) -> None:
    payload = household(clientA=person(cellPhone="1"))
    desk.to_profiles(payload)
    pins.change_pins(desk.ledger, "H1", [Pin("clientA.cellPhone", "smartoffice", "the CRM is right")], [], None, "hand")
    for day in (DAY, NEXT_DAY):
        edit_person(desk.vendors, cellPhone="edited")
        assert desk.to_profiles(payload, day).outcome.outcome == "updated"
        assert desk.vendors.cases()["household:1"]["document"]["clientA"]["cellPhone"] == "1"
    assert desk.to_profiles(payload, NEXT_DAY).outcome.outcome == "unchanged"


def test_a_dry_run_shows_what_a_pin_would_do_and_leaves_none(desk: Desk) -> None:
    desk.to_profiles(household(clientA=person(cellPhone="1")))
    asked = ByHand(pins=(Pin("clientA.cellPhone", "profiles", "x"),))
    job = replace(desk.job(dry_run=True), by_hand=asked)
    payload = household(clientA=person(cellPhone="2"))
    delivered = deliver_one(ProfilesDelivery(desk.profiles_client()), job, payload)
    assert decided(delivered) == {("clientA.cellPhone", "pinned")}
    assert pins.pins_of(desk.ledger, "H1") == ()


def test_pinning_again_says_nothing_new_and_another_side_takes_its_place(desk: Desk) -> None:
    first, other = Pin("clientA.fax", "profiles", "x"), Pin("clientA.fax", "smartoffice", "y")
    for _ in range(2):
        pins.change_pins(desk.ledger, "H1", [first], [], "ann", "hand-1")
    assert len(pins.read_pins(desk.ledger)) == 1
    pins.change_pins(desk.ledger, "H1", [other], [], "bob", "hand-2")
    (row,) = pins.read_pins(desk.ledger, ["H1"]).to_dict("records")
    assert (row["field"], row["side"], row["reason"], row["pinned_by"]) == ("clientA.fax", "smartoffice", "y", "bob")
    assert pins.units_always_written(desk.ledger) == {"H1"}


def test_what_is_not_pinned_cannot_be_unpinned_but_a_step_may_be_repeated(desk: Desk) -> None:
    with pytest.raises(ParamsError, match="Nothing is pinned there"):
        pins.change_pins(desk.ledger, "H1", [], ["clientA.fax"], None, "hand-1")
    pins.change_pins(desk.ledger, "H1", [Pin("clientA.fax", "profiles", "x")], [], None, "hand-1")
    for _ in range(2):
        pins.change_pins(desk.ledger, "H1", [], ["clientA.fax"], None, "hand-2")
    assert pins.pins_of(desk.ledger, "H1") == ()
    with pytest.raises(ParamsError):
        pins.change_pins(desk.ledger, "H1", [], ["clientA.fax"], None, "hand-3")


def test_a_household_takes_over_the_pins_of_a_lone_client(desk: Desk) -> None:
    desk.to_profiles(household("C7", client=7))
    pins.change_pins(desk.ledger, "C7", [Pin("clientA.fax", "profiles", "x")], [], None, "hand-1")
    desk.ledger.commit(*links.relinked("profiles", "C7", "H1"))
    assert [one.field for one in pins.pins_of(desk.ledger, "H1")] == ["clientA.fax"]


def test_the_night_looks_at_a_household_with_a_field_pinned_to_smartoffice(book: Book) -> None:
    book.couple(1)
    book.phone(9, 101, "555-0101")
    book.run(vendors=("profiles",))
    ledger = book.context().ledger
    pins.change_pins(ledger, "H1", [Pin("clientA.cellPhone", "smartoffice", "x")], [], None, "hand")
    book.run(vendors=("profiles",))
    edit_person(book.vendors, cellPhone="edited")
    ran = book.run("2026-11-23", vendors=("profiles",))
    assert ran.outcomes("profiles") == {"H1": "updated"}
    assert book.vendors.cases()["household:1"]["document"]["clientA"]["cellPhone"] == "555-0101"


@pytest.mark.parametrize("spouse", [None, 2])
def test_a_pin_on_an_unknown_unit_waits_for_it(desk: Desk, spouse: int | None) -> None:
    pins.change_pins(desk.ledger, "H1", [Pin("clientA.cellPhone", "profiles", "x")], [], None, "hand")
    desk.to_profiles(household(spouse=spouse, assets=[asset(5)], insurancePolicies=[policy(3)]))
    delivered = desk.to_profiles(household(spouse=spouse, clientA=person(cellPhone="2")))
    assert ("clientA.cellPhone", "pinned") in decided(delivered)
