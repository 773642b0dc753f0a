"""One household to Profiles, exactly once: match, create or merge, never overwriting what an advisor typed.

Reads top down: `deliver` takes the household's lock, settles what an earlier run left in doubt, finds the case
(MATCH rules) and creates or updates it. Every write is an intent in the ledger before its first byte leaves.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from etl.errors import Ambiguous, InDoubt, SetAside, VendorUnavailable
from etl.load import matching
from etl.load.delivery import (
    CREATED_BEFORE,
    TRIES,
    Delivered,
    Job,
    LoadFinding,
    Payload,
    entity_of,
    household_lock,
    is_other_couple,
    known_as,
    set_aside,
    wait_for,
)
from etl.load.ledger import deliveries, links
from etl.load.ledger.deliveries import Intent
from etl.load.ledger.links import Link, Sent
from etl.load.ledger.runs import Outcome
from etl.load.profiles import FoundHousehold, ProfilesClient, SearchResult
from etl.load.profiles_case import VENDOR, settle_update, update_case


def deliver(client: ProfilesClient, job: Job, payload: Payload) -> Delivered:
    """Brings one unit's case up to date. What concerns this household alone becomes its outcome.

    Raises `CredentialsRefused` (the vendor's load stops), `LedgerUnavailable` and `StagingError`.
    """
    link: Link | None = None
    try:
        with household_lock(job, VENDOR, payload.unit_key) as held:
            if not held:
                return _outcome(payload, "deferred", "another run is writing this household now")
            known = known_as(job, VENDOR, payload)
            settled = _settle(client, job, payload)
            link = settled or links.find_link(job.ledger, VENDOR, known)
            before = links.find_sent(job.ledger, VENDOR, known).get("case")
            if settled is None:
                return _deliver_locked(client, job, payload, link, before)
            if is_other_couple(settled, payload):
                return _outcome(payload, "deferred", CREATED_BEFORE, settled)
            delivered = _deliver_locked(client, job, payload, settled, before)
            return replace(delivered, outcome=replace(delivered.outcome, outcome="created"))
    except (SetAside, VendorUnavailable) as error:
        return set_aside(VENDOR, payload.unit_key, error, link.vendor_client_id if link else None)


def _deliver_locked(
    client: ProfilesClient, job: Job, payload: Payload, link: Link | None, before: Sent | None
) -> Delivered:
    if before is not None and before.as_of > job.as_of:
        return _outcome(payload, "skipped", f"superseded: {before.as_of} has been sent already", link)
    if link is None:
        decision = _match(client, job, payload)
        if isinstance(decision, matching.CreateNew):
            return _create(client, job, payload, decision)
        link = Link(payload.unit_key, decision.client_id, decision.case_id, None, None, None, decision.rule)
        _save_link(job, link)
    elif before is not None and before.offered_hash == payload.payload_hash:
        return _outcome(payload, "unchanged", None, link)
    return update_case(client, job, payload, link, before.base if before else None)


def _match(client: ProfilesClient, job: Job, payload: Payload) -> matching.Adopt | matching.CreateNew:
    """MATCH-STORED by our external id, else MATCH-EXACT. Raises `Ambiguous` with the candidates' ids."""
    by_key = client.find_by_external_id(payload.external_id)
    taken = _taken(job, payload, by_key)
    exact = None
    if all(household.household_id in taken for household in by_key.households):
        person = payload.read()["document"]["clientA"]
        exact = client.search(person["firstName"], person["lastName"], person["birthDate"])
        taken |= _taken(job, payload, exact)
    decision = matching.decide_profiles(by_key, exact, taken)
    if isinstance(decision, matching.Ambiguous):
        raise Ambiguous(f"several records match: {', '.join(decision.candidates)}", decision.candidates)
    return decision


def _taken(job: Job, payload: Payload, found: SearchResult) -> set[str]:
    """Those of the households found that are linked to another unit."""
    ids = [household.household_id for household in found.households]
    return links.linked_to_others(job.ledger, VENDOR, payload.unit_key, ids)


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
    values = {
        "document": content["document"],
        "client": payload.client_contact_id,
        "spouse": payload.spouse_contact_id,
    }
    intent = deliveries.begin(
        job.ledger, VENDOR, payload.unit_key, "create_household", payload.payload_hash, values, job.as_of, job.run_id
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
    values = intent.values
    link = Link(payload.unit_key, household_id, case_id, None, values["client"], values["spouse"], "CREATED")
    with job.ledger.write() as connection:
        _save_link(job, link, connection)
        links.save_sent(
            job.ledger, connection, VENDOR, payload.unit_key, "case", intent.payload_hash, values["document"],
            intent.as_of, job.run_id,
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
                settle_update(job, payload, intent, client.read_case(stored.vendor_case_id))
    return link


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


def _outcome(payload: Payload, kind: str, reason: str | None, link: Link | None = None) -> Delivered:
    return Delivered(Outcome(VENDOR, payload.unit_key, kind, reason, link.vendor_client_id if link else None))
