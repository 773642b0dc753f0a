"""A move that is killed at any instant and started again ends as if nothing had happened; who looks on sees no gap."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from etl.errors import UnitsBusy
from etl.load.ledger.transfers import rekeying
from etl.load.transfer import batches
from tests.load.killing import boundaries, finish, start
from tests.pipelines.transfer.books import TARGET, TwoOffices
from tests.pipelines.transfer.moving import TransferDesk, close, kept, make_desk

# Where to begin to look for the step between the commits of two databases: where it was found before.
BETWEEN_THE_COMMITS = [10]
OFFSETS = {"one database": 0, "two databases": 2}


def small_office(book: TwoOffices) -> tuple[int, ...]:
    """A couple with a policy, and somebody alone."""
    ann, eve, bob = book.contact(), book.contact(first_name="Eve"), book.contact(first_name="Bob")
    book.relate(ann, eve, relation="Spouse")
    book.home(ann, wife=eve)
    book.policy(ann, product_id=book.product(), owner_contact_id=eve)
    book.add("smartpad_note", contact_id=bob)
    return ann, eve, bob


def die_before(at_step: int) -> None:
    """SIGKILL right before the process commits to a database or renames a staged file for the n-th time."""
    steps = iter(range(1, at_step))

    def step(*_: Any) -> None:
        if next(steps, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)

    sa.event.listen(sa.engine.Engine, "commit", step)
    rename = Path.replace

    def replace(path: Path, target: Any) -> Path:
        step()
        return rename(path, target)

    Path.replace = replace
    take_away = batches.remove

    def remove(folder: Path, number: int) -> None:
        step()
        take_away(folder, number)

    batches.remove = remove


def killed(desk: TransferDesk, at_step: int, work: str = "move") -> bool:
    def doomed() -> None:
        die_before(at_step)
        getattr(desk, work)("t1")

    return finish(start(doomed)) == -signal.SIGKILL


def outcome(desk: TransferDesk) -> Any:
    """Everything that both offices and the ledger hold, but for keys that were given up and the time of day."""
    seen: dict[str, Any] = {"groups": desk.groups("t1"), "why": desk.why("t1")}
    new = {key: n for n, key in enumerate(row["contact_id"] for row in desk.target.rows("contact", office_id=TARGET))}
    seen["contacts"] = [
        (row["first_name"], row["office_id"], row["deleted_at"] is None)
        for row in [*desk.source.rows("contact"), *desk.target.rows("contact", office_id=TARGET)]
    ]
    for table, column in (
        ("policy", "primary_contact_id"),
        ("smartpad_note", "contact_id"),
        ("household", "head_contact_id"),
    ):
        seen[table] = [(new.get(row[column], -1), row.get("deleted_at") is None) for row in desk.target.rows(table)]
    seen["shared"] = [len(desk.target.rows(table, office_id=TARGET)) for table in ("carrier", "product")]
    seen["units"] = sorted(
        (row["from_unit"], row["status"])
        for row in desk.ledger.rows(sa.select(rekeying.unit_move.c.from_unit, rekeying.unit_move.c.status))
    )
    manifest = desk.known()
    seen["map"] = sorted(manifest["entity"] + ":" + manifest["source_id"])
    seen["staged"] = [str(path) for path in (desk.folder / "transfers").rglob("*")]
    return seen


def small_desk(folder: Path, kind: str) -> tuple[TransferDesk, tuple[int, ...]]:
    """The small office, planned and accepted as ``t1``, and its contacts."""
    book = TwoOffices()
    ids = small_office(book)
    target = f"sqlite:///{folder / 'target.db'}" if kind == "two databases" else None
    desk = make_desk(folder, book, target=target, other=TwoOffices() if target else None)
    desk.plan("t1", ids)
    return desk, ids


@pytest.mark.parametrize("kind", ["one database", "two databases"])
def test_killed_at_any_boundary_and_started_again_it_ends_the_same(kind: str, tmp_path: Path) -> None:
    desk, _ = small_desk(tmp_path / "offices", kind)
    put_back = kept(desk)
    desk.move("t1")
    expected = outcome(desk)
    assert set(expected["groups"].values()) == {"retired"}
    for at_step in boundaries(offset=OFFSETS[kind]):
        put_back()
        was_killed = killed(desk, at_step)
        contacts_once(desk, kind)
        desk.move("t1")
        assert outcome(desk) == expected, f"killed before step {at_step}"
        if not was_killed:
            break
    assert at_step > 10


def contacts_once(desk: TransferDesk, kind: str) -> None:
    """Nobody is in none of the offices, whatever was killed; in one database nobody is in both."""
    arrived = {row["first_name"] for row in desk.target.rows("contact", office_id=TARGET) if row["deleted_at"] is None}
    for one in desk.source.rows("contact", office_id=1):
        here, there = one["deleted_at"] is None, one["first_name"] in arrived
        assert here or there
        assert kind == "two databases" or not (here and there)


def test_killed_again_and_again_it_still_ends_the_same(tmp_path: Path) -> None:
    desk, _ = small_desk(tmp_path / "offices", "two databases")
    desk.contacts_at_once = 2
    put_back = kept(desk)
    for at_step in (3, 12, 20):
        put_back()
        for each in (at_step, at_step // 2, at_step + 1):
            killed(desk, each)
        assert desk.move("t1").status == "closed"
        arrived = desk.target.rows("contact", office_id=TARGET)
        assert [row["first_name"] for row in arrived] == ["Ann", "Eve", "Bob"], f"killed before step {at_step} first"


@pytest.mark.xdist_group("between_the_commits")
@pytest.mark.parametrize(
    "in_target",
    [
        None,
        "UPDATE contact SET job_title = 'Cook'",
        "INSERT INTO activity (activity_id, contact_id) SELECT 7, min(contact_id) FROM contact",
    ],
    ids=["nothing there", "edited there too", "referred to there"],
)
def test_a_source_that_was_edited_after_a_kill_between_the_two_commits_keeps_its_edit(
    in_target: str | None, tmp_path: Path
) -> None:
    desk, ids = small_desk(tmp_path / "offices", "two databases")
    put_back = kept(desk)
    for at_step in count(BETWEEN_THE_COMMITS[-1]):
        put_back()
        assert killed(desk, at_step), "no step lies between the two commits"
        arrived = desk.target.rows("contact", office_id=TARGET)
        if arrived and desk.source.one("contact", contact_id=ids[0])["deleted_at"] is None:
            break
    BETWEEN_THE_COMMITS.append(at_step)
    desk.source.run(f"UPDATE contact SET job_title = 'Baker' WHERE contact_id = {ids[0]}")
    if in_target is not None:
        desk.target.run(in_target)
    assert desk.move("t1").status == "closed"
    assert desk.groups("t1") == {1: "failed", 2: "retired"}
    assert desk.source.one("contact", contact_id=ids[0])["job_title"] == "Baker"
    assert desk.source.one("contact", contact_id=ids[0])["deleted_at"] is None
    # What was made or changed in the target meanwhile is nobody's to throw away: then it says that it is in both.
    left = [row["first_name"] for row in desk.target.rows("contact", office_id=TARGET)]
    assert left == (["Bob"] if in_target is None else ["Ann", "Eve", "Bob"])
    assert desk.why("t1")[0][0] == ("XFR-EDITED" if in_target is None else "XFR-IN-BOTH")


@pytest.mark.parametrize("kind", ["one database", "two databases"])
def test_a_return_that_is_killed_at_any_boundary_ends_when_it_is_started_again(kind: str, tmp_path: Path) -> None:
    desk, _ = small_desk(tmp_path / "offices", kind)
    desk.move("t1")
    put_back = kept(desk)
    for at_step in boundaries(offset=OFFSETS[kind]):
        put_back()
        was_killed = killed(desk, at_step, "bring_back")
        contacts_once(desk, kind)
        assert desk.bring_back("t1") == [], f"killed before step {at_step}"
        assert all(row["deleted_at"] is None for row in desk.source.rows("contact", office_id=1))
        assert all(row["deleted_at"] is not None for row in desk.target.rows("contact", office_id=TARGET))
        assert desk.known().empty
        if not was_killed:
            break
    assert at_step > 5


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_of_several_processes_that_carry_out_one_transfer_one_does(
    kind: str, tmp_path: Path, postgres_url: Callable[[], str]
) -> None:
    book = TwoOffices()
    ids = small_office(book)
    desk = make_desk(tmp_path, book, postgres_url() if kind == "postgres" else None)
    desk.plan("t1", ids)
    close(desk)

    def carry_out() -> None:
        with contextlib.suppress(UnitsBusy):
            desk.move("t1")

    assert [finish(process) for process in [start(carry_out) for _ in range(3)]] == [0, 0, 0]
    assert desk.move("t1").status == "closed"
    assert [row["first_name"] for row in desk.target.rows("contact", office_id=TARGET)] == ["Ann", "Eve", "Bob"]


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_transfers_that_run_side_by_side_get_keys_of_their_own(
    kind: str, tmp_path: Path, postgres_url: Callable[[], str]
) -> None:
    book = TwoOffices()
    product = book.product()
    ids = [book.contact(first_name=f"Ann{number}") for number in range(3)]
    for one in ids:
        book.policy(one, product_id=product)
    desk = make_desk(tmp_path, book, postgres_url() if kind == "postgres" else None)
    for one in ids:
        desk.plan(f"t{one}", [one])
    close(desk)
    processes = [start(partial(desk.move, f"t{one}")) for one in ids]
    assert [finish(process) for process in processes] == [0, 0, 0]
    arrived = desk.target.rows("contact", office_id=TARGET)
    assert sorted(row["first_name"] for row in arrived) == ["Ann0", "Ann1", "Ann2"]
    made = desk.target.one("product", office_id=TARGET)
    assert {row["product_id"] for row in desk.target.rows("policy", office_id=TARGET)} == {made["product_id"]}
    assert all(row["deleted_at"] is not None for row in desk.source.rows("contact", office_id=1))


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_who_polls_one_database_never_sees_a_contact_in_none_or_both(
    kind: str, tmp_path: Path, postgres_url: Callable[[], str]
) -> None:
    book = TwoOffices()
    ids = [book.contact(first_name=f"Ann{number}") for number in range(12)]
    desk = make_desk(tmp_path, book, postgres_url() if kind == "postgres" else None)
    desk.contacts_at_once = 4
    desk.plan("t1", ids)
    seen: list[list[int]] = []
    done = threading.Event()

    def poll() -> None:
        alive = "SELECT first_name, count(*) FROM contact WHERE deleted_at IS NULL GROUP BY first_name"
        with desk.source.connect() as connection:
            while not done.is_set():
                seen.append([times for _, times in connection.exec_driver_sql(alive)])
                connection.rollback()
                time.sleep(0.005)

    watcher = threading.Thread(target=poll)
    watcher.start()
    try:
        desk.move("t1")
    finally:
        done.set()
        watcher.join()
    assert len(seen) > 10
    assert all(times == [1] * 12 for times in seen)
