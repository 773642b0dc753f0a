"""The limiter of all machines that share a PostgreSQL ledger: `etl.load.ledger.permits` for the threads of a process.

One thread asks for all that wait, and settles with the same question what has ended: a call costs at most about one
question, however many threads wait. It reports ages, not times: this machine's clock need not agree with the server's.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from etl.errors import LedgerUnavailable
from etl.load.http.limiter import Limit
from etl.load.ledger import permits
from etl.load.ledger.store import Ledger

SHORTEST_WAIT, LONGEST_WAIT = 0.01, 1.0
# How long the calls of a process that died are taken to be under way, and how often a living one extends that.
LEASE_SECONDS = 20.0
EXTENSIONS = 4
# A place that no thread took at once is given back: its lease runs.
STALE_AFTER = 5.0


class LedgerLimiter:
    """Waits until a call may be made; never refuses one. For any number of threads, processes and machines.

    Raises `LedgerUnavailable` where the ledger cannot be asked.
    """

    def __init__(self, ledger: Ledger, api_key: str, limit: Limit, lease_seconds: float = LEASE_SECONDS) -> None:
        self._ledger, self._limit, self._lease = ledger, limit, lease_seconds
        self._key = hashlib.sha256(api_key.encode()).hexdigest()[:16]
        self._changed = threading.Condition()
        # Granted places with the time right before the question, and calls that ended; times by this machine's clock.
        self._granted: deque[tuple[int, float]] = deque()
        self._ended: list[tuple[int, float]] = []
        self._under_way: set[int] = set()
        self._keeper: threading.Thread | None = None
        self._ticket: int | None = None
        self._waiting = 0
        self._is_asking = False

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold one of the places while a call is made."""
        call = self._take()
        try:
            yield
        finally:
            self._end(call)

    def _take(self) -> int:
        with self._changed:
            self._waiting += 1
            try:
                while (call := self._pop()) is None:
                    if self._is_asking:
                        self._changed.wait()
                    else:
                        self._ask(may_wait=True)
                self._under_way.add(call)
                if self._keeper is None:
                    self._keeper = threading.Thread(target=self._keep, name="permits", daemon=True)
                    self._keeper.start()
                return call
            finally:
                self._waiting -= 1

    def _keep(self) -> None:
        """Extends the leases for as long as a call is under way."""
        while True:
            time.sleep(self._lease / EXTENSIONS)
            with self._changed:
                if not self._under_way:
                    self._keeper = None
                    return
                with suppress(LedgerUnavailable):  # asked again before the leases are over
                    self._ask_or_wake()

    def _end(self, call: int) -> None:
        with self._changed, suppress(LedgerUnavailable):  # it counts until a later question, or its lease, ends it
            self._under_way.discard(call)
            self._ended.append((call, time.monotonic()))
            self._ask_or_wake()

    def _ask_or_wake(self) -> None:
        """Settles at once what has ended: by the thread that asks or waits to ask, else by this one."""
        if self._is_asking:
            self._changed.notify_all()
        else:
            self._ask(may_wait=False)

    def _pop(self) -> int | None:
        while self._granted:
            call, at = self._granted.popleft()
            if time.monotonic() - at < STALE_AFTER:
                return call
            self._ended.append((call, time.monotonic()))
        return None

    def _ask(self, may_wait: bool) -> None:
        """Asks for all threads that wait, and again while calls end meanwhile; then the others go on.

        The caller holds the condition; others may change what it guards while the ledger is asked.
        """
        self._is_asking = True
        try:
            while True:
                pause = self._ask_once()
                if not self._ended:
                    break
            if may_wait and not self._granted:
                self._changed.wait(pause)
        finally:
            self._is_asking = False
            self._changed.notify_all()

    def _ask_once(self) -> float:
        """One question; gives the seconds after which another one may find room."""
        ended, self._ended = self._ended, []
        wanted = min(self._limit.in_flight, max(0, self._waiting - len(self._granted)))
        asked_at, limit = time.monotonic(), self._limit
        ages = [(call, asked_at - at) for call, at in ended]
        question = permits.Ask(
            self._key, limit.calls, limit.in_flight, limit.window, self._lease, wanted, self._ticket,
            [*self._under_way], ages,
        )  # fmt: skip
        self._changed.release()
        try:
            answer = permits.ask(self._ledger, question)
        except BaseException:
            self._changed.acquire()
            self._ended += ended
            raise
        self._changed.acquire()
        self._ticket = answer.ticket
        self._granted.extend((call, asked_at) for call in answer.calls)
        until = LONGEST_WAIT / 4 if answer.room_in is None else answer.room_in
        return min(LONGEST_WAIT, max(SHORTEST_WAIT, until))
