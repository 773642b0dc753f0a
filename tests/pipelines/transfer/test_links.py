"""XFR-LINKS: vendor links follow the contact, end to end against both sandboxes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest

from etl.load.ledger import intents
from etl.load.ledger.transfers import rekeying
from tests.load.ledger.desk.desks import check_laws, rows_of
from tests.pipelines.transfer.books import TARGET
from tests.pipelines.transfer.moving import RECEIVER, Database, TransferDesk
from tests.run_book import DAY, LICENSES, Book, Ran, SmallCrm, Vendors, access_to

# What is moved once for several of them is moved by one worker.
pytestmark = pytest.mark.xdist_group("links")

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


@dataclass(frozen=True)
class ThereAndBack:
    """A family and somebody alone: enrolled, moved, sent from the target, rolled back, sent from the source again.

    ``units`` are theirs in the target; what the vendors held and which units were linked is told after the first
    night, after the night from the target and after the last one.
    """

    units: tuple[str, str]
    nights: tuple[Ran, Ran, Ran]
    held: tuple[Any, Any, Any]
    writes: dict[str, int]  # of the night from the target
    linked: tuple[Any, Any, Any]
    edited: list[tuple[str, str, str]]


PLACES = ["one database", pytest.param("postgres to sqlite", marks=[pytest.mark.postgres, pytest.mark.slow])]


@pytest.fixture(scope="module", params=PLACES)
def there_and_back(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    running_vendors: Vendors,
    postgres_url: Callable[[], str],
) -> Iterator[ThereAndBack]:
    """Both offices in one file of SQLite; and from PostgreSQL, where the ledger is too, to a file of SQLite."""
    running_vendors.reset()
    folder = tmp_path_factory.mktemp("offices")
    urls = [] if request.param == "one database" else [postgres_url(), postgres_url()]
    book = Book(folder, running_vendors, *urls)
    other = SmallCrm(f"sqlite:///{folder / 'target.db'}") if urls else book.crm
    whole_family(book)
    book.person(7)
    target_office(other)
    nights, held_then, linked = [book.run(DAY)], [held(book.vendors)], [links(book)]
    writes = book.vendors.writes()
    for vendor in ("profiles", "emoney"):
        book.set(vendor, enroll="linked")
    desk = desk_of(book, other.url)
    desk.transfer("t1", [101, 102, 103, 7])
    home = desk.target.one("household", office_id=TARGET)["household_id"]
    units = f"H{home}", f"C{desk.new('t1', 'contact', 7)}"
    linked.append(links(book))
    book.connections["crm"] = access_to(other.url)
    nights.append(book.run(NEXT))
    held_then.append(held(book.vendors))
    writes = since(writes, book.vendors.writes())
    edited = desk.bring_back("t1")
    linked.append(links(book))
    book.connections["crm"] = access_to(book.crm.url)
    nights.append(book.run(THIRD))
    held_then.append(held(book.vendors))
    yield ThereAndBack(units, tuple(nights), tuple(held_then), writes, tuple(linked), edited)
    book.close()
    other.engine.dispose()


def links(book: Book) -> list[set[str]]:
    """The units that are linked at each vendor."""
    return [set(book.links(vendor)) for vendor in ("profiles", "emoney")]


def test_the_next_refresh_from_the_target_knows_the_same_clients(there_and_back: ThereAndBack) -> None:
    first, night, _ = there_and_back.nights
    new = there_and_back.units
    assert first.outcomes("profiles") == {"H1": "created", "C7": "created"}
    assert there_and_back.linked[1] == [set(new), set(new)]
    assert night.stopped is None
    assert night.outcomes("profiles") == night.outcomes("emoney") == dict.fromkeys(new, "unchanged")
    assert there_and_back.held[1] == there_and_back.held[0]
    assert all("feeds" in call for call in there_and_back.writes), there_and_back.writes
    assert night.findings("emoney") & {(new[0], "EMY-NEW"), (new[0], "EMY-GONE")} == set()


def test_after_a_rollback_the_source_has_its_vendor_records_again(there_and_back: ThereAndBack) -> None:
    night = there_and_back.nights[2]
    assert there_and_back.edited == []
    assert there_and_back.linked[2] == there_and_back.linked[0] == [{"H1", "C7"}, {"H1", "C7"}]
    assert night.stopped is None
    assert night.outcomes("profiles") == night.outcomes("emoney") == {"H1": "unchanged", "C7": "unchanged"}
    assert there_and_back.held[2] == there_and_back.held[0]


def test_what_changes_in_the_target_goes_to_the_same_records_and_what_is_made_there_is_new(book: Book) -> None:
    whole_family(book)
    book.policy(2, 101, "LIFE-5556789")
    target_office(book.crm)
    book.run(DAY)
    desk = desk_of(book)
    desk.transfer("t1", [101, 102, 103])
    account, ann = desk.new("t1", "investment_account", 1), desk.new("t1", "contact", 101)
    lapsed = desk.new("t1", "policy", 2)
    book.crm.later(days=3)
    book.crm.update("investment_account", {"account_id": account}, account_value=2000, net_value=2000)
    book.phone(1, ann, "603-555-0101")
    fresh = book.account(5000, ann)
    book.crm.update("policy", {"policy_id": lapsed}, status="Lapsed")
    night = book.run(NEXT)
    assert set(night.outcomes("profiles").values()) == set(night.outcomes("emoney").values()) == {"updated"}
    ((key, case),) = book.vendors.cases().items()
    assert key == "household:1"
    assert {(one["externalSourceId"], one["holdingsValue"]) for one in case["document"]["assets"]} == {
        ("account:1", 2000), (f"account:{fresh}", 1000),
    }  # fmt: skip
    assert case["document"]["clientA"]["cellPhone"] == "603-555-0101"
    ((key, client),) = book.vendors.clients().items()
    assert key == "contact:101"
    assert client["client"]["cellPhone"] == "603-555-0101"
    assert {one["sourceKey"] for one in client["accounts"]} == {"account:1", "policy:1", "policy:2", f"account:{fresh}"}
    found = {(row["rule_id"], row["entity_id"]) for row in night.rows("finding_v", vendor="emoney")}
    assert {("EMY-NEW", str(fresh)), ("EMY-GONE", str(lapsed))} <= found


def test_vendors_know_clients_that_move_on_to_a_third_office(book: Book) -> None:
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
    check_laws(night.context.ledger)
    moved = rows_of(night.context.ledger, "SELECT kind FROM work_item_event_v WHERE unit_key = 'H1' AND run_id = 't1'")
    assert {one["kind"] for one in moved} == {"ended"}


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
    book.run(DAY, vendors=("profiles",))
    desk = desk_of(book)
    desk.plan("t1", [101])
    desk.move("t1")
    assert set(book.links("profiles")) == {f"C{desk.new('t1', 'contact', 101)}"}
    book.crm.later(days=3)
    book.crm.update("contact", {"contact_id": 102}, marital_status="Single")
    book.crm.update("household", {"household_id": 1}, head_contact_id=102)
    book.crm.delete("household_member", household_id=1, contact_id=101)
    night = book.run(NEXT, vendors=("profiles",))
    assert night.outcomes("profiles")["H1"] == "created", night.reason("profiles", "H1")
    assert len(book.links("profiles")) == 2


def test_a_group_with_a_write_in_doubt_stays(book: Book) -> None:
    in_doubt = {"H1": "profiles", "H2": "emoney"}
    for number in (1, 2):
        book.couple(number)
    book.person(7)
    target_office(book.crm)
    book.run(DAY)
    desk = desk_of(book)
    for unit, vendor in in_doubt.items():
        intent = intents.begin(desk.ledger, vendor, unit, "replace_case", "0" * 64, {}, date(2026, 11, 20), "run-1")
        intents.mark(desk.ledger, intent, "in_doubt")
    desk.transfer("t1", [101, 102, 201, 202, 7])
    assert sorted(desk.groups("t1").values()) == ["failed", "failed", "retired"]
    assert {tuple(record) for *record, _ in desk.why("t1")} == {
        ("XFR-LINKS", "household", "1"), ("XFR-LINKS", "household", "2"),
    }  # fmt: skip
    for unit, vendor in in_doubt.items():
        assert unit in book.links(vendor)
        rekeying.require_at_home(desk.ledger, rekeying.moves_of(desk.ledger, [unit]), unit, int(unit[1:]) * 100 + 1)
