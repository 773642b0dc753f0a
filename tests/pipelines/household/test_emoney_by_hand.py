"""eMoney by hand: update yes or no, links and the refresh that follows them, licenses each on its own."""

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from etl.errors import ParamsError, PlanbridgeError
from etl.load.job import ByHand, WantedLink
from etl.load.ledger.tables import vendor_key
from include.pipelines.household.prepare import prepare_unit
from include.pipelines.refresh.load import load_shard
from include.pipelines.refresh.report import report_run
from include.pipelines.run.context import HandRequest, RunContext
from tests.load.killing import boundaries, run_and_kill
from tests.pipelines.household.by_hand import as_prepared, carried_out, run_by_hand
from tests.run_book import DAY, Book, BookSnapshot, Ran, Restore, Vendors, snapshot

NEXT = "2026-11-23"
NUMBERS = count(1)
FEED = "PUT /public/v1/institutions/smartoffice/feeds/{feed_id}"
LINKS = "POST /public/v1/clients/{client_id}/links"


def prepared(book: Book, as_of: str = DAY, dry_run: bool = False, household_id: int = 1, **asked: Any) -> RunContext:
    """A run by hand for eMoney, up to the gate."""
    user = asked.pop("user", None)
    what = ByHand(asked_at=datetime.now(UTC).replace(tzinfo=None), lock_wait_seconds=2, **asked)
    hand = HandRequest(household_id, None, what, user_name=user)
    context = book.context(as_of, f"by hand {next(NUMBERS)}", vendors=("emoney",), dry_run=dry_run, by_hand=hand)
    prepare_unit(context)
    return context


def sync(book: Book, as_of: str = DAY, report: bool = False, **asked: Any) -> Ran:
    """A whole run by hand for eMoney."""
    context = prepared(book, as_of, **asked)
    load_shard(context, "emoney", 0)
    report_run(context, files=report)
    return Ran(context, None)


def wanted(*keys: str, **given: Any) -> tuple[WantedLink, ...]:
    return tuple(WantedLink(key, **given) for key in keys)


def accounts(book: Book, key: str = "contact:101") -> dict[str, dict[str, Any]]:
    return {one["sourceKey"]: one for one in book.vendors.clients()[key]["accounts"]}


def writes_of(book: Book, call: str) -> int:
    return book.vendors.writes().get(call, 0)


@snapshot
def ready_kept(book: Book) -> None:
    """H1, a couple that eMoney does not know, has come up to the gate."""
    book.couple(1)
    prepared(book)


@pytest.fixture
def ready(ready_kept: BookSnapshot, restore: Restore) -> Book:
    return restore(ready_kept)


@snapshot
def linked_kept(book: Book) -> None:
    """H1, a couple, was sent by hand, and its account linked."""
    book.couple(1)
    sync(book, links=wanted("account:1"))


@pytest.fixture
def linked_book(linked_kept: BookSnapshot, restore: Restore) -> Book:
    return restore(linked_kept)


def test_an_unknown_client_is_created_with_spouse_values_and_connection(ready: Book) -> None:
    assert carried_out(ready, update=False).outcomes("emoney") == {"H1": "created"}
    client = ready.vendors.clients()["contact:101"]
    assert (client["spouse"]["firstName"], len(client["connections"])) == ("First102", 1)
    assert set(accounts(ready)) == {"account:1", "policy:1"}


def test_update_no_refreshes_the_values_and_leaves_the_people(linked_book: Book) -> None:
    linked_book.phone(1, 101, "603-555-0100")
    linked_book.crm.update("investment_account", {"account_id": 1}, account_value=7, net_value=7)
    ran = sync(linked_book, update=False)
    assert ran.outcomes("emoney") == {"H1": "updated"}
    assert linked_book.vendors.clients()["contact:101"]["client"]["cellPhone"] is None
    assert accounts(linked_book)["account:1"]["totalValue"] == 7
    assert sync(linked_book, update=True).outcomes("emoney") == {"H1": "updated"}
    assert linked_book.vendors.clients()["contact:101"]["client"]["cellPhone"] == "603-555-0100"


def test_the_night_writes_the_fields_that_update_no_has_left(sent: Book) -> None:
    sent.phone(1, 101, "603-555-0100")
    assert sync(sent, update=False).reason("emoney", "H1").startswith("its demographics were left")
    assert sent.run(NEXT, vendors=("emoney",)).outcomes("emoney") == {"H1": "updated"}
    assert sent.vendors.clients()["contact:101"]["client"]["cellPhone"] == "603-555-0100"


def test_the_same_again_by_hand_writes_nothing(linked_book: Book) -> None:
    before = linked_book.vendors.writes()
    assert sync(linked_book).outcomes("emoney") == {"H1": "unchanged"}
    assert linked_book.vendors.writes() == before


def test_items_that_wait_to_be_linked_are_listed_with_a_proposal_every_time(sent: Book) -> None:
    sent.crm.insert("policy_beneficiary", policy_id=1, contact_id=102)
    ran = sync(sent, report=True)
    listed = {
        (row["entity"], row["entity_id"], row["message"].split("(")[1])
        for row in ran.rows("finding_v", rule_id="EMY-NEW")
    }
    assert listed == {
        ("account", "1", "Investment Account, owner client)"),
        ("policy", "1", "Life, owner client)"),
    }
    items = sent.run_json(ran)["newly_available"]["items"]
    assert {"vendor": "emoney", "unit_key": "H1", "source_key": "account:1", "category": "Investment Account",
            "owner": "client", "since": DAY} in items  # fmt: skip


def test_links_take_the_proposal_and_bring_values_at_once(sent: Book) -> None:
    assert accounts(sent)["account:1"]["state"] == "available"
    ran = sync(sent, links=wanted("account:1"))
    assert ran.outcomes("emoney") == {"H1": "updated"}
    linked = accounts(sent)["account:1"]
    assert (linked["state"], linked["classification"], linked["owner"]) == ("linked", "Investment Account", "client")
    assert linked["lastRefreshedAt"] is not None
    assert accounts(sent)["policy:1"]["state"] == "available"
    assert ("H1", "items[account:1]", "linked") in ran.decisions("emoney")
    assert "account:1 linked (Investment Account, client)" in ran.reason("emoney", "H1")
    waiting = {(row["entity"], row["status"]) for row in ran.rows("finding_v", rule_id="EMY-NEW")}
    assert waiting == {("account", "mended"), ("policy", "known")}


def test_links_may_name_classification_and_owner(ready: Book) -> None:
    carried_out(ready, links=wanted("account:1", classification="Trust", owner="spouse"))
    linked = accounts(ready)["account:1"]
    assert (linked["state"], linked["classification"], linked["owner"]) == ("linked", "Trust", "spouse")


def test_an_item_that_is_new_in_the_crm_can_be_linked_in_the_same_run(sent: Book) -> None:
    sent.account(2, 101)
    ran = sync(sent, links=wanted("account:2"))
    assert (accounts(sent)["account:2"]["state"], ran.outcomes("emoney")) == ("linked", {"H1": "updated"})
    assert accounts(sent)["account:2"]["lastRefreshedAt"] is not None


def test_an_item_that_is_linked_already_is_reported_and_costs_no_write(linked_book: Book) -> None:
    before = linked_book.vendors.writes()
    ran = sync(linked_book, links=wanted("account:1"))
    assert ran.outcomes("emoney") == {"H1": "unchanged"}
    assert "account:1 linked already" in ran.reason("emoney", "H1")
    assert linked_book.vendors.writes() == before


def test_a_link_that_emoney_refuses_is_a_finding_with_its_code_and_the_others_are_made(ready: Book) -> None:
    asked = (WantedLink("account:1", classification="x" * 65), WantedLink("policy:1"))
    ran = carried_out(ready, links=asked)
    states = {key: one["state"] for key, one in accounts(ready).items()}
    assert states == {"account:1": "available", "policy:1": "linked"}
    (row,) = ran.rows("finding_v", rule_id="EMY-LINK")
    assert (row["entity"], row["entity_id"]) == ("account", "1")
    assert "classification_required" in row["message"]
    assert ("H1", "items[account:1]", "not linked") in ran.decisions("emoney")


@pytest.mark.parametrize("key", ["account:99", "position:1", "nonsense"])
def test_an_unknown_source_key_is_refused_before_anything_is_written(ready: Book, key: str) -> None:
    context = as_prepared(ready, links=wanted("account:1", key))
    with pytest.raises(ParamsError, match=f"links: {key} is no account or policy of H1") as refused:
        load_shard(context, "emoney", 0)
    assert "account:1, policy:1" in str(refused.value)
    assert ready.vendors.writes() == {}


def test_a_source_key_that_is_named_twice_is_refused(ready: Book) -> None:
    context = as_prepared(ready, links=wanted("account:1", "account:1"))
    with pytest.raises(ParamsError, match="account:1 is named twice"):
        load_shard(context, "emoney", 0)
    assert ready.vendors.writes() == {}


def test_an_item_from_another_office_is_linked_by_its_present_key(book: Book) -> None:
    book.couple(1)
    with book.context().ledger.write() as connection:
        for crm_key, known_as in (("contact:101", "contact:7"), ("account:1", "account:77")):
            connection.execute(sa.insert(vendor_key).values(crm_key=crm_key, known_as=known_as, transfer_id="t"))
    sync(book, links=wanted("account:1"))
    assert {key: one["state"] for key, one in accounts(book, "contact:7").items()} == {
        "account:77": "linked",
        "policy:1": "available",
    }


def test_a_dry_run_says_what_would_be_linked_and_writes_nothing(sent: Book) -> None:
    before = sent.vendors.writes()
    ran = sync(sent, dry_run=True, links=wanted("account:1"))
    assert ("H1", "items[account:1]", "linked") in ran.decisions("emoney")
    assert sent.vendors.writes() == before
    assert accounts(sent)["account:1"]["state"] == "available"


def test_the_night_after_a_run_by_hand_sends_no_second_line_for_the_same_day(linked_book: Book) -> None:
    before = writes_of(linked_book, FEED)
    assert linked_book.run(vendors=("emoney",)).outcomes("emoney") == {"H1": "unchanged"}
    assert writes_of(linked_book, FEED) == before


RIGHTS = ("eMoney", "Policy Tracking", "Pending Case & Policy Setup Administrator", "Investment Tracking")


@pytest.mark.parametrize(
    ("missing", "goes"),
    [
        (None, {"account:1", "policy:1"}),
        ("Investment Tracking", {"policy:1"}),
        ("Policy Tracking", {"account:1"}),
        ("Pending Case & Policy Setup Administrator", {"account:1"}),
    ],
)
def test_each_license_decides_alone_which_records_go(book: Book, missing: str | None, goes: set[str]) -> None:
    book.couple(1)
    book.crm.insert("crm_user", user_id=2, user_name="amy", status="Enabled")
    for right in RIGHTS:
        if right != missing:
            book.crm.insert("user_right", user_id=2, right_name=right)
    assert sync(book, user="amy").outcomes("emoney") == {"H1": "created"}
    assert set(accounts(book)) == goes
    assert book.vendors.clients()["contact:101"]["spouse"]["firstName"] == "First102"


def test_records_that_a_user_may_not_send_are_not_reported_as_gone_from_the_crm(sent: Book) -> None:
    sent.crm.insert("crm_user", user_id=2, user_name="amy", status="Enabled")
    sent.crm.insert("user_right", user_id=2, right_name="eMoney")
    ran = sync(sent, user="amy")
    assert ran.rows("finding_v", rule_id="EMY-GONE") == []
    assert set(accounts(sent)) == {"account:1", "policy:1"}


def test_a_vendor_that_is_down_defers_the_unit_and_links_come_with_the_next_run(sent: Book) -> None:
    sent.vendors.emoney.faults({"method": "POST", "path": "/public/v1/clients/*/links", "kind": "unavailable"})
    assert sync(sent, links=wanted("account:1")).outcomes("emoney") == {"H1": "deferred"}
    sent.vendors.emoney.faults()
    assert sync(sent, links=wanted("account:1")).outcomes("emoney") == {"H1": "updated"}
    assert accounts(sent)["account:1"]["lastRefreshedAt"] is not None


# Before it the client, its spouse and its connection are made: those steps are killed elsewhere.
FIRST_STEP_OF_THE_VALUES = 12


def test_killed_before_any_step_of_a_link_and_started_again_it_ends_the_same(tmp_path: Path, vendors: Vendors) -> None:
    first = tmp_path / "prepared"
    first.mkdir()
    book = Book(first, vendors)
    book.couple(1)
    staged = prepared(book, links=wanted("account:1")).request
    book.close()
    ends = set()
    for at_step in boundaries(FIRST_STEP_OF_THE_VALUES):
        vendors.reset()
        shutil.copytree(first, tmp_path / str(at_step))
        book = Book(tmp_path / str(at_step), vendors, is_there=True)
        context = replace(book.context(), request=staged)
        was_killed = run_and_kill(partial(load_shard, context, "emoney", 0), at_step)
        load_shard(context, "emoney", 0)
        (client,) = vendors.clients().values()
        states = {one["sourceKey"]: (one["state"], one["lastRefreshedAt"] is not None) for one in client["accounts"]}
        assert states == {"account:1": ("linked", True), "policy:1": ("available", False)}, f"before step {at_step}"
        ends.add(Ran(context, None).outcomes("emoney")["H1"])
        assert ("H1", "items[account:1]", "linked") in Ran(context, None).decisions("emoney"), f"before step {at_step}"
        assert writes_of(book, LINKS) == 1
        book.close()
        if not was_killed:
            break
    assert at_step > FIRST_STEP_OF_THE_VALUES + 10
    assert ends == {"created"}


def test_a_wrong_password_fails_the_unit_in_words(sent: Book) -> None:
    sent.crm.update("investment_account", {"account_id": 1}, account_value=7, net_value=7)
    context = prepared(sent)
    sent.vendors.emoney.faults({"path": "/public/v1/institutions/*", "kind": "unauthorized"})
    with pytest.raises(PlanbridgeError):
        load_shard(context, "emoney", 0)
    assert Ran(context, None).outcomes("emoney") == {"H1": "failed"}
    sent.vendors.emoney.faults()


def test_a_client_that_is_gone_at_emoney_holds_the_household_by_hand_and_at_night(sent: Book) -> None:
    """MATCH-GONE, also where nothing has changed and only values go."""
    sent.vendors.emoney.reset()
    for ran in (run_by_hand(sent, 1, vendor="emoney"), sent.run("2026-11-23", vendors=("emoney",))):
        assert ran.outcomes("emoney") == {"H1": "held"}
        assert ran.reason("emoney", "H1").startswith("MATCH-GONE")
        assert ("H1", "MATCH-GONE") in ran.findings("emoney")
    assert sent.vendors.clients() == {}
