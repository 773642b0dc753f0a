"""The limiter that all processes with one api key share."""

import itertools
import multiprocessing
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from etl.errors import LedgerUnavailable
from etl.load.http.limiter import Limit, SharedLimiter


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


def make(folder: Path, clock: Clock, **limit: Any) -> SharedLimiter:
    return SharedLimiter(folder, "key", Limit(**limit), now=clock.now, sleep=clock.sleep)


def test_no_window_of_a_minute_sees_more_calls_than_the_limit(tmp_path: Path) -> None:
    clock = Clock()
    limiter = make(tmp_path, clock, calls=5, in_flight=5)
    at_the_vendor: list[float] = []
    for travel in itertools.islice(itertools.cycle([0.0, 3.0, 0.5]), 30):
        with limiter.place():
            clock.sleep(travel)
            at_the_vendor.append(clock.now())
    for first, sixth in zip(at_the_vendor, at_the_vendor[5:], strict=False):
        assert sixth - first >= 60


def test_the_limit_is_used_up_at_once_and_then_again_a_minute_later(tmp_path: Path) -> None:
    clock = Clock()
    limiter = make(tmp_path, clock, calls=5, in_flight=5)
    starts = []
    for _ in range(10):
        with limiter.place():
            starts.append(clock.now() - 1000)
    assert starts[:5] == [0.0] * 5
    assert starts[5:] == pytest.approx([60.0] * 5, abs=0.6)


def test_calls_in_flight_stay_within_their_limit(tmp_path: Path) -> None:
    limiter = SharedLimiter(tmp_path, "key", Limit(calls=1000, in_flight=3))
    flying, most, lock, three = 0, 0, threading.Lock(), threading.Event()

    def call() -> None:
        nonlocal flying, most
        for _ in range(5):
            with limiter.place():
                with lock:
                    flying += 1
                    most = max(most, flying)
                    if flying >= 3:
                        three.set()
                three.wait(20)  # the first ones stay until all places are taken: however slow the machine is
                time.sleep(0.005)
                with lock:
                    flying -= 1

    run_all([threading.Thread(target=call) for _ in range(8)])
    assert most == 3


def run_all(workers: list[Any]) -> None:
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert not worker.is_alive()


def send_some(folder: Path, results: Any) -> None:
    limiter = SharedLimiter(folder, "key", Limit(calls=6, in_flight=2, window=1.0))
    times = []
    for _ in range(4):
        with limiter.place():
            times.append(time.monotonic())
    results.put(times)


def test_all_processes_share_one_limit(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    workers = [context.Process(target=send_some, args=(tmp_path, results)) for _ in range(3)]
    for worker in workers:
        worker.start()
    times = sorted(itertools.chain.from_iterable(results.get(timeout=60) for _ in workers))
    for worker in workers:
        worker.join(20)
        assert worker.exitcode == 0
    assert len(times) == 12
    assert all(seventh - first >= 1.0 for first, seventh in zip(times, times[6:], strict=False))


def test_a_file_that_cannot_be_used_is_an_error_with_a_name(tmp_path: Path) -> None:
    with make(tmp_path, Clock()).place():
        pass
    (file,) = tmp_path.glob("limiter-*.db")
    file.write_bytes(b"no database " * 1000)
    with pytest.raises(LedgerUnavailable, match="cannot be used"):
        make(tmp_path, Clock())


def test_keys_share_no_limit_and_do_not_show_in_the_name_of_the_file(tmp_path: Path) -> None:
    clock = Clock()
    for key in ("secret-one", "secret-two"):
        with SharedLimiter(tmp_path, key, Limit(calls=1), now=clock.now, sleep=clock.sleep).place():
            assert clock.seconds == 1000.0
    assert not [path for path in tmp_path.iterdir() if "secret" in path.name]


def test_places_are_given_in_the_order_of_asking(tmp_path: Path) -> None:
    limiter = SharedLimiter(tmp_path, "key", Limit(calls=1000, in_flight=1))
    served: list[int] = []

    def call(number: int) -> None:
        with limiter.place():
            served.append(number)

    threads = [threading.Thread(target=call, args=(number,)) for number in range(5)]
    with limiter.place():
        for place, thread in enumerate(threads):
            thread.start()
            wait_until(lambda place=place: waiters(tmp_path) > place)
    for thread in threads:
        thread.join(20)
    assert served == [0, 1, 2, 3, 4]


def waiters(folder: Path) -> int:
    (file,) = folder.glob("limiter-*.db")
    connection = sqlite3.connect(file)
    try:
        return int(connection.execute("SELECT count(*) FROM waiter").fetchone()[0])
    finally:
        connection.close()


def wait_until(condition: Any) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_place_is_free_again_after_an_error(tmp_path: Path) -> None:
    clock = Clock()
    limiter = make(tmp_path, clock, calls=100, in_flight=1)
    with pytest.raises(ValueError, match="broken"), limiter.place():
        raise ValueError("broken")
    with limiter.place():
        assert clock.seconds == 1000.0


def test_the_place_of_a_killed_process_is_given_back_after_the_longest_call(tmp_path: Path) -> None:
    clock = Clock()
    killed = make(tmp_path, clock, calls=100, in_flight=1, longest=40.0).place()
    killed.__enter__()
    with make(tmp_path, clock, calls=100, in_flight=1, longest=40.0).place():
        assert 40.0 <= clock.seconds - 1000 <= 41.0


def test_a_waiter_that_was_killed_holds_nobody_up_for_long(tmp_path: Path) -> None:
    clock = Clock()
    limiter = make(tmp_path, clock)
    (file,) = tmp_path.glob("limiter-*.db")
    with sqlite3.connect(file) as connection:
        connection.execute("INSERT INTO waiter (seen_at) VALUES (?)", (clock.now(),))
    with limiter.place():
        assert clock.seconds - 1000 <= 6.0


def test_what_was_written_before_a_restart_of_the_machine_counts_until_it_is_a_minute_old(tmp_path: Path) -> None:
    """Nobody knows how long the machine was down: its clock begins at 0 when it is up again."""
    clock = Clock()
    for _ in range(2):
        with make(tmp_path, clock, calls=2).place():
            pass
    killed = make(tmp_path, clock, calls=3).place()
    killed.__enter__()
    clock.seconds = 3.0
    with make(tmp_path, clock, calls=2).place():
        assert 60.0 <= clock.seconds <= 60.6
    clock.seconds = 5000.0
    with make(tmp_path, clock, calls=2).place():
        pass
    clock.seconds = 200.0
    with make(tmp_path, clock, calls=1).place():
        assert clock.seconds == 200.0
