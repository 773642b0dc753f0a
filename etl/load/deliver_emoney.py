"""One household to eMoney, exactly once: client, spouse and connection, as steps that can be taken up again.

The steps of a creation or a marriage are separate calls without a transaction. Each confirmed step is in the ledger
(link, sent `client`, sent `spouse`, connection), so that what remains is always read off from there. The values of
accounts and policies go afterwards, in the feed (`etl.load.feed`).
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
    set_aside,
    wait_for,
)
from etl.load.emoney import EmoneyClient, FoundClient
from etl.load.emoney_document import split
from etl.load.ledger import deliveries, links
from etl.load.ledger.changes import Change
from etl.load.ledger.deliveries import Intent
from etl.load.ledger.links import Link, Sent
from etl.load.ledger.runs import Outcome
from etl.load.merge import changed_fields

VENDOR = "emoney"

# Stands for the hash of what was offered until the whole list of steps is done.
UNFINISHED = ""


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
            before = links.find_sent(job.ledger, VENDOR, known)
            return _deliver_locked(client, job, payload, link, before, "created" if settled else "unchanged")
    except (SetAside, VendorUnavailable) as error:
        return set_aside(VENDOR, payload.unit_key, error, link.vendor_client_id if link else None)


def _deliver_locked(
    client: EmoneyClient, job: Job, payload: Payload, link: Link | None, before: dict[str, Sent], kind: str
) -> Delivered:
    """The list of steps: match, client, spouse, connection; each is skipped where the ledger knows that it is done."""
    if any(part.as_of > job.as_of for part in before.values()):
        newest = max(part.as_of for part in before.values())
        return _delivered(payload, "skipped", f"superseded: {newest} has been sent already", link)
    content = payload.read()
    findings: tuple[LoadFinding, ...] = ()
    bases = {part: sent.base for part, sent in before.items()}
    is_new = False
    if link is None:
        decision = _match(client, job, payload, content["client"])
        if isinstance(decision, matching.CreateNew):
            findings, kind, is_new = _namesakes(payload, decision), "created", True
            if job.dry_run:
                return replace(_delivered(payload, kind, "would be created"), findings=findings)
            link, bases = _create(client, job, payload, content["client"]), {"client": content["client"]}
        else:
            link = _adopt(job, payload, decision)
    changes = _update_client(client, job, payload, link, bases.get("client"), content["client"])
    changes += _update_spouse(client, job, payload, link, bases.get("spouse"), content["spouse"], is_new)
    if not job.dry_run:
        _connect(client, job, payload, link)
        links.complete(job.ledger, VENDOR, payload.unit_key, "client", split(payload.document).people_hash)
    kind = "updated" if changes and kind == "unchanged" else kind
    return replace(_delivered(payload, kind, None, link), findings=findings, changes=changes)


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
    intent = deliveries.begin(
        job.ledger, VENDOR, payload.unit_key, "create_client", payload.payload_hash, values, job.as_of, job.run_id
    )
    for _ in range(TRIES):
        try:
            return _confirm_creation(job, payload, intent, client.create_client(person))
        except InDoubt:
            deliveries.mark(job.ledger, intent, "in_doubt")
            found = wait_for(job, lambda: _find_created(client, person["externalId"]))
            if found is not None:
                return _confirm_creation(job, payload, intent, found)
        except (SetAside, VendorUnavailable):
            deliveries.mark(job.ledger, intent, "refused")
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
        deliveries.mark(job.ledger, intent, "confirmed", connection)
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
    for intent in [] if job.dry_run else deliveries.open_intents(job.ledger, VENDOR, payload.unit_key):
        found = None
        if intent.step == "create_client":
            age = (job.ledger.now() - intent.updated_at).total_seconds()
            external_id: str = intent.values["person"]["externalId"]
            found = wait_for(job, partial(_find_created, client, external_id), since_seconds=age)
        if found is None:
            deliveries.mark(job.ledger, intent, "abandoned")
        else:
            link = _confirm_creation(job, payload, intent, found)
    return link


def _update_client(
    client: EmoneyClient, job: Job, payload: Payload, link: Link, base: Any, person: dict[str, Any]
) -> tuple[Change, ...]:
    """Writes the fields that changed in the CRM since they were last sent (EMY-UPDATE)."""
    patch = changed_fields(base, person)
    if patch and not job.dry_run:
        _step(job, payload, "patch_client", patch, lambda: client.patch_client(link.vendor_client_id, patch))
    if not job.dry_run:
        _remember(job, payload, "client", person, client_contact_id=payload.client_contact_id)
    return tuple(Change(path, "written", old, new) for path, old, new in _leaves(patch, base))


def _update_spouse(
    client: EmoneyClient, job: Job, payload: Payload, link: Link, base: Any, spouse: dict[str, Any] | None, is_new: bool
) -> tuple[Change, ...]:  # fmt: skip
    """Adds the spouse, or writes her changed fields into what eMoney holds; another spouse is never replaced here."""
    patch = changed_fields(base, spouse) if spouse is not None else {}
    if spouse is None or not patch:
        return ()
    theirs = None if is_new else client.spouse(link.vendor_client_id)
    if theirs is not None and not _same_person(theirs, spouse):
        raise Ambiguous("eMoney has another spouse for this client: correct it there, or the relation in SmartOffice.")
    if not job.dry_run:
        whole = _patched(theirs or {}, patch if theirs is not None else spouse)
        _step(job, payload, "put_spouse", spouse, lambda: client.put_spouse(link.vendor_client_id, whole))
        _remember(job, payload, "spouse", spouse, spouse_contact_id=payload.spouse_contact_id)
    return tuple(Change(f"spouse.{path}", "written", old, new) for path, old, new in _leaves(patch, base))


def _connect(client: EmoneyClient, job: Job, payload: Payload, link: Link) -> None:
    """The connection through which the client is refreshed; made once, and never deleted (EMY-GONE)."""
    if link.connection_id is not None:
        return
    connection_id = client.connect(link.vendor_client_id)
    with job.ledger.write() as connection:
        links.save_link(job.ledger, connection, VENDOR, payload.unit_key, connection_id=connection_id)


def _step(job: Job, payload: Payload, step: str, values: Any, send: Any) -> None:
    """One write that may be repeated: in doubt it is simply sent again, for it sets values and adds nothing."""
    intent = deliveries.begin(
        job.ledger, VENDOR, payload.unit_key, step, payload.payload_hash, values, job.as_of, job.run_id
    )
    for attempt in range(TRIES):
        try:
            send()
            break
        except InDoubt:
            deliveries.mark(job.ledger, intent, "in_doubt")
            if attempt == TRIES - 1:
                raise
        except (SetAside, VendorUnavailable):
            deliveries.mark(job.ledger, intent, "refused")
            raise
    deliveries.mark(job.ledger, intent, "confirmed")


def _remember(job: Job, payload: Payload, part: str, values: Any, **contacts: int | None) -> None:
    with job.ledger.write() as connection:
        links.save_sent(
            job.ledger, connection, VENDOR, payload.unit_key, part, UNFINISHED, values, job.as_of, job.run_id
        )
        links.save_link(job.ledger, connection, VENDOR, payload.unit_key, **contacts)


def _same_person(theirs: dict[str, Any], ours: dict[str, Any]) -> bool:
    if theirs.get("externalId"):
        return bool(theirs["externalId"] == ours["externalId"])
    names = ("firstName", "lastName")
    equal = all(str(theirs.get(name) or "").casefold() == str(ours[name] or "").casefold() for name in names)
    return equal and theirs.get("dateOfBirth") == ours["dateOfBirth"]


def _patched(target: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """A JSON merge patch applied; a null stays a null, as the contract wants optional fields present."""
    merged = dict(target)
    for name, value in patch.items():
        inner = merged.get(name)
        merged[name] = _patched(inner, value) if isinstance(value, dict) and isinstance(inner, dict) else value
    return merged


def _leaves(patch: dict[str, Any], base: Any, prefix: str = "") -> list[tuple[str, Any, Any]]:
    found: list[tuple[str, Any, Any]] = []
    for name, value in patch.items():
        old = base.get(name) if isinstance(base, dict) else None
        if isinstance(value, dict):
            found.extend(_leaves(value, old, f"{prefix}{name}."))
        else:
            found.append((prefix + name, old, value))
    return found


def _delivered(payload: Payload, kind: str, reason: str | None, link: Link | None = None) -> Delivered:
    return Delivered(Outcome(VENDOR, payload.unit_key, kind, reason, link.vendor_client_id if link else None))
