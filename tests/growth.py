"""How the time of a function grows with the size of what it works on."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable


def growth(work: Callable[[int], Callable[[], object]], small: int, large: int) -> float:
    """How many times as long the large work takes as the small one, each at its best; ``work`` makes one of a size.

    Time of this thread alone: other processes of a busy machine count as little as can be.
    """
    return _best(work(large)) / _best(work(small))


def _best(work: Callable[[], object], tries: int = 3) -> float:
    seconds = []
    for _ in range(tries):
        gc.disable()
        began = time.thread_time()
        work()
        seconds.append(time.thread_time() - began)
        gc.enable()
    return min(seconds)
