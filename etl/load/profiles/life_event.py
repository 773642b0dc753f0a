"""A confirmed life event at Profiles, which cannot turn a joint client file into another couple's (LIFE-EVENT).

The unit gets a new client and case for the people who are its couple now. The joint case stays as it is, with all that
advisors typed into it, and is never linked again. The unit's link moves in the transaction that confirms the new case:
a run that is killed before that finds everything unchanged. A former partner who is a unit in the CRM is delivered in
the same run.
"""

from __future__ import annotations

from dataclasses import replace

from etl.errors import ParamsError
from etl.load import matching
from etl.load.delivery import Standing
from etl.load.job import Delivered, Job, Payload, ended
from etl.load.ledger import life_events, links
from etl.load.profiles.client import ProfilesClient
from etl.load.profiles.create import create_client, would_create
from etl.load.profiles.search import SAME_LAST_NAME, decide_profiles
from etl.load.profiles.update import VENDOR, update_case

ACTIONS = ("auto", "create_client_and_case")


def apply_life_event(client: ProfilesClient, job: Job, payload: Payload, standing: Standing) -> Delivered:
    """A new client and case for the couple as it is now, or the one that an advisor has already made for it.

    Raises `Ambiguous` where several records match, and `ParamsError` for an action that makes no new client.
    """
    link = standing.link
    assert job.by_hand is not None
    assert link is not None
    action = job.by_hand.action
    if action not in ACTIONS or job.by_hand.household_id or job.by_hand.case_id:
        raise ParamsError(
            "confirm_life_event makes a new client and case at Profiles: use action auto or create_client_and_case, "
            "without household or case."
        )
    by_key = client.find_by_external_id(payload.external_id)
    found: matching.Decision = matching.CreateNew(matching.EXACT)
    if action == "auto":
        person = payload.read()["document"]["clientA"]
        exact = client.search(person["firstName"], person["lastName"], person["birthDate"])
        ids = {one.household_id for one in (*by_key.households, *exact.households)}
        taken = set(links.others_linked(job.ledger, VENDOR, payload.unit_key, ids)) | {link.vendor_client_id}
        found = decide_profiles(by_key, exact, taken)
    decision = matching.require_clear(found)
    if isinstance(decision, matching.Adopt):
        return _adopt(client, job, payload, standing, decision)
    known = [household.household_id for household in by_key.households]
    reason = f"household {link.vendor_client_id}, the couple's as it was, is left as it is"
    if job.dry_run:
        return would_create(job, payload, f"a new client and case would be created; {reason}", link)
    new = create_client(client, job, payload, standing, known)
    findings = decision.findings(payload.unit_key, SAME_LAST_NAME)
    return ended(VENDOR, payload.unit_key, "created", reason, new, findings)


def _adopt(client: ProfilesClient, job: Job, payload: Payload, standing: Standing, found: matching.Adopt) -> Delivered:
    new, old = found.link_of(payload.unit_key), standing.link
    assert old is not None
    if not job.dry_run:
        assert job.by_hand is not None
        noted = life_events.as_noted(payload.life_event, job.run_id, job.by_hand.life_event)
        replaced = life_events.record_replaced(job.ledger, VENDOR, old, found.client_id, noted)
        job.ledger.commit(*replaced, links.linked(job.ledger, VENDOR, new))
    return update_case(client, job, payload, replace(standing, link=new))
