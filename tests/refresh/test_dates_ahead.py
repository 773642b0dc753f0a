"""A mistyped year in the ledger stops no unit for good."""

from __future__ import annotations

from datetime import date

import pytest

from etl.load.ledger import links
from tests.run_book import Book
from tests.sync.by_hand import run_by_hand

NEXT = "2026-11-23"
MISTYPED = "2062-11-20"


@pytest.fixture
def mistyped(sent: Book) -> Book:
    """H1 was sent as of 2062 by a run that nobody refused."""
    assert sent.run(MISTYPED).stopped is None
    return sent


def last_days(book: Book) -> set[date]:
    ledger = book.context().ledger
    parts = {**links.find_sent(ledger, "profiles", "H1"), **links.find_sent(ledger, "emoney", "H1")}
    return {part.as_of for part in parts.values()}


def test_a_day_ahead_in_the_ledger_is_taken_back_with_a_notice_and_the_units_go_on(mistyped: Book) -> None:
    mistyped.crm.update("contact", {"contact_id": 101}, company="Quay")
    night = mistyped.run(NEXT)
    assert night.outcomes("profiles") == night.outcomes("emoney") == {"H1": "updated"}
    notice = mistyped.run_json(night)["settings"]["notice"]
    assert "1 unit was sent as of a day ahead of the office's, the last of them 2062-11-20" in notice
    assert max(last_days(mistyped)) == date(2026, 11, 23)
    assert [one["connections"][0]["lastAsOf"] for one in mistyped.vendors.clients().values()] == [NEXT]
    again = mistyped.run("2026-11-24")
    assert "notice" not in mistyped.run_json(again)["settings"]
    older = mistyped.run(NEXT, full=True)
    assert "superseded" in older.reason("profiles", "H1")


def test_a_run_by_hand_goes_on_too(mistyped: Book) -> None:
    mistyped.crm.update("contact", {"contact_id": 101}, company="Quay")
    assert run_by_hand(mistyped, 1, as_of=NEXT).outcomes("profiles") == {"H1": "updated"}


def test_a_dry_run_says_so_and_changes_no_day(mistyped: Book) -> None:
    dry = mistyped.run(NEXT, dry_run=True)
    assert "once a run is no dry run" in mistyped.run_json(dry)["settings"]["notice"]
    assert last_days(mistyped) == {date(2062, 11, 20)}
