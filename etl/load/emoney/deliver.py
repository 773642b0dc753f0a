"""One household to eMoney: client, spouse and connection, as steps that a later run can resume.

The steps of a creation or a marriage are separate calls without a transaction. Each confirmed step is in the ledger
(link, sent `client`, sent `spouse`, connection): what remains is always read from there. The values of accounts and
policies follow in the feed (`etl.load.emoney.feed`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar

from etl.errors import Ambiguous
from etl.load import matching
from etl.load.delivery import Standing, attempt, begin, must_wait, save_link, settle_creation, taken_over
from etl.load.emoney.client import EmoneyClient, FoundClient
from etl.load.emoney.life_event import apply_life_event
from etl.load.emoney.people import UNFINISHED, VENDOR, Updated, as_sent, people_fields, update_client, update_spouse
from etl.load.job import Delivered, Job, Payload, ended
from etl.load.ledger import intents, links
from etl.load.ledger.intents import Intent
from etl.load.ledger.links import Link

CREATE_STEP = "create_client"
# What namesakes have in common (MATCH-LAST-NAME).
SAME_NAME = "same name, other birth date"
# Why a known client's people were not written in a run by hand.
LEFT = "its demographics were left as they are (update no)"


@dataclass(frozen=True)
class EmoneyDelivery:
    """eMoney's part of `etl.load.delivery.deliver`, with the calls of one client."""

    client: EmoneyClient
    vendor: ClassVar[str] = VENDOR
    part: ClassVar[str] = "client"

    def settle(self, job: Job, payload: Payload, standing: Standing, intent: Intent) -> Link | None:
        """See `VendorDelivery`: all steps but a creation may be repeated safely."""
        if intent.step != CREATE_STEP:
            intents.mark(job.ledger, intent, "abandoned")
            return None
        find = partial(_find_created, self.client, intent.values["person"]["externalId"])
        return settle_creation(job, intent, find, partial(_confirm_creation, job, payload, intent))

    def bring_up_to_date(self, job: Job, payload: Payload, standing: Standing, is_alone: bool = False) -> Delivered:
        """Match, client, spouse, connection; each step is skipped where the ledger knows that it is done.

        ``is_alone``: eMoney has no spouse of this client, or would have none after a life event.
        """
        content, link, done = as_sent(payload, standing), standing.link, Updated()
        is_new = False
        bases = {part: sent.base for part, sent in standing.before.items()}
        kind = "created" if standing.is_new or _has_created(job, payload) else "unchanged"
        if link is None:
            decision = _match(self.client, job, payload, content["client"])
            if isinstance(decision, matching.CreateNew):
                done, kind, is_alone = Updated(findings=decision.findings(payload.unit_key, SAME_NAME)), "created", True
                if job.dry_run:
                    shown = people_fields(job, content["client"], content["spouse"])
                    return ended(VENDOR, payload.unit_key, kind, "would be created", None, done.findings, shown)
                link, bases, is_new = _create(self.client, job, payload, content["client"]), {}, True
            else:
                link = decision.link_of(payload.unit_key)
                save_link(job, VENDOR, link)
        writes = kind == "created" or _writes_people(job, payload)
        if writes and not is_new:
            done += update_client(self.client, job, payload, link, bases.get("client"), content["client"])
        if writes:
            done += update_spouse(self.client, job, payload, link, bases.get("spouse"), content["spouse"], is_alone)
        if not job.dry_run:
            _complete(self.client, job, payload, link, payload.people_hash if writes else None)
        if kind == "unchanged" and any(change.decision != "kept" for change in done.changes):
            kind = "updated"
        return ended(VENDOR, payload.unit_key, kind, None if writes else LEFT, link, done.findings, done.changes)

    def apply_life_event(self, job: Job, payload: Payload, standing: Standing) -> Delivered:
        """The confirmed event comes first (LIFE-EVENT); then all steps follow as usual."""
        after, changes = apply_life_event(self.client, job, payload, standing)
        if after.link is None and not job.dry_run:
            # The unit's former link has just gone back to the former head's own unit.
            after = taken_over(replace(job, taken_over={}), VENDOR, payload)
        waits = must_wait(job, payload, after)
        if waits is not None:
            return ended(VENDOR, payload.unit_key, *waits, after.link)
        delivered = self.bring_up_to_date(job, payload, after, is_alone=job.dry_run)
        delivered = replace(delivered, changes=(*changes, *delivered.changes))
        return delivered.as_kind("updated") if delivered.outcome.outcome == "unchanged" else delivered


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
    return matching.require_clear(decide_emoney(by_key, by_name, person["dateOfBirth"], taken), "clients")


def decide_emoney(
    by_external_id: Sequence[FoundClient],
    by_name: Sequence[FoundClient],
    birth_date: str,
    linked_elsewhere: Collection[str],
) -> matching.Decision:
    """Which client is the unit: ours by external id, else the one of that name with that birth date (YYYY-MM-DD)."""
    exact = {one.client_id: (None,) for one in by_name if one.birth_date == birth_date}
    namesakes = [one.client_id for one in by_name]
    return matching.decide({one.client_id: (None,) for one in by_external_id}, exact, namesakes, linked_elsewhere)


def _taken(job: Job, payload: Payload, found: list[FoundClient]) -> set[str]:
    """Those of the clients found that are linked to another unit."""
    return set(links.others_linked(job.ledger, VENDOR, payload.unit_key, [one.client_id for one in found]))


def _create(client: EmoneyClient, job: Job, payload: Payload, person: dict[str, Any]) -> Link:
    """A new client (EMY-CREATE). In doubt, eMoney is read until its search must know; only then it is sent again."""
    intent = begin(job, VENDOR, payload, CREATE_STEP, {"person": person, "client": payload.client_contact_id})
    send, find = partial(client.create_client, person), partial(_find_created, client, person["externalId"])
    return attempt(job, intent, send, partial(_confirm_creation, job, payload, intent), find)


def _find_created(client: EmoneyClient, external_id: str) -> str | None:
    found = [one.client_id for one in client.find_by_external_id(external_id)]
    if len(found) > 1:
        raise Ambiguous(f"our client is there more than once: {', '.join(found)}", tuple(found))
    return found[0] if found else None


def _confirm_creation(job: Job, payload: Payload, intent: Intent, client_id: str) -> Link:
    link = Link(payload.unit_key, client_id, None, None, intent.values["client"], None, "CREATED")
    person = intent.values["person"]
    job.ledger.commit(
        links.linked(job.ledger, VENDOR, link),
        links.sent_now(job.ledger, VENDOR, payload.unit_key, "client", UNFINISHED, person, intent.as_of, job.run_id),
        intents.marked(job.ledger, intent, "confirmed"),
    )
    return link


def _complete(client: EmoneyClient, job: Job, payload: Payload, link: Link, people_hash: str | None) -> None:
    """The connection through which the client is refreshed; made once, and never deleted (EMY-GONE).

    ``people_hash``: of the people who are there now, None where they were left as they are.
    """
    done = []
    if link.connection_id is None:
        done.append(links.link_changed(VENDOR, payload.unit_key, connection_id=client.connect(link.vendor_client_id)))
    if people_hash is not None:
        done.append(links.completed(VENDOR, payload.unit_key, "client", people_hash))
    if done:
        job.ledger.commit(*done)
