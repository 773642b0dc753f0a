"""A night ends with what has become old enough to go, and its report says so."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from etl.load.ledger import retention
from etl.load.ledger.tables import metadata
from include.pipelines.refresh.removal import remove_by_age
from tests.run_book import Book, Ran


def grow_older(ran: Ran, days: int) -> None:
    """As if all that is in the ledger had happened so many days earlier."""
    with ran.context.ledger.write() as connection:
        for table in metadata.tables.values():
            moments = [column for column in table.columns if isinstance(column.type, sa.DateTime)]
            for row in connection.execute(sa.select(*table.primary_key, *moments)).mappings().all() if moments else ():
                key = [column == row[column] for column in table.primary_key]
                earlier = {column: row[column] - timedelta(days=days) for column in moments if row[column]}
                connection.execute(sa.update(table).where(*key).values(earlier))


def report_of(ran: Ran, name: str) -> Any:
    text = (Path(ran.context.reports) / name).read_text()
    return json.loads(text) if name.endswith(".json") else text


def test_a_night_removes_old_rows_and_the_report_says_so(book: Book) -> None:
    book.couple(1)
    book.run(vendors=("emoney",), report=True)
    for day in ("2026-11-23", "2026-11-24"):
        ran = book.run(day, vendors=("emoney",), report=True)
    assert report_of(ran, "run.json")["removed"] == {"rows": {}, "is_through": True, "stopped": None}
    assert "Removed from the ledger by age" not in report_of(ran, "worklist.html")
    grow_older(ran, 100)
    night = book.run("2026-11-25", vendors=("emoney",), report=True)
    assert night.stopped is None
    removed = report_of(night, "run.json")["removed"]
    assert removed["is_through"] is True
    assert removed["rows"]["values"] > 0
    assert "rows of values" in report_of(night, "worklist.html")
    assert night.outcomes("emoney") == {"H1": "unchanged"}
    assert (
        report_of(book.run("2026-11-26", vendors=("emoney",), dry_run=True, report=True), "run.json")["removed"] is None
    )


def test_a_removal_that_is_stopped_stops_no_night(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    def stumble(*_: Any) -> Any:
        raise KeyError("Quillfeather")

    monkeypatch.setitem(retention.KINDS, "values", stumble)
    context = book.context()
    context.ledger.migrate()
    removed = remove_by_age(context)
    assert removed is not None
    assert removed.is_through is False
    assert str(removed.stopped).startswith("It was stopped by an unexpected KeyError at test_removal.py:")
