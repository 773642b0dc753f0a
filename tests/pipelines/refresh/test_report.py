"""The end of a run: decided once, and reported any number of times with the same words."""

import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from etl.errors import StagingError, StopRun
from etl.load.ledger import runs
from etl.load.ledger.tables import metadata
from include.pipelines.refresh.load import load_shard
from include.pipelines.refresh.report import report_run
from include.pipelines.run.context import RunContext
from tests.run_book import DAY, Book, BookSnapshot, Ran, Restore, Vendors, snapshot

NEXT, THIRD = "2026-11-23", "2026-11-24"
# What a run comes to. What was recorded when by its lineage is no part of that.
DECIDED = ("run", "run_vendor", "outcome", "finding", "open_finding", "unit_state", "lineage", "lineage_unit")


class Killed(BaseException):
    """Nothing catches it, as nothing catches a kill."""


@contextmanager
def killed_before(step: int) -> Iterator[None]:
    """Dies right before the step-th thing that others could see: a commit, a file's or a folder's new name."""
    steps = count(1)

    def count_step(*_: Any) -> None:
        if next(steps) == step:
            raise Killed

    def counted(rename: Callable[..., Path]) -> Callable[..., Path]:
        def counted_rename(path: Path, target: Path) -> Path:
            count_step()
            return rename(path, target)

        return counted_rename

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Path, "replace", counted(Path.replace))
        patched.setattr(Path, "rename", counted(Path.rename))
        sa.event.listen(sa.engine.Engine, "commit", count_step)
        try:
            yield
        finally:
            sa.event.remove(sa.engine.Engine, "commit", count_step)


def decided(context: RunContext) -> dict[str, list[Any]]:
    path = context.data_folder / "ledger.db"
    with closing(sqlite3.connect(path)) as ledger:
        rows = {table: ledger.execute(f"SELECT * FROM {table}").fetchall() for table in DECIDED}
    return {table: sorted(map(repr, found)) for table, found in rows.items()}


def files_of(context: RunContext) -> dict[str, bytes]:
    return {
        path.relative_to(context.reports).as_posix(): path.read_bytes()
        for path in context.reports.rglob("*")
        if path.is_file()
    }


def statuses(ran: Ran) -> set[tuple[str, str, str]]:
    """(unit, rule, status) at Profiles, of what somebody has to mend."""
    rows = [row for row in ran.rows("finding_v", vendor="profiles") if row["severity"] != "info"]
    return {(row["unit_key"], row["rule_id"], row["status"]) for row in rows}


def two_nights(book: Book) -> None:
    book.couple(1)
    book.person(7, birth_date=None)
    book.person(8, birth_date=None)
    book.person(9)
    book.run()
    book.crm.later(days=1)
    book.crm.update("contact", {"contact_id": 8}, birth_date=datetime(1970, 5, 1).date())
    book.crm.update("contact", {"contact_id": 9}, gender=None)
    book.person(10, birth_date=None)
    context = second_night(book)
    book.load(context, book.prepare(context))


@snapshot
def loaded_once(book: Book) -> None:
    two_nights(book)


@pytest.fixture
def loaded(loaded_once: BookSnapshot, restore: Restore) -> Book:
    """The second night is loaded and not reported: C7 still lacks a birth date, C8 has one now, C9 lost his gender.

    C10 is new, and without a birth date.
    """
    return restore(loaded_once)


FOUND = {
    ("C7", "DEM-BIRTH-DATE", "known"), ("C8", "DEM-BIRTH-DATE", "mended"), ("C9", "DEM-GENDER", "new"),
    ("C10", "DEM-BIRTH-DATE", "new"),
}  # fmt: skip


def second_night(book: Book) -> RunContext:
    """Its context in a process of its own, always at the same moment."""
    context = book.context(NEXT, "second")
    moment = datetime(2026, 11, 24, 4, 0, 0)
    context.ledger.now = lambda: moment
    return context


def test_killed_before_any_step_and_started_again_the_report_says_the_same(loaded: Book, tmp_path: Path) -> None:
    there = loaded.settings["data"]["folder"]
    shutil.copytree(there, tmp_path / "whole")
    loaded.set("data", folder=tmp_path / "whole")
    report_run(once := second_night(loaded))
    loaded.set("data", folder=there)
    begun, ended = decided(second_night(loaded)), decided(once)
    for step in count(1):
        try:
            with killed_before(step):
                report_run(second_night(loaded))
            break
        except Killed:
            now = decided(second_night(loaded))
            of_the_run = [
                {name: rows for name, rows in one.items() if not name.startswith("lineage")}
                for one in (now, begun, ended)
            ]
            assert of_the_run[0] in of_the_run[1:], f"half decided before step {step}"
    again = second_night(loaded)
    assert step > 8
    assert decided(again) == ended
    assert files_of(again) == files_of(once)
    assert statuses(Ran(again, None)) == FOUND
    assert not again.staging.exists()


def test_reported_once_more_after_it_has_succeeded_a_run_keeps_its_findings_and_its_files(loaded: Book) -> None:
    first = report_run(context := second_night(loaded))
    before = decided(context), files_of(context)
    assert report_run(second_night(loaded)) == first
    assert (decided(context), files_of(context)) == before
    assert statuses(Ran(context, None)) == FOUND


def test_a_load_that_is_started_again_after_the_report_changes_nothing_and_fails_in_words(loaded: Book) -> None:
    report_run(context := second_night(loaded))
    before = decided(context), files_of(context)
    with pytest.raises(StagingError) as lost, context.staging.timed("load_profiles 0"):
        load_shard(context, "profiles", 0)
    runs.stop_run(context.ledger, "second", "load_profiles 0", str(lost.value))
    with pytest.raises(StopRun, match="has not finished"):
        report_run(second_night(loaded))
    assert (decided(context), files_of(context)) == before


def test_a_disk_that_is_full_once_makes_nothing_known_that_was_new(
    loaded: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("include.pipelines.refresh.report.write_report", full)
        with pytest.raises(OSError, match="No space"):
            report_run(second_night(loaded))
    report_run(context := second_night(loaded))
    assert statuses(Ran(context, None)) == FOUND
    lines = (context.reports / "worklist.csv").read_text()
    told = re.findall(r'"(?:critical|warning)","(new|known|mended)","profiles","(C\d+)".*"(.*)"', lines)
    assert told == [("new", "C10", NEXT), ("known", "C7", DAY), ("mended", "C8", DAY), ("new", "C9", NEXT)]


def test_a_failed_run_that_is_started_again_keeps_the_status_of_its_findings(book: Book) -> None:
    book.person(7, birth_date=None)
    book.person(9, gender=None)
    way = book.connections["profiles"]
    assert way is not None
    book.connections["profiles"] = replace(way, password="wrong")
    context = book.context(run_id="night")
    shards = book.prepare(context)
    book.load(context, shards)
    assert isinstance(book.report(context).stopped, StopRun)
    book.connections["profiles"] = way
    again = book.context(run_id="night")
    book.load(again, shards)
    runs.forget_stop(again.ledger, "night", "load_profiles 0")
    ran = book.report(again)
    assert ran.stopped is None
    assert ran.outcomes("profiles") == {"C7": "held", "C9": "created"}
    assert statuses(ran) == {("C7", "DEM-BIRTH-DATE", "new"), ("C9", "DEM-GENDER", "new")}


def test_the_page_of_checks_has_both_vendors_in_either_order(loaded: Book) -> None:
    report_run(context := second_night(loaded))
    page = (context.reports / "data_docs" / "index.html").read_text()
    assert re.findall(r"<h2>Suite (\w+)", page) == ["profiles", "emoney"]


def test_a_finding_that_no_run_could_check_is_not_mended(sent: Book) -> None:
    """H1's case is gone at Profiles; the next night holds H1 before it could ask, the one after sees it still gone."""
    sent.vendors.profiles.reset()
    sent.phone(1, 101, "603-555-0101")
    assert ("H1", "MATCH-GONE", "new") in statuses(sent.run(NEXT, vendors=("profiles",)))
    sent.crm.update("contact", {"contact_id": 101}, birth_date=None)
    held = sent.run(THIRD, vendors=("profiles",))
    assert statuses(held) == {("H1", "DEM-BIRTH-DATE", "new"), ("H1", "MATCH-GONE", "known")}
    sent.crm.update("contact", {"contact_id": 101}, birth_date=datetime(1970, 5, 1).date())
    asked = sent.run(THIRD, vendors=("profiles",))
    assert statuses(asked) == {("H1", "DEM-BIRTH-DATE", "mended"), ("H1", "MATCH-GONE", "known")}


def test_a_run_that_fails_at_a_unit_mends_none_of_its_findings(sent: Book) -> None:
    sent.vendors.profiles.reset()
    sent.phone(1, 101, "603-555-0101")
    assert ("H1", "MATCH-GONE", "new") in statuses(sent.run(NEXT, vendors=("profiles",)))
    way = sent.connections["profiles"]
    assert way is not None
    sent.connections["profiles"] = replace(way, password="wrong")
    failed = sent.run(THIRD, vendors=("profiles",))
    assert failed.outcomes("profiles")["H1"] == "failed"
    assert "mended" not in {status for _, _, status in statuses(failed)}
    sent.connections["profiles"] = way
    assert ("H1", "MATCH-GONE", "known") in statuses(sent.run(THIRD, vendors=("profiles",)))


def test_a_quiet_night_adds_as_many_rows_for_many_households_as_for_few(vendors: Vendors, tmp_path: Path) -> None:
    """What only repeats is written once, and the views have it in every night."""
    added = {}
    for households in (2, 5):
        vendors.reset()
        (folder := tmp_path / str(households)).mkdir()
        book = Book(folder, vendors)
        for number in range(1, households + 1):
            book.couple(number, first_name="" if number == 1 else f"First{number}")
        book.run(DAY, full=True)
        book.run(NEXT, full=True)
        before = rows_by_table(book)
        night = book.run(THIRD, full=True)
        after = rows_by_table(book)
        added[households] = {name: count - before[name] for name, count in after.items() if count != before[name]}
        for vendor in ("profiles", "emoney"):
            ended = night.outcomes(vendor)
            assert sorted(ended) == [f"H{number}" for number in range(1, households + 1)]
            assert {key for key, outcome in ended.items() if outcome == "held"} == {"H1"}
            assert ("H1", "DEM-NAME") in night.findings(vendor)
        book.close()
    assert added[2] == added[5]
    assert not {"outcome", "finding", "repeated", "load_finding"} & added[5].keys()


def rows_by_table(book: Book) -> dict[str, int]:
    with book.context().ledger.read() as connection:
        return {
            name: connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for name, table in metadata.tables.items()
        }
