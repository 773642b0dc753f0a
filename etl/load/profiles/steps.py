"""The steps at Profiles that a night and a run by hand have in common: each ends one unit under its held lock."""

from __future__ import annotations

from dataclasses import replace

from etl.load import matching
from etl.load.delivery import Delivered, Job, LoadFinding, Payload, entity_of
from etl.load.ledger import links
from etl.load.ledger.links import Link
from etl.load.ledger.runs import Outcome
from etl.load.preview import case_fields
from etl.load.profiles.client import ProfilesClient
from etl.load.profiles.create import create_client, save_link
from etl.load.profiles.search import Found
from etl.load.profiles.update import VENDOR, update_case


def bring_up_to_date(client: ProfilesClient, job: Job, payload: Payload, link: Link) -> Delivered:
    """The linked case, if anything has changed since it was last sent."""
    before = links.find_sent(job.ledger, VENDOR, link.unit_key).get("case")
    if before is not None and before.offered_hash == payload.payload_hash:
        return outcome(payload, "unchanged", None, link)
    return update_case(client, job, payload, link)


def adopt(client: ProfilesClient, job: Job, payload: Payload, found: matching.Adopt) -> Delivered:
    """The one record that is this unit: linked, and brought up to date; what is there and was never ours stays."""
    link = Link(payload.unit_key, found.household_id, found.case_id, None, None, None, found.rule)
    save_link(job, link)
    return update_case(client, job, payload, link)


def new_client(client: ProfilesClient, job: Job, payload: Payload, found: Found) -> Delivered:
    """A new client and case; namesakes are reported, never written to (MATCH-LAST-NAME)."""
    findings: tuple[LoadFinding, ...] = ()
    if isinstance(found.decision, matching.CreateNew) and found.decision.candidates:
        detail = f"same last name: {', '.join(found.decision.candidates[:10])}"
        findings = (LoadFinding(found.decision.rule, *entity_of(payload.unit_key), None, detail),)
    if job.dry_run:
        return replace(would_create(job, payload, "would be created"), findings=findings)
    return outcome(payload, "created", None, create_client(client, job, payload, found.keyed), findings)


def would_create(job: Job, payload: Payload, reason: str, link: Link | None = None) -> Delivered:
    """What a dry run says of a new client and case."""
    return replace(outcome(payload, "created", reason, link), changes=case_fields(job, payload.read()["document"]))


def outcome(
    payload: Payload,
    kind: str,
    reason: str | None,
    link: Link | None = None,
    findings: tuple[LoadFinding, ...] = (),
    code: str | None = None,
) -> Delivered:
    """How the unit ended at Profiles."""
    vendor_id = link.vendor_client_id if link else None
    return Delivered(Outcome(VENDOR, payload.unit_key, kind, reason, vendor_id, code), findings)
