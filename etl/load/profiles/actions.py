"""What a person has done at Profiles, in a run for one household: the actions of SmartOffice's Search screen.

::

    auto                     the stored link, else the one exact match; else what somebody chose from the Search list
    create_client_and_case   never looks for a match
    create_case              in the linked or chosen household; the unit goes on with the new case
    update_case              the linked or chosen case; choosing one stores the link
    open_case                writes nothing, links nothing: answers with the case's address

A client that is gone at Profiles is replaced by another or a new one only so: by hand, and by name (MATCH-GONE).

A case that is known is read and merged even where nothing has changed in the CRM: who asks wants to know that it is
there, who has it open, and what was edited in it. A creation that another run made after this one was asked for is the
one that was asked for: it is not made again. A request that makes no sense for this unit is a `ParamsError`, before
anything is written.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from etl.errors import Gone, ParamsError, SetAside, VendorUnavailable
from etl.load import matching
from etl.load.delivery import Standing
from etl.load.job import ByHand, Delivered, Job, Payload, ended
from etl.load.ledger import intents, links
from etl.load.ledger.answers import Answer, find_answer
from etl.load.ledger.links import Link
from etl.load.ledger.runs import Outcome
from etl.load.profiles.client import ProfilesClient
from etl.load.profiles.create import CASE_STEP, CLIENT_STEP, create_case, create_client, would_create
from etl.load.profiles.new_case import new_case_of
from etl.load.profiles.search import Choice, choose, describe, search
from etl.load.profiles.update import VENDOR, case_fields, unchanged, update_case
from etl.outcomes import UNANSWERED, UNCHOSEN

CHOSEN = "CHOSEN"


def apply_action(client: ProfilesClient, job: Job, payload: Payload, standing: Standing) -> Delivered:
    """Does what was asked for, with the unit's lock held."""
    assert job.by_hand is not None
    answer = find_answer(job.ledger, job.run_id, VENDOR, payload.unit_key)
    if answer is not None and answer.status != "answered" and standing.link is None:
        reason = f"nobody answered which record of Profiles it is: {_shown(answer)}"
        return ended(VENDOR, payload.unit_key, "deferred", reason, code=UNANSWERED)
    wanted = wanted_by(job.by_hand, answer)
    link = _unless_gone(client, standing.link, wanted)
    if wanted.action == "create_client_and_case":
        return _new_client(client, job, payload, standing, link)
    if wanted.action == "create_case":
        return _new_case(client, job, payload, standing, link, wanted)
    target = _target(client, job, payload, link, wanted, answer)
    if target is None:
        found = search(client, job, payload)
        reason = f"somebody has to choose from the Search list: {describe(found)}"
        return ended(VENDOR, payload.unit_key, "deferred", reason, code=UNCHOSEN)
    if wanted.action == "open_case":
        url = client.case_url(str(target.vendor_case_id))
        return ended(VENDOR, payload.unit_key, "unchanged", _opens(target.vendor_case_id, url), target)
    if link != target and not job.dry_run:
        _switch(job, target)
    return update_case(client, job, payload, replace(standing, link=target))


def with_address(client: ProfilesClient, job: Job, held: Outcome, client_contact_id: int) -> Outcome:
    """The outcome of a unit that the gate holds, with its case's address: who only looks does not need right data.

    Raises `ParamsError` where the case that was asked for is another household's.
    """
    assert job.by_hand is not None
    keys = (held.unit_key, job.known_before_as(held.unit_key, client_contact_id))
    link = next((one for key in keys if (one := links.find_link(job.ledger, VENDOR, key))), None)
    if link is None:
        return held
    case_id = link.vendor_case_id
    try:
        if job.by_hand.household_id or job.by_hand.case_id:
            case_id = _of_the_linked(client, link, wanted_by(job.by_hand, None)).case_id
        url = client.case_url(str(case_id))
    except (SetAside, VendorUnavailable):
        return held
    return replace(held, reason=f"{held.reason}; {_opens(case_id, url)}", vendor_id=link.vendor_client_id)


def wanted_by(by_hand: ByHand, answer: Answer | None) -> Choice:
    """The action and records that count: those that were chosen, else those that the run was started with."""
    if answer is not None and answer.choice is not None:
        return Choice(answer.choice, answer.household_id, answer.case_id)
    action = "update_case" if by_hand.action == "auto" and (by_hand.household_id or by_hand.case_id) else by_hand.action
    return Choice(action, by_hand.household_id, by_hand.case_id)


def check_request(client: ProfilesClient, job: Job, payload: Payload, link: Link | None) -> None:
    """Raises `ParamsError` where the household or case that the run was started with cannot be meant.

    What a run started with ids is checked for before anything else is done, and again with the lock held.
    """
    assert job.by_hand is not None
    wanted = wanted_by(job.by_hand, None)
    link = _unless_gone(client, link, wanted)
    if wanted.action == "create_client_and_case":
        if wanted.household_id or wanted.case_id:
            choose({"households": []}, *_parts(wanted))
        is_confirmed = job.by_hand.life_event is not None
        if link is not None and not is_confirmed and not _made_since(job, payload, CLIENT_STEP):
            raise ParamsError(_linked_already(link))
    elif wanted.household_id or wanted.case_id:
        _checked(client, job, payload, link, wanted)


def _unless_gone(client: ProfilesClient, link: Link | None, wanted: Choice) -> Link | None:
    """The link, if it counts: who asks for another client than one that is no longer there gets it (MATCH-GONE)."""
    if link is None:
        return None
    is_other = wanted.household_id not in (None, link.vendor_client_id) or wanted.case_id not in (
        None,
        link.vendor_case_id,
    )
    if not is_other and wanted.action != "create_client_and_case":
        return link
    try:
        client.household(link.vendor_client_id)
    except Gone:
        return None
    return link


def _new_client(client: ProfilesClient, job: Job, payload: Payload, standing: Standing, link: Link | None) -> Delivered:
    made = _made_since(job, payload, CLIENT_STEP)
    if made is not None and link is not None:
        return _merged(unchanged(payload, standing) or update_case(client, job, payload, standing), job, made)
    if link is not None:
        raise ParamsError(_linked_already(link))
    if job.dry_run:
        return would_create(job, payload, "would be created")
    known = [household.household_id for household in client.find_by_external_id(payload.external_id).households]
    return ended(VENDOR, payload.unit_key, "created", None, create_client(client, job, payload, standing, known))


def _new_case(
    client: ProfilesClient, job: Job, payload: Payload, standing: Standing, link: Link | None, wanted: Choice
) -> Delivered:
    made = _made_since(job, payload, CASE_STEP)
    if made is not None and link is not None and wanted.household_id in (None, made.values["household"]):
        return _merged(unchanged(payload, standing) or update_case(client, job, payload, standing), job, made)
    matched_by = link.matched_by if link else CHOSEN
    if wanted.household_id or wanted.case_id:
        household_id = _checked(client, job, payload, link, wanted).household_id
    elif link is not None:
        household_id = link.vendor_client_id
    else:
        household_id, matched_by = _only_exact(client, job, payload), matching.EXACT
    assert household_id is not None
    new_case = new_case_of(client, job, payload, replace(standing, link=link))
    if job.dry_run:
        delivered = ended(
            VENDOR, payload.unit_key, "created", f"a new case would be made in household {household_id}", link
        )
        as_before = {change.field for change in new_case.changes}
        shown = tuple(one for one in case_fields(job, new_case.document) if one.field not in as_before)
    else:
        new = create_case(client, job, payload, standing, new_case, household_id, matched_by)
        reason = f"new case {new.vendor_case_id} in household {household_id}"
        delivered, shown = ended(VENDOR, payload.unit_key, "created", reason, new, new_case.findings(payload)), ()
    return replace(delivered, changes=(*new_case.changes, *shown))


def _switch(job: Job, target: Link) -> None:
    """Links the unit to a case that was not its own, before it is written."""
    switched = links.case_switched(job.ledger, target, VENDOR, job.run_id)
    job.ledger.commit(links.linked(job.ledger, VENDOR, target), *switched)


def _target(
    client: ProfilesClient, job: Job, payload: Payload, link: Link | None, wanted: Choice, answer: Answer | None
) -> Link | None:
    """The case that is meant, as the link it is or would be; None where somebody has to choose."""
    if answer is not None or not (wanted.household_id or wanted.case_id):
        chosen = wanted
    else:
        chosen = _checked(client, job, payload, link, wanted)
    if link is not None:
        if chosen.household_id not in (None, link.vendor_client_id):
            raise ParamsError(_linked_already(link))
        return link if chosen.case_id is None else replace(link, vendor_case_id=chosen.case_id)
    if chosen.case_id is not None:
        return Link(payload.unit_key, str(chosen.household_id), chosen.case_id, None, None, None, CHOSEN)
    found = search(client, job, payload)
    if isinstance(found.decision, matching.Adopt):
        return found.decision.link_of(payload.unit_key)
    if wanted.action == "auto":
        return None
    raise ParamsError(
        f"{payload.unit_key} is not linked at Profiles, and no single case is its exact match ({describe(found)}). "
        "Give case_id, or choose with action auto."
    )


def _checked(client: ProfilesClient, job: Job, payload: Payload, link: Link | None, wanted: Choice) -> Choice:
    """The household and case that the run was started with, if they can be this unit's."""
    if link is None:
        return choose(search(client, job, payload).shown, *_parts(wanted))
    return _of_the_linked(client, link, wanted)


def _of_the_linked(client: ProfilesClient, link: Link, wanted: Choice) -> Choice:
    if wanted.household_id not in (None, link.vendor_client_id):
        raise ParamsError(_linked_already(link))
    cases = [case.case_id for case in client.household(link.vendor_client_id).cases]
    one = {"household_id": link.vendor_client_id, "case_ids": cases, "linked_to": None}
    return choose({"households": [one]}, *_parts(wanted))


def _only_exact(client: ProfilesClient, job: Job, payload: Payload) -> str:
    found = search(client, job, payload)
    if found.match_type in ("key", "exact") and len(found.free) == 1:
        return found.free[0].household_id
    raise ParamsError(
        f"{payload.unit_key} is not linked at Profiles, and no single household is its exact match "
        f"({describe(found)}). Give vendor_household_id, or choose with action auto."
    )


def _made_since(job: Job, payload: Payload, step: str) -> intents.Intent | None:
    """The newest creation that this run made, or another one after this run was asked for."""
    assert job.by_hand is not None
    since = job.by_hand.asked_at or datetime.max
    made = intents.confirmed_steps(job.ledger, VENDOR, payload.unit_key, step)
    return next((one for one in made if one.run_id == job.run_id or one.updated_at >= since), None)


def _merged(delivered: Delivered, job: Job, made: intents.Intent) -> Delivered:
    """What this run made in an earlier try is its creation; what another one made is said to be that one's."""
    if made.run_id == job.run_id:
        return delivered.as_kind("created")
    reason = f"merged with run {made.run_id}, which made the same since this one was asked for"
    return replace(delivered, outcome=replace(delivered.outcome, reason=reason))


def _linked_already(link: Link) -> str:
    return (
        f"{link.unit_key} is linked at Profiles already: household {link.vendor_client_id}, case "
        f"{link.vendor_case_id}. Use update_case or create_case, without another household."
    )


def _shown(answer: Answer) -> str:
    listed = answer.shown["households"]
    return f"{len(listed)} households were shown" if listed else "Profiles has none of this client or last name"


def _opens(case_id: str | None, url: str) -> str:
    return f"case {case_id} opens at {url}"


def _parts(wanted: Choice) -> tuple[str, str | None, str | None]:
    return wanted.action, wanted.household_id, wanted.case_id
