"""The household lock: one run at a time writes one household to one vendor.

Held in the ledger across intent, send and confirm. Its epoch grows with every holder and is checked again before each
call (`Lock.still_held`), so that a zombie stops within one request. A lock whose holder died is free: at once where
the holder was a process of this machine that is gone, else when it expires.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from etl.errors import VENDOR_NAMES, LockLost
from etl.load.ledger.store import Ledger
from etl.load.ledger.tables import household_lock

# Longer than any single call (30 s) with its look-up afterwards; every check extends it.
LIFETIME_SECONDS = 180.0


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
        mine = (*_is(self.vendor, self.unit_key), household_lock.c.epoch == self.epoch)
        rows = self.ledger.rows(
            sa.select(household_lock.c.expires_at).where(*mine, household_lock.c.holder == self.holder)
        )
        if rows and rows[0]["expires_at"] - time.time() > LIFETIME_SECONDS / 2:
            return
        with self.ledger.write(durable=False) as connection:
            extended = connection.execute(
                sa.update(household_lock)
                .where(*mine, household_lock.c.holder == self.holder)
                .values(expires_at=time.time() + LIFETIME_SECONDS)
            ).rowcount
        if not extended:
            vendor = VENDOR_NAMES.get(self.vendor, self.vendor)
            raise LockLost(f"{self.unit_key}: another run has taken this household over at {vendor}.")


def holder_name(run_id: str) -> str:
    """This process, so that others on this machine can see whether it lives: host|pid|start|run."""
    return f"{socket.gethostname()}|{os.getpid()}|{_started(os.getpid())}|{run_id}"[:250]


# How often a run that waits for a lock looks for it.
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
    """The household's lock, or None where a living holder has it and keeps it for so long."""
    held = acquire(ledger, vendor, [unit_key], holder)
    waited = 0.0
    while unit_key not in held and waited < patience_seconds:
        sleep(LOOK_SECONDS)
        waited += LOOK_SECONDS
        held = acquire(ledger, vendor, [unit_key], holder)
    if unit_key not in held:
        yield None
        return
    try:
        yield Lock(ledger, vendor, unit_key, holder, held[unit_key])
    finally:
        release(ledger, vendor, {unit_key: held[unit_key]}, holder)


def acquire(ledger: Ledger, vendor: str, unit_keys: Iterable[str], holder: str) -> dict[str, int]:
    """Takes what is free of these households' locks in one transaction: unit key -> epoch of those taken."""
    wanted = sorted(set(unit_keys))
    taken: dict[str, int] = {}
    with ledger.write(durable=False) as connection:
        for start in range(0, len(wanted), 500):
            part = wanted[start : start + 500]
            # First a row that nobody holds: of two that race to make it one waits, and then finds it taken.
            blank = {"vendor": vendor, "holder": "", "epoch": 0, "expires_at": 0.0}
            insert = (sqlite if ledger.is_sqlite else postgresql).insert(household_lock).on_conflict_do_nothing()
            connection.execute(insert, [{**blank, "unit_key": key} for key in part])
            select = sa.select(household_lock).where(
                household_lock.c.vendor == vendor, household_lock.c.unit_key.in_(part)
            )
            ordered = select.order_by(household_lock.c.unit_key)
            rows = connection.execute(ordered if ledger.is_sqlite else ordered.with_for_update()).mappings()
            taken.update({row["unit_key"]: row["epoch"] + 1 for row in rows if _is_free(row)})
        ledger.upsert(
            connection,
            household_lock,
            (
                {
                    "vendor": vendor,
                    "unit_key": key,
                    "holder": holder,
                    "epoch": epoch,
                    "expires_at": time.time() + LIFETIME_SECONDS,
                }
                for key, epoch in taken.items()
            ),
        )
    return taken


def release(ledger: Ledger, vendor: str, epochs: Mapping[str, int], holder: str) -> None:
    """Gives locks back (unit key -> epoch, as `acquire` gave them); what others have taken meanwhile stays theirs."""
    with ledger.write(durable=False) as connection:
        for unit_key, epoch in epochs.items():
            connection.execute(
                sa.update(household_lock)
                .where(*_is(vendor, unit_key), household_lock.c.holder == holder, household_lock.c.epoch == epoch)
                .values(expires_at=0.0)
            )


def _is(vendor: str, unit_key: str) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return household_lock.c.vendor == vendor, household_lock.c.unit_key == unit_key


def is_held(row: sa.RowMapping) -> bool:
    """Whether a living holder has the lock of a row of `household_lock`."""
    return not _is_free(row)


def _is_free(row: sa.RowMapping) -> bool:
    if row["expires_at"] <= time.time():
        return True
    host, pid, started, _ = row["holder"].split("|", 3)
    return bool(host == socket.gethostname() and _started(int(pid)) != started)


def _started(pid: int) -> str:
    """When a process of this machine began, in clock ticks since boot; `gone` where there is none, or it is dead."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return "gone" if Path("/proc/self/stat").exists() else "unknown"
    state, *fields = stat.rsplit(")", 1)[1].split()
    return "gone" if state in "ZX" else fields[18]
