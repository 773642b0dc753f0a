"""A confirmed life event at Profiles, which cannot turn a joint client file into another couple's (LIFE-EVENT).

The unit gets a client and case of its own for those who are its couple now. The joint case is left as it is, with all
that advisors typed into it, and is never linked again; the unit's link moves in the transaction that confirms the new
case, so that a run that was killed before finds everything as it was. A former partner is a unit of its own wherever
the CRM has one, and goes beside the unit in the same run.
"""

from __future__ import annotations

from etl.errors import Ambiguous, ParamsError
from etl.load import matching
from etl.load.delivery import Delivered, Job, LoadFinding, Payload, entity_of
from etl.load.ledger import life_events, links
from etl.load.ledger.links import Link
from etl.load.profiles.client import ProfilesClient
from etl.load.profiles.create import create_client, save_link
from etl.load.profiles.steps import outcome, would_create
from etl.load.profiles.update import VENDOR, update_case

ACTIONS = ("auto", "create_client_and_case")


def carry_out(client: ProfilesClient, job: Job, payload: Payload, link: Link) -> Delivered:
    """A new client and case for the couple as it is now, or the one that an advisor has made of it already.

    Raises `Ambiguous` where several could be it, and `ParamsError` where an action was asked for that is none of both.
    """
    assert job.by_hand is not None
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
        taken = links.linked_to_others(job.ledger, VENDOR, payload.unit_key, ids) | {link.vendor_client_id}
        found = matching.decide_profiles(by_key, exact, taken)
    if isinstance(found, matching.Ambiguous):
        raise Ambiguous(f"several records match: {', '.join(found.candidates)}", found.candidates)
    if isinstance(found, matching.Adopt):
        return _adopt(client, job, payload, link, found)
    known = [household.household_id for household in by_key.households]
    reason = f"household {link.vendor_client_id}, the couple's as it was, is left as it is"
    if job.dry_run:
        return would_create(job, payload, f"a new client and case would be created; {reason}", link)
    findings = (LoadFinding(found.rule, *entity_of(payload.unit_key), None, _namesakes(found)),)
    new = create_client(client, job, payload, known)
    return outcome(payload, "created", reason, new, findings if found.candidates else ())


def _adopt(client: ProfilesClient, job: Job, payload: Payload, old: Link, found: matching.Adopt) -> Delivered:
    new = Link(payload.unit_key, found.household_id, found.case_id, None, None, None, found.rule)
    if not job.dry_run:
        assert job.by_hand is not None
        told = life_events.as_told(payload.life_event, job.run_id, job.by_hand.life_event)
        with job.ledger.write() as connection:
            life_events.replace_record(job.ledger, connection, VENDOR, old, found.household_id, told)
            save_link(job, new, connection)
    return update_case(client, job, payload, new)


def _namesakes(found: matching.CreateNew) -> str:
    return f"same last name: {', '.join(found.candidates[:10])}"
