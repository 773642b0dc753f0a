"""One household to Profiles, exactly once: match, create or merge, never overwriting what an advisor typed.

Reads top down: `deliver` takes the household's lock, settles what an earlier run left in doubt, finds the case
(MATCH rules) and creates or updates it. Every write is an intent in the ledger before its first byte leaves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from etl.errors import Ambiguous, CaseOpen, InDoubt, SetAside, VendorUnavailable, VersionConflict
from etl.load import matching
from etl.load.delivery import (
    TRIES,
    Delivered,
    Job,
    LoadFinding,
    Payload,
    entity_of,
    household_lock,
    set_aside,
    wait_for,
)
from etl.load.ledger import deliveries, links
from etl.load.ledger.changes import Change
from etl.load.ledger.deliveries import Intent
from etl.load.ledger.links import Link
from etl.load.ledger.runs import Outcome
from etl.load.merge import Merged, confirm, merge
from etl.load.profiles import Case, FoundHousehold, ProfilesClient

VENDOR = "profiles"


def deliver(client: ProfilesClient, job: Job, payload: Payload) -> Delivered:
    """Brings one unit's case up to date. What concerns this household alone becomes its outcome.

    Raises `CredentialsRefused` (the vendor's load stops), `LedgerUnavailable` and `StagingError`.
    """
    link: Link | None = None
    try:
        with household_lock(job, VENDOR, payload.unit_key) as held:
            if not held:
                return _outcome(payload, "deferred", "another run is writing this household now")
            _take_over_single(job, payload)
            settled = _settle(client, job, payload)
            link = settled or links.find_link(job.ledger, VENDOR, payload.unit_key)
            return _deliver_locked(client, job, payload, link, "created" if settled else "unchanged")
    except (SetAside, VendorUnavailable) as error:
        return set_aside(VENDOR, payload.unit_key, error, link.vendor_client_id if link else None)


def _deliver_locked(
    client: ProfilesClient, job: Job, payload: Payload, link: Link | None, kind_if_equal: str
) -> Delivered:
    before = links.find_sent(job.ledger, VENDOR, payload.unit_key).get("case")
    if before is not None and before.as_of > job.as_of:
        return _outcome(payload, "skipped", f"superseded: {before.as_of} has been sent already", link)
    if link is None:
        decision = _match(client, job, payload)
        if isinstance(decision, matching.CreateNew):
            return _create(client, job, payload, decision)
        link = Link(
            payload.unit_key, decision.client_id, decision.case_id, None, None, None, decision.rule
        )
        _save_link(job, link)
    elif before is not None and before.offered_hash == payload.payload_hash:
        return _outcome(payload, kind_if_equal, None, link)
    return _update(client, job, payload, link, before.base if before else None)


def _take_over_single(job: Job, payload: Payload) -> None:
    """A lone client who became head of a household: the household goes on with the link that was there."""
    if payload.unit_key[0] == "H" and not job.dry_run and not links.find_link(job.ledger, VENDOR, payload.unit_key):
        links.take_over(job.ledger, VENDOR, f"C{payload.client_contact_id}", payload.unit_key)


def _match(client: ProfilesClient, job: Job, payload: Payload) -> matching.Adopt | matching.CreateNew:
    """MATCH-STORED by our external id, else MATCH-EXACT. Raises `Ambiguous` with the candidates' ids."""
    by_key = client.find_by_external_id(payload.external_id)
    person = payload.read()["document"]["clientA"]
    exact = None
    if not by_key.households:
        exact = client.search(person["firstName"], person["lastName"], person["birthDate"])
    found = [household.household_id for answer in (by_key, exact) if answer for household in answer.households]
    decision = matching.decide_profiles(
        by_key, exact, links.linked_to_others(job.ledger, VENDOR, payload.unit_key, found)
    )
    if isinstance(decision, matching.Ambiguous):
        raise Ambiguous(f"several records match: {', '.join(decision.candidates)}", decision.candidates)
    return decision


def _create(client: ProfilesClient, job: Job, payload: Payload, decision: matching.CreateNew) -> Delivered:
    """A new client and case; namesakes are reported, never written to (MATCH-LAST-NAME)."""
    findings: tuple[LoadFinding, ...] = ()
    if decision.candidates:
        detail = f"same last name: {', '.join(decision.candidates[:10])}"
        findings = (LoadFinding(decision.rule, *entity_of(payload.unit_key), None, detail),)
    link = None if job.dry_run else _send_new(client, job, payload)
    return replace(_outcome(payload, "created", "would be created" if job.dry_run else None, link), findings=findings)


def _send_new(client: ProfilesClient, job: Job, payload: Payload) -> Link:
    """In doubt: the vendor is read until its search must know, and only then the client is sent again."""
    content = payload.read()
    intent = deliveries.begin(
        job.ledger, VENDOR, payload.unit_key, "create_household", payload.payload_hash, content["document"], job.as_of, job.run_id
    )  # fmt: skip
    for _ in range(TRIES):
        try:
            made = client.create_household(payload.external_id, content["case_name"], content["document"])
            return _confirm_creation(job, payload, intent, made[0], made[1])
        except InDoubt:
            deliveries.mark(job.ledger, intent, "in_doubt")
            found = wait_for(job, lambda: _find_created(client, payload))
            if found is not None:
                return _confirm_creation(job, payload, intent, found.household_id, found.cases[0].case_id)
        except (SetAside, VendorUnavailable):
            deliveries.mark(job.ledger, intent, "refused")
            raise
    raise InDoubt("Profiles did not confirm the new client; the next run looks again before it sends.")


def _find_created(client: ProfilesClient, payload: Payload) -> FoundHousehold | None:
    households = client.find_by_external_id(payload.external_id).households
    if len(households) > 1 or (households and len(households[0].cases) != 1):
        ids = tuple(household.household_id for household in households)
        raise Ambiguous(f"our record is there more than once: {', '.join(ids)}", ids)
    return households[0] if households else None


def _confirm_creation(job: Job, payload: Payload, intent: Intent, household_id: str, case_id: str) -> Link:
    link = Link(
        payload.unit_key, household_id, case_id, None, payload.client_contact_id, payload.spouse_contact_id, "CREATED"
    )
    with job.ledger.write() as connection:
        _save_link(job, link, connection)
        links.save_sent(
            job.ledger, connection, VENDOR, payload.unit_key, "case", intent.payload_hash, intent.values, intent.as_of, job.run_id
        )  # fmt: skip
        deliveries.mark(job.ledger, intent, "confirmed", connection)
    return link


def _settle(client: ProfilesClient, job: Job, payload: Payload) -> Link | None:
    """Finds out what became of writes that an earlier run began and did not see answered."""
    link = None
    for intent in [] if job.dry_run else deliveries.open_intents(job.ledger, VENDOR, payload.unit_key):
        if intent.step == "create_household":
            age = (job.ledger.now() - intent.updated_at).total_seconds()
            found = wait_for(job, lambda: _find_created(client, payload), since_seconds=age)
            if found is None:
                deliveries.mark(job.ledger, intent, "abandoned")
            else:
                link = _confirm_creation(job, payload, intent, found.household_id, found.cases[0].case_id)
        else:
            stored = links.find_link(job.ledger, VENDOR, payload.unit_key)
            if stored is not None and stored.vendor_case_id is not None:
                _settle_update(job, payload, intent, client.read_case(stored.vendor_case_id))
    return link


def _settle_update(job: Job, payload: Payload, intent: Intent, case: Case) -> None:
    """Where the case has moved on from the version we wrote upon, fields that hold our values count as ours."""
    if case.version == intent.expected_version:
        deliveries.mark(job.ledger, intent, "abandoned")
        return
    before = links.find_sent(job.ledger, VENDOR, payload.unit_key).get("case")
    base = confirm(before.base if before else None, intent.values["base"], case.document)
    with job.ledger.write() as connection:
        # No hash: what was offered is not known to be whole, so that the document is merged again.
        links.save_sent(job.ledger, connection, VENDOR, payload.unit_key, "case", "", base, intent.as_of, job.run_id)
        deliveries.mark(job.ledger, intent, "confirmed", connection)


@dataclass(frozen=True)
class _Ground:
    """What an update stands on: the case as read, our merge into it."""

    case: Case
    merged: Merged


def _update(client: ProfilesClient, job: Job, payload: Payload, link: Link, base: Any) -> Delivered:
    """Read, merge, conditional write; read and merge again when somebody was faster or the answer was lost."""
    document = payload.read()["document"]
    assert link.vendor_case_id is not None
    written: tuple[Change, ...] = ()
    for _ in range(TRIES):
        case = client.read_case(link.vendor_case_id)
        if case.state == "open":
            raise CaseOpen(_who_has_it(case.opened_by, case.opened_at), case.opened_by, case.opened_at)
        ground = _Ground(case, merge(base, case.document, document))
        changes = (*written, *_changes(ground.merged))
        if job.dry_run or not ground.merged.changes:
            if not job.dry_run:
                _remember(job, payload, link, ground.merged, None)
            kind = "updated" if written or ground.merged.changes else "unchanged"
            return Delivered(_outcome(payload, kind, None, link).outcome, _stale_findings(payload, ground.merged), changes)
        try:
            _write(client, job, payload, link, ground)
            outcome = _outcome(payload, "updated", None, link).outcome
            return Delivered(outcome, _stale_findings(payload, ground.merged), changes)
        except InDoubt:
            _settle(client, job, payload)
            after = links.find_sent(job.ledger, VENDOR, payload.unit_key).get("case")
            base = after.base if after else base
            written = (*written, *_changes(ground.merged)) if after and after.offered_hash == "" else written
        except VersionConflict:
            continue
    raise VersionConflict("The case kept changing while it was to be written; the next run tries again.")


def _write(client: ProfilesClient, job: Job, payload: Payload, link: Link, ground: _Ground) -> None:
    assert link.vendor_case_id is not None
    values = {
        "base": ground.merged.base,
        "written": [[change.path, change.old, change.new] for change in ground.merged.written],
        "added": list(ground.merged.added),
    }
    intent = deliveries.begin(
        job.ledger, VENDOR, payload.unit_key, "replace_case", payload.payload_hash, values, job.as_of, job.run_id, ground.case.version
    )  # fmt: skip
    try:
        client.replace_case(link.vendor_case_id, ground.merged.document, ground.case.version)
    except InDoubt:
        deliveries.mark(job.ledger, intent, "in_doubt")
        raise
    except (SetAside, VendorUnavailable):
        deliveries.mark(job.ledger, intent, "refused")
        raise
    _remember(job, payload, link, ground.merged, intent)


def _remember(job: Job, payload: Payload, link: Link, merged: Merged, intent: Intent | None) -> None:
    with job.ledger.write() as connection:
        links.save_sent(
            job.ledger, connection, VENDOR, payload.unit_key, "case", payload.payload_hash, merged.base, job.as_of, job.run_id
        )  # fmt: skip
        links.save_link(
            job.ledger,
            connection,
            VENDOR,
            payload.unit_key,
            client_contact_id=payload.client_contact_id,
            spouse_contact_id=payload.spouse_contact_id,
        )
        if intent is not None:
            deliveries.mark(job.ledger, intent, "confirmed", connection)


def _save_link(job: Job, link: Link, connection: Any = None) -> None:
    values = {
        "vendor_client_id": link.vendor_client_id,
        "vendor_case_id": link.vendor_case_id,
        "client_contact_id": link.client_contact_id,
        "spouse_contact_id": link.spouse_contact_id,
        "matched_by": link.matched_by,
    }
    if connection is not None:
        links.save_link(job.ledger, connection, VENDOR, link.unit_key, **values)
    elif not job.dry_run:
        with job.ledger.write() as own:
            links.save_link(job.ledger, own, VENDOR, link.unit_key, **values)


def _changes(merged: Merged) -> tuple[Change, ...]:
    return (
        *(Change(one.path, "written", one.old, one.new) for one in merged.written),
        *(Change(path, "added") for path in merged.added),
        *(Change(one.path, "kept", one.theirs, one.ours) for one in merged.kept if one.differs),
        *(Change(path, "stale") for path in merged.stale),
        *(Change(path, "removed_by_advisor") for path in merged.removed_by_advisor),
    )


def _stale_findings(payload: Payload, merged: Merged) -> tuple[LoadFinding, ...]:
    """Items that left the CRM stay in the case until an advisor removes them (the API contract's three-way rule)."""
    return tuple(
        LoadFinding("PROFILES-STALE", *entity_of(payload.unit_key), path, "in Profiles, no longer in the CRM")
        for path in merged.stale
    )


def _who_has_it(opened_by: str | None, opened_at: str | None) -> str:
    return f"the case is open: {opened_by or 'somebody'} has it open since {opened_at or 'an unknown time'}"


def _outcome(payload: Payload, kind: str, reason: str | None, link: Link | None = None) -> Delivered:
    return Delivered(Outcome(VENDOR, payload.unit_key, kind, reason, link.vendor_client_id if link else None))
