"""A new client with its case at Profiles, or a new case in a client's household: made exactly once.

Two equal calls make two records, so that each is an intent in the ledger first. Where the answer is lost, the vendor is
read until its search must know, and only then the record is sent again: a client is found by our external id, a case,
which has none, among the household's cases that were not there before.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import Any

from etl.errors import Ambiguous, Gone, InDoubt, SetAside, VendorUnavailable
from etl.load.delivery import TRIES, Job, Payload, pins_in_force, wait_for
from etl.load.ledger import intents, life_events, links
from etl.load.ledger.intents import Intent
from etl.load.ledger.links import Link
from etl.load.profiles.client import Case, FoundHousehold, ProfilesClient
from etl.load.profiles.document import flatten
from etl.load.profiles.new_case import NewCase
from etl.load.profiles.update import VENDOR, save_case
from etl.names import same_name

CLIENT_STEP = "create_household"
CASE_STEP = "create_case"


def create_client(client: ProfilesClient, job: Job, payload: Payload, known: Collection[str] = ()) -> Link:
    """A new client and case, linked to the unit. ``known``: households under our external id that are not meant.

    Raises `InDoubt` where Profiles neither confirmed the client nor shows it, `Ambiguous` where it shows several,
    `Rejected` and `VendorUnavailable` where surely nothing was written.
    """
    content = payload.read()
    intent = _begin(job, payload, CLIENT_STEP, {"known": sorted(known)})
    for _ in range(TRIES):
        try:
            made = client.create_household(payload.external_id, content["case_name"], content["document"])
            return _confirm_client(job, payload, intent, made[0], made[1])
        except InDoubt:
            intents.mark(job.ledger, intent, "in_doubt")
            found = wait_for(job, lambda: _find_client(client, payload, intent))
            if found is not None:
                return _confirm_client(job, payload, intent, found.household_id, found.cases[0].case_id)
        except (SetAside, VendorUnavailable):
            intents.mark(job.ledger, intent, "refused")
            raise
    raise InDoubt("Profiles did not confirm the new client; the next run looks again before it sends.")


def create_case(
    client: ProfilesClient, job: Job, payload: Payload, new: NewCase, household_id: str, matched_by: str
) -> Link:
    """A new case in a household, linked to the unit instead of any other. Raises as `create_client`, and `Gone`."""
    name = payload.read()["case_name"]
    known = [case.case_id for case in client.household(household_id).cases]
    more = {"household": household_id, "known": known, "name": name, "matched_by": matched_by}
    more |= {"document": new.document, "base": new.base}
    intent = _begin(job, payload, CASE_STEP, more)
    for _ in range(TRIES):
        try:
            case_id, _version = client.create_case(household_id, name, new.document)
            return _confirm_case(job, payload, intent, case_id)
        except InDoubt:
            intents.mark(job.ledger, intent, "in_doubt")
            found = wait_for(job, lambda: _find_case(client, intent))
            if found is not None:
                return _confirm_case(job, payload, intent, found)
        except (SetAside, VendorUnavailable):
            intents.mark(job.ledger, intent, "refused")
            raise
    raise InDoubt("Profiles did not confirm the new case; the next run looks again before it sends.")


def settle_creation(client: ProfilesClient, job: Job, payload: Payload, intent: Intent) -> Link | None:
    """What became of a creation that an earlier run began: the link to what it made, None where nothing came of it.

    Raises `Gone` where the household of a new case is there no longer: nothing came of that either.
    """
    try:
        link = _find_created(client, job, payload, intent)
    except Gone:
        intents.mark(job.ledger, intent, "abandoned")
        raise
    if link is None:
        intents.mark(job.ledger, intent, "abandoned")
    return link


def _find_created(client: ProfilesClient, job: Job, payload: Payload, intent: Intent) -> Link | None:
    age = (job.ledger.now() - intent.updated_at).total_seconds()
    if intent.step == CLIENT_STEP:
        household = wait_for(job, partial(_find_client, client, payload, intent), since_seconds=age)
        if household is not None:
            return _confirm_client(job, payload, intent, household.household_id, household.cases[0].case_id)
    else:
        case_id = wait_for(job, partial(_find_case, client, intent), since_seconds=age)
        if case_id is not None:
            return _confirm_case(job, payload, intent, case_id)
    return None


def save_link(job: Job, link: Link, connection: Any = None) -> None:
    """Keeps a link, in ``connection``'s transaction where one is given; a dry run keeps nothing."""
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


def _begin(job: Job, payload: Payload, step: str, more: dict[str, Any]) -> Intent:
    reason = job.by_hand.life_event if job.by_hand else None
    values = {
        "document": payload.read()["document"],
        "client": payload.client_contact_id,
        "spouse": payload.spouse_contact_id,
        "life_event": life_events.as_told(payload.life_event, job.run_id, reason),
    }
    return intents.begin(
        job.ledger, VENDOR, payload.unit_key, step, payload.payload_hash, {**values, **more}, job.as_of, job.run_id
    )


def _find_client(client: ProfilesClient, payload: Payload, intent: Intent) -> FoundHousehold | None:
    found = client.find_by_external_id(payload.external_id).households
    known = intent.values.get("known", ())
    households = [household for household in found if household.household_id not in known]
    if len(households) > 1 or (households and len(households[0].cases) != 1):
        ids = tuple(household.household_id for household in households)
        raise Ambiguous(f"our record is there more than once: {', '.join(ids)}", ids)
    return households[0] if households else None


def _find_case(client: ProfilesClient, intent: Intent) -> str | None:
    """The case that was made: new in the household, with our name for it and the same client.

    One that holds exactly what was sent comes first: an advisor may make a case by hand in the same moment.
    """
    household = client.household(intent.values["household"])
    fresh = [case.case_id for case in household.cases if case.case_id not in intent.values["known"]]
    alike = [case for case in map(client.read_case, fresh) if _is_alike(case, intent)]
    sent = flatten(intent.values["document"])
    same = [case for case in alike if flatten(case.document) == sent]
    candidates = tuple(case.case_id for case in same or alike)
    if len(candidates) > 1:
        raise Ambiguous(f"the new case is there more than once: {', '.join(candidates)}", candidates)
    return candidates[0] if candidates else None


def _is_alike(case: Case, intent: Intent) -> bool:
    theirs, ours = case.document.get("clientA") or {}, intent.values["document"]["clientA"]
    same = all(same_name(theirs.get(name), ours[name]) for name in ("firstName", "lastName"))
    return case.name == intent.values["name"] and same and theirs.get("birthDate") == ours["birthDate"]


def _confirm_client(job: Job, payload: Payload, intent: Intent, household_id: str, case_id: str) -> Link:
    return _confirm(job, payload, intent, household_id, case_id, "CREATED")


def _confirm_case(job: Job, payload: Payload, intent: Intent, case_id: str) -> Link:
    return _confirm(job, payload, intent, intent.values["household"], case_id, intent.values["matched_by"])


def _confirm(job: Job, payload: Payload, intent: Intent, household_id: str, case_id: str, matched_by: str) -> Link:
    values = intent.values
    link = Link(payload.unit_key, household_id, case_id, None, values["client"], values["spouse"], matched_by)
    old = links.find_link(job.ledger, VENDOR, payload.unit_key)
    # What is pinned to SmartOffice is looked at in every run, whatever the CRM says then.
    offer = "" if pins_in_force(job, payload.unit_key).overrule_edits else intent.payload_hash
    with job.ledger.write() as connection:
        if old is not None:
            told = values.get("life_event", {})
            life_events.replace_record(job.ledger, connection, VENDOR, old, household_id, told)
        save_link(job, link, connection)
        base = values.get("base", values["document"])
        save_case(job, connection, payload.unit_key, case_id, offer, base, intent.as_of)
        intents.mark(job.ledger, intent, "confirmed", connection)
    return link
