"""A known case, brought up to date: read, merge, conditional write.

Every write is an intent in the ledger before its first byte leaves. Where its answer is lost, the case itself tells
what became of it: fields that hold our values count as written by us.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from etl.errors import CaseOpen, Gone, InDoubt, SetAside, VendorUnavailable, VersionConflict
from etl.load.delivery import TRIES, Standing, begin
from etl.load.job import Delivered, Job, LoadFinding, Payload, ended, entity_of
from etl.load.ledger import intents, links
from etl.load.ledger.changes import Change
from etl.load.ledger.intents import Intent
from etl.load.ledger.links import Link
from etl.load.ledger.writer import Write
from etl.load.profiles.client import Case, ProfilesClient
from etl.load.profiles.decisions import Decided, settled
from etl.load.profiles.document import KEY, Path, flatten, show
from etl.load.profiles.merge import Kept, Merged, confirm, merge
from etl.load.profiles.pins import Pins, pins_in_force

VENDOR = "profiles"
# Why a field stays at Profiles as it is there.
EDITED = "edited in Profiles"
NEVER_SENT = "never sent: nobody has said which of the two is right"


def unchanged(payload: Payload, standing: Standing) -> Delivered | None:
    """The outcome of a unit of which nothing has changed since it was last sent; None for all others."""
    before = standing.before.get("case")
    if before is None or before.payload_hash != payload.payload_hash:
        return None
    return ended(VENDOR, payload.unit_key, "unchanged", None, standing.link)


def case_fields(job: Job, document: Mapping[str, Any], among: Collection[str] | None = None) -> tuple[Change, ...]:
    """What a dry run says of new values: every field that would be there but nulls, or those of the items ``among``.

    A dry run for very many units says this of updates only: a first night would fill the ledger with the whole CRM.
    """
    if not job.tells_new:
        return ()
    return tuple(
        Change(show(path), "written", None, value)
        for path, value in flatten(document).items()
        if path[-1] != KEY and value not in (None, []) and (among is None or _is_in(path, among))
    )


def _is_in(path: Path, items: Collection[str]) -> bool:
    return any(show(path[:end]) in items for end in range(2, len(path), 2))


def update_case(client: ProfilesClient, job: Job, payload: Payload, standing: Standing) -> Delivered:
    """Reads, merges and writes; again when somebody was faster or the answer was lost.

    The merge base is what we last wrote into this case, whichever unit went on with it then. Raises `CaseOpen`,
    `VersionConflict`, `InDoubt`, `Gone`, `Rejected` and `VendorUnavailable`.
    """
    link = standing.link
    assert link is not None
    assert link.vendor_case_id is not None
    document = payload.read()["document"]
    pins = pins_in_force(job, standing)
    decided = Decided.on(link.vendor_case_id, standing.decisions)
    base = links.find_base(job.ledger, link.vendor_case_id)
    written: tuple[Change, ...] = ()
    lost: Intent | None = None
    for _ in range(TRIES):
        case = client.read_case(link.vendor_case_id)
        if lost is not None and case.version != lost.expected_version:
            base = confirm_lost_write(job, payload, lost, case)
            written = (*written, *_written_by(lost))
            decided, lost = decided.without(lost.values["decided"]), None
        refuse_open(case)
        merged = merge(base, case.document, document, pins, decided)
        if job.dry_run or not merged.changes:
            if not job.dry_run:
                _remember(job, payload, case, merged, pins, decided, None)
            arrived = case_fields(job, document, merged.added)
            return _delivered(payload, link, merged, (*written, *arrived))
        intent = begin(job, VENDOR, payload, "replace_case", _intended(case, merged, decided), case.version)
        with CaseWrite(job, intent, lost) as write:
            client.replace_case(case.case_id, merged.document, case.version)
        lost = write.lost
        if write.is_done:
            _remember(job, payload, case, merged, pins, decided, intent)
            return _delivered(payload, link, merged, written)
    if lost is not None:
        raise InDoubt("Profiles did not confirm the new document; the next run reads the case before it sends.")
    raise VersionConflict("The case kept changing while it was to be written; the next run tries again.")


def _intended(case: Case, merged: Merged, decided: Decided) -> dict[str, Any]:
    """What the ledger keeps of a write before it is made."""
    return {
        "case": case.case_id,
        "base": merged.base,
        "written": [[change.path, change.old, change.new] for change in merged.written],
        "added": list(merged.added),
        "decided": decided.among({change.path for change in merged.written}),
    }


def settle_update(client: ProfilesClient, job: Job, payload: Payload, intent: Intent) -> None:
    """What became of a write that an earlier run began: not done where the case has not moved on, else as it holds.

    Raises `Gone` where the case no longer exists: the write does not matter any more.
    """
    try:
        case = client.read_case(intent.values["case"])
    except Gone:
        intents.mark(job.ledger, intent, "abandoned")
        raise
    if case.version == intent.expected_version:
        intents.mark(job.ledger, intent, "abandoned")
        return
    confirm_lost_write(job, payload, intent, case)


def confirm_lost_write(job: Job, payload: Payload, intent: Intent, case: Case) -> Any:
    """Confirms what the case holds of a write without an answer; gives the base from there on."""
    confirmed = confirm(links.find_base(job.ledger, case.case_id), intent.values["base"], case.document)
    # No hash: what was offered is not known to be whole, so that the document is merged again.
    written = case_written(job, payload.unit_key, case.case_id, "", confirmed, intent.as_of)
    decided = settled(job.ledger, job.run_id, intent.values, flatten(case.document))
    job.ledger.commit(*written, *decided, intents.marked(job.ledger, intent, "confirmed"))
    return confirmed


def case_written(
    job: Job, unit_key: str, case_id: str, payload_hash: str, base: Any, as_of: date
) -> tuple[Write, Write]:
    """What was offered to a unit's case and what was written into it, to be committed."""
    return (
        links.sent_now(job.ledger, VENDOR, unit_key, "case", payload_hash, None, as_of, job.run_id),
        links.base_written(job.ledger, case_id, base, job.run_id),
    )


def _remember(
    job: Job, payload: Payload, case: Case, merged: Merged, pins: Pins, decided: Decided, intent: Intent | None
) -> None:
    # No hash where edits are overruled: the next run looks at the case again, changed or not.
    payload_hash = "" if pins.overrule_edits else payload.payload_hash
    couple = {"client_contact_id": payload.client_contact_id, "spouse_contact_id": payload.spouse_contact_id}
    job.ledger.commit(
        *case_written(job, payload.unit_key, case.case_id, payload_hash, merged.base, job.as_of),
        links.link_changed(VENDOR, payload.unit_key, **couple),
        *_decided(job, payload, case, merged, pins, decided),
        *([intents.marked(job.ledger, intent, "confirmed")] if intent is not None else []),
    )


def _decided(job: Job, payload: Payload, case: Case, merged: Merged, pins: Pins, decided: Decided) -> Iterator[Write]:
    """What became of the decisions of persons, to be committed."""
    if not decided.by_path:
        return
    both = flatten(case.document), flatten(payload.read()["document"])
    yield from decided.outcomes(job.ledger, job.run_id, both, {change.path for change in merged.written}, pins)


def _delivered(payload: Payload, link: Link, merged: Merged, written: tuple[Change, ...]) -> Delivered:
    kind = "updated" if written or merged.changes else "unchanged"
    changes = (*written, *_changes(merged))
    return ended(VENDOR, payload.unit_key, kind, None, link, _findings(payload, merged), changes)


def _written_by(intent: Intent) -> tuple[Change, ...]:
    written = (Change(path, "written", old, new) for path, old, new in intent.values["written"])
    return (*written, *(Change(path, "added") for path in intent.values["added"]))


def _changes(merged: Merged) -> tuple[Change, ...]:
    return (
        *(Change(one.path, "written", one.old, one.new) for one in merged.written),
        *(Change(path, "added") for path in merged.added),
        *(Change(one.path, _word(one), one.theirs, one.ours) for one in merged.kept if one.differs),
        *(Change(path, "stale") for path in merged.stale),
        *(Change(path, "removed_by_advisor") for path in merged.removed_by_advisor),
    )


def _word(kept: Kept) -> str:
    return "pinned" if kept.pinned else "decided" if kept.decided else "kept"


def _findings(payload: Payload, merged: Merged) -> tuple[LoadFinding, ...]:
    """What stays at Profiles other than the CRM says, until an advisor changes it there."""
    entity = entity_of(payload.unit_key)
    kept = [one for one in merged.kept if one.differs and not (one.pinned or one.decided)]
    return (
        *(LoadFinding("PROFILES-KEPT", *entity, one.path, EDITED if one.was_sent else NEVER_SENT) for one in kept),
        *(LoadFinding("PROFILES-KEPT", *entity, path, "deleted in Profiles") for path in merged.removed_by_advisor),
        *(LoadFinding("PROFILES-STALE", *entity, path, "in Profiles, no longer in the CRM") for path in merged.stale),
    )


def refuse_open(case: Case) -> None:
    """Raises `CaseOpen` naming who has it open: no write goes over what somebody is typing."""
    if case.state == "open":
        who, since = case.opened_by or "somebody", case.opened_at or "an unknown time"
        raise CaseOpen(f"the case is open: {who} has it open since {since}", case.opened_by, case.opened_at)


@dataclass
class CaseWrite:
    """One conditional write, made within ``with``: is it done, and which write has no answer yet?

    ``lost``: the write before it that has no answer, then this one or that. A write that is not done is marked in the
    ledger; the caller confirms one that is done. `InDoubt` and `VersionConflict` end here, every other error is raised.
    """

    job: Job
    intent: Intent
    lost: Intent | None
    is_done: bool = False

    def __enter__(self) -> CaseWrite:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        if isinstance(error, InDoubt):
            intents.mark(self.job.ledger, self.intent, "in_doubt")
            self.lost = self.intent
        elif isinstance(error, SetAside | VendorUnavailable):
            # A first try whose answer was lost may be the one that was faster.
            intents.mark(self.job.ledger, self.intent, "in_doubt" if self.lost else "refused")
        self.is_done = error is None
        return isinstance(error, InDoubt | VersionConflict)
