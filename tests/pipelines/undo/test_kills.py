"""An undo that is killed at any instant and started again ends as if nothing had happened."""

from functools import partial
from pathlib import Path
from typing import Any

from etl.load.ledger import intents
from tests.load.documents import asset
from tests.load.killing import boundaries, run_and_kill
from tests.pipelines.undo.test_undo import NEXT, home
from tests.pipelines.undo.undoing import base, documents, send, undo, view
from tests.run_book import Book, Vendors


def sent_twice(folder: Path, vendors: Vendors) -> Book:
    """A household, and a second run that changed it."""
    folder.mkdir()
    vendors.reset()
    book = Book(folder, vendors)
    send(book, "run-1", home(1, "555-0101", 1000))
    send(book, "run-2", home(1, "555-0102", 2000, asset(7)), as_of=NEXT)
    return book


def what_is_left(book: Book) -> Any:
    """What Profiles and the ledger hold, but ids and times."""
    (undo_run,) = view(book, "run_v", dag_id="undo")
    outcomes = {(one["unit_key"], one["outcome"]) for one in view(book, "outcome_v", run_id=undo_run["run_id"])}
    fields = {
        (one["unit_key"], one["field"], one["decision"], one["before"], one["after"])
        for one in view(book, "field_change", run_id=undo_run["run_id"])
    }
    assert intents.units_in_doubt(book.contexts[-1].ledger, "profiles") == set()
    return documents(book), base(book, "H1"), outcomes, fields, undo_run["status"]


def test_killed_before_any_step_and_started_again_it_ends_the_same(tmp_path: Path, vendors: Vendors) -> None:
    book = sent_twice(tmp_path / "undisturbed", vendors)
    undo(book, "run-2")
    expected = what_is_left(book)
    book.close()
    for at_step in boundaries(offset=1):
        book = sent_twice(tmp_path / str(at_step), vendors)
        was_killed = run_and_kill(partial(undo, book, "run-2"), at_step)
        if was_killed and not view(book, "run_v", dag_id="undo", status="success"):
            undo(book, "run-2")
        assert what_is_left(book) == expected, f"killed before step {at_step}"
        book.close()
        if not was_killed:
            break
    assert at_step > 10
