"""What a process counts of its work, for monitoring. While nobody collects, nothing is kept.

``count`` adds to a number of events, ``level`` notes how much of something there is now. Names are made of words and
dots; no name and no value says anything of a client.
"""

from __future__ import annotations

import threading
from collections import Counter

_changing = threading.Lock()
_counts: Counter[str] = Counter()
_levels: dict[str, float] = {}
_collected = False


def collect(wanted: bool = True) -> None:
    """From now on numbers are kept until they are taken, or not."""
    global _collected
    _collected = wanted
    take()


def is_collected() -> bool:
    """Whether somebody takes the numbers: what is only made for them can be left out otherwise."""
    return _collected


def count(name: str, times: int = 1) -> None:
    """Something happened so many times more."""
    if _collected:
        with _changing:
            _counts[name] += times


def level(name: str, value: float) -> None:
    """There is so much of something now."""
    if _collected:
        with _changing:
            _levels[name] = value


def take() -> tuple[dict[str, int], dict[str, float]]:
    """The counts and levels since the last time; they begin anew."""
    with _changing:
        taken = dict(_counts), dict(_levels)
        _counts.clear()
        _levels.clear()
    return taken
