"""A transfer that a process is carrying out, alone, and how many of its groups go at once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import pandas as pd
from sqlalchemy.engine import Connection

from etl.errors import LockLost, UnitsBusy
from etl.load.ledger import locks
from etl.load.ledger.store import Ledger
from etl.load.ledger.transfers.transfers import Transfer
from etl.load.transfer.databases import Databases

# How many contacts are read, compared and written at once; a larger group goes alone.
CONTACTS_AT_ONCE = 1000

Rows: TypeAlias = Mapping[str, pd.DataFrame]
# By table the new key of each old one.
Keys: TypeAlias = Mapping[str, "pd.Series[int]"]
# Gives the rows of some contacts as a database holds them now. It reads through the transaction that it is given: on
# SQLite that is the only safe way to read what the transaction has locked (`databases.own_transaction`).
RowSource: TypeAlias = Callable[[Sequence[int], Connection | None], Rows]


@dataclass(frozen=True)
class TransferJob:
    """A transfer with everything that its import needs; ``folder``: where its new rows are staged."""

    ledger: Ledger
    databases: Databases
    transfer: Transfer
    read_source: RowSource
    folder: Path
    sleep: Callable[[float], None]
    still_mine: Callable[[], None]  # raises `UnitsBusy` where another process has taken the transfer over

    @property
    def transfer_id(self) -> str:
        """The run's id."""
        return self.transfer.transfer_id


def portions(groups: Iterable[tuple[int, int]], contacts_at_once: int) -> Iterator[list[int]]:
    """Whole groups, some at a time; ``groups``: the number of each and how many contacts it has."""
    chosen: list[int] = []
    contacts = 0
    for group_no, size in groups:
        if chosen and contacts + size > contacts_at_once:
            yield chosen
            chosen, contacts = [], 0
        chosen.append(group_no)
        contacts += size
    if chosen:
        yield chosen


@contextmanager
def exclusive(ledger: Ledger, transfer_id: str) -> Iterator[Callable[[], None]]:
    """Lets one process at a time work on a transfer; gives the check that it is still this one.

    Raises `UnitsBusy` while another process works on it.
    """
    words = f"Another process is carrying out the transfer {transfer_id} now."
    key = hashlib.sha256(transfer_id.encode()).hexdigest()[:40]
    with locks.hold(ledger, "transfer", key, locks.holder_name(transfer_id)) as lock:
        if lock is None:
            raise UnitsBusy(words)

        def still_mine() -> None:
            try:
                lock.still_held()
            except LockLost:
                raise UnitsBusy(words) from None

        yield still_mine
