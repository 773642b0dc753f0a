"""A transfer that is being carried out, and what it asks the rules."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pandas as pd
from sqlalchemy.engine import Connection

from etl.errors import LockLost, UnitsBusy
from etl.load.ledger import locks
from etl.load.ledger.store import Ledger
from etl.load.ledger.transfers.transfers import Transfer
from etl.load.transfer.databases import Databases

# What is read, compared and written at once, whatever the size of a transfer; a larger group goes alone.
CONTACTS_AT_ONCE = 1000

Rows = Mapping[str, pd.DataFrame]
Keys = Mapping[str, "pd.Series[int]"]


class Desk(Protocol):
    """What hangs on a contact, and what it becomes in the target."""

    def read(self, contact_ids: Sequence[int], within: Connection | None = None) -> Rows:
        """The rows that hang on these contacts as the source holds them now.

        ``within``: read through this transaction (of SQLite), not through a snapshot of its own.
        """

    def build(self, rows: Rows, group_nos: Sequence[int], keys: Keys) -> Rows:
        """What of ``rows`` moves with these groups, as the target's new rows.

        By table, in an order that foreign keys allow: all columns in canonical form, and ``source_id`` (text) and
        ``group``. ``keys``: by table the new key of each old one.
        """


@dataclass(frozen=True)
class Move:
    """One transfer with everything that it needs; ``folder``: where its new rows are staged."""

    ledger: Ledger
    databases: Databases
    transfer: Transfer
    desk: Desk
    folder: Path
    sleep: Callable[[float], None]
    still_mine: Callable[[], None]  # raises `UnitsBusy` where another process has taken it over

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
def alone(ledger: Ledger, transfer_id: str) -> Iterator[Callable[[], None]]:
    """One process at a time works on a transfer; gives what makes sure that it is still this one.

    Raises `UnitsBusy` where another one does.
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
