"""The household lock: one run at a time writes one household to one vendor.

It is held in the ledger across intent, send and confirm. Its epoch grows with every holder and is checked again before
each call (`Lock.still_held`), so that a run that lost its lock stops within one request. A process extends all its
locks as long as it lives. The lock of a dead holder is free: at once where its death can be seen from this machine,
else when the lock expires by the ledger's clock (`Ledger.seconds`).
"""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from etl.errors import VENDOR_NAMES, LedgerUnavailable, LockLost
from etl.load.ledger.store import Ledger, matching
from etl.load.ledger.tables import household_lock

# How long a lock outlives a holder whose death cannot be seen from this machine.
LIFETIME_SECONDS = 180.0
# How often a lock is extended in that time.
EXTENSIONS = 3


@dataclass(frozen=True)
class Lock:
    """A held lock on one household at one vendor."""

    ledger: Ledger
    vendor: str
    unit_key: str
    holder: str
    epoch: int

    def still_held(self) -> None:
        """Checks the lock, and extends it in time. Raises `LockLost` where another run has taken the household over."""
        left = household_lock.c.expires_at - self.ledger.seconds()
        rows = self.ledger.rows(sa.select(left.label("seconds")).where(*self._is_mine()))
        if not (rows and rows[0]["seconds"] > LIFETIME_SECONDS / 2) and not self.extend():
            vendor = VENDOR_NAMES.get(self.vendor, self.vendor)
            raise LockLost(f"{self.unit_key}: another run has taken this household over at {vendor}.")

    def extend(self) -> bool:
        """Begins the lock's lifetime anew; False where another run has taken the household over."""
        with self.ledger.write(durable=False) as connection:
            until = self.ledger.seconds() + LIFETIME_SECONDS
            statement = sa.update(household_lock).where(*self._is_mine()).values(expires_at=until)
            return bool(connection.execute(statement).rowcount)

    def _is_mine(self) -> list[sa.ColumnElement[bool]]:
        mine = {"vendor": self.vendor, "unit_key": self.unit_key, "holder": self.holder, "epoch": self.epoch}
        return matching(household_lock, **mine)


class _Keeper:
    """Extends the locks that this process holds from a thread of its own, for as long as it holds any."""

    def __init__(self) -> None:
        self._changing = threading.Lock()
        self._held: list[tuple[int, Lock]] = []  # with the thread that holds it
        self._thread: threading.Thread | None = None

    @contextmanager
    def keeping(self, lock: Lock) -> Iterator[None]:
        """Keeps the lock extended."""
        mine = threading.get_ident(), lock
        with self._changing:
            self._held.append(mine)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._extend, name="locks", daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._changing:
                self._held.remove(mine)

    def of_this_thread(self) -> list[Lock]:
        """The locks that the calling thread holds."""
        with self._changing:
            return [lock for thread, lock in self._held if thread == threading.get_ident()]

    def _extend(self) -> None:
        while True:
            time.sleep(LIFETIME_SECONDS / EXTENSIONS)
            with self._changing:
                held = [lock for _, lock in self._held]
                if not held:
                    self._thread = None
                    return
            for lock in held:
                with suppress(LedgerUnavailable):  # tried again before the locks expire
                    lock.extend()


_keeper = _Keeper()


def _begin_as_child() -> None:
    """A forked process holds none of its parent's locks, and has another name."""
    global _keeper
    _keeper = _Keeper()
    _process.cache_clear()


os.register_at_fork(after_in_child=_begin_as_child)


def check_held() -> None:
    """Checks all locks that this thread holds. Raises `LockLost` where another run has taken one of them over."""
    for lock in _keeper.of_this_thread():
        lock.still_held()


def holder_name(run_id: str) -> str:
    """The unique name of this process: id|machine|pid|start|host|run; host and run are for people."""
    return f"{_process()}|{socket.gethostname()}|{run_id}"[:250]


@cache
def _process() -> str:
    return f"{uuid.uuid4().hex}|{_machine()}|{os.getpid()}|{_started(os.getpid())}"


def _machine() -> str:
    """What this process shares with exactly the processes that it can see: boot and pid namespace; empty if unknown.

    Containers may share their host's name and boot without seeing each other's processes.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


# How long a run that waits for a lock sleeps between two attempts.
LOOK_SECONDS = 0.2


@contextmanager
def hold(
    ledger: Ledger,
    vendor: str,
    unit_key: str,
    holder: str,
    patience_seconds: float = 0.0,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Lock | None]:
    """The household's lock, or None where a living holder keeps it for longer than ``patience_seconds``."""
    held = acquire(ledger, vendor, [unit_key], holder)
    waited = 0.0
    while unit_key not in held and waited < patience_seconds:
        sleep(LOOK_SECONDS)
        waited += LOOK_SECONDS
        held = acquire(ledger, vendor, [unit_key], holder)
    if unit_key not in held:
        yield None
        return
    lock = Lock(ledger, vendor, unit_key, holder, held[unit_key])
    try:
        with _keeper.keeping(lock):
            yield lock
    finally:
        release(ledger, vendor, {unit_key: held[unit_key]}, holder)


def acquire(ledger: Ledger, vendor: str, unit_keys: Iterable[str], holder: str) -> dict[str, int]:
    """Takes those of the households' locks that are free, in one transaction: unit key -> epoch of those taken."""
    wanted = sorted(set(unit_keys))
    taken: dict[str, int] = {}
    with ledger.write(durable=False) as connection:
        for start in range(0, len(wanted), 500):
            part = wanted[start : start + 500]
            # First a row that nobody holds: of two racing inserts one waits, and then finds the row taken.
            blank = {"vendor": vendor, "holder": "", "epoch": 0, "expires_at": 0.0}
            insert = (sqlite if ledger.is_sqlite else postgresql).insert(household_lock).on_conflict_do_nothing()
            connection.execute(insert, [{**blank, "unit_key": key} for key in part])
            is_over = (household_lock.c.expires_at <= ledger.seconds()).label("is_over")
            select = sa.select(household_lock, is_over).where(
                household_lock.c.vendor == vendor, household_lock.c.unit_key.in_(part)
            )
            ordered = select.order_by(household_lock.c.unit_key)
            rows = connection.execute(ordered if ledger.is_sqlite else ordered.with_for_update()).mappings()
            free = {row["unit_key"]: row["epoch"] + 1 for row in rows if row["is_over"] or _has_died(row["holder"])}
            _take(ledger, connection, vendor, free, holder)
            taken.update(free)
    return taken


def _take(ledger: Ledger, connection: Connection, vendor: str, epochs: Mapping[str, int], holder: str) -> None:
    until = ledger.seconds() + LIFETIME_SECONDS
    statement = (
        sa.update(household_lock)
        .where(household_lock.c.vendor == vendor, household_lock.c.unit_key == sa.bindparam("key"))
        .values(holder=holder, epoch=sa.bindparam("next"), expires_at=until)
    )
    if epochs:
        connection.execute(statement, [{"key": key, "next": epoch} for key, epoch in epochs.items()])


def release(ledger: Ledger, vendor: str, epochs: Mapping[str, int], holder: str) -> None:
    """Gives locks back (unit key -> epoch, as `acquire` gave them), except those that others have taken meanwhile."""
    with ledger.write(durable=False) as connection:
        for unit_key, epoch in epochs.items():
            mine = matching(household_lock, vendor=vendor, unit_key=unit_key, holder=holder, epoch=epoch)
            connection.execute(sa.update(household_lock).where(*mine).values(expires_at=0.0))


def find_held(ledger: Ledger, *where: sa.ColumnElement[bool]) -> list[str]:
    """The unit keys of the locks of `household_lock` that meet the conditions and that a living holder has."""
    running = (household_lock.c.expires_at > ledger.seconds(), *where)
    rows = ledger.rows(sa.select(household_lock.c.unit_key, household_lock.c.holder).where(*running))
    return sorted(row["unit_key"] for row in rows if not _has_died(row["holder"]))


def _has_died(holder: str) -> bool:
    """Whether the holder has died, as far as this process can see; False for a process of another machine."""
    _, *seen_from, pid, started = holder.split("|")[:4]
    return seen_from == [_machine()] != [""] and _started(pid) != started


def _started(pid: int | str) -> str:
    """When a visible process began, in clock ticks since boot; ``gone`` for a process that is absent or dead."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return "gone"
    state, *fields = stat.rsplit(")", 1)[1].split()
    return "gone" if state in "ZX" else fields[18]
