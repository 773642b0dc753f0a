"""The household lock: one holder at a time, on both databases, whoever dies or falls asleep."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from etl.errors import LockLost
from etl.load.delivery import check_lock, household_lock
from etl.load.ledger import locks
from etl.load.ledger.store import Ledger
from etl.load.ledger.tables import household_lock as lock_table
from tests.load.delivering import Desk
from tests.load.killing import finish, start


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def opened(
    request: pytest.FixtureRequest, tmp_path: Path, postgres_url: Callable[[], str]
) -> Iterator[Callable[[], Ledger]]:
    """Opens one and the same ledger, as another process would."""
    url = f"sqlite:///{tmp_path / 'ledger.db'}" if request.param == "sqlite" else postgres_url()
    ledgers: list[Ledger] = []

    def open_ledger() -> Ledger:
        ledgers.append(Ledger(url))
        return ledgers[-1]

    open_ledger().migrate()
    yield open_ledger
    for ledger in ledgers:
        ledger.engine.dispose()


def test_a_living_holder_keeps_others_out_and_gives_it_back(opened: Callable[[], Ledger]) -> None:
    ledger, me = opened(), locks.holder_name("run")
    with locks.hold(ledger, "profiles", "H1", me) as mine:
        assert mine is not None
        with locks.hold(ledger, "profiles", "H1", locks.holder_name("other")) as theirs:
            assert theirs is None
        with locks.hold(ledger, "emoney", "H1", me) as elsewhere:
            assert elsewhere is not None
        mine.still_held()
    with locks.hold(ledger, "profiles", "H1", me) as again:
        assert again is not None
        assert again.epoch > mine.epoch


def test_of_many_that_ask_at_once_for_a_household_nobody_had_one_gets_it(opened: Callable[[], Ledger]) -> None:
    ledgers = [opened() for _ in range(6)]
    together, taken = threading.Barrier(6), []

    def ask(ledger: Ledger) -> None:
        together.wait()
        taken.extend(locks.acquire(ledger, "profiles", ["H1"], locks.holder_name("run")))

    threads = [threading.Thread(target=ask, args=[ledger]) for ledger in ledgers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert taken == ["H1"]


def test_a_dead_holders_lock_is_free_at_once_even_before_its_parent_has_noticed(opened: Callable[[], Ledger]) -> None:
    def take_and_die() -> None:
        assert locks.acquire(opened(), "profiles", ["H1"], locks.holder_name("dead"))

    process = start(take_and_die)
    os.waitid(os.P_PID, process, os.WEXITED | os.WNOWAIT)  # it has ended, and is still in the table of processes
    assert locks.acquire(opened(), "profiles", ["H1"], locks.holder_name("next")) == {"H1": 2}
    finish(process)


def test_who_was_taken_over_notices_and_does_not_release_what_is_anothers(opened: Callable[[], Ledger]) -> None:
    ledger, me = opened(), locks.holder_name("run")
    with locks.hold(ledger, "profiles", "H1", me) as slow:
        assert slow is not None
        with ledger.write() as connection:
            connection.execute(sa.update(lock_table).values(expires_at=1.0))
        taken = locks.acquire(ledger, "profiles", ["H1"], me)  # the same process, another thread
        assert taken == {"H1": slow.epoch + 1}
        with pytest.raises(LockLost, match="H1"):
            slow.still_held()
    assert locks.acquire(ledger, "profiles", ["H1"], "x|1|2|y") == {}


def test_a_lock_is_released_when_its_work_fails(desk: Desk) -> None:
    job = desk.job()
    with pytest.raises(ZeroDivisionError), household_lock(job, "profiles", "H1"):
        raise ZeroDivisionError
    check_lock()  # nothing is held here any more
    with household_lock(job, "profiles", "H1") as held:
        assert held


def test_a_dry_run_takes_no_lock(desk: Desk) -> None:
    with (
        household_lock(desk.job(), "profiles", "H1") as held,
        household_lock(desk.job(dry_run=True), "profiles", "H1") as dry,
    ):
        assert held
        assert dry
