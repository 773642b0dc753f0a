"""Which units break a step that works on many at once: those alone are set aside, and all others go on.

What breaks is split in two, and each half is tried again, until a unit breaks alone: about ``2 log2(n)`` tries for
each. The number of tries has a ceiling; what is still broken together there is set aside together.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from etl.errors import GateBroken, RetryLater, StopRun

Unit = TypeVar("Unit")
Result = TypeVar("Result")

MOST_TRIES = 1_000
# Where none of so many units passes, the fault is not theirs.
NONE_OF = 3


@dataclass
class Narrowed(Generic[Unit, Result]):
    """``results`` of the groups that passed; ``broken``: each unit that did not, with the error that it met.

    ``error``: the first one, which may have come of several units together and of none alone.
    """

    results: list[Result] = field(default_factory=list)
    broken: dict[Unit, Exception] = field(default_factory=dict)
    error: Exception | None = None


def narrow(
    units: Sequence[Unit], step: Callable[[Sequence[Unit]], Result], most_tries: int = MOST_TRIES
) -> Narrowed[Unit, Result]:
    """Runs a step over all units at once or, where that breaks, over parts of them.

    Raises what no unit is to blame for: what a person or another time has to mend, a full disk or memory, and the
    first error where none of `NONE_OF` units or more passes.
    """
    narrowed: Narrowed[Unit, Result] = Narrowed()
    waiting, tries = deque([units]), 0
    while waiting:
        group = waiting.popleft()
        if narrowed.error is not None and tries >= most_tries:
            narrowed.broken.update(dict.fromkeys(group, narrowed.error))
            continue
        tries += 1
        try:
            narrowed.results.append(step(group))
        except Exception as error:
            if not _can_be_theirs(error):
                raise
            narrowed.error = narrowed.error or error
            middle = len(group) // 2
            if middle:
                waiting.extend((group[:middle], group[middle:]))
            else:
                narrowed.broken.update(dict.fromkeys(group, error))
    if narrowed.error is not None and not narrowed.results and len(units) >= NONE_OF:
        raise narrowed.error
    return narrowed


def _can_be_theirs(error: Exception) -> bool:
    """Whether one unit's data can have raised this: nobody foresaw it, or a check could not run over them."""
    return isinstance(error, GateBroken) or not isinstance(error, (RetryLater, StopRun, OSError, MemoryError))
