"""The call limit of one api key, in both readings of its wording: calls per rolling minute and calls in flight."""

import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

WINDOW_SECONDS = 60.0


class Limited(Exception):
    """The call is one too many; `retry_after` is in seconds, None where the answer does not say."""

    def __init__(self, retry_after: float | None) -> None:
        super().__init__("too many calls")
        self.retry_after = retry_after


class CallLimit:
    """At most `per_minute` calls start in any 60 s and at most `in_flight` run at once, for each key; 0 = no limit."""

    def __init__(self, per_minute: int, in_flight: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_minute = per_minute
        self.in_flight = in_flight
        self._clock = clock
        self._started: dict[str, deque[float]] = defaultdict(deque)
        self._running: dict[str, int] = defaultdict(int)
        self.peak_in_flight = 0

    def _admit(self, key: str) -> None:
        if self.in_flight and self._running[key] >= self.in_flight:
            raise Limited(None)
        if not self.per_minute:
            return
        now = self._clock()
        started = self._started[key]
        while started and started[0] <= now - WINDOW_SECONDS:
            started.popleft()
        if len(started) >= self.per_minute:
            raise Limited(started[0] + WINDOW_SECONDS - now)
        started.append(now)

    @contextmanager
    def hold(self, key: str) -> Iterator[None]:
        """Count one call from its start to its end; raises Limited without counting it."""
        self._admit(key)
        self._running[key] += 1
        self.peak_in_flight = max(self.peak_in_flight, self._running[key])
        try:
            yield
        finally:
            self._running[key] -= 1

    def forget(self) -> None:
        """Start with a fresh window (calls that still run stay counted)."""
        self._started.clear()
        self.peak_in_flight = 0
