"""Staged files of transfers that nobody went on with go after their days; what an unfinished one needs stays."""

from __future__ import annotations

import os
import time
from pathlib import Path

import sqlalchemy as sa

from etl.load.ledger.tables import transfer
from etl.load.transfer import batches
from tests.pipelines.transfer.staging_area import Area, book_with_rights, make_area


def left_behind(area: Area, run_id: str, days: float) -> tuple[Path, Path]:
    """What was planned with, and a batch that was staged, both so many days ago."""
    root = area.folder / "transfers"
    staged = batches.folder_of(root, run_id)
    (staged / "000001").mkdir(parents=True)
    folders = root / "staging" / run_id, staged
    for folder in folders:
        os.utime(folder, (time.time() - days * 86_400,) * 2)
    return folders


def are_there(folders: tuple[Path, Path]) -> bool:
    there = [folder.exists() for folder in folders]
    assert len(set(there)) == 1
    return there[0]


def test_files_of_ended_transfers_go_after_seven_days_and_files_that_others_need_stay(tmp_path: Path) -> None:
    book = book_with_rights()
    people = {run_id: book.contact(first_name=run_id) for run_id in ("dry", "rejected", "fresh", "accepted", "waiting")}
    area = make_area(tmp_path, book)
    for run_id, contact_id in people.items():
        area.plan(run_id, contact_ids=[contact_id], dry_run=run_id == "dry")
    area.answer("rejected", "Reject", contact_ids=[people["rejected"]])
    area.answer("fresh", "Reject", contact_ids=[people["fresh"]])
    area.answer("accepted", "Accept", contact_ids=[people["accepted"]])
    folders = {run_id: left_behind(area, run_id, 6 if run_id == "fresh" else 40) for run_id in people}
    area.plan("next", contact_ids=[people["rejected"]])
    gone = {run_id for run_id, of_run in folders.items() if not are_there(of_run)}
    assert gone == {"dry", "rejected"}
    asked = {"contact_ids": [people["accepted"]]}
    area.move("accepted", **asked)
    assert area.report("accepted", **asked)["status"] == "closed"


def test_a_transfer_that_nobody_can_answer_any_more_has_ended_and_its_contacts_are_free(tmp_path: Path) -> None:
    book = book_with_rights()
    ann = book.contact()
    area = make_area(tmp_path, book)
    area.plan("lost", contact_ids=[ann])
    folders = left_behind(area, "lost", 68)
    long_ago = sa.update(transfer).values(planned_at=sa.func.datetime("now", "-68 days"))
    with sa.create_engine(f"sqlite:///{tmp_path / 'ledger.db'}").begin() as connection:
        connection.execute(long_ago)
    area.plan("next", contact_ids=[ann])
    assert area.found("lost").status == "timed_out"
    assert not are_there(folders)
    assert area.rules("next") == set()
