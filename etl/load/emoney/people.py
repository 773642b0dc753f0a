"""The people of an eMoney client: its demographics and its spouse, each write an intent that may be repeated."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from etl.errors import Ambiguous
from etl.load.delivery import Standing, attempt, begin, confirmed
from etl.load.emoney.client import EmoneyClient
from etl.load.emoney.patch import Patch, changed_fields, leaves, patch_for, patched
from etl.load.job import Job, LoadFinding, Payload, entity_of
from etl.load.ledger import changes, findings, links
from etl.load.ledger.changes import Change
from etl.load.ledger.life_events import DIVORCED
from etl.load.ledger.links import Link
from etl.load.ledger.writer import Write
from etl.names import same_name

VENDOR = "emoney"

# Stands for the hash of what was offered until the whole list of steps is done.
UNFINISHED = ""


def as_sent(payload: Payload, standing: Standing) -> dict[str, Any]:
    """The document, with what a confirmed life event has made of the client (EMY-MARRIED).

    The document says ``Single`` without a spouse, even after a divorce or a death (SCP-5); the ledger knows better.
    """
    content, event = payload.read(), payload.life_event
    if content["spouse"] is None:
        parted = event.status_left if event is not None and event.has_parted else None
        status = parted or standing.marital_status
        content["client"] |= status_patch(status) if status else {}
    return content


def status_patch(status: str) -> dict[str, Any]:
    """The fields that say so: a divorce leaves a previous marriage."""
    return {"maritalStatus": status, **({"previousMarriages": True} if status == DIVORCED else {})}


@dataclass(frozen=True)
class Updated:
    """What became of somebody's fields, and what the stewards have to know of it."""

    changes: tuple[Change, ...] = ()
    findings: tuple[LoadFinding, ...] = ()

    @classmethod
    def by(cls, payload: Payload, patch: Patch) -> Updated:
        """What a patch does: EMY-OVERWRITTEN where somebody had edited eMoney's value."""
        stay = [one for one in patch.edited if one.stays]
        words = {True: "eMoney's value stays", False: "SmartOffice's value has replaced it"}
        return cls(
            (
                *(Change(path, "written", old, new) for path, old, new in patch.written),
                *(Change(one.path, "kept", one.theirs, one.ours) for one in stay),
            ),
            tuple(
                LoadFinding("EMY-OVERWRITTEN", *entity_of(payload.unit_key), one.path, words[one.stays])
                for one in patch.edited
            ),
        )

    def note(self, job: Job, payload: Payload) -> None:
        """Puts what is about to be overwritten into the ledger: after the write nobody could tell it any more."""
        if self.findings and not job.dry_run:
            key = payload.unit_key
            changes.save_changes(job.ledger, job.run_id, VENDOR, ((key, one) for one in self.changes))
            findings.save_load_findings(job.ledger, job.run_id, VENDOR, ((key, one) for one in self.findings))

    def __add__(self, other: Updated) -> Updated:
        return Updated(self.changes + other.changes, self.findings + other.findings)


def people_fields(job: Job, client: dict[str, Any], spouse: dict[str, Any] | None) -> tuple[Change, ...]:
    """What a dry run says of a new client and its spouse: every field that would be there, but no nulls."""
    if not job.tells_new:
        return ()
    new = (*leaves(client, None), *leaves(spouse or {}, None, "spouse."))
    return tuple(Change(path, "written", None, value) for path, _, value in new if value not in (None, []))


def update_client(
    client: EmoneyClient, job: Job, payload: Payload, link: Link, base: Any, person: dict[str, Any]
) -> Updated:
    """Writes the fields that changed in the CRM since they were last sent (EMY-UPDATE).

    The client is read first, and only where there is something to write: somebody may have edited the same fields.
    """
    person = with_owner(person, base)
    theirs = client.client(link.vendor_client_id) if changed_fields(base, person) else {}
    patch = patch_for(base, theirs, person, job.keeps)
    values, updated = patch.values, Updated.by(payload, patch)
    updated.note(job, payload)
    known = remembered(job, payload, "client", patch.base, client_contact_id=payload.client_contact_id)
    if values and not job.dry_run:
        intent = begin(job, VENDOR, payload, "patch_client", values)
        send = partial(client.patch_client, link.vendor_client_id, values)
        attempt(job, intent, send, confirmed(job, intent, *known))
    elif not job.dry_run:
        job.ledger.commit(*known)
    return updated


def with_owner(person: dict[str, Any], base: Any) -> dict[str, Any]:
    """EMY-OWNER: where the CRM's user has no eMoney user, the client keeps its owner."""
    if person["ownerId"] is not None or not base:
        return person
    return {**person, "ownerId": base.get("ownerId")}


def update_spouse(
    client: EmoneyClient, job: Job, payload: Payload, link: Link, base: Any, spouse: dict[str, Any] | None, is_new: bool
) -> Updated:  # fmt: skip
    """Adds the spouse, or writes her changed fields into what eMoney holds; another spouse is never replaced here."""
    if spouse is None or not changed_fields(base, spouse):
        return Updated()
    theirs = None if is_new else client.spouse(link.vendor_client_id)
    if theirs is not None and not same_person(theirs, spouse):
        raise Ambiguous("eMoney has another spouse for this client: correct it there, or the relation in SmartOffice.")
    # Nobody can have edited a spouse who is not there: she is added whole.
    patch = patch_for(base, theirs if theirs is not None else base or {}, spouse, job.keeps, "spouse.")
    updated = Updated.by(payload, patch)
    updated.note(job, payload)
    if not job.dry_run:
        whole = patched(theirs, patch.values) if theirs is not None else spouse
        known = remembered(job, payload, "spouse", patch.base, spouse_contact_id=payload.spouse_contact_id)
        if patch.values or theirs is None:
            intent = begin(job, VENDOR, payload, "put_spouse", spouse)
            send = partial(client.put_spouse, link.vendor_client_id, whole)
            attempt(job, intent, send, confirmed(job, intent, *known))
        else:
            job.ledger.commit(*known)
    return updated


def remembered(job: Job, payload: Payload, part: str, values: Any, **contacts: int | None) -> tuple[Write, Write]:
    """What eMoney has of a person now, to be committed."""
    return (
        links.sent_now(job.ledger, VENDOR, payload.unit_key, part, UNFINISHED, values, job.as_of, job.run_id),
        links.link_changed(VENDOR, payload.unit_key, **contacts),
    )


def same_person(theirs: dict[str, Any], ours: dict[str, Any]) -> bool:
    if theirs.get("externalId"):
        return bool(theirs["externalId"] == ours["externalId"])
    equal = all(same_name(theirs.get(name), ours[name]) for name in ("firstName", "lastName"))
    return equal and theirs.get("dateOfBirth") == ours["dateOfBirth"]
