"""A new client with its case at Profiles, or a new case in a client's household: made exactly once.

Two equal calls make two records. Where an answer is lost, `etl.load.delivery.attempt` looks for the record before it
sends again: for a client by our external id, for a case (which has no such id) among the household's new cases.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import Any

from etl.errors import Ambiguous
from etl.load.delivery import Standing, attempt, begin, settle_creation
from etl.load.job import Delivered, Job, LoadFinding, Payload, ended
from etl.load.ledger import intents, life_events, links
from etl.load.ledger.intents import Intent
from etl.load.ledger.links import Link
from etl.load.profiles.client import Case, Created, ProfilesClient
from etl.load.profiles.document import flatten
from etl.load.profiles.new_case import NewCase
from etl.load.profiles.pins import pins_in_force
from etl.load.profiles.update import VENDOR, case_fields, case_written
from etl.names import same_name

CLIENT_STEP = "create_household"
CASE_STEP = "create_case"


def would_create(
    job: Job, payload: Payload, reason: str, link: Link | None = None, findings: tuple[LoadFinding, ...] = ()
) -> Delivered:
    """What a dry run says of a new client and case."""
    shown = case_fields(job, payload.read()["document"])
    return ended(VENDOR, payload.unit_key, "created", reason, link, findings, shown)


def create_client(
    client: ProfilesClient, job: Job, payload: Payload, standing: Standing, known: Collection[str] = ()
) -> Link:
    """A new client and case, linked to the unit. ``known``: households under our external id that are not meant.

    Raises `InDoubt` where Profiles neither confirmed the client nor shows it, `Ambiguous` where it shows several,
    `Rejected` and `VendorUnavailable` where surely nothing was written.
    """
    content = payload.read()
    intent = _begin(job, payload, CLIENT_STEP, {"known": sorted(known)})
    send = partial(client.create_household, payload.external_id, content["case_name"], content["document"])
    confirm, find = partial(_confirm, job, payload, standing, intent), partial(_find, client, payload, intent)
    return attempt(job, intent, send, confirm, find)


def create_case(
    client: ProfilesClient,
    job: Job,
    payload: Payload,
    standing: Standing,
    new: NewCase,
    household_id: str,
    matched_by: str,
) -> Link:
    """A new case in a household, linked to the unit instead of any other. Raises as `create_client`, and `Gone`."""
    name = payload.read()["case_name"]
    known = [case.case_id for case in client.household(household_id).cases]
    more = {"household": household_id, "known": known, "name": name, "matched_by": matched_by}
    more |= {"document": new.document, "base": new.base}
    intent = _begin(job, payload, CASE_STEP, more)
    send = partial(client.create_case, household_id, name, new.document)
    confirm, find = partial(_confirm, job, payload, standing, intent), partial(_find, client, payload, intent)
    return attempt(job, intent, send, confirm, find)


def is_creation(intent: Intent) -> bool:
    """Whether the write makes a client or a case."""
    return intent.step in (CLIENT_STEP, CASE_STEP)


def settle_created(
    client: ProfilesClient, job: Job, payload: Payload, standing: Standing, intent: Intent
) -> Link | None:
    """The link to what an earlier run created, None where it created nothing. Raises `Gone` without the household."""
    confirm, find = partial(_confirm, job, payload, standing, intent), partial(_find, client, payload, intent)
    return settle_creation(job, intent, find, confirm)


def _begin(job: Job, payload: Payload, step: str, more: dict[str, Any]) -> Intent:
    reason = job.by_hand.life_event if job.by_hand else None
    values = {
        "document": payload.read()["document"],
        "client": payload.client_contact_id,
        "spouse": payload.spouse_contact_id,
        "life_event": life_events.as_noted(payload.life_event, job.run_id, reason),
    }
    return begin(job, VENDOR, payload, step, {**values, **more})


def _find(client: ProfilesClient, payload: Payload, intent: Intent) -> Created | None:
    """What a creation has made, as far as Profiles shows it."""
    return _find_client(client, payload, intent) if intent.step == CLIENT_STEP else _find_case(client, intent)


def _find_client(client: ProfilesClient, payload: Payload, intent: Intent) -> Created | None:
    found = client.find_by_external_id(payload.external_id).households
    known = intent.values.get("known", ())
    households = [household for household in found if household.household_id not in known]
    if len(households) > 1 or (households and len(households[0].cases) != 1):
        ids = tuple(household.household_id for household in households)
        raise Ambiguous(f"our record is there more than once: {', '.join(ids)}", ids)
    return next((Created(one.household_id, one.cases[0].case_id, one.cases[0].version) for one in households), None)


def _find_case(client: ProfilesClient, intent: Intent) -> Created | None:
    """The case that was made: new in the household, with our name for it and the same client.

    One that holds exactly what was sent comes first: an advisor may make a case by hand in the same moment.
    """
    household = client.household(intent.values["household"])
    fresh = [case.case_id for case in household.cases if case.case_id not in intent.values["known"]]
    alike = [case for case in map(client.read_case, fresh) if _is_alike(case, intent)]
    sent = flatten(intent.values["document"])
    same = [case for case in alike if flatten(case.document) == sent]
    candidates = [Created(household.household_id, case.case_id, case.version) for case in same or alike]
    if len(candidates) > 1:
        ids = tuple(one.case_id for one in candidates)
        raise Ambiguous(f"the new case is there more than once: {', '.join(ids)}", ids)
    return candidates[0] if candidates else None


def _is_alike(case: Case, intent: Intent) -> bool:
    theirs, ours = case.document.get("clientA") or {}, intent.values["document"]["clientA"]
    same = all(same_name(theirs.get(name), ours[name]) for name in ("firstName", "lastName"))
    return case.name == intent.values["name"] and same and theirs.get("birthDate") == ours["birthDate"]


def _confirm(job: Job, payload: Payload, standing: Standing, intent: Intent, made: Created) -> Link:
    values, ledger, old = intent.values, job.ledger, standing.link
    matched_by = values.get("matched_by", "CREATED")
    link = Link(payload.unit_key, made.household_id, made.case_id, None, values["client"], values["spouse"], matched_by)
    # A field that is pinned to SmartOffice is looked at in every run, changed or not.
    payload_hash = "" if pins_in_force(job, standing).overrule_edits else intent.payload_hash
    noted = values.get("life_event", {})
    ledger.commit(
        *(life_events.record_replaced(ledger, VENDOR, old, made.household_id, noted) if old is not None else ()),
        links.linked(ledger, VENDOR, link),
        *case_written(
            job, payload.unit_key, made.case_id, payload_hash, values.get("base", values["document"]), intent.as_of
        ),
        intents.marked(ledger, intent, "confirmed"),
    )
    return link
