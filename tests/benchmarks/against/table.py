"""The lines of the table: figures of both builds, their ratio, the target, and whether it is met."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from rich.table import Table

Result = TypeVar("Result")


@dataclass(frozen=True)
class Line:
    """One figure of both builds.

    ``old`` is None where only this build is measured. ``target`` is the most that is allowed: of the ratio of this
    build to the other one, or of this build's ``figure`` alone; None: for information.
    """

    what: str
    unit: str
    old: float | None
    new: float
    target: float | None = None
    of: Literal["ratio", "figure"] = "ratio"

    @property
    def ratio(self) -> float | None:
        """This build beside the other one; None where the other one has no figure or needs nothing."""
        return self.new / self.old if self.old else None

    @property
    def is_met(self) -> bool | None:
        """Whether the target is met; None where there is none, or nothing to compare with."""
        held = self.ratio if self.of == "ratio" else self.new
        if self.target is None:
            return None
        if held is None:  # the other build needs nothing: neither may this one
            return None if self.old is None else self.new <= 0
        return held <= self.target


def in_turn(names: Sequence[str], rounds: int, work: Callable[[str, int], Result]) -> dict[str, list[Result]]:
    """``work(name, round)`` for each name in each round: what disturbs the machine disturbs both."""
    found: dict[str, list[Result]] = {name: [] for name in names}
    for number in range(rounds):
        for name in names:
            found[name].append(work(name, number))
    return found


def median_of(results: Iterable[dict[str, Any]], *path: str) -> float:
    """The median of a figure that lies in each of the results."""
    figures = []
    for result in results:
        value: Any = result
        for name in path:
            value = value[name]
        figures.append(float(value))
    return statistics.median(figures)


def select(only: str, known: Iterable[str]) -> list[str]:
    """The measurements that are named, in their own order; without names all. Raises `ValueError` for an unknown."""
    all_known = list(known)
    named = [name.strip() for name in only.split(",") if name.strip()]
    strangers = sorted(set(named) - set(all_known))
    if strangers:
        raise ValueError(f"ONLY={only}: no measurement {', '.join(strangers)}. There are {', '.join(all_known)}.")
    return [name for name in all_known if not named or name in named]


def scaled(size: int, scale: float) -> int:
    """A size in a smaller form, never so small that nothing is left."""
    return max(20, round(size * scale))


def show(lines: Sequence[Line], old: str, new: str) -> Table:
    """The table for a terminal."""
    table = Table("What", old, new, "", "Ratio", "At most", "")
    for name in (1, 2, 4, 5):
        table.columns[name].justify = "right"
    for line in lines:
        target = "" if line.target is None else f"{line.target:g} ×" if line.of == "ratio" else f"{line.target:g}"
        verdict = {None: "", True: "ok", False: "[red]not[/]"}[line.is_met]
        ratio = "" if line.ratio is None else f"{line.ratio:.2f} ×"
        table.add_row(line.what, written(line.old), written(line.new), line.unit, ratio, target, verdict)
    return table


def written(figure: float | None) -> str:
    """Three digits that count."""
    if figure is None:
        return ""
    digits = 0 if abs(figure) >= 100 or figure == int(figure) else 1 if abs(figure) >= 10 else 2
    return f"{figure:,.{digits}f}"
