"""The benchmark's own logic: medians, turns, selection, targets, counting; and a run over twenty households."""

from __future__ import annotations

import io
import socket
import sqlite3
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from include import ROOT
from tests.benchmarks.against import builds, driver, measures
from tests.benchmarks.against.__main__ import measured
from tests.benchmarks.against.builds import Build, Failed
from tests.benchmarks.against.measures import MEASURES, Bench
from tests.benchmarks.against.proxy import counting
from tests.benchmarks.against.table import Line, in_turn, median_of, scaled, select, show, written


def test_the_builds_are_measured_in_turn() -> None:
    order: list[str] = []

    def work(name: str, number: int) -> int:
        order.append(f"{name} {number}")
        return number

    assert in_turn(["old", "new"], 2, work) == {"old": [0, 1], "new": [0, 1]}
    assert order == ["old 0", "new 0", "old 1", "new 1"]


def test_the_median_of_a_figure_is_found_at_its_path() -> None:
    runs = [{"stages": {"load": {"cpu": cpu}}} for cpu in (9, 1, 3)]
    assert median_of(runs, "stages", "load", "cpu") == 3


@pytest.mark.parametrize(
    ("only", "names"),
    [("", ["night", "why", "demo"]), ("demo", ["demo"]), ("demo, why", ["why", "demo"])],
)
def test_only_what_is_named_is_measured_in_the_order_of_the_table(only: str, names: list[str]) -> None:
    assert select(only, ["night", "why", "demo"]) == names


def test_an_unknown_measurement_is_named_with_those_that_there_are() -> None:
    with pytest.raises(ValueError, match=r"no measurement naight\. There are night, why"):
        select("naight,why", ["night", "why"])


@pytest.mark.parametrize(("scale", "size"), [(1, 5000), (0.1, 500), (0.001, 20)])
def test_a_small_form_keeps_something_to_measure(scale: float, size: int) -> None:
    assert scaled(5000, scale) == size


@pytest.mark.parametrize(
    ("line", "ratio", "is_met"),
    [
        (Line("a", "s", 10.0, 3.0, 0.3), 0.3, True),
        (Line("a", "s", 10.0, 3.1, 0.3), 0.31, False),
        (Line("a", "s", 10.0, 3.1), 0.31, None),
        (Line("a", "x", 10.0, 1.1, 1.2, "figure"), 0.11, True),
        (Line("a", "x", 1.0, 1.3, 1.2, "figure"), 1.3, False),
        (Line("a", "", None, 0, 0, "figure"), None, True),
        (Line("a", "", None, 1, 0, "figure"), None, False),
        (Line("a", "", 0.0, 0.0, 0.1), None, True),
        (Line("a", "", 0.0, 2.0, 0.1), None, False),
        (Line("a", "s", None, 2.0), None, None),
    ],
)
def test_a_target_holds_the_ratio_or_this_builds_figure(line: Line, ratio: float | None, is_met: bool | None) -> None:
    assert line.ratio == (None if ratio is None else pytest.approx(ratio))
    assert line.is_met is is_met


def test_the_table_shows_both_figures_their_ratio_the_target_and_the_verdict() -> None:
    console = Console(width=120, record=True, file=io.StringIO())
    lines = [Line("a night", "s", 200, 60, 0.3), Line("memory", "MiB", 400.0, 300.0, 0.5), Line("a peer", "s", None, 7)]
    console.print(show(lines, "7250208", "this build"))
    rows = [[cell.strip() for cell in row.split("│")[1:-1]] for row in console.export_text().splitlines()]
    assert ["a night", "200", "60", "s", "0.30 ×", "0.3 ×", "ok"] in rows
    assert ["memory", "400", "300", "MiB", "0.75 ×", "0.5 ×", "not"] in rows
    assert ["a peer", "", "7", "s", "", "", ""] in rows


@pytest.mark.parametrize(
    ("figure", "text"), [(None, ""), (1234.5, "1,234"), (12.34, "12.3"), (1.234, "1.23"), (0.0, "0"), (3.0, "3")]
)
def test_a_figure_is_written_with_the_digits_that_count(figure: float | None, text: str) -> None:
    assert written(figure) == text


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(Build("old", tmp_path), Build("new", tmp_path), rounds=1, say=lambda text: None)


def test_a_measurement_that_fails_is_named_and_the_others_go_on(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: Bench) -> list[Line]:
        raise Failed("the office is on fire")

    told: list[str] = []
    bench.say = told.append
    line = Line("why", "s", 2.0, 1.0)
    monkeypatch.setitem(MEASURES, "demo", fails)
    monkeypatch.setitem(MEASURES, "why", lambda _: [line])
    assert measured(bench, ["demo", "why"]) == ([line], ["demo"])
    assert any("the office is on fire" in text for text in told)


def test_a_program_that_fails_is_named_with_the_end_of_its_output(bench: Bench) -> None:
    with pytest.raises(Failed, match=r"new: .* ended with 3:\nno luck"):
        bench.new.call(sys.executable, "-c", "import sys; print('no luck'); sys.exit(3)")


def test_the_demo_that_shows_no_loads_is_a_failure(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = " ✓ extract_crm   8.7 s\n ✓ load_emoney [1]   27.1 s\n ✓ load_profiles [1]   8.6 s\n"
    monkeypatch.setattr(Build, "call", lambda *_, **__: shown)
    assert measures._run_demo(bench.new) == pytest.approx(35.7)
    monkeypatch.setattr(Build, "call", lambda *_, **__: " ✓ extract_crm   8.7 s\n")
    with pytest.raises(Failed, match="shows no loads"):
        measures._run_demo(bench.new)


def test_forks_give_their_results_in_order_with_their_cpu() -> None:
    def busy(number: int) -> list[int]:
        sum(range(3_000_000))
        return [number]

    results, figures = driver.in_forks([lambda n=n: busy(n) for n in range(3)])
    assert results == [[0], [1], [2]]
    assert 0.02 < figures["cpu"] < 30
    assert figures["largest_mib"] > 1


def test_a_fork_that_fails_ends_the_driver() -> None:
    with pytest.raises(SystemExit, match="A stage failed"):
        driver.in_forks([lambda: 1 // 0])


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> driver.Commits:
    monkeypatch.setattr(sqlite3, "connect", sqlite3.connect)
    monkeypatch.setattr(sqlite3.dbapi2, "connect", sqlite3.dbapi2.connect)
    return driver.Commits()


def test_only_transactions_of_the_ledger_that_wrote_are_counted(counted: driver.Commits, tmp_path: Path) -> None:
    for name in ("ledger.db", "crm.db"):
        connection: Any = sqlite3.connect(tmp_path / name, isolation_level=None)
        connection.execute("CREATE TABLE t (a)")  # one by itself
        for statements in (["INSERT INTO t VALUES (1)", "UPDATE t SET a = 2"], ["SELECT * FROM t"]):
            connection.execute("BEGIN IMMEDIATE")
            for statement in statements:
                connection.execute(statement).fetchall()
            connection.execute("COMMIT")
        connection.execute("BEGIN")
        connection.execute("DELETE FROM t")
        connection.execute("ROLLBACK")
        connection.close()
    assert counted.count == 2


def test_a_round_trip_is_counted_for_each_answer_that_is_waited_for() -> None:
    def echo(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            while data := connection.recv(100):
                connection.sendall(data.upper())

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=echo, args=(server,), daemon=True).start()
        with (
            counting("127.0.0.1", server.getsockname()[1]) as (port, counter),
            socket.create_connection(("127.0.0.1", port)) as client,
        ):
            for number in range(3):
                client.sendall(b"ask")
                assert client.recv(100) == b"ASK"
                assert counter.trips == number + 1


@pytest.mark.slow
def test_twenty_households_are_measured_in_this_build_beside_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (builds, measures):
        monkeypatch.setattr(module, "HOME", tmp_path)
    bench = Bench(Build("old", ROOT), Build("new", ROOT), rounds=1, scale=0.001)
    lines, failed = measured(bench, ["first", "changed"])
    assert failed == []
    figures = {line.what: line for line in lines}
    for what in ("real first night, 20 households", "night with 5 % changed, 20 households"):
        assert figures[what].ratio == pytest.approx(1, abs=0.7)
    for what in ("  rounds whose outcomes differ", "  nights whose outcomes differ"):
        assert figures[what].new == 0
