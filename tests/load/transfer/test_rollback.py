"""A transfer is rolled back within thirty days, if nothing was edited since."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from etl.errors import ParamsError
from include.commands.cli import app
from tests.load.transfer.test_move import family
from tests.pipelines.transfer.books import TwoOffices
from tests.pipelines.transfer.moving import TransferDesk, kept, make_desk
from tests.pipelines.transfer.staging_area import book_with_rights, make_area
from tests.why.test_command import call

# What is moved once for several of them is moved by one worker.
pytestmark = pytest.mark.xdist_group("returns")

Moved = tuple[TransferDesk, int, int]


def move_family(folder: Path, two_databases: bool = False) -> Moved:
    book = TwoOffices()
    ann, eve = family(book)
    target = f"sqlite:///{folder / 'target.db'}" if two_databases else None
    desk = make_desk(folder, book, target=target, other=TwoOffices() if two_databases else None)
    desk.transfer("t1", [ann, eve])
    return desk, ann, eve


@pytest.fixture(scope="module")
def moved_once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Moved, Callable[[], None]]:
    made = move_family(tmp_path_factory.mktemp("moved") / "offices")
    return made, kept(made[0])


@pytest.fixture
def moved(moved_once: tuple[Moved, Callable[[], None]]) -> Moved:
    """A desk in one database and its two contacts, right after they were moved as ``t1``."""
    (desk, ann, eve), put_back = moved_once
    put_back()
    return desk, ann, eve


def test_after_a_rollback_everything_is_as_it_was_and_the_target_has_nobody(moved: Moved) -> None:
    check_return(*moved)


def test_a_rollback_between_two_databases_restores_everything(tmp_path: Path) -> None:
    check_return(*move_family(tmp_path, two_databases=True))


def check_return(desk: TransferDesk, ann: int, eve: int) -> None:
    new = desk.new("t1", "contact", ann)
    assert desk.bring_back("t1") == []
    assert [row["deleted_at"] for row in desk.source.rows("contact", office_id=1)] == [None, None]
    for table in ("policy", "investment_account", "liability", "household"):
        assert desk.source.one(table, office_id=1)["deleted_at"] is None
        assert desk.target.one(table, office_id=2)["deleted_at"] is not None
    assert desk.target.one("contact", contact_id=new)["deleted_at"] is not None
    assert desk.bring_back("t1") == []
    assert desk.known().empty
    # And it can move again, under new keys.
    assert desk.transfer("t2", [ann, eve]).status == "closed"
    assert desk.new("t2", "contact", ann) > new


def test_a_large_transfer_is_compared_some_groups_at_a_time_and_comes_back_as_a_whole(tmp_path: Path) -> None:
    book = TwoOffices()
    ids = [book.contact(first_name=name) for name in ("Ann", "Bob", "Cy", "Di", "Ed")]
    book.relate(ids[0], ids[1], relation="Spouse")
    desk = make_desk(tmp_path, book)
    desk.transfer("t1", ids)
    desk.contacts_at_once = 2
    edited = [desk.new("t1", "contact", ids[place]) for place in (0, 4)]
    for one in edited:
        desk.target.run(f"UPDATE contact SET job_title = 'Baker' WHERE contact_id = {one}")
    assert desk.bring_back("t1") == [("target", "contact", str(one)) for one in edited]
    assert desk.read_at_once == [2, 2, 1]
    assert all(row["deleted_at"] is not None for row in desk.source.rows("contact", office_id=1))
    desk.target.run("UPDATE contact SET job_title = NULL")
    assert desk.bring_back("t1") == []
    assert all(row["deleted_at"] is None for row in desk.source.rows("contact", office_id=1))
    assert all(row["deleted_at"] is not None for row in desk.target.rows("contact", office_id=2))


@pytest.mark.parametrize(
    ("statement", "edited"),
    [
        ("UPDATE contact SET job_title = 'Baker' WHERE contact_id = {new}", ("target", "contact", "{new}")),
        ("INSERT INTO activity (activity_id, contact_id) VALUES (99, {new})", ("target", "activity", "99")),
        ("DELETE FROM smartpad_note WHERE contact_id = {new}", ("target", "smartpad_note", None)),
        ("UPDATE contact SET deleted_at = NULL WHERE contact_id = {old}", ("source", "contact", "{old}")),
    ],
    ids=["edited", "added", "removed", "restored by hand"],
)
def test_edited_records_are_listed_and_nothing_is_changed(
    moved: Moved, statement: str, edited: tuple[str, str, str | None]
) -> None:
    desk, ann, _ = moved
    keys = {"new": desk.new("t1", "contact", ann), "old": ann}
    desk.target.run(statement.format(**keys))
    before = desk.source.everything()
    ((office, entity, entity_id),) = desk.bring_back("t1")
    assert (office, entity) == edited[:2]
    assert edited[2] is None or entity_id == edited[2].format(**keys)
    assert desk.source.everything() == before
    assert not desk.known().empty


def test_nothing_is_rolled_back_after_thirty_days_or_before_the_move(
    moved: Moved, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, _, _ = moved
    clock = desk.ledger.now
    monkeypatch.setattr(desk.ledger, "now", lambda: clock() + timedelta(days=31))
    with pytest.raises(ParamsError, match="30 days"):
        desk.bring_back("t1")
    with pytest.raises(ParamsError, match="There is no transfer"):
        desk.bring_back("t0")


def test_contacts_in_another_transfer_are_not_rolled_back(moved: Moved) -> None:
    desk, ann, _ = moved
    onward = desk.onward(source=2, target=1, user=1)
    onward.plan("t2", [desk.new("t1", "contact", ann)])
    assert ("target", "contact", str(desk.new("t1", "contact", ann))) in desk.bring_back("t1")


def test_the_manifest_reports_a_rollback_and_a_second_one_says_when_it_was(tmp_path: Path) -> None:
    book = book_with_rights()
    ann, eve = family(book)
    area = make_area(tmp_path, book)
    area.transfer("t1", contact_ids=[ann, eve])
    places = {
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "AIRFLOW_CONN_CRM": area.crm.url,
        "PLANBRIDGE__DATA__FOLDER": str(tmp_path),
    }
    first = call("transfer", "return", "t1", **places)  # the second one in this process, which takes less long
    assert (first.returncode, "is back in the source office" in first.stdout) == (0, True), first.stderr
    page = (area.reports("t1") / "manifest.html").read_text(encoding="utf-8")
    told = area.found("t1").why
    assert told is not None
    assert told.startswith("Returned to the source office on 20")
    assert f"<strong>{told}</strong>" in page
    assert "Transfer <strong>Returned</strong>" in page
    summary = json.loads((area.reports("t1") / "manifest.json").read_text())
    assert (summary["status"], summary["ended"]) == ("returned", told)
    second = CliRunner().invoke(app, ["transfer", "return", "t1"], env=places | {"COLUMNS": "200"})
    assert f"The transfer t1 was returned before; nothing was done. {told}" in second.stdout.replace("\n", " ")
    assert (area.reports("t1") / "manifest.html").read_text(encoding="utf-8") == page
