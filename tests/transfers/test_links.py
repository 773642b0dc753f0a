"""XFR-LINKS: vendor links follow the contact, end to end against both sandboxes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from etl.load.ledger import deliveries, unit_moves
from tests.run_book import DAY, LICENSES, Book, SmallCrm, Vendors, access_to
from tests.transfers.books import TARGET
from tests.transfers.moving import RECEIVER, Database, TransferDesk

NEXT, THIRD = "2026-11-23", "2026-11-24"


def target_office(crm: SmallCrm) -> None:
    """An office with a user who may send to both vendors."""
    crm.insert("office", office_id=TARGET, name="Target", status="Active")
    crm.insert("crm_user", user_id=RECEIVER, office_id=TARGET, user_name="receiver", status="Enabled")
    for right in LICENSES:
        crm.insert("user_right", user_id=RECEIVER, right_name=right)


def desk_of(book: Book, target: str | None = None) -> TransferDesk:
    ledger = book.context().ledger
    ledger.migrate()
    return TransferDesk(Database(book.crm.url), Database(target or book.crm.url), ledger, book.folder)


def whole_family(book: Book) -> None:
    """H1: a couple with a child, an account with a position, a policy for the child, a loan."""
    book.couple(1)
    book.person(103, birth_date=date(2015, 1, 1), last_name="Last101", contact_type=None)
    book.member(1, 103, "Son")
    book.tie(2, 101, 103, "Son")
    book.crm.insert("policy_beneficiary", policy_id=1, contact_id=103, designation="Primary")
    book.crm.insert(
        "investment_position", position_id=9, account_id=1, symbol="XYZ", product_name="Fund", market_value=1000
    )
    book.crm.insert(
        "liability", liability_id=4, primary_contact_id=102, lender="Bank", calculate=True, loan_balance=10,
        interest_rate=3, monthly_payment=1, balloon_period=1,
    )  # fmt: skip


def held(vendors: Vendors) -> Any:
    """What the vendors hold, but for dates and versions."""
    cases = {key: one["document"] for key, one in vendors.cases().items()}
    clients = {
        key: (one["client"], one["spouse"], [(each["sourceKey"], each["state"]) for each in one["accounts"]])
        for key, one in vendors.clients().items()
    }
    return cases, clients


def since(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    return {call: count - before.get(call, 0) for call, count in after.items() if count != before.get(call, 0)}


def test_the_next_refresh_from_the_target_knows_the_same_clients(book: Book) -> None:
    whole_family(book)
    book.person(7)
    target_office(book.crm)
    assert book.run(DAY).outcomes("profiles") == {"H1": "created", "C7": "created"}
    before, writes = held(book.vendors), book.vendors.writes()
    for vendor in ("profiles", "emoney"):
        book.set(vendor, enroll="linked")
    desk = desk_of(book)
    desk.transfer("t1", [101, 102, 103, 7])
    home = desk.target.one("household", office_id=TARGET)["household_id"]
    new = f"H{home}", f"C{desk.new('t1', 'contact', 7)}"
    assert set(book.links("profiles")) == set(book.links("emoney")) == set(new)
    night = book.run(NEXT)
    assert night.stopped is None
    assert night.outcomes("profiles") == dict.fromkeys(new, "unchanged")
    assert night.outcomes("emoney") == dict.fromkeys(new, "unchanged")
    assert held(book.vendors) == before
    made = since(writes, book.vendors.writes())
    assert all("feeds" in call for call in made), made
    assert night.findings("emoney") & {(new[0], "EMY-NEW"), (new[0], "EMY-GONE")} == set()


@pytest.mark.postgres
def test_on_postgresql_links_follow_and_turn_back_as_well(
    tmp_path: Path, vendors: Vendors, postgres_url: Callable[[], str]
) -> None:
    made = Book(tmp_path, vendors, postgres_url(), postgres_url())
    whole_family(made)
    target_office(made.crm)
    made.run(DAY)
    before = held(vendors)
    desk = desk_of(made)
    desk.transfer("t1", [101, 102, 103])
    night = made.run(NEXT)
    assert list(night.outcomes("profiles").values()) == list(night.outcomes("emoney").values()) == ["unchanged"]
    assert desk.bring_back("t1") == []
    third = made.run(THIRD)
    assert third.outcomes("profiles") == third.outcomes("emoney") == {"H1": "unchanged"}
    assert held(vendors) == before
    made.close()


def test_what_changes_in_the_target_is_written_to_the_same_records(book: Book) -> None:
    whole_family(book)
    target_office(book.crm)
    book.run(DAY)
    desk = desk_of(book)
    desk.transfer("t1", [101, 102, 103])
    account, ann = desk.new("t1", "investment_account", 1), desk.new("t1", "contact", 101)
    book.crm.later(days=3)
    book.crm.update("investment_account", {"account_id": account}, account_value=2000, net_value=2000)
    book.phone(1, ann, "603-555-0101")
    night = book.run(NEXT)
    assert set(night.outcomes("profiles").values()) == set(night.outcomes("emoney").values()) == {"updated"}
    ((key, case),) = book.vendors.cases().items()
    assert key == "household:1"
    assert [(one["externalSourceId"], one["holdingsValue"]) for one in case["document"]["assets"]] == [
        ("account:1", 2000)
    ]
    assert case["document"]["clientA"]["cellPhone"] == "603-555-0101"
    ((key, client),) = book.vendors.clients().items()
    assert key == "contact:101"
    assert client["client"]["cellPhone"] == "603-555-0101"
    assert {one["sourceKey"] for one in client["accounts"]} == {"account:1", "policy:1"}


def test_an_account_made_in_the_target_is_new_and_named_by_its_own_key(book: Book) -> None:
    book.couple(1)
    target_office(book.crm)
    book.run(DAY)
    desk = desk_of(book)
    desk.transfer("t1", [101, 102])
    book.crm.later(days=3)
    fresh = book.account(5000, desk.new("t1", "contact", 101))
    book.crm.update("policy", {"policy_id": desk.new("t1", "policy", 1)}, status="Lapsed")
    night = book.run(NEXT)
    found = {(row["rule_id"], row["entity_id"]) for row in night.rows("finding_v", vendor="emoney")}
    assert ("EMY-NEW", str(fresh)) in found
    assert ("EMY-GONE", str(desk.new("t1", "policy", 1))) in found


def test_between_two_databases_the_targets_refresh_goes_on_as_well(book: Book, tmp_path: Path) -> None:
    whole_family(book)
    elsewhere = SmallCrm(f"sqlite:///{tmp_path / 'target.db'}")
    target_office(elsewhere)
    book.run(DAY)
    before = held(book.vendors)
    desk = desk_of(book, elsewhere.url)
    desk.transfer("t1", [101, 102, 103])
    book.connections["crm"] = access_to(elsewhere.url)
    night = book.run(NEXT)
    assert night.stopped is None
    assert set(night.outcomes("profiles").values()) == set(night.outcomes("emoney").values()) == {"unchanged"}
    assert held(book.vendors) == before
    elsewhere.engine.dispose()


def test_moved_on_to_a_third_office_the_vendors_still_know_them(book: Book) -> None:
    book.couple(1)
    target_office(book.crm)
    book.run(DAY)
    before = held(book.vendors)
    desk = desk_of(book)
    desk.transfer("t1", [101, 102])
    people = [desk.new("t1", "contact", one) for one in (101, 102)]
    back = desk.onward(source=TARGET, target=1, user=1)
    back.transfer("t2", people)
    night = book.run(NEXT)
    assert list(night.outcomes("profiles").values()) == ["unchanged"]
    assert held(book.vendors) == before


def test_a_run_that_read_the_crm_before_the_transfer_creates_nobody(book: Book) -> None:
    book.couple(1)
    book.person(7)
    target_office(book.crm)
    book.run(DAY)
    before = held(book.vendors)
    book.crm.later(days=3)
    book.phone(1, 101, "603-555-0101")
    context = book.context(NEXT)
    shards = book.prepare(context)
    desk = desk_of(book)
    desk.transfer("t1", [101, 102])
    book.load(context, shards)
    night = book.report(context)
    assert night.outcomes("profiles")["H1"] == "skipped"
    assert "moved to another office" in night.reason("profiles", "H1")
    assert held(book.vendors) == before


def test_a_household_that_gets_another_head_is_a_new_client(book: Book) -> None:
    whole_family(book)
    target_office(book.crm)
    book.run(DAY)
    desk = desk_of(book)
    desk.plan("t1", [101])
    desk.move("t1")
    assert set(book.links("profiles")) == {f"C{desk.new('t1', 'contact', 101)}"}
    book.crm.later(days=3)
    book.crm.update("contact", {"contact_id": 102}, marital_status="Single")
    book.crm.update("household", {"household_id": 1}, head_contact_id=102)
    book.crm.delete("household_member", household_id=1, contact_id=101)
    night = book.run(NEXT)
    assert night.outcomes("profiles")["H1"] == "created", night.reason("profiles", "H1")
    assert len(book.links("profiles")) == 2


@pytest.mark.parametrize("vendor", ["profiles", "emoney"])
def test_a_group_with_a_write_in_doubt_stays(book: Book, vendor: str) -> None:
    book.couple(1)
    book.person(7)
    target_office(book.crm)
    book.run(DAY)
    desk = desk_of(book)
    intent = deliveries.begin(desk.ledger, vendor, "H1", "replace_case", "0" * 64, {}, date(2026, 11, 20), "run-1")
    deliveries.mark(desk.ledger, intent, "in_doubt")
    desk.transfer("t1", [101, 102, 7])
    assert sorted(desk.groups("t1").values()) == ["failed", "retired"]
    ((rule, entity, entity_id, _),) = desk.why("t1")
    assert (rule, entity, entity_id) == ("XFR-LINKS", "household", "1")
    assert "H1" in book.links(vendor)
    unit_moves.require_at_home(desk.ledger, "H1", 101)


def test_taken_back_the_source_has_its_vendor_records_again(book: Book) -> None:
    whole_family(book)
    book.person(7)
    target_office(book.crm)
    book.run(DAY)
    before, linked = held(book.vendors), [set(book.links(vendor)) for vendor in ("profiles", "emoney")]
    desk = desk_of(book)
    desk.transfer("t1", [101, 102, 103, 7])
    book.run(NEXT)
    assert desk.bring_back("t1") == []
    assert [set(book.links(vendor)) for vendor in ("profiles", "emoney")] == linked
    night = book.run(THIRD)
    assert night.outcomes("profiles") == night.outcomes("emoney") == {"H1": "unchanged", "C7": "unchanged"}
    assert held(book.vendors) == before
