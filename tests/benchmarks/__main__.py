"""``make bench``: how fast, beside what, and whether the bars are met. The offices are generated once and kept.

Every figure is measured in this run; each benchmark is a process of its own, so that its memory is its own.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from include import ROOT

console = Console()


@dataclass(frozen=True)
class Line:
    """One figure: what, how much, and the bar it is held against (None: for information)."""

    what: str
    figure: float
    unit: str
    bar: float | None = None
    at_least: bool = False

    @property
    def is_met(self) -> bool:
        """Whether the figure is on the right side of its bar."""
        return self.bar is None or (self.figure >= self.bar if self.at_least else self.figure <= self.bar)


def main(
    small: Annotated[int, typer.Option(help="Households of the small office.")] = 10_000,
    large: Annotated[int, typer.Option(help="Households of the large office.")] = 100_000,
    contacts: Annotated[int, typer.Option(help="Contacts that go to another office.")] = 10_000,
    triggers: Annotated[int, typer.Option(help="Runs by hand that are triggered at once.")] = 200,
) -> None:
    """Run the benchmarks and print them as a table."""
    lines: list[Line] = []
    pipelines = {size: _run("pipeline", size) for size in (small, large)}
    lines += _pipeline_lines(pipelines, small, large)
    lines += _comparison_lines(_run("compare", small))
    lines += _night_lines(_run("nights", large), large)
    lines += _transfer_lines(_run("transfer", contacts), contacts)
    lines += _by_hand_lines(_run("by_hand", small))
    lines += _trigger_lines(_run("triggers", triggers))
    lines.append(Line("parsing the DAG folder", _parse_seconds(), "s", 2))
    _print(lines)


def _pipeline_lines(figures: dict[int, dict[str, Any]], small: int, large: int) -> list[Line]:
    seconds = {size: sum(one["seconds"].values()) for size, one in figures.items()}
    big = figures[large]
    return [
        Line(f"extract + transform + gate, {large:,} households", large / seconds[large], "households/s", 3_000, True),
        Line("  the same in units (households and lone clients)", big["units"] / seconds[large], "units/s"),
        *(Line(f"  {name}", value, "s") for name, value in big["seconds"].items()),
        Line("  peak memory of all processes together", big["peak_mib"], "MiB", 2_048),
        Line(f"  time a household beside {small:,}", (seconds[large] / large) / (seconds[small] / small), "x", 1.2),
    ]


def _comparison_lines(figures: dict[str, float]) -> list[Line]:
    return [
        Line(f"documents of {figures['units']:,.0f} units", figures["ours_seconds"], "s"),
        Line("  faster than pandas per household", figures["times_faster_than_pandas"], "x", 20, True),
        Line("  time beside DuckDB's SQL", figures["times_duckdb"], "x", 3),
        Line("gate with all failing keys beside BOOLEAN_ONLY", figures["gate_all_keys_times_boolean"], "x", 3),
        Line("  with frame checks and worded findings", figures["gate_with_findings_times_boolean"], "x"),
    ]


def _night_lines(figures: dict[str, Any], large: int) -> list[Line]:
    quiet, busy = figures["quiet"], figures["busy"]
    writes = sum(quiet["vendors"]["profiles"]["writes"].values())
    others = sum(count for route, count in quiet["vendors"]["emoney"]["writes"].items() if "feeds" not in route)
    calls = sum(busy["vendors"]["profiles"]["calls"].values())
    updated = sum(busy["vendors"]["profiles"]["writes"].values())
    return [
        Line(f"an unchanged night, {large:,} households, feed included", quiet["total_seconds"], "s", 90),
        *(Line(f"  {name}", value, "s") for name, value in quiet["seconds"].items()),
        Line("  writes at eMoney besides the feed", others, "", 0),
        Line("  writes at Profiles: computed loans whose payment fell due", writes, ""),
        Line(f"a night with 5 % changed ({busy['changed']:,} households)", busy["total_seconds"], "s"),
        Line("  Profiles calls for a household that is written", calls / max(updated, 1), "", 2.1),
    ]


def _transfer_lines(figures: dict[str, Any], contacts: int) -> list[Line]:
    whole = f"transfer of {contacts:,} contacts with {figures['rows']:,} rows between two PostgreSQL databases"
    return [
        Line(whole, sum(figures["wall_seconds"].values()), "s", 180),
        *(Line(f"  {name}", value, "s") for name, value in figures["wall_seconds"].items()),
        Line("  statements for a batch of 1,000 contacts", figures["statements_a_batch"], ""),
        Line("  peak memory", figures["peak_mib"], "MiB"),
    ]


def _by_hand_lines(figures: dict[str, float]) -> list[Line]:
    allowed = round(figures["allowed_seconds"], 2)
    return [
        Line("a run by hand, warm scheduler: from trigger to loaded", figures["loaded_seconds"], "s", allowed),
        Line("  to its report", figures["reported_seconds"], "s"),
        Line("  a DAG of as many empty tasks", figures["empty_seconds"], "s"),
    ]


def _trigger_lines(figures: dict[str, float]) -> list[Line]:
    which = f"{figures['triggers']:,.0f} triggers for {figures['households']:,.0f} households with a night among them"
    return [
        Line(f"{which}: sent within", figures["sent_seconds"], "s", 1),
        Line("  accepted within", figures["accepted_seconds"], "s"),
        Line("  ended within", figures["ended_seconds"], "s"),
        Line("  runs without one good outcome", figures["lost"], "", 0),
        Line("  households not there, or more than once", figures["not_there_once"], "", 0),
    ]


def _run(name: str, size: int) -> dict[str, Any]:
    with console.status(f"{name}, {size:,} …"):
        ended = subprocess.run(
            [sys.executable, "-m", f"tests.benchmarks.{name}", str(size)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
    if ended.returncode:
        console.print(f"[red]{name} failed[/]: its error stands above.")
        raise typer.Exit(1)
    figures: dict[str, Any] = json.loads(ended.stdout.strip().splitlines()[-1])
    return figures


def _parse_seconds() -> float:
    timed = "t = time.perf_counter(); import dags.weeknight_refresh; print(time.perf_counter() - t)"
    command = [sys.executable, "-c", f"import time, airflow.sdk; {timed}"]
    rounds = [subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True) for _ in range(3)]
    return statistics.median(float(ended.stdout.split()[-1]) for ended in rounds)


def _print(lines: list[Line]) -> None:
    table = Table("Benchmark", "Figure", "", "Bar", "")
    for line in lines:
        sign = "≥" if line.at_least else "≤"
        bar = "" if line.bar is None else f"{sign} {line.bar:,g}"
        digits = 0 if line.figure >= 100 or line.figure == int(line.figure) else 2
        met = "" if line.bar is None else ("met" if line.is_met else "[red]missed[/]")
        table.add_row(line.what, f"{line.figure:,.{digits}f}", line.unit, bar, met)
    console.print(table)


if __name__ == "__main__":
    typer.run(main)
