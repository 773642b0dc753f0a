"""One case, taken back to what it was before a run: read, compare, conditional write.

Under the household's lock and with an intent in the ledger, like every write. What was last sent is not touched: the
next night finds the fields changed against it and keeps them, as if an advisor had edited them (PROFILES-KEPT).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from etl.errors import Gone, InDoubt, SetAside, VendorUnavailable, VersionConflict
from etl.load.delivery import LOCKED, TRIES, household_lock
from etl.load.job import Delivered, Job, set_aside
from etl.load.ledger import intents, links, undos
from etl.load.ledger.changes import Change
from etl.load.ledger.intents import Intent
from etl.load.ledger.runs import Outcome
from etl.load.ledger.story import UNDO_STEP
from etl.load.profiles.client import Case, ProfilesClient
from etl.load.profiles.document import show
from etl.load.profiles.revert import Footprint, PutBack, is_done, put_back
from etl.load.profiles.update import VENDOR, CaseWrite, refuse_open


@dataclass(frozen=True)
class Trace:
    """What a run did to one case: ``unit_key`` is the unit whose case it is now."""

    of_run: str
    unit_key: str
    vendor_id: str | None
    case_id: str
    done: Footprint = field(repr=False)

    @property
    def mark(self) -> str:
        """Stands for the payload's hash: one undo of one case."""
        return hashlib.sha256(f"{self.of_run}\x1f{self.case_id}".encode()).hexdigest()


def take_back(client: ProfilesClient, job: Job, trace: Trace) -> Delivered:
    """Takes one case back as far as nobody was at it since; the rest are changes with the decision ``conflict``.

    Raises `CredentialsRefused` and `LedgerUnavailable`.
    """
    try:
        with household_lock(job, VENDOR, trace.unit_key) as held:
            if not held:
                return _ended(job, trace, "deferred", LOCKED)
            back = _write(client, job, trace)
    except (SetAside, VendorUnavailable) as error:
        outcome = set_aside(VENDOR, trace.unit_key, error, trace.vendor_id).outcome
        return _ended(job, trace, outcome.outcome, outcome.reason, code=outcome.code)
    if job.dry_run:
        changes = _changes(Footprint.of([back.as_values()]))
        return _delivered(trace, "updated" if changes else "unchanged", None, (*changes, *_conflicts(back)))
    return _ended(job, trace, "unchanged", None, _conflicts(back))


def _write(client: ProfilesClient, job: Job, trace: Trace) -> PutBack:
    lost = _begun_before(job, trace)
    for _ in range(TRIES):
        case = _read(client, job, trace, lost)
        if lost is not None:
            lost = _settle(job, trace, lost, case)
        back = put_back(case.document, trace.done)
        if job.dry_run or not back.changes:
            return back
        refuse_open(case)
        intent = _begin(job, trace, case, back)
        with CaseWrite(job, intent, lost) as write:
            client.replace_case(case.case_id, back.document, case.version)
        lost = write.lost
        if write.is_done:
            undos.confirm(job.ledger, intent, trace.unit_key)
            return back
    if lost is not None:
        raise InDoubt("Profiles did not confirm the document; the same undo reads the case before it sends.")
    raise VersionConflict("The case kept changing while it was to be written; undo again.")


def _read(client: ProfilesClient, job: Job, trace: Trace, lost: Intent | None) -> Case:
    """The case; if it no longer exists, a write without an answer is abandoned."""
    try:
        return client.read_case(trace.case_id)
    except Gone:
        if lost is not None:
            intents.mark(job.ledger, lost, "abandoned")
        raise


def _begun_before(job: Job, trace: Trace) -> Intent | None:
    """What this undo began and did not see answered when it was stopped."""
    if job.dry_run:
        return None
    begun = intents.intents_of(job.ledger, VENDOR, job.run_id, intents.OPEN, trace.unit_key)
    return next((intent for intent in begun if intent.payload_hash == trace.mark), None)


def _settle(job: Job, trace: Trace, lost: Intent, case: Case) -> Intent | None:
    """What became of a write without an answer; None where that is known."""
    if case.version == lost.expected_version:
        return lost
    if is_done(lost.values, case.document):
        undos.confirm(job.ledger, lost, trace.unit_key)
    else:
        intents.mark(job.ledger, lost, "abandoned")
    return None


def _begin(job: Job, trace: Trace, case: Case, back: PutBack) -> Intent:
    values = {"case": trace.case_id, "of": trace.of_run, **back.as_values()}
    # A run that settles this write confirms what was last sent, with the day as of which it was sent.
    sent = links.find_sent(job.ledger, VENDOR, trace.unit_key).get("case")
    as_of = sent.as_of if sent else job.as_of
    return intents.begin(
        job.ledger, VENDOR, trace.unit_key, UNDO_STEP, trace.mark, values, as_of, job.run_id, case.version
    )


def _ended(
    job: Job,
    trace: Trace,
    kind: str,
    reason: str | None,
    conflicts: tuple[Change, ...] = (),
    code: str | None = None,
) -> Delivered:
    """The outcome, with all that this undo wrote into the case, in this try or an earlier one."""
    confirmed = intents.intents_of(job.ledger, VENDOR, job.run_id, ["confirmed"], trace.unit_key)
    mine = [intent.values for intent in confirmed if intent.payload_hash == trace.mark]
    changes = _changes(Footprint.of(mine))
    kind = "updated" if changes and kind == "unchanged" else kind
    if conflicts and reason is None:
        reason = f"{len(conflicts)} of what the run wrote stays as it is: changed since"
    return _delivered(trace, kind, reason, (*changes, *conflicts), code)


def _delivered(
    trace: Trace, kind: str, reason: str | None, changes: tuple[Change, ...], code: str | None = None
) -> Delivered:
    return Delivered(Outcome(VENDOR, trace.unit_key, kind, reason, trace.vendor_id, code), (), changes)


def _changes(done: Footprint) -> tuple[Change, ...]:
    return (
        *(Change(show(path), "written", before, after) for path, (before, after) in done.written.items()),
        *(Change(show(path), "added") for path in done.put_in),
        *(Change(show(path), "taken_out") for path in done.taken_out),
    )


def _conflicts(back: PutBack) -> tuple[Change, ...]:
    return tuple(Change(show(path), "conflict", None, why) for path, why in back.conflicts.items())
