"""The household lock: one holder at a time, on both databases, also when a holder dies or sleeps."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
import time_machine

from etl.errors import LockLost
from etl.load.delivery import household_lock
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


@contextmanager
def the_lifetime_is_over(ledger: Ledger) -> Iterator[None]:
    """This machine slept for longer than a lock lives. PostgreSQL's clock cannot be set: there the locks are aged."""
    if not ledger.is_sqlite:
        with ledger.write() as connection:
            connection.execute(sa.update(lock_table).values(expires_at=1.0))
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=locks.LIFETIME_SECONDS + 1)):
        yield


def test_a_living_holder_keeps_others_out_until_it_releases_the_lock(opened: Callable[[], Ledger]) -> None:
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


def test_one_of_many_concurrent_requests_gets_the_first_lock_on_a_household(opened: Callable[[], Ledger]) -> None:
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


def test_the_lock_of_a_dead_holder_is_free_before_its_parent_has_reaped_it(opened: Callable[[], Ledger]) -> None:
    def take_and_die() -> None:
        assert locks.acquire(opened(), "profiles", ["H1"], locks.holder_name("dead"))

    process = start(take_and_die)
    os.waitid(os.P_PID, process, os.WEXITED | os.WNOWAIT)  # it has ended, and is still in the table of processes
    assert locks.acquire(opened(), "profiles", ["H1"], locks.holder_name("next")) == {"H1": 2}
    finish(process)


def test_a_holder_that_lost_its_lock_notices_and_does_not_release_the_new_one(opened: Callable[[], Ledger]) -> None:
    ledger, me = opened(), locks.holder_name("run")
    with locks.hold(ledger, "profiles", "H1", me) as slow:
        assert slow is not None
        with the_lifetime_is_over(ledger):
            taken = locks.acquire(ledger, "profiles", ["H1"], me)  # the same process, another thread
            assert taken == {"H1": slow.epoch + 1}
            for _ in range(2):
                with pytest.raises(LockLost, match="H1"):
                    slow.still_held()
    assert locks.acquire(ledger, "profiles", ["H1"], "x|1|2|y") == {}


@pytest.mark.postgres
def test_before_a_write_a_ledger_of_many_machines_is_asked_even_within_the_lifetime(
    postgres_url: Callable[[], str],
) -> None:
    ledger, me = Ledger(postgres_url()), locks.holder_name("run")
    ledger.migrate()
    with locks.hold(ledger, "profiles", "H1", me) as mine:
        assert mine is not None
        mine.still_held(for_a_write=True)
        # While this machine and its clocks stood still, the lock expired, and a run on another machine took it.
        with ledger.write() as connection:
            taken = {"holder": "x|another machine|2|y", "epoch": mine.epoch + 1}
            connection.execute(sa.update(lock_table).values(**taken))
        with pytest.raises(LockLost, match="H1"):
            mine.still_held(for_a_write=True)
    ledger.engine.dispose()


def test_nested_locks_are_all_extended_while_the_work_goes_on(
    opened: Callable[[], Ledger], monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, me = opened(), "living|on another machine|1|1"
    monkeypatch.setattr(locks, "LIFETIME_SECONDS", 0.6)
    monkeypatch.setattr(locks, "_keeper", locks._Keeper())  # one that has not begun to wait for longer
    with locks.hold(ledger, "undo", "run", me), locks.hold(ledger, "emoney", "H1", me):
        with locks.hold(ledger, "emoney", "feed:1", me) as inner:
            assert inner is not None
            for _ in range(12):
                time.sleep(0.1)
                inner.still_held()
        time.sleep(1.0)  # without a call to anybody
        assert locks.acquire(opened(), "emoney", ["H1", "feed:1"], locks.holder_name("next")) == {"feed:1": 2}
        assert locks.acquire(opened(), "undo", ["run"], locks.holder_name("next")) == {}


def test_a_holder_on_another_machine_is_not_taken_for_dead(
    opened: Callable[[], Ledger], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two containers of one name, each with processes of its own under the same numbers."""

    def take_in_another_container() -> None:
        monkeypatch.setattr(os, "readlink", lambda path: "pid:[1]")
        assert locks.acquire(opened(), "profiles", ["H1"], locks.holder_name("run"))

    finish(start(take_in_another_container))
    ledger = opened()
    assert locks.acquire(ledger, "profiles", ["H1"], locks.holder_name("next")) == {}
    with ledger.write() as connection:
        connection.execute(sa.update(lock_table).values(expires_at=1.0))
    assert locks.acquire(ledger, "profiles", ["H1"], locks.holder_name("next")) == {"H1": 2}


@pytest.mark.postgres
def test_a_lock_expires_by_the_clock_of_the_database(postgres_url: Callable[[], str]) -> None:
    ledger = Ledger(postgres_url())
    ledger.migrate()
    assert locks.acquire(ledger, "profiles", ["H1"], "living|on another machine|1|1")
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=1)):
        assert locks.acquire(ledger, "profiles", ["H1"], locks.holder_name("fast clock")) == {}
        assert locks.find_held(ledger) == ["H1"]
    ledger.engine.dispose()


@pytest.mark.postgres
def test_extending_locks_and_asking_for_them_never_wait_for_each_other(postgres_url: Callable[[], str]) -> None:
    ledger, me = Ledger(postgres_url()), locks.holder_name("run")
    ledger.migrate()
    epochs = {key: locks.acquire(ledger, "profiles", [key], me)[key] for key in ("H2", "H1")}
    held = [locks.Lock(ledger, "profiles", key, me, epoch, (0.0, 0.0)) for key, epoch in epochs.items()]
    extending = threading.Thread(target=locks.extend, args=(ledger, held))
    rows = sa.select(lock_table.c.unit_key).with_for_update()
    with ledger.write() as asking:
        asking.execute(rows.where(lock_table.c.unit_key == "H1"))
        extending.start()
        time.sleep(0.5)
        asking.execute(rows.where(lock_table.c.unit_key == "H2"))
    extending.join()
    assert all(lock.granted > (0.0, 0.0) for lock in held)
    ledger.engine.dispose()


def test_losing_the_outer_of_two_locks_is_noticed_with_the_next_call(desk: Desk) -> None:
    job = desk.job()
    with household_lock(job, "emoney", "H1"), household_lock(job, "emoney", "feed:1"):
        locks.check_held()
        with the_lifetime_is_over(desk.ledger):
            assert locks.acquire(desk.ledger, "emoney", ["H1"], locks.holder_name("next"))
            with pytest.raises(LockLost, match="H1"):
                locks.check_held()


def test_a_lock_is_released_when_its_work_fails(desk: Desk) -> None:
    job = desk.job()
    with pytest.raises(ZeroDivisionError), household_lock(job, "profiles", "H1"):
        raise ZeroDivisionError
    locks.check_held()  # nothing is held here any more
    with household_lock(job, "profiles", "H1") as held:
        assert held


def test_a_lock_is_not_released_while_a_thread_goes_on_under_it(opened: Callable[[], Ledger]) -> None:
    """Who waits for the threads of a group may be interrupted; they go on all the same."""
    ledger, me, other = opened(), locks.holder_name("run"), locks.holder_name("other")
    begun, may_end = threading.Event(), threading.Event()

    def work(lock: locks.Lock) -> None:
        with locks.watching(lock):
            begun.set()
            may_end.wait(10)
            locks.check_held()

    def work_and_be_interrupted() -> tuple[dict[str, locks.Lock], Future[None]]:
        with suppress(KeyboardInterrupt), locks.hold_all(ledger, "profiles", ["H1", "H2"], me) as held:
            working = pool.submit(work, held["H1"])
            begun.wait(10)
            raise KeyboardInterrupt
        return held, working

    with ThreadPoolExecutor(1) as pool:
        held, first = work_and_be_interrupted()
        assert [*locks.acquire(ledger, "profiles", ["H1", "H2"], other)] == ["H2"]
        late = pool.submit(work, held["H2"])
        may_end.set()
        assert first.exception() is None
        assert isinstance(late.exception(), LockLost)


def test_who_stops_waiting_for_a_lock_gives_back_those_that_it_has(opened: Callable[[], Ledger]) -> None:
    ledger, me, other = opened(), locks.holder_name("run"), locks.holder_name("other")

    def stop(_seconds: float) -> None:
        raise KeyboardInterrupt

    with locks.hold(ledger, "profiles", "H2", other):
        with pytest.raises(KeyboardInterrupt), locks.hold_all(ledger, "profiles", ["H1", "H2"], me, 1.0, stop):
            pass
        assert [*locks.acquire(ledger, "profiles", ["H1"], other)] == ["H1"]


def test_a_dry_run_takes_no_lock(desk: Desk) -> None:
    with (
        household_lock(desk.job(), "profiles", "H1") as held,
        household_lock(desk.job(dry_run=True), "profiles", "H1") as dry,
    ):
        assert held
        assert dry
