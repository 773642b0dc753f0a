"""Takes a transfer back within 30 days, if nothing was edited since.

The source's records are set back, the target's retired. In one database that is one transaction; across two the source
comes first, so that nobody is in none.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from etl import schema
from etl.errors import ParamsError
from etl.load import bulk
from etl.load.ledger.store import Ledger
from etl.load.ledger.transfers import rekeying, rollbacks, transfers
from etl.load.ledger.transfers.transfers import Transfer
from etl.load.transfer import checks, rows
from etl.load.transfer.databases import Databases, clock, own_transaction, reading, writing
from etl.load.transfer.job import CONTACTS_AT_ONCE, Rows, alone, portions

DAYS = 30
PUT_AWAY = (*rows.RETIRED, "household")
# The rows that hang on contacts of the target now; read within a transaction where one is given (`own_transaction`).
Read = Callable[[Sequence[int], Connection | None], Rows]


@dataclass(frozen=True)
class Moved:
    """What a transfer wrote to the target (`transfer_returns.read_arrived`) and retired in the source."""

    ledger: Ledger
    transfer_id: str
    arrived: pd.DataFrame
    retired: pd.DataFrame

    def portions(self, contacts_at_once: int) -> Iterator[tuple[list[int], list[int]]]:
        """Some groups at a time: their contacts in the target, and their numbers."""
        contacts = self.arrived[self.arrived["entity"] == "contact"]
        sizes = contacts.groupby("group").size()
        for group_nos in portions(zip(sizes.index.tolist(), sizes.tolist(), strict=True), contacts_at_once):
            yield contacts.loc[contacts["group"].isin(group_nos), "entity_id"].tolist(), group_nos


def bring_back(
    ledger: Ledger,
    databases: Databases,
    transfer_id: str,
    read_target: Read,
    sleep: Callable[[float], None] = time.sleep,
    contacts_at_once: int = CONTACTS_AT_ONCE,
) -> pd.DataFrame:
    """Takes a transfer back; ``read_target`` gives the rows that hang on contacts of the target now.

    Gives what was edited since, and then changes nothing: office (source | target), entity, entity_id, why. Without
    rows the transfer is ``returned``. Started again after a kill it goes on. Raises `ParamsError` for a transfer that
    is not closed or older, `SourceUnavailable`, `LedgerUnavailable` and `UnitsBusy` (all three: try again later).
    """
    with alone(ledger, transfer_id) as still_mine:
        return _bring_back(ledger, databases, transfer_id, read_target, sleep, contacts_at_once, still_mine)


def _bring_back(
    ledger: Ledger,
    databases: Databases,
    transfer_id: str,
    read_target: Read,
    sleep: Callable[[float], None],
    contacts_at_once: int,
    still_mine: Callable[[], None],
) -> pd.DataFrame:
    found = _returnable(ledger, transfer_id)
    if found.status == "returned":
        return _edits([])
    arrived = rollbacks.read_arrived(ledger, transfer_id, PUT_AWAY)
    retired = rollbacks.read_retired(ledger, transfer_id)
    with reading(databases.source) as source:
        is_back = found.status == "returning" and not _still_retired(source, retired)["contact"]
    if is_back and _are_gone(databases, arrived):
        rollbacks.finish(ledger, transfer_id)
        return _edits([])
    edits = _busy(ledger, found, arrived, retired)
    if edits.empty:
        rollbacks.begin(ledger, transfer_id)
        rekeying.announce_return(ledger, transfer_id)
        rekeying.wait_until_free(ledger, transfer_id, sleep)
        edits = _in_doubt(ledger, transfer_id)
    if edits.empty:
        moved = Moved(ledger, transfer_id, arrived, retired)
        edits = _change(databases, moved, read_target, is_back, contacts_at_once, still_mine)
    still_mine()
    if edits.empty:
        rollbacks.finish(ledger, transfer_id)
    elif not is_back:
        rollbacks.give_up(ledger, transfer_id)
    return edits


def _returnable(ledger: Ledger, transfer_id: str) -> Transfer:
    found = transfers.find(ledger, transfer_id)
    if found is None:
        raise ParamsError(f"There is no transfer {transfer_id}.")
    if found.status not in ("closed", "returning", "returned"):
        raise ParamsError(f"The transfer {transfer_id} is {found.status.replace('_', ' ')}: nothing can be taken back.")
    if found.status == "closed" and found.closed_at and ledger.now() - found.closed_at > timedelta(days=DAYS):
        raise ParamsError(
            f"The transfer {transfer_id} was closed on {found.closed_at:%Y-%m-%d}; it can be taken back for {DAYS} days"
            " only."
        )
    return found


def _busy(ledger: Ledger, found: Transfer, arrived: pd.DataFrame, retired: pd.DataFrame) -> pd.DataFrame:
    """Contacts that another transfer has now."""
    there = arrived.loc[arrived["entity"] == "contact", "entity_id"]
    here = retired.loc[retired["entity"] == "contact", "entity_id"]
    edits = []
    for office, database, keys in (
        ("target", found.target_database, there),
        ("source", found.source_database, here),
    ):
        taken = transfers.claim(ledger, database, keys, found.transfer_id)
        edits += [(office, "contact", str(key), f"it is in transfer {other}") for key, other in taken.items()]
    if edits:
        transfers.release(ledger, found.transfer_id)
    return _edits(edits)


def _in_doubt(ledger: Ledger, transfer_id: str) -> pd.DataFrame:
    units = rekeying.units_in_doubt(ledger, transfer_id).values()
    words = "a write at a vendor has no answer yet: the next refresh settles it"
    return _edits(
        [("target", "household" if unit[0] == "H" else "contact", unit[1:], words) for unit in sorted(set(units))]
    )


def _change(
    databases: Databases,
    moved: Moved,
    read: Read,
    is_back: bool,
    contacts_at_once: int,
    still_mine: Callable[[], None],
) -> pd.DataFrame:
    """Checks under lock and changes both offices; gives what was edited, and then has changed nothing."""
    now = clock(databases.source) or moved.ledger.now()
    with writing(databases.target) as target:
        edits = _edited_in_target(target, moved, read, contacts_at_once)
        still_mine()
        if databases.are_one:
            edits += _edited_in_source(target, moved.retired)
            if not edits:
                _set_back(target, moved.retired, now)
        elif not edits and not is_back:
            with writing(databases.source) as source:
                edits = _edited_in_source(source, moved.retired)
                if not edits:
                    _set_back(source, moved.retired, now)
        if not edits:
            arrived = {str(entity): rows["entity_id"] for entity, rows in moved.arrived.groupby("entity")}
            rows.put_away(target, arrived, now)
    return _edits(edits)


def _are_gone(databases: Databases, arrived: pd.DataFrame) -> bool:
    """Whether the target's contacts have been put away: only the ledger does not know it yet."""
    contact = schema.contact.c
    keys = arrived.loc[arrived["entity"] == "contact", "entity_id"]
    with reading(databases.target) as target:
        there = contact.contact_id.in_(bulk.id_list(target, keys)) & contact.deleted_at.is_(None)
        return target.execute(sa.select(contact.contact_id).where(there).limit(1)).first() is None


def _edited_in_target(
    target: Connection, moved: Moved, read: Read, contacts_at_once: int
) -> list[tuple[str, str, str, str]]:
    """Locks and compares some contacts at a time: what moved together stays together."""
    edits = []
    for contacts, group_nos in moved.portions(contacts_at_once):
        written = rollbacks.read_written(moved.ledger, moved.transfer_id, group_nos)
        rows.lock_source(target, written)
        now = checks.hashed(read(contacts, own_transaction(target)))
        changed = checks.not_the_same(written, now)
        edits += [("target", row.entity, row.entity_id, row.became) for row in bulk.each(changed)]
    return edits


def _edited_in_source(source: Connection, retired: pd.DataFrame) -> list[tuple[str, str, str, str]]:
    still = _still_retired(source, retired)
    return [
        ("source", row.entity, str(row.entity_id), "it is no longer in Deleted Records as the transfer left it")
        for row in bulk.each(retired)
        if row.entity_id not in still[row.entity]
    ]


def _still_retired(source: Connection, retired: pd.DataFrame) -> dict[str, set[int]]:
    """By table the records that are in *Deleted Records* as the transfer left them."""
    found: dict[str, set[int]] = {entity: set() for entity in PUT_AWAY}
    for entity, records in ((str(name), some) for name, some in retired.groupby("entity")):
        table = schema.metadata.tables[entity]
        key = next(iter(table.primary_key.columns))
        wanted = sa.select(key, table.c.deleted_at).where(key.in_(bulk.id_list(source, records["entity_id"])))
        held = {row[0]: row[1] for row in source.execute(wanted)}
        stamps = zip(records["entity_id"].tolist(), pd.to_datetime(records["retired_at"]).tolist(), strict=True)
        found[entity] = {number for number, stamp in stamps if held.get(number) == stamp.to_pydatetime()}
    return found


def _set_back(source: Connection, retired: pd.DataFrame, now: datetime) -> None:
    for entity, records in retired.groupby("entity"):
        rows.set_back(source, str(entity), records["entity_id"], now)


def _edits(found: Sequence[tuple[str, str, str, str]]) -> pd.DataFrame:
    return pd.DataFrame(list(found), columns=["office", "entity", "entity_id", "why"]).astype("str")
