"""Profiles' part of `etl.load.delivery.deliver`: match, create or merge, never overwriting what an advisor typed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from etl.load import matching
from etl.load.delivery import Standing, save_link
from etl.load.job import Delivered, Job, Payload, ended
from etl.load.ledger.intents import Intent
from etl.load.ledger.links import Link
from etl.load.profiles.actions import apply_action
from etl.load.profiles.client import ProfilesClient
from etl.load.profiles.create import create_client, is_creation, settle_created, would_create
from etl.load.profiles.life_event import apply_life_event
from etl.load.profiles.search import SAME_LAST_NAME, search
from etl.load.profiles.update import VENDOR, settle_update, unchanged, update_case


@dataclass(frozen=True)
class ProfilesDelivery:
    """Delivers with the calls of one client."""

    client: ProfilesClient
    vendor: ClassVar[str] = VENDOR
    part: ClassVar[str] = "case"

    def settle(self, job: Job, payload: Payload, standing: Standing, intent: Intent) -> Link | None:
        """See `VendorDelivery`."""
        if is_creation(intent):
            return settle_created(self.client, job, payload, standing, intent)
        settle_update(self.client, job, payload, intent)
        return None

    def bring_up_to_date(self, job: Job, payload: Payload, standing: Standing) -> Delivered:
        """By hand what the person asked for; else the linked case, the one match or a new client and case."""
        if job.by_hand is not None:
            return apply_action(self.client, job, payload, standing)
        if standing.link is not None:
            return unchanged(payload, standing) or update_case(self.client, job, payload, standing)
        found = search(self.client, job, payload)
        decision = matching.require_clear(found.decision)
        if isinstance(decision, matching.Adopt):
            link = decision.link_of(payload.unit_key)
            save_link(job, VENDOR, link)
            return update_case(self.client, job, payload, replace(standing, link=link))
        # Namesakes are reported, never written to (MATCH-LAST-NAME).
        findings = decision.findings(payload.unit_key, SAME_LAST_NAME)
        if job.dry_run:
            return would_create(job, payload, "would be created", findings=findings)
        made = create_client(self.client, job, payload, standing, found.keyed)
        return ended(VENDOR, payload.unit_key, "created", None, made, findings)

    def apply_life_event(self, job: Job, payload: Payload, standing: Standing) -> Delivered:
        """See `etl.load.profiles.life_event`."""
        return apply_life_event(self.client, job, payload, standing)
