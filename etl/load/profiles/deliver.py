"""One household to Profiles, exactly once: match, create or merge, never overwriting what an advisor typed.

Reads top down: `deliver` takes the household's lock, settles what an earlier run left in doubt, finds the case
(MATCH rules) and creates or updates it. Every write is an intent in the ledger before its first byte leaves.
"""

from __future__ import annotations

from dataclasses import replace

from etl.errors import Ambiguous, Gone, SetAside, VendorUnavailable
from etl.load import matching
from etl.load.delivery import (
    CREATED_BEFORE,
    Delivered,
    Job,
    Payload,
    household_lock,
    is_other_couple,
    known_as,
    require_newest_couple,
    set_aside,
)
from etl.load.ledger import intents, links
from etl.load.ledger.links import Link, Sent
from etl.load.profiles import life_event as profiles_life_event
from etl.load.profiles.actions import carry_out
from etl.load.profiles.client import ProfilesClient
from etl.load.profiles.create import CASE_STEP, CLIENT_STEP, settle_creation
from etl.load.profiles.search import search
from etl.load.profiles.steps import adopt, bring_up_to_date, new_client, outcome
from etl.load.profiles.update import VENDOR, settle_update


def deliver(client: ProfilesClient, job: Job, payload: Payload) -> Delivered:
    """Brings one unit's case up to date. What concerns this household alone becomes its outcome.

    Raises `CredentialsRefused` (the vendor's load stops), `LedgerUnavailable`, `StagingError` and, by hand,
    `ParamsError` for what makes no sense for this unit.
    """
    link: Link | None = None
    try:
        with household_lock(job, VENDOR, payload.unit_key) as held:
            if not held:
                return outcome(payload, "deferred", "another run is writing this household now")
            known = known_as(job, VENDOR, payload)
            settled = _settle(client, job, payload)
            link = settled or links.find_link(job.ledger, VENDOR, known)
            require_newest_couple(job, VENDOR, link, payload)
            before = links.find_sent(job.ledger, VENDOR, known).get("case")
            if settled is None:
                return _deliver_locked(client, job, payload, link, before)
            if is_other_couple(settled, payload):
                return outcome(payload, "deferred", CREATED_BEFORE, settled)
            delivered = _deliver_locked(client, job, payload, settled, before)
            return replace(delivered, outcome=replace(delivered.outcome, outcome="created"))
    except (SetAside, VendorUnavailable) as error:
        if isinstance(error, Gone) and not job.dry_run:
            # Looked at in every run until somebody sees to it, whatever the CRM says then.
            links.complete(job.ledger, VENDOR, payload.unit_key, "case", "")
        return set_aside(VENDOR, payload.unit_key, error, link.vendor_client_id if link else None)


def _deliver_locked(
    client: ProfilesClient, job: Job, payload: Payload, link: Link | None, before: Sent | None
) -> Delivered:
    is_looking = job.by_hand is not None and job.by_hand.action == "open_case"
    if before is not None and before.as_of > job.as_of and not is_looking:
        return outcome(payload, "skipped", f"superseded: {before.as_of} has been sent already", link)
    if job.by_hand is not None:
        if link is not None and payload.life_event is not None and is_other_couple(link, payload):
            return profiles_life_event.carry_out(client, job, payload, link)
        return carry_out(client, job, payload, link)
    if link is not None:
        return bring_up_to_date(client, job, payload, link)
    found = search(client, job, payload)
    if isinstance(found.decision, matching.Ambiguous):
        candidates = found.decision.candidates
        raise Ambiguous(f"several records match: {', '.join(candidates)}", candidates)
    if isinstance(found.decision, matching.Adopt):
        return adopt(client, job, payload, found.decision)
    return new_client(client, job, payload, found)


def _settle(client: ProfilesClient, job: Job, payload: Payload) -> Link | None:
    """Finds out what became of writes that an earlier run began and did not see answered.

    Raises `Gone` at night where the record that was to be written is there no longer; by hand somebody may have said
    what comes in its place (MATCH-GONE).
    """
    link, gone = None, None
    for intent in [] if job.dry_run else intents.open_intents(job.ledger, VENDOR, payload.unit_key):
        try:
            if intent.step in (CLIENT_STEP, CASE_STEP):
                link = settle_creation(client, job, payload, intent) or link
            else:
                settle_update(client, job, payload, intent)
        except Gone as error:
            gone = error
    if gone is not None and job.by_hand is None:
        raise gone
    return link
