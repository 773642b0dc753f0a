"""The household lock: one run at a time writes one household to one vendor.

It is held in the ledger across intent, send and confirm. Its epoch grows with every holder. It is checked before each
call (`Lock.still_held`), so that a run that lost its lock stops within one request. A process extends all its locks as
long as it lives. The lock of a dead holder is free: at once where its death can be seen from this machine, else when
the lock expires by the ledger's clock (`Ledger.seconds`).
"""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from etl.errors import VENDOR_NAMES, LedgerUnavailable, LockLost
from etl.load.bulk import text_list
from etl.load.ledger.store import Ledger, matching
from etl.load.ledger.tables import household_lock
from etl.load.ledger.writer import change

# How long a lock outlives a holder whose death cannot be seen from this machine.
LIFETIME_SECONDS = 180.0
# How often a lock is extended in that time.
EXTENSIONS = 3


@dataclass(eq=False)
class Lock:
    """A held lock on one household at one vendor.

    ``granted``: the clocks right before its lifetime began; ``is_watched``: a thread works under it.
    """

    ledger: Ledger
    vendor: str
    unit_key: str
    holder: str
    epoch: int
    granted: tuple[float, float]
    is_watched: bool = False

    def still_held(self, for_a_write: bool = False) -> None:
        """Raises `LockLost` where another run has taken the household over.

        Nobody can have done so within the lock's lifetime: the ledger is asked only when half of it is over. Where
        other machines share the ledger, it is asked for each write, too: a virtual machine that is stopped for a while
        stops with all its clocks.
        """
        is_young = max(now - then for now, then in zip(_clocks(), self.granted, strict=True)) < LIFETIME_SECONDS / 2
        if is_young and (self.ledger.is_sqlite or not for_a_write or self._is_there()):
            return
        extend(self.ledger, [self])
        if self.granted is _LOST:
            vendor = VENDOR_NAMES.get(self.vendor, self.vendor)
            raise LockLost(f"{self.unit_key}: another run has taken this household over at {vendor}.")

    def _is_there(self) -> bool:
        mine = {"vendor": self.vendor, "unit_key": self.unit_key, "holder": self.holder, "epoch": self.epoch}
        return bool(self.ledger.rows(sa.select(household_lock.c.epoch).where(*matching(household_lock, **mine))))


# Stands for the clocks of a lock that another run has taken over.
_LOST = (float("-inf"), float("-inf"))


def _clocks() -> tuple[float, float]:
    """Two clocks that go on while the machine sleeps: the one is never set, by the other a file's locks expire."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)), time.time()


class _Keeper:
    """Extends the locks that this process holds from a thread of its own, for as long as it holds any."""

    def __init__(self) -> None:
        self._changing = threading.Lock()
        self._held: list[Lock] = []
        self._thread: threading.Thread | None = None

    @contextmanager
    def keeping(self, locks: Sequence[Lock]) -> Iterator[None]:
        """Keeps the locks extended."""
        with self._changing:
            self._held += locks
            if locks and (self._thread is None or not self._thread.is_alive()):
                self._thread = threading.Thread(target=self._extend, name="locks", daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._changing:
                self._held = [lock for lock in self._held if lock not in locks]

    def _extend(self) -> None:
        while True:
            time.sleep(LIFETIME_SECONDS / EXTENSIONS)
            with self._changing:
                held = [*self._held]
                if not held:
                    self._thread = None
                    return
            for ledger in {lock.ledger for lock in held}:
                with suppress(LedgerUnavailable):  # tried again before the locks expire
                    extend(ledger, [lock for lock in held if lock.ledger is ledger])


class _Watched(threading.local):
    """The locks under which this thread works."""

    def __init__(self) -> None:
        self.locks: list[Lock] = []


_keeper, _watched = _Keeper(), _Watched()


def _begin_as_child() -> None:
    """A forked process holds none of its parent's locks, and has another name."""
    global _keeper, _watched
    _keeper, _watched = _Keeper(), _Watched()
    _process.cache_clear()


os.register_at_fork(after_in_child=_begin_as_child)


@contextmanager
def watching(lock: Lock) -> Iterator[None]:
    """This thread works under the lock: `check_held` checks it."""
    _watched.locks.append(lock)
    lock.is_watched = True
    try:
        yield
    finally:
        lock.is_watched = False
        _watched.locks.remove(lock)


def check_held(for_a_write: bool = False) -> None:
    """Checks all locks that this thread works under. Raises `LockLost` where another run has taken one of them over."""
    for lock in _watched.locks:
        lock.still_held(for_a_write)


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
    """The household's lock, or None where a living holder keeps it for longer than ``patience_seconds``.

    This thread works under it.
    """
    with hold_all(ledger, vendor, [unit_key], holder, patience_seconds, sleep) as held:
        lock = held.get(unit_key)
        with nullcontext() if lock is None else watching(lock):
            yield lock


@contextmanager
def hold_all(
    ledger: Ledger,
    vendor: str,
    unit_keys: Collection[str],
    holder: str,
    patience_seconds: float = 0.0,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[dict[str, Lock]]:
    """unit key -> its lock, of the households that are free within ``patience_seconds``. See `watching`.

    Where the wait for the threads that work under the locks is broken off, their locks stay until this process ends or
    their lifetime is over.
    """
    held: dict[str, Lock] = {}
    waited = 0.0
    try:
        while True:
            granted = _clocks()
            taken = acquire(ledger, vendor, {*unit_keys} - {*held}, holder)
            held |= {key: Lock(ledger, vendor, key, holder, epoch, granted) for key, epoch in taken.items()}
            if len(held) == len({*unit_keys}) or waited >= patience_seconds:
                break
            sleep(LOOK_SECONDS)
            waited += LOOK_SECONDS
        with _keeper.keeping([*held.values()]):
            yield held
    finally:
        ended = [lock for lock in held.values() if not lock.is_watched]
        for lock in ended:
            lock.granted = _LOST  # for a thread that begins only now
        release(ledger, vendor, {lock.unit_key: lock.epoch for lock in ended}, holder)


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


# By what a lock is known from every other, one household's former and later ones too.
_EPOCH = ("vendor", "unit_key", "epoch")


def _take(ledger: Ledger, connection: Connection, vendor: str, epochs: Mapping[str, int], holder: str) -> None:
    until = ledger.seconds() + LIFETIME_SECONDS
    statement = (
        sa.update(household_lock)
        .where(household_lock.c.vendor == vendor, household_lock.c.unit_key == sa.bindparam("key"))
        .values(holder=holder, epoch=sa.bindparam("next"), expires_at=until)
    )
    if epochs:
        connection.execute(statement, [{"key": key, "next": epoch} for key, epoch in epochs.items()])


def extend(ledger: Ledger, held: Sequence[Lock]) -> None:
    """Begins the locks' lifetime anew, except of those that others have taken over."""
    granted = _clocks()
    mine = (
        household_lock.c.unit_key.in_(text_list(ledger.engine, (lock.unit_key for lock in held))),
        household_lock.c.holder.in_({lock.holder for lock in held}),
        household_lock.c.expires_at > 0.0,  # none that was released meanwhile
    )
    with ledger.write(durable=False) as connection:
        if not ledger.is_sqlite:
            # In the order in which `acquire` asks for the rows: else each of the two may wait for the other.
            ordered = sa.select(household_lock.c.unit_key).where(*mine).order_by(household_lock.c.unit_key)
            connection.execute(ordered.with_for_update())
        statement = sa.update(household_lock).where(*mine).values(expires_at=ledger.seconds() + LIFETIME_SECONDS)
        rows = connection.execute(statement.returning(*(household_lock.c[name] for name in _EPOCH))).all()
    extended = {tuple(row) for row in rows}
    for lock in held:
        lock.granted = granted if (lock.vendor, lock.unit_key, lock.epoch) in extended else _LOST


def release(ledger: Ledger, vendor: str, epochs: Mapping[str, int], holder: str) -> None:
    """Gives locks back (unit key -> epoch, as `acquire` gave them), except those that others have taken meanwhile."""
    ended = [
        change(household_lock, {"vendor": vendor, "unit_key": key, "holder": holder, "epoch": epoch}, expires_at=0.0)
        for key, epoch in sorted(epochs.items())
    ]
    if ended:
        with ledger.write(durable=False) as connection:
            ledger.apply(connection, *ended)


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
