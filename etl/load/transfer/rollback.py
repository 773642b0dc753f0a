"""Rolls a transfer back within 30 days, if nothing was edited since.

The source's records are restored, the target's retired. In one database that is one transaction. Across two databases
the source comes first, so that every contact is always in at least one office.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from etl import canonical, schema
from etl.errors import ParamsError
from etl.frames import each_row
from etl.load import bulk
from etl.load.ledger.store import Ledger
from etl.load.ledger.transfers import rekeying, rollbacks, transfers
from etl.load.ledger.transfers.transfers import Transfer
from etl.load.transfer import checks, rows
from etl.load.transfer.databases import Databases, clock, own_transaction, reading, writing
from etl.load.transfer.job import CONTACTS_AT_ONCE, RowSource, exclusive, portions
from etl.units import UnitKey

DAYS = 30
PUT_AWAY = (*rows.RETIRED, "household")

# A record that was edited since: the office (source or target), its table, its key, and why it counts as edited.
Edit: TypeAlias = tuple[str, str, str, str]


@dataclass(frozen=True)
class RollbackJob:
    """A transfer that is rolled back, with what it wrote to the target and retired in the source."""

    ledger: Ledger
    databases: Databases
    transfer: Transfer
    read_target: RowSource
    still_mine: Callable[[], None]  # raises `UnitsBusy` where another process has taken the transfer over
    arrived: pd.DataFrame  # `rollbacks.read_arrived`
    retired: pd.DataFrame  # `rollbacks.read_retired`
    contacts_at_once: int

    @property
    def transfer_id(self) -> str:
        """The run's id."""
        return self.transfer.transfer_id

    @property
    def contacts(self) -> pd.DataFrame:
        """entity_id, group of the contacts that the transfer wrote to the target."""
        return self.arrived[self.arrived["entity"] == "contact"]

    def portions(self) -> Iterator[tuple[list[int], list[int]]]:
        """Some groups at a time: their contacts in the target, and their numbers."""
        sizes = self.contacts.groupby("group").size()
        for group_nos in portions(zip(sizes.index.tolist(), sizes.tolist(), strict=True), self.contacts_at_once):
            yield self.contacts.loc[self.contacts["group"].isin(group_nos), "entity_id"].tolist(), group_nos


def roll_back(
    ledger: Ledger,
    databases: Databases,
    transfer_id: str,
    read_target: RowSource,
    sleep: Callable[[float], None] = time.sleep,
    contacts_at_once: int = CONTACTS_AT_ONCE,
) -> pd.DataFrame:
    """Rolls a transfer back; ``read_target`` gives the target's rows of contacts as they stand.

    Gives what was edited since: office (source | target), entity, entity_id, why. With any row nothing is changed;
    without rows the transfer is ``returned``. Started again after a kill it goes on. Raises `ParamsError` for a
    transfer that is not closed or is older than 30 days, `SourceUnavailable`, `LedgerUnavailable` and `UnitsBusy`
    (all three: try again later).
    """
    with exclusive(ledger, transfer_id) as still_mine:
        found = _returnable(ledger, transfer_id)
        edits: list[Edit] = []
        if found.status != "returned":
            arrived = rollbacks.read_arrived(ledger, transfer_id, PUT_AWAY)
            retired = rollbacks.read_retired(ledger, transfer_id)
            job = RollbackJob(ledger, databases, found, read_target, still_mine, arrived, retired, contacts_at_once)
            edits = _roll_back(job, sleep)
    return pd.DataFrame(edits, columns=["office", "entity", "entity_id", "why"]).astype("str")


def _roll_back(job: RollbackJob, sleep: Callable[[float], None]) -> list[Edit]:
    with reading(job.databases.source) as source:
        is_back = job.transfer.status == "returning" and not _still_retired(source, job.retired)["contact"]
    if is_back and _are_gone(job):
        rollbacks.finish(job.ledger, job.transfer_id)
        return []
    edits = _busy(job)
    if not edits:
        rollbacks.begin(job.ledger, job.transfer_id)
        rekeying.announce_rollback(job.ledger, job.transfer_id)
        rekeying.wait_until_free(job.ledger, job.transfer_id, sleep)
        edits = _in_doubt(job) or _change(job, is_back)
    job.still_mine()
    if not edits:
        rollbacks.finish(job.ledger, job.transfer_id)
    elif not is_back:
        rollbacks.give_up(job.ledger, job.transfer_id)
    return edits


def _returnable(ledger: Ledger, transfer_id: str) -> Transfer:
    found = transfers.require(ledger, transfer_id)
    if found.status not in ("closed", "returning", "returned"):
        raise ParamsError(f"The transfer {transfer_id} is {found.status.replace('_', ' ')}: nothing can be returned.")
    if found.status == "closed" and found.closed_at and ledger.now() - found.closed_at > timedelta(days=DAYS):
        raise ParamsError(
            f"The transfer {transfer_id} was closed on {found.closed_at:%Y-%m-%d}; it can be returned within {DAYS}"
            " days only."
        )
    return found


def _busy(job: RollbackJob) -> list[Edit]:
    """Contacts that another transfer has claimed."""
    sides = (
        ("target", job.transfer.target_database, job.contacts["entity_id"]),
        ("source", job.transfer.source_database, job.retired.loc[job.retired["entity"] == "contact", "entity_id"]),
    )
    edits = [
        (office, "contact", str(key), f"it is in transfer {other}")
        for office, database, keys in sides
        for key, other in transfers.claim(job.ledger, database, keys, job.transfer_id).items()
    ]
    if edits:
        transfers.release(job.ledger, job.transfer_id)
    return edits


def _in_doubt(job: RollbackJob) -> list[Edit]:
    """Units with a write at a vendor of which nobody knows the outcome."""
    units = sorted(set(rekeying.units_in_doubt(job.ledger, job.transfer_id).values()))
    words = "a write at a vendor has no answer yet: the next refresh settles it"
    return [("target", unit.entity, str(unit.number), words) for unit in map(UnitKey.parse, units)]


def _change(job: RollbackJob, is_back: bool) -> list[Edit]:
    """Checks under lock and changes both offices, or gives what was edited and changes nothing."""
    now = clock(job.databases.source) or job.ledger.now()
    with writing(job.databases.target) as target:
        edits = _edited_in_target(target, job)
        job.still_mine()
        if job.databases.are_one:
            edits += _restore(target, job, now, unless=edits)
        elif not edits and not is_back:
            with writing(job.databases.source) as source:
                edits = _restore(source, job, now)
        if not edits:
            rows.retire_rows(target, _by_table(job.arrived), now)
    return edits


def _restore(source: Connection, job: RollbackJob, now: datetime, unless: Sequence[Edit] = ()) -> list[Edit]:
    """Restores the source's records, or gives those that are not as the transfer left them and changes nothing."""
    still = _still_retired(source, job.retired)
    edits = [
        ("source", row.entity, str(row.entity_id), "it is no longer in Deleted Records as the transfer left it")
        for row in each_row(job.retired)
        if row.entity_id not in still[row.entity]
    ]
    if not edits and not unless:
        rows.restore_rows(source, _by_table(job.retired), now)
    return edits


def _by_table(records: pd.DataFrame) -> dict[str, pd.Series[int]]:
    return {str(entity): some["entity_id"] for entity, some in records.groupby("entity")}


def _are_gone(job: RollbackJob) -> bool:
    """Whether the target's contacts are retired, and only the ledger does not know it yet."""
    contact = schema.contact.c
    with reading(job.databases.target) as target:
        ids = bulk.id_list(target, job.contacts["entity_id"])
        there = sa.select(contact.contact_id).where(contact.contact_id.in_(ids), contact.deleted_at.is_(None))
        return target.execute(there.limit(1)).first() is None


def _edited_in_target(target: Connection, job: RollbackJob) -> list[Edit]:
    """Locks and compares some contacts at a time; contacts that moved together are compared together."""
    edits: list[Edit] = []
    for contacts, group_nos in job.portions():
        written = rollbacks.read_written(job.ledger, job.transfer_id, group_nos)
        rows.lock_rows(target, written)
        now = checks.hashed(job.read_target(contacts, own_transaction(target)))
        changed = checks.find_edits(written, now)
        edits += [("target", row.entity, row.entity_id, row.became) for row in each_row(changed)]
    return edits


def _still_retired(source: Connection, retired: pd.DataFrame) -> dict[str, set[int]]:
    """By table the records that are in *Deleted Records* as the transfer left them."""
    found: dict[str, set[int]] = {entity: set() for entity in PUT_AWAY}
    for entity, records in ((str(name), some) for name, some in retired.groupby("entity")):
        key = canonical.key_column(entity)
        wanted = sa.select(key, schema.metadata.tables[entity].c.deleted_at)
        held = {
            row[0]: row[1] for row in source.execute(wanted.where(key.in_(bulk.id_list(source, records["entity_id"]))))
        }
        stamps = zip(records["entity_id"].tolist(), pd.to_datetime(records["retired_at"]).tolist(), strict=True)
        found[entity] = {number for number, stamp in stamps if held.get(number) == stamp.to_pydatetime()}
    return found
