"""A dry run of whichever kind changes nothing in the ledger but the rows of its own run, and nothing beside it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from etl.load.ledger import feeds, intents
from etl.load.ledger.feeds import Line
from etl.load.ledger.pins import Pin
from etl.load.ledger.store import Ledger
from etl.load.ledger.tables import metadata
from tests.pipelines.household.by_hand import run_by_hand
from tests.pipelines.undo.undoing import undo
from tests.run_book import Book, BookSnapshot, Ran, Restore, snapshot

NEXT = "2026-11-23"
PIN = Pin("clientA.gender", "profiles", "hers")


def _much_has_happened(book: Book) -> None:
    """What a run would clear up: moved links, a lost unit, a write and a feed without an answer, old staged files."""
    for number in (1, 2, 3):
        book.couple(number)
    book.person(7)
    first = book.run()
    run_by_hand(book, 2, vendor="profiles", pins=(PIN,))
    ledger = first.context.ledger
    lost = intents.begin(ledger, "profiles", "H2", "replace_case", "h", {}, first.context.request.as_of, "run-1", "1")
    intents.mark(ledger, lost, "in_doubt")
    line = Line("H2", "2", "hash", "account:2")
    feeds.begin_feed(ledger, "2026-11-20-other", "run-1", first.context.request.as_of, [line])
    old = first.context.data_folder / "staging" / "left over"
    old.mkdir(parents=True)
    os.utime(old, (0, 0))
    book.crm.later(days=1)
    # Its head goes on alone with what the vendors have of the household.
    book.crm.update("household", {"household_id": 1}, deleted_at=book.crm.moment)
    book.crm.delete("household_member", household_id=1)
    book.crm.update("contact", {"contact_id": 102}, deleted_at=book.crm.moment)
    book.crm.delete("key_relation", relation_id=1)
    book.crm.update("contact", {"contact_id": 101}, marital_status="Single")
    # A lone client becomes a wife.
    book.person(8, marital_status="Married")
    book.crm.insert("household", household_id=4, name="Home 4", head_contact_id=8)
    book.member(4, 8, "Head")
    book.member(4, 7, "Wife")
    book.tie(4, 8, 7)
    # A unit leaves the enrollment.
    book.crm.update("household", {"household_id": 3}, deleted_at=book.crm.moment)
    book.crm.update("contact", {"contact_id": 301}, contact_type="Prospect")
    book.crm.update("contact", {"contact_id": 202}, job_title="Pilot")


@snapshot
def much(book: Book) -> None:
    _much_has_happened(book)


@pytest.fixture
def busy(much: BookSnapshot, restore: Restore) -> Book:
    return restore(much)


def rows_of_others(ledger: Ledger, run_id: str) -> dict[str, list[dict[str, Any]]]:
    """All rows of the ledger but those of one run."""
    found = {}
    with ledger.engine.connect() as connection:
        for table in metadata.sorted_tables:
            rows = sa.select(table).order_by(*table.primary_key)
            if "run_id" in table.c:
                rows = rows.where(table.c.run_id != run_id)
            found[table.name] = [dict(row) for row in connection.execute(rows).mappings()]
    return found


def night(book: Book) -> Ran:
    return book.run(NEXT, "dry", dry_run=True, full=True, report=True)


KINDS: dict[str, Any] = {
    "night": night,
    "deleted household": lambda book: run_by_hand(book, contact_id=101, as_of=NEXT, dry_run=True, report=True),
    "confirmed": lambda book: run_by_hand(book, 4, as_of=NEXT, dry_run=True, life_event="they married", report=True),
    "new case": lambda book: run_by_hand(book, 2, as_of=NEXT, dry_run=True, action="create_case", report=True),
    "update": lambda book: run_by_hand(book, 2, as_of=NEXT, dry_run=True, action="update_case", report=True),
    "unpin": lambda book: run_by_hand(book, 2, as_of=NEXT, dry_run=True, unpins=(PIN.field,), report=True),
    "eMoney": lambda book: run_by_hand(
        book, 4, vendor="emoney", as_of=NEXT, dry_run=True, life_event="they married", report=True
    ),
    "undo": lambda book: undo(book, "run-1", dry_run=True),
}


# Each time one kind by hand for each vendor; these in the whole suite.
SLOW = {"deleted household", "confirmed", "update", "unpin"}


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=[pytest.mark.slow] if kind in SLOW else []) for kind in KINDS]
)
def test_a_dry_run_changes_nothing_but_its_own_rows(busy: Book, kind: str) -> None:
    ledger = busy.context().ledger
    files = _files(busy.folder)
    before = rows_of_others(ledger, "")
    ran = KINDS[kind](busy)
    assert ran.stopped is None
    run_id = ran.run_id if kind == "undo" else ran.context.request.run_id
    assert rows_of_others(ledger, run_id) == before
    assert files <= _files(busy.folder)


def test_a_dry_run_goes_by_the_links_as_they_would_be(busy: Book) -> None:
    """The head of a deleted household, now alone, and the couple of which a lone client is the wife."""
    ran = night(busy)
    held = {unit_key for unit_key, rule_id in ran.findings("profiles") if rule_id == "LIFE-EVENT"}
    assert {"C101", "H4"} <= held


def _files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if not path.name.endswith(("-wal", "-shm"))}
