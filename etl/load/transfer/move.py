"""Moves the groups of an accepted transfer to another office, exactly once, whatever kills it on the way.

Groups go in batches: a fixed number of statements whatever their size. New rows are staged in files and announced in
the ledger; then one transaction checks that the source is still what the manifest says, writes, reads back, compares
and retires the source. A batch that the target refuses is halved until the group is found that it refuses. In one
database all of that is one transaction; across two the source's waits, locked, until the target's is committed.

Nothing here knows the rules: what hangs on a contact and what it becomes in the target is told by a `Desk`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from etl.load.ledger.store import Ledger
from etl.load.ledger.transfers import groups, rekeying, transfers
from etl.load.ledger.transfers.groups import Failure
from etl.load.ledger.transfers.transfers import Transfer
from etl.load.transfer import batches, checks, rekeyed_units
from etl.load.transfer import keys as new_keys
from etl.load.transfer.batches import GROUP_NO, SOURCE_ID, Batch
from etl.load.transfer.commit import contacts_of, elsewhere, finish_present, leave, write
from etl.load.transfer.databases import Databases, clock, open_databases, reading
from etl.load.transfer.job import CONTACTS_AT_ONCE, Desk, Move, alone, portions

__all__ = ["Desk", "move", "open_databases"]

# A write at a vendor whose outcome nobody knows names the unit by its old key.
IN_DOUBT = "XFR-LINKS"


def move(
    ledger: Ledger,
    databases: Databases,
    transfer_id: str,
    desk: Desk,
    folder: Path,
    contacts_at_once: int = CONTACTS_AT_ONCE,
    sleep: Callable[[float], None] = time.sleep,
) -> Transfer:
    """Moves every group of an accepted transfer that has not moved yet, and closes it; new rows lie under ``folder``.

    Started again after a kill it goes on where it stopped. A group that cannot move is ``failed``, with the rule and
    the record (`transfers.read_groups`); the others go on. Raises `ParamsError` for a transfer that nobody accepted,
    `SourceUnavailable`, `LedgerUnavailable` and `UnitsBusy` (all three: try again later).
    """
    with alone(ledger, transfer_id) as still_mine:
        found = transfers.start(ledger, transfer_id)
        place = batches.folder_of(folder, transfer_id)
        job = Move(ledger, databases, found, desk, place, sleep, still_mine)
        job.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for batch in batches.read_all(job.folder):
            _carry_out(job, batch)
        groups = transfers.read_groups(ledger, transfer_id)
        waiting = groups.loc[groups["status"].isin(["planned", "staged"]), ["group_no", "contacts"]]
        for group_nos in portions(waiting.itertuples(index=False, name=None), contacts_at_once):
            staged = _stage(job, group_nos[0], group_nos)
            if staged is not None:
                _carry_out(job, staged)
        batches.remove_all(job.folder)
        return transfers.close(ledger, transfer_id)


def _stage(job: Move, number: int, group_nos: Sequence[int]) -> Batch | None:
    """Builds the new rows of some groups and stages them; None where none of the groups can move.

    ``number``: the batch's, which is that of its first group.
    """
    manifest = transfers.read_manifest(job.ledger, job.transfer_id, group_nos)
    rows = job.desk.read(contacts_of(manifest))
    failures = checks.edited(manifest, rows, elsewhere(job, group_nos))
    if failures:
        groups.fail(job.ledger, job.transfer_id, failures)
        kept = sorted(set(group_nos) - {failure.group_no for failure in failures})
        return _stage(job, number, kept) if kept else None
    moving = manifest[manifest["decision"].isin(transfers.MOVES)]
    keyed = {
        str(entity): some["entity_id"].astype("int64")
        for entity, some in moving.groupby("entity")
        if new_keys.key_column(str(entity)) is not None
    }
    shared = groups.read_shared(job.ledger, job.transfer_id)
    keyed.update({str(entity): some["entity_id"].astype("int64") for entity, some in shared.groupby("entity")})
    keys = new_keys.reserve(job.ledger, job.databases.all, job.transfer, keyed)
    built = job.desk.build(rows, group_nos, keys)
    named = {
        entity: frame.rename(columns={"source_id": SOURCE_ID, "group": GROUP_NO}) for entity, frame in built.items()
    }
    units = rekeyed_units.moves(named, rows["household"])
    stamp = clock(job.databases.source) or job.ledger.now()
    batch = Batch(number, stamp, tuple(group_nos), named, units).of(group_nos)
    batches.write(job.folder, batch)
    return batch


def _carry_out(job: Move, batch: Batch) -> None:
    """Brings a staged batch to its end: what of it is in the target already is only finished."""
    known = transfers.read_groups(job.ledger, job.transfer_id)
    open_ = known.loc[known["status"].isin(["planned", "staged", "written"]), "group_no"]
    batch = batch.of(open_.tolist())
    if batch.group_nos:
        rekeying.announce(job.ledger, job.transfer_id, batch.units)
        groups.mark(job.ledger, job.transfer_id, batch.group_nos, "staged", only=("planned",))
        rekeying.wait_until_free(job.ledger, job.transfer_id, job.sleep)
        with reading(job.databases.target) as connection:
            there = checks.groups_present(connection, batch)
        if there:
            finish_present(job, batch.of(there))
        absent = [number for number in batch.group_nos if number not in there]
        if absent:
            write(job, _without_doubt(job, batch.of(absent)), _stage)
    batches.remove(job.folder, batch.number)


def _without_doubt(job: Move, batch: Batch) -> Batch:
    """Groups stay whose units have a write at a vendor of which nobody knows the outcome: it bears their old key."""
    doubtful = rekeying.units_in_doubt(job.ledger, job.transfer_id)
    failures = [
        Failure(number, IN_DOUBT, "household" if unit[0] == "H" else "contact", unit[1:],
                "a write at a vendor has no answer yet: the next refresh settles it, then transfer again")
        for number, unit in doubtful.items()
        if number in batch.group_nos
    ]  # fmt: skip
    return leave(job, batch, failures)
