"""Seeded chance: everything random about the demo office comes from here, so that one seed gives one office."""

import random
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")

NBSP = "\u00a0"

_MESSES: tuple[Callable[[str], str], ...] = (
    str.upper,
    str.lower,
    lambda text: f" {text}",
    lambda text: f"{text}  ",
    lambda text: f"{NBSP}{text}",
    lambda text: f"{text}{NBSP} ",
)


def weigh(choices: Iterable[tuple[T, int]]) -> tuple[T, ...]:
    """A tuple in which each choice stands as often as it weighs: what `Dice.pick` picks from."""
    return tuple(choice for choice, weight in choices for _ in range(weight))


class Dice(random.Random):
    """`random.Random` with the few throws the demo office needs, each cheap enough for a hundred thousand families."""

    def pick(self, options: Sequence[T]) -> T:
        return options[int(self.random() * len(options))]

    def chance(self, probability: float) -> bool:
        return self.random() < probability

    def whole(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        return low + int(self.random() * (high - low + 1))

    def flag(self, probability: float) -> bool | None:
        """A check box: selected, cleared, or never touched (null, which reads as cleared)."""
        if self.random() < probability:
            return True
        return False if self.random() < 0.6 else None

    def digits(self, count: int) -> str:
        return f"{int(self.random() * 10**count):0{count}d}"

    def label(self, text: str) -> str:
        """A drop-down label as people leave it: now and then in odd case, or with blanks around it."""
        return text if self.random() > 0.04 else self.pick(_MESSES)(text)
