"""``python -m tests.benchmarks.against COMMIT``: the table of this build beside that commit.

A measurement that fails is named, the others go on; the exit status is 1 where one failed or missed its target.
"""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from include import ROOT
from tests.benchmarks.against.builds import Build, Failed, other_build
from tests.benchmarks.against.measures import ERRORS, MEASURES, Bench
from tests.benchmarks.against.table import Line, select, show

console = Console()


def main(
    commit: str,
    only: Annotated[str, typer.Option(help=f"Measurements, separated by commas: {', '.join(MEASURES)}.")] = "",
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of which the median counts.")] = 5,
    scale: Annotated[float, typer.Option(help="Factor of all sizes: 0.01 makes 1,000 households of 100,000.")] = 1,
    quick: Annotated[bool, typer.Option("--quick", help="One round, sizes of a hundredth.")] = False,
) -> None:
    """Measure this build and another commit in turn, and print one table."""
    try:
        names = select(only, MEASURES)
        old = other_build(commit, console.print)
    except (Failed, ValueError) as error:
        console.print(str(error), style="red", markup=False)
        raise typer.Exit(2) from None
    rounds, scale = (1, 0.01) if quick else (rounds, scale)
    bench = Bench(old, Build("this build", ROOT), rounds, scale, lambda text: console.print(text, markup=False))
    lines, failed = measured(bench, names)
    console.print(show(lines, old.name, "this build"))
    note = "CPU seconds (user and system) of the product's own processes, where nothing else is said;"
    console.print(f"{note} median of {rounds}, both builds in turn.", soft_wrap=True)
    for name in failed:
        console.print(f"{name} failed: its error stands above.", style="red")
    raise typer.Exit(int(bool(failed) or any(line.is_met is False for line in lines)))


def measured(bench: Bench, names: list[str]) -> tuple[list[Line], list[str]]:
    """The lines of these measurements, and the names of those that failed."""
    lines: list[Line] = []
    failed: list[str] = []
    for name in names:
        bench.say(f"{name} …")
        try:
            lines += MEASURES[name](bench)
        except ERRORS as error:
            bench.say(f"{name}: {type(error).__name__}: {error}")
            failed.append(name)
        finally:
            bench.stop()
    return lines, failed


if __name__ == "__main__":
    typer.run(main)
