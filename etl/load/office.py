"""Moves the groups of an accepted transfer to another office, exactly once, whatever kills it on the way.

What hangs on a contact and what it becomes in the target are rules, given by the caller as a `Desk`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pandas as pd
import sqlalchemy as sa

from etl.load.ledger.store import Ledger

Rows = Mapping[str, pd.DataFrame]
Keys = Mapping[str, "pd.Series[int]"]


@dataclass(frozen=True)
class Built:
    """New rows for the target.

    ``rows``: table name -> rows in canonical form, all columns, in the order in which they can be inserted.
    ``origins``: table name -> source_id (text, null for a row that has none) and group (Int64; null for what groups
    share: carriers and products), row by row beside ``rows``.
    """

    rows: Rows
    origins: Rows


class Desk(Protocol):
    """What the rules say."""

    def read(self, contact_ids: Sequence[int]) -> Rows:
        """The rows that hang on these contacts as the source holds them now (a new snapshot at each call)."""

    def build(self, rows: Rows, keys: Keys) -> Built:
        """The target's rows of all that moves among ``rows``; ``keys``: table name -> new key by old key."""


@dataclass(frozen=True)
class Databases:
    """Both offices' databases; one and the same engine where they share one."""

    source: sa.Engine
    target: sa.Engine


def open_databases(source_url: str, target_url: str | None) -> Databases:
    """Connects to ``crm`` and ``crm_target`` (None: the same database)."""
    raise NotImplementedError


def move(
    ledger: Ledger, databases: Databases, transfer_id: str, desk: Desk, folder: Path, contacts_at_once: int = 1000
) -> None:
    """Moves every group of an accepted transfer that has not moved yet; new rows are staged under ``folder``.

    Started again after a kill it goes on where it stopped. A group that cannot move is ``failed`` with the rule or
    constraint and the record (`etl.load.ledger.transfers.read_groups`); the others go on. Afterwards the transfer is
    closed.
    """
    raise NotImplementedError


def bring_back(ledger: Ledger, databases: Databases, transfer_id: str) -> pd.DataFrame:
    """Takes a transfer back within 30 days: the source's contacts are there again, the target's are retired.

    Gives what was edited in the target since (entity, target_id): then nothing is changed. Raises `ParamsError` for a
    transfer that is not closed, older, or returned already.
    """
    raise NotImplementedError
