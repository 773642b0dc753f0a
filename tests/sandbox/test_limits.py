"""eMoney's limits: calls per rolling minute and calls in flight."""

import threading
from pathlib import Path

from include.sandbox.common.limits import CallLimit, Limited
from include.sandbox.emoney.app import EmoneyApp, Settings
from include.sandbox.emoney.assertion import read_public_key
from tests.sandbox.running import EmoneyCaller, private_key_of, serve, wait_until


def app(folder: Path, keys: Path, **limits: int) -> EmoneyApp:
    return EmoneyApp(Settings(folder / "e.db", read_public_key(keys / "certificate.pem"), **limits))


def test_by_default_sixty_a_minute_and_sixty_in_flight(tmp_path: Path, keys: Path) -> None:
    limit = app(tmp_path, keys).gate.limit
    assert limit is not None
    assert (limit.per_minute, limit.in_flight) == (60, 60)


def test_the_call_over_the_limit_gets_the_time_of_the_next_try(tmp_path: Path, keys: Path) -> None:
    with serve(app(tmp_path, keys, limit_per_minute=3)) as url:
        caller = EmoneyCaller(url, private_key=private_key_of(keys))
        caller.log_in()
        assert [caller("GET", "/public/v1/clients/em-1").status_code for _ in range(4)] == [404, 404, 404, 429]
        refused = caller("GET", "/public/v1/clients/em-1")
        assert 50 < int(refused.headers["Retry-After"]) <= 60
        assert refused.json()["fault"]["faultstring"]
        assert caller.ask_token(caller.assertion()).status_code == 200


def test_one_call_too_many_at_once_is_refused_without_a_time(tmp_path: Path, keys: Path) -> None:
    with serve(app(tmp_path, keys, limit_per_minute=0, limit_in_flight=2)) as url:
        caller = EmoneyCaller(url, private_key=private_key_of(keys))
        caller.log_in()
        caller.faults({"kind": "slow", "seconds": 1.0})
        slow = [threading.Thread(target=caller, args=("GET", "/public/v1/clients/em-1")) for _ in range(2)]
        for thread in slow:
            thread.start()
        counters = "/_sandbox/state?only=counters"
        wait_until(lambda: caller("GET", counters).json()["counters"]["peakInFlight"], lambda peak: peak == 2)
        refused = caller("GET", "/public/v1/clients/em-1")
        for thread in slow:
            thread.join()
        assert refused.status_code == 429
        assert "Retry-After" not in refused.headers
        caller.faults()
        assert caller("GET", "/public/v1/clients/em-1").status_code == 404


class Clock:
    """Stands still until it is set."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_minute_rolls() -> None:
    clock = Clock()
    limit = CallLimit(2, 0, clock)

    def call(at: float, key: str = "key") -> float | None:
        """When to come back; None for a call that was let through."""
        clock.now = at
        try:
            with limit.hold(key):
                return None
        except Limited as refused:
            return refused.retry_after

    assert [call(0.0), call(40.0), call(59.0)] == [None, None, 1.0]
    assert call(59.0, "another key") is None
    assert [call(60.0), call(60.0)] == [None, 40.0]
