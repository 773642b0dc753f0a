"""One limit for all machines: several processes with one API key, counted by the vendor, whichever of them dies."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from typing import Any

import pytest
import sqlalchemy as sa

from etl.errors import LedgerUnavailable
from etl.load.http.limiter import Limit
from etl.load.http.request import Call, TransportSettings
from etl.load.http.transport import Transport
from etl.load.ledger import permits
from etl.load.ledger.store import Ledger
from etl.load.ledger_limiter import LedgerLimiter
from tests.run_book import closed_port

pytestmark = pytest.mark.postgres

CALLS, WINDOW = 30, 3.0
# At 60 seconds a window, 95 % of the limit is used where a place lies idle for at most this between two of its calls.
IDLE_SECONDS = 3.0


@pytest.fixture
def ledger(postgres_url: Callable[[], str]) -> Iterator[Ledger]:
    made = Ledger(postgres_url())
    made.migrate()
    yield made
    made.engine.dispose()


class CountingVendor(BaseHTTPRequestHandler):
    """Notes when each call arrives, and how many are there at once."""

    arrivals: list[float]
    flying: int
    most: int
    counting: threading.Lock
    seconds: float

    def do_GET(self) -> None:
        kind = type(self)
        with kind.counting:
            kind.arrivals.append(time.monotonic())
            kind.flying += 1
            kind.most = max(kind.most, kind.flying)
        time.sleep(kind.seconds)
        with kind.counting:
            kind.flying -= 1
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@contextmanager
def counting_vendor(seconds: float) -> Iterator[tuple[str, type[CountingVendor]]]:
    fields = {"arrivals": [], "flying": 0, "most": 0, "counting": threading.Lock(), "seconds": seconds}
    counter = type("Counter", (CountingVendor,), fields)
    with ThreadingHTTPServer(("127.0.0.1", 0), counter) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", counter
        server.shutdown()
        thread.join(10)


def load(ledger_url: str, vendor_url: str, seconds: float) -> None:
    """A process of a load: eight threads that call as often as they may."""
    limit = Limit(calls=CALLS, in_flight=6, window=WINDOW)
    limiter = LedgerLimiter(Ledger(ledger_url), "one key", limit, lease_seconds=1.0)
    transport = Transport("emoney", vendor_url, limiter=limiter, settings=TransportSettings(tries=1))
    ends_at = time.monotonic() + seconds

    def call() -> None:
        while time.monotonic() < ends_at:
            transport.call(Call("GET", "/count", lambda response: response.json, "reads", signed_in=False))

    threads = [threading.Thread(target=call, daemon=True) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_no_window_has_more_calls_than_the_limit_and_the_limit_is_used_after_a_kill(ledger: Ledger) -> None:
    url = ledger.engine.url.render_as_string(hide_password=False)
    spawn = multiprocessing.get_context("spawn")
    with counting_vendor(0.05) as (vendor, counter):
        processes = [spawn.Process(target=load, args=(url, vendor, 11.0)) for _ in range(3)]
        for process in processes:
            process.start()
        wait_until(lambda: len(counter.arrivals) >= CALLS * 3 // 2 and counter.flying)
        os.kill(processes[0].pid or 0, signal.SIGKILL)  # in the middle of calls
        for process in processes:
            process.join(60)
            assert not process.is_alive()
        arrived = sorted(counter.arrivals)
    assert len(arrived) > 3 * CALLS
    reused = [after - before for before, after in zip(arrived, arrived[CALLS:], strict=False)]
    assert min(reused) >= WINDOW - 0.01  # the vendor's clock is read a little after the arrival
    assert sum(reused) / len(reused) - WINDOW <= IDLE_SECONDS
    assert counter.most <= 6 + 6  # the calls of the killed process are still at the vendor when their leases end


def wait_until(condition: Callable[[], Any]) -> None:
    ends_at = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < ends_at
        time.sleep(0.01)


def run_all(*targets: Callable[[], Any]) -> None:
    threads = [threading.Thread(target=target, daemon=True) for target in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()


def test_calls_in_flight_stay_within_their_limit_over_all_who_share_the_key(ledger: Ledger) -> None:
    flying, most, lock = 0, 0, threading.Lock()

    def call(limiter: LedgerLimiter) -> None:
        nonlocal flying, most
        for _ in range(3):
            with limiter.place():
                with lock:
                    flying += 1
                    most = max(most, flying)
                time.sleep(0.03)
                with lock:
                    flying -= 1

    machines = [LedgerLimiter(ledger, "key", Limit(calls=1000, in_flight=3)) for _ in range(2)]
    run_all(*(lambda limiter=limiter: call(limiter) for limiter in machines for _ in range(4)))
    assert most == 3


def test_a_call_costs_few_questions_however_many_threads_wait(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0
    ask = permits.ask

    def counted(*given: Any) -> Any:
        nonlocal asked
        asked += 1
        return ask(*given)

    monkeypatch.setattr(permits, "ask", counted)
    limiter = LedgerLimiter(ledger, "key", Limit(calls=20, in_flight=8, window=1.0))

    def call() -> None:
        for _ in range(5):
            with limiter.place():
                time.sleep(0.005)

    run_all(*[call] * 12)
    assert asked <= 2 * 60


def test_a_long_call_keeps_its_place_and_a_dead_one_loses_it_with_its_lease(ledger: Ledger) -> None:
    limit = Limit(calls=100, in_flight=1)
    long, other = (LedgerLimiter(ledger, "key", limit, lease_seconds=0.4) for _ in range(2))
    taken = threading.Event()

    def take() -> None:
        with other.place():
            taken.set()

    waiting = threading.Thread(target=take, daemon=True)
    with long.place():
        waiting.start()
        assert not taken.wait(1.5)
    assert taken.wait(20)
    waiting.join(20)
    # As a process that was killed leaves it: nobody extends the lease.
    (call,) = permits.ask(ledger, permits.Ask("aa", 100, 1, 60.0, 0.4, 1, None)).calls
    started, ticket = time.monotonic(), permits.ask(ledger, permits.Ask("aa", 100, 1, 60.0, 9.0, 1, None)).ticket
    wait_until(lambda: permits.ask(ledger, permits.Ask("aa", 100, 1, 60.0, 9.0, 1, ticket)).calls)
    assert 0.2 <= time.monotonic() - started < 20
    assert ledger.select("SELECT 1 FROM vendor_call WHERE call_id = ? AND ended_at IS NULL", call)


def test_who_asks_first_is_served_first(ledger: Ledger) -> None:
    def ask(ticket: int | None = None, wanted: int = 1, ended: tuple[int, ...] = ()) -> permits.Granted:
        return permits.ask(
            ledger, permits.Ask("bb", 100, 1, 60.0, 60.0, wanted, ticket, ended=[(call, 0.0) for call in ended])
        )

    (first,) = ask().calls
    second, third = ask(), ask()
    assert (second.calls, third.calls) == ((), ())
    assert ask(ended=(first,), wanted=0).calls == ()
    assert ask(third.ticket).calls == ()
    (call,) = ask(second.ticket).calls
    assert ask(third.ticket, ended=(call,)).calls != ()


def test_the_wait_is_known_and_an_end_is_reported_by_its_age(ledger: Ledger) -> None:
    def ask(**more: Any) -> permits.Granted:
        return permits.ask(ledger, permits.Ask("cc", 2, 8, 60.0, 60.0, 2, None, **more))

    calls = ask().calls
    assert len(calls) == 2
    answer = ask(ended=[(calls[0], 59.0), (calls[1], 10.0)])
    assert (answer.calls, answer.room_in) == ((), pytest.approx(1.0, abs=0.9))
    assert permits.ask(ledger, permits.Ask("dd", 2, 8, 60.0, 60.0, 2, None)).calls != ()  # another key


def test_a_ledger_that_is_away_ends_the_wait_of_every_thread() -> None:
    limiter = LedgerLimiter(Ledger(f"postgresql://us@127.0.0.1:{closed_port()}/none"), "key", Limit())
    refused = []

    def call() -> None:
        try:
            with limiter.place():
                raise AssertionError
        except LedgerUnavailable as error:
            refused.append(error)

    run_all(*[call] * 4)
    assert len(refused) == 4


def test_the_rows_do_not_grow_with_the_calls(ledger: Ledger) -> None:
    limiter = LedgerLimiter(ledger, "key", Limit(calls=50, in_flight=8, window=0.2))
    counts = []
    for _ in range(60):
        with limiter.place():
            pass
        counts.append(ledger.first(sa.select(sa.func.count()).select_from(sa.text("vendor_call"))))
    assert max(counts) <= 50
    assert any(later < before for before, later in pairwise(counts))
