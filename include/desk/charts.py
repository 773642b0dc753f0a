"""Small charts as shapes of SVG: the template draws them, in the colours of the page's style."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 900, 120


@dataclass(frozen=True)
class Bar:
    """A rectangle: its left edge, its upper edge, and its height; all bars of a chart have one width."""

    x: float
    y: float
    height: float


def line(values: Sequence[int], width: int = WIDTH, height: int = HEIGHT) -> str:
    """The points of a line over a row of values, the highest at the top and nought at the bottom; none for no value."""
    top, step = max([*values, 1]), width / max(len(values) - 1, 1)
    return " ".join(f"{number * step:.1f},{height - value / top * height:.1f}" for number, value in enumerate(values))


def bars(up: Sequence[int], down: Sequence[int], width: int = WIDTH, height: int = HEIGHT) -> tuple[list[Bar], ...]:
    """The bars of two rows of values, one up and one down from the middle, on one scale; without those of nought."""
    top, step, middle = max([*up, *down, 1]), width / max(len(up), 1), height / 2
    return (
        [Bar(round(n * step, 1), middle - _high(v, top, middle), _high(v, top, middle)) for n, v in enumerate(up) if v],
        [Bar(round(n * step, 1), middle, _high(v, top, middle)) for n, v in enumerate(down) if v],
    )


def bar_width(count: int, width: int = WIDTH) -> float:
    """The width of one of so many bars: a gap stays beside it, and few bars are no walls."""
    return round(min(width / max(count, 1) * 0.8, 24), 1)


def _high(value: int, top: int, height: float) -> float:
    return round(value / top * height, 1)
