"""The ledger is lost, and there is no backup: its links come back from the vendors by our external ids."""

from pathlib import Path

from tests.pipelines.guards.test_guards import NEXT, stop_of
from tests.run_book import Book, BookSnapshot, Restore, snapshot

RELEASE = {"release_guard": "the ledger was lost, checked with Ann", "triggered_by": "main.morgan"}


@snapshot
def two_homes(book: Book) -> None:
    book.couple(1)
    book.couple(2)
    book.person(7)
    book.account(7, 7)
    book.run()


def test_the_links_come_back_from_both_vendors_and_no_client_is_made_twice(
    two_homes: BookSnapshot, restore: Restore, tmp_path: Path
) -> None:
    """The steps of docs/operate.md: a dry run with every unit, the guard's causes, the release, a quiet night."""
    book = restore(two_homes)
    before = {vendor: ids_of(book, vendor) for vendor in ("profiles", "emoney")}
    assert all(len(ids) == 3 for ids in before.values())
    book.close()
    for file in (tmp_path / "data").glob("ledger.db*"):
        file.unlink()
    book.vendors.take_from(tmp_path)  # counters at zero; the vendors hold what they held

    for vendor in before:
        book.set(vendor, enroll="all")
    stopped = stop_of(book.run(NEXT, full=True))
    assert "the ledger has no unit at Profiles" in stopped
    assert "the ledger has no unit at eMoney" in stopped
    assert book.vendors.writes() == {}

    ran = book.run(NEXT, full=True, **RELEASE)
    assert ran.stopped is None
    assert {vendor: ids_of(book, vendor) for vendor in before} == before
    assert {"created", "failed", "held"}.isdisjoint(
        {*ran.outcomes("profiles").values(), *ran.outcomes("emoney").values()}
    )
    # Each of these fails where a household or client is there twice.
    assert len(book.vendors.cases()) == len(book.vendors.clients()) == 3

    for vendor in before:
        book.set(vendor, enroll="linked")
    writes = book.vendors.writes()
    again = book.run("2026-11-24")
    assert again.stopped is None
    new = {call for call, times in book.vendors.writes().items() if times != writes.get(call, 0)}
    assert new == {"PUT /public/v1/institutions/smartoffice/feeds/{feed_id}"}  # the values of the day


def ids_of(book: Book, vendor: str) -> dict[str, str]:
    return {key: link["vendor_client_id"] for key, link in book.links(vendor).items()}
