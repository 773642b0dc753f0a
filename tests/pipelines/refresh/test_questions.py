"""What the pipeline asks of its ledger has an index: no question looks through all that ever was."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from include.why.asking import ask
from tests.pipelines.household.by_hand import run_by_hand
from tests.pipelines.undo.undoing import undo
from tests.run_book import Book

# Tables whose rows are as many as there are units, records or open questions, however many nights there were; those
# of runs that are not closed yet (`repeated`); and one short row a run (`run_vendor`).
BOUNDED = {
    "link", "sent", "unit_state", "household_lock", "open_finding", "pin", "case_base", "former_link", "marital_status",
    "unit_move", "vendor_key", "removal", "guard_stop", "json_each", "CONSTANT", "contact_merge",
    "distinct_people", "link_change", "waiver",
    "sqlite_master", "alembic_version", "repeated", "run_vendor",
}  # fmt: skip
FIRST_OF_KEY = re.compile(r"\(vendor=\?\)$")


@pytest.fixture
def asked() -> Iterator[dict[str, Any]]:
    """statement -> parameters of what the ledgers of this test are asked."""
    heard: dict[str, Any] = {}

    def hear(connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if connection.engine.url.database.endswith("ledger.db"):
            heard.setdefault(statement, parameters)

    sa.event.listen(sa.engine.Engine, "before_cursor_execute", hear)
    yield heard
    sa.event.remove(sa.engine.Engine, "before_cursor_execute", hear)


def test_every_question_of_a_night_a_run_by_hand_why_and_undo_has_an_index(book: Book, asked: dict[str, Any]) -> None:
    for number in (1, 2):
        book.couple(number)
    book.run(report=True)
    book.crm.later(days=1)
    book.phone(9, 101, "603-555-0101")
    night = book.run("2026-11-23", report=True)
    assert night.stopped is None
    run_by_hand(book, 1, as_of="2026-11-23", report=True)
    run_by_hand(book, 2, as_of="2026-11-23", vendor="emoney", report=True)
    ledger = book.context().ledger
    ask(ledger, "H1", None, None, None)
    undo(book, night.context.request.run_id)
    questions = {text: given for text, given in asked.items() if re.match(r"SELECT|UPDATE|DELETE|WITH", text)}
    slow = {}
    with ledger.read() as connection:
        for text, given in questions.items():
            parameters = given[0] if isinstance(given, list) else given
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", parameters).mappings()
            steps = [row["detail"] for row in plan]
            looked_through = [step for step in steps if _looks_through_all(step, text)]
            if looked_through:
                slow[text] = looked_through
    assert len(questions) > 60
    assert slow == {}, "\n".join(f"{text} :: {plan}" for text, plan in slow.items())


def _looks_through_all(step: str, statement: str) -> bool:
    """Whether a step of a plan reads all rows, or all of a vendor, of a table that grows with the nights."""
    if "LIMIT" in statement and "ORDER BY" not in statement:
        return False
    found = re.match(r"(SCAN|SEARCH) (\w+)", step)
    if not found or (found[1] == "SEARCH" and not FIRST_OF_KEY.search(step)):
        return False
    # What a select in brackets gives was looked up by steps of its own.
    if found[2].startswith("anon") or re.search(rf"\)(?: AS)? {found[2]}\b", statement):
        return False
    table = re.search(rf"(?:FROM|JOIN) (\w+)(?: AS)? {found[2]}\b", statement)
    return (table[1] if table else found[2]) not in BOUNDED
