"""The measurements of the table, by the names that ``ONLY=`` takes. Each gives its lines, both builds in turn."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from include.local.installation import Installation
from tests.benchmarks.against import peers
from tests.benchmarks.against.builds import EXTRACTED, HOME, Build, Failed
from tests.benchmarks.against.proxy import counting
from tests.benchmarks.against.table import Line, in_turn, median_of, scaled
from tests.postgres import fresh_database

MIB = 2**20
_DEMO = """
import sys; from pathlib import Path
from include.local import demo; from include.local.installation import Installation
sys.exit(demo.run(Installation(Path(sys.argv[1])), fresh=True))
"""
_OFFICE = """
import sys; from datetime import date
from include.demo import build_office
build_office(f"sqlite:///{sys.argv[1]}", int(sys.argv[2]), today=date(2026, 11, 20), overwrite=True)
"""


@dataclass
class Bench:
    """What is compared: two builds, rounds of which the median counts, and the factor of all sizes."""

    old: Build
    new: Build
    rounds: int = 5
    scale: float = 1
    say: Callable[[str], None] = print

    @property
    def builds(self) -> dict[str, Build]:
        """The other build first, then this one."""
        return {"old": self.old, "new": self.new}

    def size(self, households: int) -> int:
        """A size as it is measured here."""
        return scaled(households, self.scale)

    def office(self, households: int) -> Path:
        """The database of an office, made once; a copy of it, to be read by both builds and changed."""
        original = HOME / "offices" / f"{households}.db"
        if not original.exists():
            self.say(f"an office of {households:,} households")
            original.parent.mkdir(parents=True, exist_ok=True)
            partial = original.with_suffix(".partial")
            self.new.call(self.new.python, "-c", _OFFICE, partial, households)
            partial.rename(original)
        copy = HOME / "work" / "crm.db"
        copy.parent.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copyfile(original, copy))

    def in_turn(self, work: Callable[[Build, int], Any], rounds: int = 0) -> dict[str, list[Any]]:
        """Both builds in each round."""

        def told(name: str, number: int) -> Any:
            self.say(f"  round {number + 1}, {self.builds[name].name}")
            return work(self.builds[name], number)

        return in_turn(list(self.builds), rounds or self.rounds, told)

    def line(self, what: str, unit: str, figures: dict[str, float], target: float | None = None, **more: Any) -> Line:
        """One line from the figures of both."""
        return Line(what, unit, figures["old"], figures["new"], target, **more)

    def stop(self) -> None:
        """Ends both drivers."""
        for build in self.builds.values():
            build.stop()


def cpu_of(night: dict[str, Any]) -> float:
    """CPU seconds of all stages of a night."""
    return float(sum(stage["cpu"] for stage in night["stages"].values()))


def _left(build: Build, night: str, day: int) -> dict[str, Any]:
    left: dict[str, Any] = build.ask("left", run_id=night, day=day)
    if any(name.split(": ")[1] in ("failed", "deferred") for name in left["outcomes"]):
        raise Failed(f"{build.name}: {night} did not load everything: {left['outcomes']}")
    return left


def _nights(bench: Bench, crm: Path, percent: float = 0) -> dict[str, list[Any]]:
    """Nights after a first night that is filled in and one that is not counted; ``percent`` of the office changes."""
    for build in bench.builds.values():
        bench.say(f"  the state after a first night, {build.name}")
        build.open(crm)
        build.fill()
    changed: set[int] = set()

    def night(build: Build, number: int) -> dict[str, Any]:
        day, name = number + 1, f"night-{number + 2}"
        if percent and number not in changed:
            build.ask("change", crm=str(crm), percent=percent, seed=number + 1, day=day)
            changed.add(number)
        before = _size_of_ledger(build)
        figures = build.run(name, day)
        left = _left(build, name, day)
        grown = {key: left[key] - before[key] for key in before}
        return {**figures, "cpu": cpu_of(figures), "left": left, "grown": grown}

    found = bench.in_turn(night, bench.rounds + 1)
    return {name: nights[1:] for name, nights in found.items()}


def _size_of_ledger(build: Build) -> dict[str, int]:
    return {name: build.ask("left", run_id="", day=0)[name] for name in ("ledger_rows", "ledger_bytes")}


def _peaks(runs: list[dict[str, Any]], which: str, stage: str = "") -> float:
    """The highest memory of the runs, of one stage or of all."""
    return max(one[which] for run in runs for name, one in run["stages"].items() if stage in ("", name))


def _report_of(nights: list[dict[str, Any]]) -> float:
    return median_of(nights, "stages", "report", "cpu")


def measure_night(bench: Bench) -> list[Line]:
    """Unchanged nights, of the large office and of one a tenth of it."""
    large, small = bench.size(100_000), bench.size(10_000)
    few = _nights(bench, bench.office(small))
    many = _nights(bench, bench.office(large))
    line, both = bench.line, bench.builds
    feeds = [[night["left"]["feed"] for night in nights] for nights in many.values()]
    different = sum(old != new for old, new in zip(*feeds, strict=True))
    report = {name: _report_of(many[name]) / _report_of(few[name]) for name in both}
    memory = {
        stage: {
            name: _peaks(many[name], "largest_mib", stage) / _peaks(few[name], "largest_mib", stage) for name in both
        }
        for stage in ("extract", "report")
    }
    grown = {
        what: {name: median_of(many[name], "grown", f"ledger_{what}") for name in both} for what in ("rows", "bytes")
    }
    together = {name: _peaks(many[name], "together_mib") for name in both}
    return [
        line(f"unchanged night, {large:,} households", "s", {name: median_of(many[name], "cpu") for name in both}, 0.3),
        *(
            line(f"  {stage}", "s", {name: median_of(many[name], "stages", stage, "cpu") for name in both})
            for stage in many["new"][0]["stages"]
        ),
        Line("  nights whose feed differs by a byte", "", None, different, 0, "figure"),
        line("  rows that it adds to the ledger", "", grown["rows"], 0.1),
        line("  bytes that it adds to the ledger", "", grown["bytes"], 0.1),
        line("report with 10 × as many unchanged units, beside itself", "×", report, 1.2, of="figure"),
        line(f"largest sum of memory, {large:,} households", "MiB", together, 0.5),
        *(
            line(f"  {stage}: memory of {large:,} beside {small:,}", "×", memory[stage], 1.2, of="figure")
            for stage in memory
        ),
    ]


def measure_first(bench: Bench) -> list[Line]:
    """A real first night: every client is created by calls."""
    households = bench.size(5_000)
    crm = bench.office(households)

    def first(build: Build, number: int) -> dict[str, Any]:
        build.open(crm)
        figures = build.run("night-1", 0)
        return {**figures, "cpu": cpu_of(figures), "left": _left(build, "night-1", 0)}

    found = bench.in_turn(first)
    return [
        bench.line(f"real first night, {households:,} households", "s",
                   {name: median_of(runs, "cpu") for name, runs in found.items()}, 0.45),
        Line("  rounds whose outcomes differ", "", None, _differing(found), 0, "figure"),
    ]  # fmt: skip


def measure_changed(bench: Bench) -> list[Line]:
    """Nights with 5 % of the households changed."""
    households = bench.size(20_000)
    found = _nights(bench, bench.office(households), 5)
    return [
        bench.line(f"night with 5 % changed, {households:,} households", "s",
                   {name: median_of(runs, "cpu") for name, runs in found.items()}, 0.4),
        Line("  nights whose outcomes differ", "", None, _differing(found), 0, "figure"),
    ]  # fmt: skip


def _differing(found: dict[str, list[dict[str, Any]]]) -> int:
    pairs = zip(found["old"], found["new"], strict=True)
    return sum(old["left"]["units"] != new["left"]["units"] for old, new in pairs)


def measure_ledger(bench: Bench) -> list[Line]:
    """Transactions and round trips of the loads, for each unit that is created, and for each that is updated."""
    households = bench.size(400)
    at_sqlite = {name: _counted(bench, build, households, "") for name, build in bench.builds.items()}
    at_postgres = {}
    for name, build in bench.builds.items():
        url = fresh_database()
        parts = urlsplit(url)
        with counting(str(parts.hostname), int(parts.port or 5432)) as (port, counter):
            through = url.replace(f":{parts.port}/", f":{port}/")
            at_postgres[name] = _counted(bench, build, households, through, lambda counter=counter: counter.trips)
            build.stop()
    return [
        bench.line(f"ledger transactions that wrote, a unit {did} ({households:,} households)", "",
                   {name: each[did] for name, each in at_sqlite.items()}, 0.3, of="figure")
        for did in ("created", "updated")
    ] + [
        bench.line(f"PostgreSQL as the ledger: round trips, a unit {did}", "",
                   {name: each[did] for name, each in at_postgres.items()}, 0.3)
        for did in ("created", "updated")
    ]  # fmt: skip


def _counted(
    bench: Bench, build: Build, households: int, ledger: str, trips: Callable[[], int] | None = None
) -> dict[str, float]:
    """By what was done: how often a unit, over a first night and one with half of the households changed."""
    bench.say(f"  {'PostgreSQL' if ledger else 'SQLite'}, {build.name}")
    crm, found = bench.office(households), {}
    build.open(crm, ledger or None)
    for day, did in enumerate(("created", "updated")):
        name = f"night-{day + 1}"
        if day:
            build.ask("change", crm=str(crm), percent=50, seed=day, day=day)
        shards = build.run(name, day, EXTRACTED)["shards"]
        before = trips() if trips else 0
        figures = build.run(name, day, ("load",), shards=shards)["stages"]["load"]
        counted = trips() - before if trips else figures["commits"]
        build.run(name, day, ("report",), shards=shards)
        outcomes = _left(build, name, day)["outcomes"]
        units = sum(count for key, count in outcomes.items() if key.endswith(did))
        if not units:
            raise Failed(f"{build.name}: {name} has {did} nothing: {outcomes}")
        found[did] = counted / units
    return found


def measure_build(bench: Bench) -> list[Line]:
    """Reading, building and checking of everything, beside the physical limit and peers."""
    large, small = bench.size(100_000), bench.size(10_000)
    whole = {size: _extracted(bench, size) for size in (small, large)}
    cpu = {size: {name: median_of(runs, "cpu") for name, runs in found.items()} for size, found in whole.items()}
    limit = peers.run(bench.new.python, "limit", bench.office(large), HOME / "work" / "peers", bench.rounds)
    bench.say("  peers")
    return [
        bench.line(f"read + build + check, {large:,} households", "s", cpu[large], 0.65),
        *(
            bench.line(f"  {stage}", "s", {
                name: median_of(runs, "stages", stage, "cpu") for name, runs in whole[large].items()
            })
            for stage in EXTRACTED
        ),
        Line("  physical limit: ADBC reads every table, writes the same bytes", "s", None, limit),
        bench.line("  beside the physical limit", "×", {name: one / limit for name, one in cpu[large].items()},
                   8, of="figure"),
        *peers.lines(bench, small, {
            stage: median_of(whole[small]["new"], "stages", stage, "cpu") for stage in EXTRACTED
        }),
    ]  # fmt: skip


def _extracted(bench: Bench, households: int) -> dict[str, list[Any]]:
    crm = bench.office(households)
    for build in bench.builds.values():
        build.open(crm)

    def once(build: Build, number: int) -> dict[str, Any]:
        figures = build.run(f"read-{number}", 0, EXTRACTED, full=True, dry_run=True)
        return {**figures, "cpu": cpu_of(figures)}

    return bench.in_turn(once)


def _run_demo(build: Build) -> float:
    """Seconds of the loads of ``make demo``, in a folder of its own."""
    told = build.call(build.python, "-c", _DEMO, build.folder("demo"))
    loads = re.findall(r"✓ load_\w+.*?([\d.]+) s", told)
    if len(loads) < 2:
        raise Failed(f"{build.name}: the demo shows no loads:\n{told}")
    return sum(map(float, loads))


def measure_demo(bench: Bench) -> list[Line]:
    """The two loads of the demo, by the clock."""
    found = bench.in_turn(lambda build, _: {"wall": _run_demo(build)})
    figures = {name: median_of(runs, "wall") for name, runs in found.items()}
    return [bench.line("make demo: its two loads, by the clock", "s", figures, 0.4)]


def measure_why(bench: Bench) -> list[Line]:
    """``make why`` about a household of the demo, by the clock."""
    for build in bench.builds.values():
        if not (Installation(build.folder("demo")).data / "ledger.db").exists():
            bench.say(f"  the demo, {build.name}")
            _run_demo(build)

    def why(build: Build, _: int) -> dict[str, float]:
        folder = str(Installation(build.folder("demo")).data)
        started = time.perf_counter()
        told = build.call("make", "why", "UNIT=H12", PLANBRIDGE__DATA__FOLDER=folder)
        if "clientA.firstName" not in told and "firstName" not in told:
            raise Failed(f"{build.name}: make why has no answer:\n{told}")
        return {"wall": time.perf_counter() - started}

    found = bench.in_turn(why, bench.rounds + 1)
    figures = {name: median_of(runs[1:], "wall") for name, runs in found.items()}
    return [bench.line("make why, by the clock", "s", figures, 0.4)]


def measure_hand(bench: Bench) -> list[Line]:
    """A run by hand in a warm Airflow; its own median of 5, both builds in turn."""
    # The office of `make bench`, at any scale: in a smaller one the households that are named have planted defects.
    found = bench.in_turn(lambda build, _: _printed(build, "by_hand", 10_000), rounds=1)
    figures = {
        which: {name: median_of(runs, f"{which}_seconds") for name, runs in found.items()}
        for which in ("loaded", "reported", "empty")
    }
    return [
        bench.line("a run by hand, from trigger to loaded, by the clock", "s", figures["loaded"], 0.7),
        bench.line("  to its report", "s", figures["reported"]),
        bench.line("  a DAG of as many empty tasks", "s", figures["empty"]),
    ]


def measure_transfer(bench: Bench) -> list[Line]:
    """Contacts that go from one PostgreSQL database to another."""
    contacts = bench.size(10_000)
    found = bench.in_turn(lambda build, _: _printed(build, "transfer", contacts))
    tasks = list(found["new"][0]["cpu_seconds"])
    totals = {
        name: median_of([{"cpu": sum(run["cpu_seconds"].values())} for run in runs], "cpu")
        for name, runs in found.items()
    }
    return [
        bench.line(f"transfer of {contacts:,} contacts between two PostgreSQL databases", "s", totals, 0.6),
        *(
            bench.line(f"  {task}", "s", {name: median_of(runs, "cpu_seconds", task) for name, runs in found.items()})
            for task in tasks
        ),
    ]


def _printed(build: Build, module: str, size: int) -> dict[str, Any]:
    """What a benchmark of the build's own prints last."""
    printed: dict[str, Any] = json.loads(
        build.call(build.python, "-m", f"tests.benchmarks.{module}", size).strip().splitlines()[-1]
    )
    return printed


MEASURES: dict[str, Callable[[Bench], list[Line]]] = {
    "night": measure_night,
    "first": measure_first,
    "changed": measure_changed,
    "ledger": measure_ledger,
    "build": measure_build,
    "demo": measure_demo,
    "why": measure_why,
    "hand": measure_hand,
    "transfer": measure_transfer,
}
# What may go wrong in one measurement, while the others go on.
ERRORS = (Failed, OSError, ValueError, KeyError, subprocess.SubprocessError)
