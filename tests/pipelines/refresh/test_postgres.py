"""The same on PostgreSQL: CRM and ledger both, and two processes at once."""

from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path

import pytest

from etl.extract.identity import read_identities_like, same_people
from etl.extract.source import Snapshot
from tests.load.killing import finish, run_and_kill, start
from tests.pipelines.household.by_hand import run_by_hand
from tests.run_book import Book, Vendors

pytestmark = pytest.mark.postgres
NEXT = "2026-11-23"


@pytest.fixture
def postgres_book(tmp_path: Path, vendors: Vendors, postgres_url: Callable[[], str]) -> Iterator[Book]:
    made = Book(tmp_path, vendors, postgres_url(), postgres_url())
    for number in (1, 2):
        made.couple(number)
    yield made
    made.close()


def test_a_book_on_postgresql_goes_through_its_nights(postgres_book: Book) -> None:
    book = postgres_book
    assert set(book.run().outcomes("profiles").values()) == {"created"}
    before = book.vendors.writes()
    assert book.run().stopped is None
    assert book.vendors.writes() == before
    book.crm.later(days=1)
    book.phone(1, 101, "603-555-0101")
    night = book.run(NEXT)
    assert night.outcomes("profiles")["H1"] == night.outcomes("emoney")["H1"] == "updated"
    assert night.outcomes("emoney")["H2"] == "unchanged"
    assert book.vendors.clients()["contact:101"]["client"]["cellPhone"] == "603-555-0101"


def test_links_go_with_their_clients_on_postgresql(postgres_book: Book) -> None:
    book = postgres_book
    book.person(103)
    book.member(1, 103, "Son")
    for contact_id in (103, 201):
        assert run_by_hand(book, contact_id=contact_id, vendor="emoney").stopped is None
    book.crm.update("household", {"household_id": 2}, deleted_at=datetime(2026, 11, 2))
    book.set("emoney", enroll="linked")
    night = book.run(NEXT, vendors=("emoney",))
    assert night.outcomes("emoney") == {"C103": "unchanged", "C201": "unchanged"}


def test_people_who_look_like_one_are_found_on_postgresql(postgres_book: Book) -> None:
    for contact_id, day, tax_id in ((7, 2, "900-11-2222"), (8, 3, "900112222"), (9, 2, None), (10, 3, "900-11-2223")):
        postgres_book.person(contact_id, birth_date=date(1970, 6, day), tax_id=tax_id)
    with Snapshot(postgres_book.crm.url, readers=1) as snapshot:
        people = read_identities_like(snapshot, [7])
    assert set(people["contact_id"]) == {7, 8, 9}
    (pair,) = same_people(people[people["contact_id"] == 7], people).itertuples(index=False, name=None)
    assert pair == (7, 8, "tax id")


def test_two_processes_at_once_and_killed_ones_make_each_household_once(postgres_book: Book) -> None:
    book = postgres_book
    prepared = [(f"race-{number}", book.prepare(book.context(run_id=f"race-{number}"))) for number in (1, 2)]
    book_of = {run_id: (lambda r=run_id, s=shards: book.load(book.context(run_id=r), s)) for run_id, shards in prepared}
    for at_step in (20, 45):
        run_and_kill(book_of["race-1"], at_step)
    assert [finish(process) for process in [start(load) for load in book_of.values()]] == [0, 0]
    assert book.run().stopped is None
    assert len(book.vendors.cases()) == len(book.vendors.clients()) == 2
    assert set(book.run().outcomes("emoney").values()) <= {"unchanged"}
