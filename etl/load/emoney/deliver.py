"""One household to eMoney, exactly once: client, spouse and connection, as steps that can be taken up again.

The steps of a creation or a marriage are separate calls without a transaction. Each confirmed step is in the ledger
(link, sent `client`, sent `spouse`, connection), so that what remains is always read off from there. The values of
accounts and policies go afterwards, in the feed (`etl.load.emoney.feed`).
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
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
    require_newest_couple,
    set_aside,
    wait_for,
)
from etl.load.emoney.client import EmoneyClient, FoundClient
from etl.load.emoney.life_event import Standing, carry_out
from etl.load.emoney.parts import people_hash
from etl.load.emoney.people import UNFINISHED, VENDOR, Updated, as_sent, update_client, update_spouse
from etl.load.ledger import intents, links
from etl.load.ledger.intents import Intent
from etl.load.ledger.links import Link, Sent
from etl.load.ledger.runs import Outcome
from etl.load.preview import people_fields

# Why a known client's people were not written in a run by hand.
LEFT = "its demographics were left as they are (update no)"


def deliver(client: EmoneyClient, job: Job, payload: Payload) -> Delivered:
    """Brings one unit's client, spouse and connection up to date. What concerns it alone becomes its outcome.

    Raises `CredentialsRefused` (the vendor's load stops), `LedgerUnavailable` and `StagingError`.
    """
    link: Link | None = None
    try:
        with household_lock(job, VENDOR, payload.unit_key) as held:
            if not held:
                return _delivered(payload, "deferred", "another run is writing this household now")
            known = known_as(job, VENDOR, payload)
            settled = _settle(client, job, payload)
            link = settled or links.find_link(job.ledger, VENDOR, known)
            if settled is not None and is_other_couple(settled, payload):
                return _delivered(payload, "deferred", CREATED_BEFORE, settled)
            require_newest_couple(job, VENDOR, link, payload)
            before = links.find_sent(job.ledger, VENDOR, known)
            if link is not None and payload.life_event is not None and is_other_couple(link, payload):
                return _deliver_event(client, job, payload, link, before)
            kind = "created" if settled is not None or _has_created(job, payload) else "unchanged"
            return _deliver_locked(client, job, payload, link, before, kind)
    except (SetAside, VendorUnavailable) as error:
        return set_aside(VENDOR, payload.unit_key, error, link.vendor_client_id if link else None)


def _deliver_event(client: EmoneyClient, job: Job, payload: Payload, link: Link, before: dict[str, Sent]) -> Delivered:
    """What somebody confirmed comes first (LIFE-EVENT); then everything goes as it always does."""
    if (newer := _superseded(job, payload, link, before)) is not None:
        return newer
    standing, changes = carry_out(client, job, payload, link, before)
    if standing.link is None and not job.dry_run:
        # The link that was taken over has just gone back to whose it was.
        known = known_as(replace(job, taken_over={}), VENDOR, payload)
        standing = Standing(links.find_link(job.ledger, VENDOR, known), links.find_sent(job.ledger, VENDOR, known))
    delivered = _deliver_locked(client, job, payload, standing.link, standing.before, "unchanged", job.dry_run)
    kind = "updated" if delivered.outcome.outcome == "unchanged" else delivered.outcome.outcome
    outcome = replace(delivered.outcome, outcome=kind)
    return replace(delivered, outcome=outcome, changes=(*changes, *delivered.changes))


def _superseded(job: Job, payload: Payload, link: Link | None, before: dict[str, Sent]) -> Delivered | None:
    newest = max((part.as_of for part in before.values()), default=job.as_of)
    if newest <= job.as_of:
        return None
    return _delivered(payload, "skipped", f"superseded: {newest} has been sent already", link)


def _deliver_locked(
    client: EmoneyClient,
    job: Job,
    payload: Payload,
    link: Link | None,
    before: dict[str, Sent],
    kind: str,
    is_alone: bool = False,
) -> Delivered:
    """The list of steps: match, client, spouse, connection; each is skipped where the ledger knows that it is done.

    ``is_alone``: eMoney has no spouse, or would have none by now.
    """
    if (newer := _superseded(job, payload, link, before)) is not None:
        return newer
    content = as_sent(job, payload)
    done = Updated()
    bases = {part: sent.base for part, sent in before.items()}
    if link is None:
        decision = _match(client, job, payload, content["client"])
        if isinstance(decision, matching.CreateNew):
            done, kind, is_alone = Updated(findings=_namesakes(payload, decision)), "created", True
            if job.dry_run:
                told = people_fields(job, content["client"], content["spouse"])
                return replace(_delivered(payload, kind, "would be created"), findings=done.findings, changes=told)
            link, bases = _create(client, job, payload, content["client"]), {"client": content["client"]}
        else:
            link = _adopt(job, payload, decision)
    writes = kind == "created" or _writes_people(job, payload)
    if writes:
        done += update_client(client, job, payload, link, bases.get("client"), content["client"])
        done += update_spouse(client, job, payload, link, bases.get("spouse"), content["spouse"], is_alone)
    if not job.dry_run:
        _connect(client, job, payload, link)
    if writes and not job.dry_run:
        links.complete(job.ledger, VENDOR, payload.unit_key, "client", people_hash(payload.document))
    if kind == "unchanged" and any(change.decision != "kept" for change in done.changes):
        kind = "updated"
    delivered = _delivered(payload, kind, None if writes else LEFT, link)
    return replace(delivered, findings=done.findings, changes=done.changes)


def _writes_people(job: Job, payload: Payload) -> bool:
    """EMY-UPDATE: `no` leaves a known client's people; an event that somebody has confirmed is more than that."""
    return job.by_hand is None or job.by_hand.update or payload.life_event is not None


def _has_created(job: Job, payload: Payload) -> bool:
    """Whether an earlier try of this run by hand has made the client: it is finished as one that is new."""
    return job.by_hand is not None and (
        intents.written_by(job.ledger, VENDOR, job.run_id).get(payload.unit_key) == "created"
    )


def _match(
    client: EmoneyClient, job: Job, payload: Payload, person: dict[str, Any]
) -> matching.Adopt | matching.CreateNew:
    """MATCH-STORED by our external id, else MATCH-EXACT. Raises `Ambiguous` with the candidates' ids."""
    by_key = list(client.find_by_external_id(person["externalId"]))
    taken = _taken(job, payload, by_key)
    by_name: list[FoundClient] = []
    if all(one.client_id in taken for one in by_key):
        by_name = list(client.search(person["firstName"], person["lastName"]))
        taken |= _taken(job, payload, by_name)
    decision = matching.decide_emoney(by_key, by_name, person["dateOfBirth"], taken)
    if isinstance(decision, matching.Ambiguous):
        raise Ambiguous(f"several clients match: {', '.join(decision.candidates)}", decision.candidates)
    return decision


def _taken(job: Job, payload: Payload, found: list[FoundClient]) -> set[str]:
    """Those of the clients found that are linked to another unit."""
    return links.linked_to_others(job.ledger, VENDOR, payload.unit_key, [one.client_id for one in found])


def _namesakes(payload: Payload, decision: matching.CreateNew) -> tuple[LoadFinding, ...]:
    if not decision.candidates:
        return ()
    detail = f"same name, other birth date: {', '.join(decision.candidates[:10])}"
    return (LoadFinding(decision.rule, *entity_of(payload.unit_key), None, detail),)


def _create(client: EmoneyClient, job: Job, payload: Payload, person: dict[str, Any]) -> Link:
    """A new client (EMY-CREATE). In doubt: eMoney is read until its search must know, only then it is sent again."""
    values = {"person": person, "client": payload.client_contact_id}
    intent = intents.begin(
        job.ledger, VENDOR, payload.unit_key, "create_client", payload.payload_hash, values, job.as_of, job.run_id
    )
    for _ in range(TRIES):
        try:
            return _confirm_creation(job, payload, intent, client.create_client(person))
        except InDoubt:
            intents.mark(job.ledger, intent, "in_doubt")
            found = wait_for(job, lambda: _find_created(client, person["externalId"]))
            if found is not None:
                return _confirm_creation(job, payload, intent, found)
        except (SetAside, VendorUnavailable):
            intents.mark(job.ledger, intent, "refused")
            raise
    raise InDoubt("eMoney did not confirm the new client; the next run looks again before it sends.")


def _find_created(client: EmoneyClient, external_id: str) -> str | None:
    found = [one.client_id for one in client.find_by_external_id(external_id)]
    if len(found) > 1:
        raise Ambiguous(f"our client is there more than once: {', '.join(found)}", tuple(found))
    return found[0] if found else None


def _confirm_creation(job: Job, payload: Payload, intent: Intent, client_id: str) -> Link:
    link = Link(payload.unit_key, client_id, None, None, intent.values["client"], None, "CREATED")
    with job.ledger.write() as connection:
        _save_link(job, link, connection)
        links.save_sent(
            job.ledger, connection, VENDOR, payload.unit_key, "client", UNFINISHED, intent.values["person"],
            intent.as_of, job.run_id,
        )  # fmt: skip
        intents.mark(job.ledger, intent, "confirmed", connection)
    return link


def _adopt(job: Job, payload: Payload, decision: matching.Adopt) -> Link:
    link = Link(payload.unit_key, decision.client_id, None, None, None, None, decision.rule)
    if not job.dry_run:
        with job.ledger.write() as connection:
            _save_link(job, link, connection)
    return link


def _save_link(job: Job, link: Link, connection: Any) -> None:
    links.save_link(
        job.ledger,
        connection,
        VENDOR,
        link.unit_key,
        vendor_client_id=link.vendor_client_id,
        client_contact_id=link.client_contact_id,
        matched_by=link.matched_by,
    )


def _settle(client: EmoneyClient, job: Job, payload: Payload) -> Link | None:
    """Finds out what became of a creation that an earlier run began; all other steps may be repeated safely."""
    link = None
    for intent in [] if job.dry_run else intents.open_intents(job.ledger, VENDOR, payload.unit_key):
        found = None
        if intent.step == "create_client":
            age = (job.ledger.now() - intent.updated_at).total_seconds()
            external_id: str = intent.values["person"]["externalId"]
            found = wait_for(job, partial(_find_created, client, external_id), since_seconds=age)
        if found is None:
            intents.mark(job.ledger, intent, "abandoned")
        else:
            link = _confirm_creation(job, payload, intent, found)
    return link


def _connect(client: EmoneyClient, job: Job, payload: Payload, link: Link) -> None:
    """The connection through which the client is refreshed; made once, and never deleted (EMY-GONE)."""
    if link.connection_id is not None:
        return
    connection_id = client.connect(link.vendor_client_id)
    with job.ledger.write() as connection:
        links.save_link(job.ledger, connection, VENDOR, payload.unit_key, connection_id=connection_id)


def _delivered(payload: Payload, kind: str, reason: str | None, link: Link | None = None) -> Delivered:
    return Delivered(Outcome(VENDOR, payload.unit_key, kind, reason, link.vendor_client_id if link else None))
