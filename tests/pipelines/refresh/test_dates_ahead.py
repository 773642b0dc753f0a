"""A mistyped year in the ledger stops no unit for good."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa

from etl.load.ledger import links
from etl.load.ledger.tables import sent as sent_parts
from tests.pipelines.household.by_hand import run_by_hand
from tests.run_book import Book

NEXT, LATER = "2026-11-23", "2026-11-24"
MISTYPED = date(2062, 11, 20)


def mistype(book: Book) -> None:
    """As after a run as of 2062 that nobody refused."""
    with book.context().ledger.write() as connection:
        connection.execute(sa.update(sent_parts).values(as_of=MISTYPED))


def last_day(book: Book, vendor: str) -> date:
    return max(part.as_of for part in links.find_sent(book.context().ledger, vendor, "H1").values())


def test_a_day_ahead_in_the_ledger_is_taken_back_with_a_notice_and_the_units_go_on(sent: Book) -> None:
    mistype(sent)
    sent.crm.update("contact", {"contact_id": 101}, company="Quay")
    dry = sent.run(NEXT, dry_run=True, report=True)
    assert "counts as 2026-11-22 once a run is no dry run" in sent.run_json(dry)["settings"]["notice"]
    assert last_day(sent, "profiles") == last_day(sent, "emoney") == MISTYPED
    assert run_by_hand(sent, 1, as_of=NEXT).outcomes("profiles") == {"H1": "updated"}
    night = sent.run(NEXT, report=True)
    assert night.outcomes("profiles")["H1"] == "unchanged"
    assert night.outcomes("emoney") == {"H1": "updated"}
    notice = sent.run_json(night)["settings"]["notice"]
    assert "1 unit was sent as of a day ahead of the office's, the last of them 2062-11-20" in notice
    assert [one["connections"][0]["lastAsOf"] for one in sent.vendors.clients().values()] == [NEXT]
    assert last_day(sent, "profiles") == last_day(sent, "emoney") == date.fromisoformat(NEXT)
    again = sent.run(LATER, full=True, report=True, vendors=("profiles",))
    assert "notice" not in sent.run_json(again)["settings"]
    assert "superseded" in sent.run(NEXT, full=True, vendors=("profiles",)).reason("profiles", "H1")
