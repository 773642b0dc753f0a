"""The import: moves what was accepted to the target, batch by batch, exactly once, even if it is killed on the way.

The groups go in batches, with a number of statements that does not depend on their size. For each batch:

    stage     read the source, compare it with the manifest, build the target's rows with new keys, stage them in files
    write     lock and compare the source again, write the target, read it back and compare it, retire the source

A staged batch is brought to its end by the next try. What the target refuses is left out, group by group.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from etl.errors import SourceUnavailable, StopRun
from etl.extract.transfer import rows_of
from etl.load.ledger.store import Ledger
from etl.load.ledger.transfers import groups, transfers
from etl.load.ledger.transfers.transfers import Transfer
from etl.load.transfer import batches, checks
from etl.load.transfer.batches import Batch
from etl.load.transfer.commit import write_batch
from etl.load.transfer.databases import Databases, clock, open_databases
from etl.load.transfer.job import CONTACTS_AT_ONCE, RowSource, TransferJob, exclusive, portions
from etl.load.transfer.keys import rekeyed_units, reserve
from etl.transform.transfers import TransferPlan
from etl.transform.transfers.rows import Arrival, old_keys, rebuild
from include.pipelines.transfer import reading
from include.pipelines.transfer.plan import read_plan
from include.pipelines.transfer.request import TransferContext

# How often a batch gets other keys because somebody else has taken its keys in the target.
TRIES = 5


def move_accepted(context: TransferContext) -> dict[str, int] | None:
    """Moves an accepted transfer; gives how many groups have which status, None where there is nothing to move.

    Raises `StopRun` where nobody has accepted the transfer, even if Airflow shows the required action as done.
    """
    request, ledger = context.request, context.ledger
    found = transfers.find(ledger, request.run_id)
    if request.dry_run or found is None or found.status in transfers.REFUSALS:
        return None
    if found.status == "planned":
        raise StopRun(f"Nobody has accepted the transfer; nothing is moved. Only {request.receiving_user} can accept.")
    # The same moment whenever the import is started again.
    moment = f"{found.answered_at or ledger.now():%Y-%m-%d %H:%M:%S.%f}"
    arrival = Arrival(request.target_office_id, reading.receiving_user_id(context), moment)
    read_source = rows_of(context.source, context.staging.read(reading.STAGE, ["known"])["known"])
    databases = open_databases(context.source, context.target)
    try:
        move(ledger, databases, request.run_id, read_plan(context.staging), arrival, read_source, context.folder)
    finally:
        databases.dispose()
    statuses = transfers.read_groups(ledger, request.run_id)["status"].value_counts()
    return {str(status): int(count) for status, count in statuses.items()}


def move(
    ledger: Ledger,
    databases: Databases,
    transfer_id: str,
    planned: TransferPlan,
    arrival: Arrival,
    read_source: RowSource,
    folder: Path,
    contacts_at_once: int = CONTACTS_AT_ONCE,
    sleep: Callable[[float], None] = time.sleep,
) -> Transfer:
    """Moves every group of an accepted transfer that has not moved yet, and closes it; batches lie under ``folder``.

    Started again after a kill it goes on where it stopped. A group that cannot move is ``failed``, with the rule and
    the record (`transfers.read_groups`); the others go on. Raises `ParamsError` for a transfer that nobody accepted,
    `SourceUnavailable`, `LedgerUnavailable` and `UnitsBusy` (all three: try again later).
    """
    with exclusive(ledger, transfer_id) as still_mine:
        found = transfers.start(ledger, transfer_id)
        place = batches.folder_of(folder, transfer_id)
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        mover = _Mover(TransferJob(ledger, databases, found, read_source, place, sleep, still_mine), planned, arrival)
        for batch in batches.read_all(place):
            mover.write(batch)
        known = transfers.read_groups(ledger, transfer_id)
        waiting = known.loc[known["status"].isin(["planned", "staged"]), ["group_no", "contacts"]]
        for group_nos in portions(waiting.itertuples(index=False, name=None), contacts_at_once):
            staged = mover.stage(group_nos[0], group_nos)
            if staged is not None:
                mover.write(staged)
        batches.remove_all(place)
        return transfers.close(ledger, transfer_id)


@dataclass(frozen=True)
class _Mover:
    """Stages and writes the batches of one transfer."""

    job: TransferJob
    planned: TransferPlan
    arrival: Arrival

    def stage(self, number: int, group_nos: Sequence[int]) -> Batch | None:
        """Builds and stages the new rows of some groups as the batch ``number``; None where no group can move."""
        job = self.job
        manifest = transfers.read_manifest(job.ledger, job.transfer_id, group_nos)
        rows, failures = checks.read_source(job, manifest)
        if failures:
            groups.fail(job.ledger, job.transfer_id, failures)
            kept = sorted(set(group_nos) - {failure.group_no for failure in failures})
            return self.stage(number, kept) if kept else None
        part = self.planned.part(group_nos, rows)
        new = rebuild(rows, part, reserve(job, old_keys(part)), self.arrival)
        stamp = clock(job.databases.source) or job.ledger.now()
        units = rekeyed_units(new, rows["household"])
        batch = Batch(number, stamp, tuple(group_nos), new, units).of(group_nos)
        batches.write(job.folder, batch)
        return batch

    def write(self, batch: Batch) -> None:
        """Brings a staged batch to its end, under other keys where somebody else took its keys in the target."""
        number, waiting = batch.number, write_batch(self.job, batch)
        for _ in range(TRIES):
            staged = self.stage(number, waiting) if waiting else None
            waiting = write_batch(self.job, staged) if staged is not None else []
        if waiting:
            raise SourceUnavailable("Others keep taking the keys that this transfer is given. Try again later.")
        batches.remove(self.job.folder, number)
