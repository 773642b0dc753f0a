"""The nightly feed: one line a client and date, results read back by whoever is there, once."""

import hashlib
import threading
from typing import Any

import pytest

from etl.errors import CredentialsRefused
from etl.load.delivery import household_lock
from etl.load.emoney import feed
from etl.load.emoney.feed import Refreshed, body_of
from etl.load.ledger import feeds, links
from tests.load.delivering import DAY, NEXT_DAY, Desk, couple, item, line
from tests.sandbox.running import wait_until

FEEDS = {"method": "PUT", "path": "*/feeds/*"}


@pytest.fixture
def client_id(desk: Desk) -> str:
    """H1 is at eMoney, connected."""
    desk.to_emoney(couple())
    return desk.link("emoney").vendor_client_id


def kinds(refreshed: Refreshed) -> dict[str, str]:
    return {key: ended[0] for key, ended in refreshed.units.items()}


def rules(refreshed: Refreshed) -> set[tuple[str, str, str]]:
    return {(key, one.rule_id, f"{one.entity}:{one.entity_id}") for key, one in refreshed.findings}


def last_as_of(desk: Desk) -> str:
    as_of: str = desk.vendors.clients()["contact:1"]["connections"][0]["lastAsOf"]
    return as_of


def test_a_first_line_is_an_update_and_its_items_are_new(desk: Desk, client_id: str) -> None:
    refreshed = desk.feed(line("H1", client_id, item(), item("policy:3", kind="policy", policyName="Term")))
    assert kinds(refreshed) == {"H1": "updated"}
    assert refreshed.newly_available == [("H1", client_id, "account:5"), ("H1", client_id, "policy:3")]
    assert last_as_of(desk) == "2026-11-20"
    assert desk.sent("emoney")["items"].as_of == DAY


def test_the_same_values_the_next_night_are_refreshed_and_no_update(desk: Desk, client_id: str) -> None:
    desk.feed(line("H1", client_id, item()))
    assert kinds(desk.feed(line("H1", client_id, item()), as_of=NEXT_DAY)) == {"H1": "refreshed"}
    assert last_as_of(desk) == "2026-11-23"


def test_other_values_on_the_same_day_are_an_update_and_what_was_sent(desk: Desk, client_id: str) -> None:
    desk.feed(line("H1", client_id, item()))
    assert kinds(desk.feed(line("H1", client_id, item(holdingsValue=200.5, totalValue=200.5)))) == {"H1": "updated"}
    assert desk.sent("emoney")["items"].base["account:5"]["holdingsValue"] == 200.5


def test_an_item_that_left_the_crm_is_reported_gone_and_stays(desk: Desk, client_id: str) -> None:
    desk.feed(line("H1", client_id, item(), item("account:6")))
    refreshed = desk.feed(line("H1", client_id, item()), as_of=NEXT_DAY)
    assert rules(refreshed) == {("H1", "EMY-GONE", "account:6")}
    accounts = desk.vendors.clients()["contact:1"]["accounts"]
    assert {one["sourceKey"]: one["isMissing"] for one in accounts} == {"account:5": False, "account:6": True}


def test_a_rejected_line_is_failed_and_goes_again_on_the_same_day(desk: Desk, client_id: str) -> None:
    desk.vendors.emoney.faults({"kind": "feed_rejects", "lines": [1]})
    refreshed = desk.feed(line("H1", client_id, item()))
    assert kinds(refreshed) == {"H1": "failed"}
    assert rules(refreshed) == {("H1", "EMY-REFRESH", "household:1")}
    desk.vendors.emoney.faults()
    assert kinds(desk.feed(line("H1", client_id, item()))) == {"H1": "updated"}


def test_a_failed_feed_defers_its_units_and_goes_again_on_the_same_day(desk: Desk, client_id: str) -> None:
    desk.vendors.emoney.faults({"kind": "feed_fails"})
    assert kinds(desk.feed(line("H1", client_id, item()))) == {"H1": "deferred"}
    desk.vendors.emoney.faults()
    assert kinds(desk.feed(line("H1", client_id, item()))) == {"H1": "updated"}
    assert [one["status"] for one in desk.vendors.feeds()] == ["failed", "done"]


def test_a_whole_policy_number_is_rejected_and_not_repeated_in_words(desk: Desk, client_id: str) -> None:
    policy = item("policy:3", kind="policy", policyName="Term", policyNumber="LIFE-5551234")
    refreshed = desk.feed(line("H1", client_id, policy))
    assert kinds(refreshed) == {"H1": "failed"}
    assert "LIFE-5551234" not in str(refreshed)


def test_a_feed_that_stays_running_is_read_back_by_the_next_run(desk: Desk, client_id: str) -> None:
    desk.vendors.emoney.faults({"kind": "feed_stays_running"})
    refreshed = desk.feed(line("H1", client_id, item()), deadline=0.3)
    assert kinds(refreshed) == {"H1": "deferred"}
    assert kinds(desk.settle()) == {}
    desk.vendors.emoney.faults()
    settled = settle_when_done(desk)
    assert kinds(settled) == {"H1": "updated"}
    assert settled.newly_available == [("H1", client_id, "account:5")]
    assert feeds.unresolved_feeds(desk.ledger) == []
    assert len(desk.vendors.feeds()) == 1


def settle_when_done(desk: Desk) -> Refreshed:
    wait_until(desk.vendors.feeds, lambda all_feeds: all_feeds[0]["status"] == "done")
    return desk.settle()


def test_a_feed_that_ends_late_does_not_overwrite_what_a_later_night_sent(desk: Desk, client_id: str) -> None:
    desk.vendors.emoney.faults({"kind": "feed_stays_running", "count": 1})
    desk.feed(line("H1", client_id, item(totalValue=1)), deadline=0.1)
    desk.feed(line("H1", client_id, item(totalValue=2)), as_of=NEXT_DAY)
    newest = desk.sent("emoney")["items"]
    desk.vendors.emoney.faults()
    wait_until(desk.vendors.feeds, lambda all_feeds: all_feeds[0]["status"] == "done")
    desk.settle()
    assert feeds.unresolved_feeds(desk.ledger) == []
    assert desk.sent("emoney")["items"] == newest


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "reset_before"},
        {"kind": "reset_after"},
        {"kind": "unavailable", "after_commit": True},
        {"kind": "truncated"},
        {"kind": "html"},
        {"kind": "too_many", "form": "none"},
        {"kind": "unauthorized", "revoke": True},
    ],
    ids=lambda fault: fault["kind"],
)
@pytest.mark.parametrize("method", ["PUT", "GET"])
def test_a_feed_call_that_goes_wrong_once_changes_nothing(
    desk: Desk, client_id: str, fault: dict[str, Any], method: str
) -> None:
    desk.vendors.emoney.faults({**FEEDS, "method": method, "count": 1, **fault})
    assert kinds(desk.feed(line("H1", client_id, item()))) == {"H1": "updated"}
    assert len(desk.vendors.feeds()) == 1


@pytest.mark.parametrize("method", ["PUT", "GET"])
def test_a_feed_without_an_answer_is_deferred_and_ends_once(desk: Desk, client_id: str, method: str) -> None:
    desk.vendors.emoney.faults({**FEEDS, "method": method, "kind": "reset_after"})
    assert kinds(desk.feed(line("H1", client_id, item()))) == {"H1": "deferred"}
    desk.vendors.emoney.faults()
    assert kinds(settle_when_done(desk)) == {"H1": "updated"}
    assert len(desk.vendors.feeds()) == 1


def test_a_feed_that_never_arrived_is_sent_by_the_next_run(desk: Desk, client_id: str) -> None:
    desk.vendors.emoney.faults({**FEEDS, "kind": "reset_before"})
    assert kinds(desk.feed(line("H1", client_id, item()))) == {"H1": "deferred"}
    desk.vendors.emoney.faults()
    assert kinds(desk.settle()) == {}
    assert feeds.unresolved_feeds(desk.ledger) == []
    assert kinds(desk.feed(line("H1", client_id, item()))) == {"H1": "updated"}


def test_other_content_under_a_used_id_is_failed_and_in_words(desk: Desk, client_id: str) -> None:
    body = body_of([line("H1", client_id, item())], DAY)
    name = f"{DAY}-{hashlib.sha256(body).hexdigest()[:32]}"
    desk.emoney_client().put_feed(name, b'{"clientId":"em-0","asOf":"2026-11-20","items":[]}\n')
    refreshed = desk.feed(line("H1", client_id, item()))
    assert kinds(refreshed) == {"H1": "failed"}
    assert "409" in str(refreshed.units["H1"][1])
    assert kinds(desk.feed(line("H1", client_id, item()))) == {"H1": "updated"}


def test_a_living_senders_feed_is_left_to_it(desk: Desk, client_id: str) -> None:
    """Tasks of one run read back at the same time as others send: what is under way is not taken for lost."""
    mine = line("H1", client_id, item())
    name = f"{DAY}-{hashlib.sha256(body_of([mine], DAY)).hexdigest()[:32]}"
    job = desk.job()
    feed_id = feeds.begin_feed(desk.ledger, name, job.run_id, DAY, [mine])
    with household_lock(job, "emoney", feed._lock_of(feed_id)) as held:
        assert held
        assert kinds(desk.settle()) == {}
        assert kinds(desk.feed(mine)) == {"H1": "deferred"}
        assert feeds.unresolved_feeds(desk.ledger) == [(feed_id, DAY)]
        assert [one.client_id for one in feeds.read_lines(desk.ledger, feed_id)] == [client_id]
    assert kinds(desk.feed(mine)) == {"H1": "updated"}


def test_two_that_read_back_one_feed_at_once_do_no_harm(desk: Desk, client_id: str) -> None:
    desk.vendors.emoney.faults({"kind": "feed_stays_running"})
    desk.feed(line("H1", client_id, item()), deadline=0.05)
    desk.vendors.emoney.faults()
    wait_until(desk.vendors.feeds, lambda all_feeds: all_feeds[0]["status"] == "done")
    results: list[Refreshed] = []
    threads = [threading.Thread(target=lambda: results.append(desk.settle())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found for found in map(kinds, results) if found] == [{"H1": "updated"}]
    assert sum(len(one.newly_available) for one in results) == 1
    assert desk.sent("emoney")["items"].as_of == DAY


def test_a_vendor_that_is_down_defers_and_wrong_credentials_stop(desk: Desk, client_id: str) -> None:
    desk.vendors.emoney.faults({"kind": "unavailable"})
    assert kinds(desk.feed(line("H1", client_id, item()))) == {"H1": "deferred"}
    assert kinds(desk.settle()) == {}
    desk.vendors.emoney.faults()
    desk.emoney_key = "wrong"
    with pytest.raises(CredentialsRefused):
        desk.settle()


def test_a_large_book_goes_in_several_feeds(desk: Desk, client_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "MOST_LINES", 2)
    lines = [line(f"H{number}", f"em-{90 + number}", item()) for number in range(2, 6)]
    refreshed = desk.feed(line("H1", client_id, item()), *lines)
    assert len(desk.vendors.feeds()) == 3
    assert kinds(refreshed) == {"H1": "updated", **{f"H{number}": "held" for number in range(2, 6)}}


def test_a_feed_keeps_within_the_size_that_emoney_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "MOST_BYTES", 1000)
    lines = [line(f"H{number}", f"em-{number}", item()) for number in range(20)]
    batches = list(feed._batches(lines, DAY))
    assert [one for batch, _ in batches for one in batch] == lines
    assert all(len(body) <= 1000 for _, body in batches)


def test_what_was_sent_is_the_base_for_the_next_night(desk: Desk, client_id: str) -> None:
    desk.feed(line("H1", client_id, item()))
    assert links.read_bases(desk.ledger, "emoney", "items", ["H1"])["H1"]["account:5"]["assetName"] == "Savings"
