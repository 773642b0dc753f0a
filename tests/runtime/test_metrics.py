"""What monitoring gets, as StatsD sends it over the network: Airflow's own logger before a socket that listens."""

import re
import socket
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from airflow.sdk._shared.observability.metrics.base_stats_logger import NoStatsLogger
from airflow.sdk._shared.observability.metrics.statsd_logger import SafeStatsdLogger
from airflow.sdk.observability import stats

from etl import meters
from include.runtime.metrics import measured
from include.runtime.stops import Step
from include.runtime.task_boundary import Ended, staged
from tests.run_book import Book


class Client:
    """A client of StatsD: the three lines of its protocol that Airflow's logger asks for."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._address = address

    def incr(self, name: str, count: int = 1, _rate: float = 1) -> None:
        self._send(f"airflow.{name}:{count}|c")

    def gauge(self, name: str, value: float, _rate: float = 1, _delta: bool = False) -> None:
        self._send(f"airflow.{name}:{value}|g")

    def timing(self, name: str, took: timedelta) -> None:
        self._send(f"airflow.{name}:{took.total_seconds() * 1000:.6f}|ms")

    def close(self) -> None:
        self._socket.close()

    def _send(self, line: str) -> None:
        self._socket.sendto(line.encode(), self._address)


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], dict[str, str]]]:
    """What has arrived since the last time: name -> value and kind."""
    monkeypatch.setenv("AIRFLOW__METRICS__STATSD_ON", "True")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.setblocking(False)
        client = Client(listener.getsockname())
        stats.initialize(factory=lambda: SafeStatsdLogger(client), export_legacy_names=True)  # type: ignore[arg-type]

        def read() -> dict[str, str]:
            lines = []
            while True:
                try:
                    lines.append(listener.recv(65536).decode())
                except BlockingIOError:
                    return dict(line.split(":", 1) for line in lines)

        yield read
        client.close()
    stats.initialize(factory=NoStatsLogger, export_legacy_names=True)
    meters.collect(False)


def test_a_night_is_counted_by_vendor_outcome_and_severity(book: Book, heard: Callable[[], dict[str, str]]) -> None:
    book.couple(1)
    book.couple(2, first_name=None)  # DEM-NAME holds it
    book.vendors.profiles.faults({"kind": "unavailable", "count": 1})
    with measured("load_profiles"):
        book.run()
    got = heard()
    assert got["airflow.planbridge.units.profiles.created"] == "1|c"
    assert got["airflow.planbridge.units.emoney.held"] == "1|c"
    assert got["airflow.planbridge.waiting.profiles.held"] == "1|g"
    assert got["airflow.planbridge.waiting.profiles.deferred"] == "0|g"
    assert int(got["airflow.planbridge.findings.profiles.critical"].partition("|")[0]) >= 1
    assert 0 <= float(got["airflow.planbridge.oldest_waiting_seconds.profiles"].partition("|")[0]) < 600
    assert int(got["airflow.planbridge.calls.profiles"].partition("|")[0]) >= 3
    assert got["airflow.planbridge.retries.profiles"] == "1|c"
    assert re.fullmatch(r"\d+\|c", got["airflow.planbridge.waited_ms.emoney"])
    assert re.fullmatch(r"[\d.]+\|ms", got["airflow.planbridge.stage.load_profiles"])
    assert not [name for name in got if not re.fullmatch(r"airflow\.planbridge(\.[a-z_]+)+", name)]
    with measured("load_profiles"):
        book.run("2026-11-23", dry_run=True)
    assert not [name for name in heard() if "units" in name or "waiting" in name]


def test_a_step_that_fails_is_counted_too_and_broken_monitoring_ends_no_task(
    book: Book, heard: Callable[[], dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_context: object) -> None:
        meters.count("calls.profiles", 3)
        raise ValueError

    monkeypatch.setattr("include.runtime.task_boundary._will_retry", lambda: True)
    with pytest.raises(Ended):
        staged(Step("load", "profiles", 4), book.context, fail)
    got = heard()
    assert got["airflow.planbridge.calls.profiles"] == "3|c"
    assert "airflow.planbridge.stage.load_profiles" in got

    def broken() -> SafeStatsdLogger:
        raise OSError("no socket left")

    stats.initialize(factory=broken, export_legacy_names=True)
    with measured("extract"):
        meters.count("calls.profiles")


def test_nothing_is_kept_where_nobody_collects(book: Book) -> None:
    book.couple(1)
    with measured("extract"):
        book.run(vendors=("profiles",))
        assert meters.take() == ({}, {})
