"""Brings a staged batch to its end: checks the source, writes the target, reads it back, retires the source.

In one database all of that is one transaction. Across two databases the source's transaction waits, with its locks,
until the target's is committed. Raises `SourceUnavailable` where a database cannot be written now: what was begun is
rolled back, or finished by the next try.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.engine import Connection

from etl.load.ledger.transfers import groups, rekeying, transfers
from etl.load.ledger.transfers.groups import Failure
from etl.load.transfer import checks, rows
from etl.load.transfer.batches import Batch
from etl.load.transfer.checks import IN_BOTH
from etl.load.transfer.constraint_errors import REFUSED, find_refused, words_of
from etl.load.transfer.databases import REFUSALS, own_transaction, reading, rolled_back, writing
from etl.load.transfer.job import TransferJob
from etl.units import UnitKey

# A write at a vendor whose outcome nobody knows names the unit by its old key.
IN_DOUBT = "XFR-LINKS"


class _Stopped(Exception):
    """Some groups of a batch cannot go on; nothing of the batch was written."""

    def __init__(self, failures: Sequence[Failure]) -> None:
        super().__init__("some groups cannot go on")
        self.failures = failures


class _NotRetired(Exception):
    """The source refuses to retire records that are in the target already."""


def write_batch(job: TransferJob, batch: Batch) -> list[int]:
    """Moves the groups of a staged batch; a group that cannot move is marked as failed, with the rule and the record.

    Groups that are in the target already are only finished. Gives the groups that need other keys, because the target
    has new records of somebody else under theirs.
    """
    known = transfers.read_groups(job.ledger, job.transfer_id)
    batch = batch.of(known.loc[known["status"].isin(["planned", "staged", "written"]), "group_no"].tolist())
    if not batch.group_nos:
        return []
    rekeying.announce(job.ledger, job.transfer_id, batch.units)
    groups.mark(job.ledger, job.transfer_id, batch.group_nos, "staged", only=("planned",))
    rekeying.wait_until_free(job.ledger, job.transfer_id, job.sleep)
    return _write(job, _without_doubt(job, _finish_present(job, batch)))


def _without_doubt(job: TransferJob, batch: Batch) -> Batch:
    """The batch without groups whose units have a write at a vendor of which nobody knows the outcome."""
    why = "a write at a vendor has no answer yet: the next refresh settles it, then transfer again"
    failures = [
        Failure(number, IN_DOUBT, UnitKey.parse(unit).entity, str(UnitKey.parse(unit).number), why)
        for number, unit in rekeying.units_in_doubt(job.ledger, job.transfer_id).items()
        if number in batch.group_nos
    ]
    return _leave(job, batch, failures)


def _write(job: TransferJob, batch: Batch) -> list[int]:
    """Writes a batch as a whole, or without the groups that cannot move; gives the groups that need other keys."""
    if not batch.group_nos:
        return []
    try:
        _commit(job, batch)
    except _Stopped as stopped:
        absent = _finish_present(job, batch)
        failures = [failure for failure in stopped.failures if failure.group_no in absent.group_nos]
        return _write(job, _leave(job, absent, failures))
    except REFUSALS as error:
        with reading(job.databases.target) as connection:
            if checks.has_taken_keys(connection, batch):
                return list(batch.group_nos)
        with rolled_back(job.databases.target) as connection:
            refused = find_refused(connection, batch, retires=job.databases.are_one)
        return _write(job, _leave(job, batch, refused or _all_refused(batch, words_of(error))))
    return []


def _all_refused(batch: Batch, words: str) -> list[Failure]:
    """Nothing is refused by itself: the transaction was, at its end."""
    return [Failure(number, REFUSED, "contact", batch.first_contact(number), words) for number in batch.group_nos]


def _leave(job: TransferJob, batch: Batch, failures: Sequence[Failure]) -> Batch:
    """The batch without the groups that failed; they stay in the source as they are."""
    if failures:
        groups.fail(job.ledger, job.transfer_id, failures)
    return batch.without([failure.group_no for failure in failures])


def _commit(job: TransferJob, batch: Batch) -> None:
    """Everything or nothing of a batch; of two databases the source is locked until the target is committed."""
    job.still_mine()
    try:
        with writing(job.databases.source) as source:
            _check_source(job, source, batch.group_nos)
            if job.databases.are_one:
                _write_target(source, batch)
                rows.retire(source, batch)
            else:
                with writing(job.databases.target) as target:
                    _write_target(target, batch)
                groups.mark(job.ledger, job.transfer_id, batch.group_nos, "written")
                _retire_apart(source, batch)
    except _NotRetired:
        _withdraw(job, batch)
    else:
        _finish(job, batch)


def _check_source(job: TransferJob, source: Connection, group_nos: Sequence[int]) -> None:
    """Locks the source's rows, and raises `_Stopped` where they are not those of the manifest."""
    manifest = transfers.read_manifest(job.ledger, job.transfer_id, group_nos)
    rows.lock_rows(source, manifest)
    _, failures = checks.read_source(job, manifest, own_transaction(source))
    if failures:
        raise _Stopped(failures)


def _write_target(target: Connection, batch: Batch) -> None:
    rows.lock_target(target)
    rows.insert(target, batch)
    failures = checks.differing(target, batch)
    if failures:
        raise _Stopped(failures)


def _retire_apart(source: Connection, batch: Batch) -> None:
    try:
        rows.retire(source, batch)
    except REFUSALS:
        raise _NotRetired from None


def _finish_present(job: TransferJob, batch: Batch) -> Batch:
    """Finishes groups that a killed process has written to the target already; gives the batch without them."""
    with reading(job.databases.target) as connection:
        there = checks.groups_present(connection, batch)
    present, rest = batch.of(there), batch.without(there)
    if there and not job.databases.are_one:
        with reading(job.databases.source) as source:
            gone = rows.retired_by(source, present)
        old = gone.loc[gone["entity"] == "contact", "entity_id"]
        contacts = present.rows["contact"]
        done = set(contacts.loc[contacts["source_id"].astype("int64").isin(old), "group"].astype("int64"))
        _retire_late(job, present.without(sorted(done)))
        present = present.of(sorted(done))
    if present.group_nos:
        _finish(job, present)
    return rest


def _retire_late(job: TransferJob, batch: Batch) -> None:
    """Retires the source of groups whose target was committed before a kill; withdraws those edited since then."""
    if not batch.group_nos:
        return
    try:
        with writing(job.databases.source) as source:
            _check_source(job, source, batch.group_nos)
            groups.mark(job.ledger, job.transfer_id, batch.group_nos, "written", only=("staged",))
            _retire_apart(source, batch)
    except _Stopped as stopped:
        for failure in stopped.failures:
            _withdraw(job, batch.of([failure.group_no]), failure)
        _retire_late(job, batch.without([failure.group_no for failure in stopped.failures]))
    except _NotRetired:
        _withdraw(job, batch)
    else:
        _finish(job, batch)


def _withdraw(job: TransferJob, batch: Batch, failure: Failure | None = None) -> None:
    """Deletes groups from the target that were committed there, while the source could not be retired.

    A group that was edited in the target since stays in both offices, and the failure says so: people decide which one
    counts. ``failure``: why the source of a single group was not retired; without one the source refuses it.
    """
    edited = _delete_unedited(job, batch)
    failures = []
    for number in batch.group_nos:
        contact = batch.first_contact(number)
        if number in edited:
            words = "it is in both offices: it was edited in both before the source could be retired"
            failures.append(Failure(number, IN_BOTH, "contact", contact, words))
        else:
            refused = Failure(number, REFUSED, "contact", contact, "the source refuses to retire it")
            failures.append(failure or refused)
    groups.fail(job.ledger, job.transfer_id, failures)


def _delete_unedited(job: TransferJob, batch: Batch) -> set[int]:
    """Deletes groups from the target; gives those that have to stay: edited there, or referred to by a new record."""
    try:
        with writing(job.databases.target) as target:
            edited = {one.group_no for one in checks.differing(target, batch)}
            rows.delete(target, batch.without(sorted(edited)))
    except REFUSALS:
        if len(batch.group_nos) == 1:
            return set(batch.group_nos)
    else:
        return edited
    return {number for each in batch.group_nos for number in _delete_unedited(job, batch.of([each]))}


def _finish(job: TransferJob, batch: Batch) -> None:
    """The ledger's part: new keys, hashes for a rollback, vendor links."""
    with reading(job.databases.source) as source:
        retired = rows.retired_by(source, batch)
    written = batch.written
    group_of = written[["entity", "source_id", "group_no"]].drop_duplicates(["entity", "source_id"], keep="last")
    keys = retired.assign(source_id=retired["entity_id"].astype("str"))
    known = keys.merge(group_of, on=["entity", "source_id"], how="left")["group_no"]
    first = int(batch.rows["contact"]["group"].iloc[0])  # also of a household that is not made anew
    numbers = known.fillna(first).astype("int64").to_numpy()
    stamp = batch.stamp.strftime("%Y-%m-%d %H:%M:%S.%f")
    retired = retired.assign(group_no=numbers, retired_at=stamp)
    groups.finish(job.ledger, job.transfer_id, batch.group_nos, written, retired)
