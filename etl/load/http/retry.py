"""When to try again, how long to wait, and when to stop asking. Thread-safe."""

import email.utils
import random
import threading
from collections.abc import Callable


class RetryBudget:
    """How many retries a run may spend altogether: an outage must not multiply its calls."""

    def __init__(self, retries: int) -> None:
        self._left = retries
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Spend one retry; False where none is left."""
        with self._lock:
            self._left -= 1
            return self._left >= 0

    @property
    def left(self) -> int:
        with self._lock:
            return max(0, self._left)


class CircuitBreaker:
    """Closed: calls pass. Open, after ``failures`` in a row: none do. After ``pause`` seconds one at a time tries."""

    def __init__(self, failures: int, pause: float, now: Callable[[], float]) -> None:
        self._limit = failures
        self._pause = pause
        self._now = now
        self._failed = 0
        self._opened_at: float | None = None
        self._trying = False
        self._lock = threading.Lock()

    def is_open(self) -> bool:
        """Whether a call would be refused now; changes nothing."""
        with self._lock:
            return self._refuses()

    def enter(self) -> bool:
        """Ask for one call; False: refused. Who gets True reports ``succeeded``, ``failed`` or ``withdrew``."""
        with self._lock:
            if self._refuses():
                return False
            self._trying = self._opened_at is not None
            return True

    def _refuses(self) -> bool:
        if self._opened_at is None:
            return False
        return self._trying or self._now() - self._opened_at < self._pause

    def succeeded(self) -> None:
        with self._lock:
            self._failed, self._opened_at, self._trying = 0, None, False

    def failed(self) -> None:
        with self._lock:
            self._failed += 1
            if self._failed >= self._limit:
                self._opened_at, self._trying = self._now(), False

    def withdrew(self) -> None:
        """The call was not made, or its answer says nothing about the vendor's health."""
        with self._lock:
            self._trying = False


def full_jitter(attempt: int, base: float, cap: float, rng: random.Random) -> float:
    """Seconds to wait before retry number ``attempt`` (from 0): anything up to the doubling bound."""
    return rng.uniform(0, min(cap, base * 2.0**attempt))


def retry_after(header: str | None, date: str | None, wall_clock: Callable[[], float], cap: float) -> float | None:
    """Seconds that ``Retry-After`` asks for (a number, or an HTTP date against the server's own ``Date``), capped.

    None where the header is absent or says nothing readable.
    """
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return min(cap, float(text[:9]))
    until = read_date(text)
    if until is None:
        return None
    since = read_date(date)
    return min(cap, max(0.0, until - (since if since is not None else wall_clock())))


def read_date(http_date: str | None) -> float | None:
    """Seconds since 1970 of an HTTP date; None where there is none, or it is unreadable."""
    if http_date is None:
        return None
    try:
        return email.utils.parsedate_to_datetime(http_date).timestamp()
    except (TypeError, ValueError, OverflowError, IndexError):
        return None
