"""The moment of a move: the source is checked, the target written, read back and compared, the source retired.

Raises `SourceUnavailable` where a database cannot be written now: whatever was begun is taken back or finished the next
time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd
from sqlalchemy.engine import Connection

from etl.errors import SourceUnavailable
from etl.load import bulk
from etl.load.ledger.transfers import groups, transfers
from etl.load.ledger.transfers.groups import Failure
from etl.load.transfer import checks, rows
from etl.load.transfer.batches import GROUP_NO, SOURCE_ID, Batch
from etl.load.transfer.checks import IN_BOTH, REFUSED
from etl.load.transfer.constraint_errors import REFUSALS, find_refused, words_of
from etl.load.transfer.databases import own_transaction, reading, taken_back, writing
from etl.load.transfer.job import Move

# How often a batch gets other keys because somebody in the target took them meanwhile.
TRIES = 5

Stage = Callable[[Move, int, Sequence[int]], Batch | None]


class _Stopped(Exception):
    """Some groups of a batch cannot go on; nothing of the batch was written."""

    def __init__(self, failures: Sequence[Failure]) -> None:
        super().__init__("some groups cannot go on")
        self.failures = failures


class _NotRetired(Exception):
    """The source refuses to retire records that are in the target already."""


def write(job: Move, batch: Batch, stage: Stage, tries: int = TRIES) -> None:
    """Writes a batch whole, or without the groups that cannot go, or in halves where the target refuses something."""
    if not batch.group_nos:
        return
    try:
        _commit(job, batch)
    except _Stopped as stopped:
        write(job, _after_stop(job, batch, stopped.failures), stage, tries)
    except REFUSALS as error:
        _write_apart(job, batch, stage, tries, words_of(error))


def _write_apart(job: Move, batch: Batch, stage: Stage, tries: int, words: str) -> None:
    """After a refusal: under other keys where somebody took these, else without the groups whose records are refused.

    Where no record is refused by itself (the transaction was, at its end) in halves, down to the group.
    """
    with reading(job.databases.target) as connection:
        taken = checks.taken_keys(connection, batch)
    if taken:
        if not tries:
            raise SourceUnavailable("Others keep taking the keys that this transfer is given. Try again later.")
        staged = stage(job, batch.number, batch.group_nos)
        if staged is not None:
            write(job, staged, stage, tries - 1)
        return
    with taken_back(job.databases.target) as connection:
        refused = find_refused(connection, batch)
    if refused:
        write(job, leave(job, batch, refused), stage, tries)
    elif len(batch.group_nos) > 1:
        half = len(batch.group_nos) // 2
        write(job, batch.of(batch.group_nos[:half]), stage, tries)
        write(job, batch.of(batch.group_nos[half:]), stage, tries)
    else:
        contact = str(batch.rows["contact"][SOURCE_ID].iloc[0])
        leave(job, batch, [Failure(batch.group_nos[0], REFUSED, "contact", contact, words)])


def _after_stop(job: Move, batch: Batch, failures: Sequence[Failure]) -> Batch:
    """What of a batch goes on. What is in the target a process has moved that was taken for dead: it is finished."""
    with reading(job.databases.target) as connection:
        there = checks.groups_present(connection, batch)
    if there:
        finish_present(job, batch.of(there))
    return leave(
        job,
        batch.of([number for number in batch.group_nos if number not in there]),
        [failure for failure in failures if failure.group_no not in there],
    )


def leave(job: Move, batch: Batch, failures: Sequence[Failure]) -> Batch:
    """The batch without the groups that failed; these stay in the source as they are."""
    if failures:
        groups.fail(job.ledger, job.transfer_id, failures)
    failed = {failure.group_no for failure in failures}
    return batch.of([number for number in batch.group_nos if number not in failed])


def _commit(job: Move, batch: Batch) -> None:
    """Everything or nothing of a batch; in two databases the source is locked until the target is committed."""
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
        _take_out(job, batch, REFUSED, "the source refuses to retire it")
    else:
        _finish(job, batch)


def _check_source(job: Move, source: Connection, group_nos: Sequence[int]) -> None:
    """From here on nobody edits the source's rows, and they are those of the manifest."""
    manifest = transfers.read_manifest(job.ledger, job.transfer_id, group_nos)
    rows.lock_source(source, manifest)
    records = job.desk.read(contacts_of(manifest), own_transaction(source))
    failures = checks.edited(manifest, records, elsewhere(job, group_nos))
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
        refused = True
    else:
        refused = False
    if refused:
        raise _NotRetired


def finish_present(job: Move, batch: Batch) -> None:
    """Ends what a killed move left: its groups are in the target."""
    if not job.databases.are_one:
        with reading(job.databases.source) as source:
            gone = rows.retired_by(source, batch)
        old = gone.loc[gone["entity"] == "contact", "entity_id"]
        contacts = batch.rows["contact"]
        done = set(contacts.loc[contacts[SOURCE_ID].astype("int64").isin(old), GROUP_NO].astype("int64"))
        waiting = [number for number in batch.group_nos if number not in done]
        if waiting:
            _retire_late(job, batch.of(waiting))
            batch = batch.of(sorted(done))
    if batch.group_nos:
        _finish(job, batch)


def _retire_late(job: Move, batch: Batch) -> None:
    """The source of groups whose target was committed before a kill; one that was edited since takes them back."""
    try:
        with writing(job.databases.source) as source:
            _check_source(job, source, batch.group_nos)
            groups.mark(job.ledger, job.transfer_id, batch.group_nos, "written", only=("staged",))
            _retire_apart(source, batch)
    except _Stopped as stopped:
        for failure in stopped.failures:
            _take_out(job, batch.of([failure.group_no]), failure.rule_id, failure.why, failure)
        rest = [number for number in batch.group_nos if number not in {one.group_no for one in stopped.failures}]
        if rest:
            _retire_late(job, batch.of(rest))
    except _NotRetired:
        _take_out(job, batch, REFUSED, "the source refuses to retire it")
    else:
        _finish(job, batch)


def _take_out(job: Move, batch: Batch, rule_id: str, why: str, failure: Failure | None = None) -> None:
    """Takes groups out of the target again, that were committed there while the source could not be retired.

    A group that was edited in the target meanwhile stays in both, and says so: which one counts is not ours to say.
    """
    failures = []
    changed = _take_out_unchanged(job, batch)
    for number in batch.group_nos:
        contact = str(batch.of([number]).rows["contact"][SOURCE_ID].iloc[0])
        if number in changed:
            words = "it is in both offices: it was edited in both before the source could be retired"
            failures.append(Failure(number, IN_BOTH, "contact", contact, words))
        else:
            failures.append(failure or Failure(number, rule_id, "contact", contact, why))
    groups.fail(job.ledger, job.transfer_id, failures)


def _take_out_unchanged(job: Move, batch: Batch) -> set[int]:
    """Deletes groups from the target; gives those that cannot be: edited there, or referred to by something new."""
    try:
        with writing(job.databases.target) as target:
            changed = {one.group_no for one in checks.differing(target, batch)}
            rest = batch.of([number for number in batch.group_nos if number not in changed])
            if rest.group_nos:
                rows.delete(target, rest)
    except REFUSALS:
        if len(batch.group_nos) == 1:
            return set(batch.group_nos)
    else:
        return changed
    return {number for each in batch.group_nos for number in _take_out_unchanged(job, batch.of([each]))}


def _finish(job: Move, batch: Batch) -> None:
    """The ledger's part: new keys, hashes for a return, vendor links."""
    with reading(job.databases.source) as source:
        retired = rows.retired_by(source, batch)
    written = batch.written
    group_of = dict(zip(zip(written["entity"], written["source_id"], strict=True), written["group_no"], strict=True))
    first = int(batch.rows["contact"][GROUP_NO].iloc[0])  # also of a household that is not made anew
    numbers = [int(group_of.get((row.entity, str(row.entity_id)), first)) for row in bulk.each(retired)]
    stamp = batch.stamp.strftime("%Y-%m-%d %H:%M:%S.%f")
    groups.finish(
        job.ledger, job.transfer_id, batch.group_nos, batch.id_map, written.drop(columns="source_id"),
        retired.assign(group_no=numbers, retired_at=stamp),
    )  # fmt: skip


def contacts_of(manifest: pd.DataFrame) -> list[int]:
    """The contacts that move, of a manifest."""
    moving = (manifest["entity"] == "contact") & (manifest["decision"] == "move")
    return sorted(int(key) for key in manifest.loc[moving, "entity_id"])


def elsewhere(job: Move, group_nos: Sequence[int]) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Tells of rows those that may differ: see `office_checks.edited`."""
    return lambda rows: groups.known_elsewhere(job.ledger, job.transfer_id, rows, group_nos)
