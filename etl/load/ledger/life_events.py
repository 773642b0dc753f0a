"""Confirmed life events: who confirmed them, and who is divorced or widowed since (LIFE-EVENT)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from etl.load.bulk import id_list
from etl.load.ledger.links import Link, released, send_again
from etl.load.ledger.store import Ledger, matching
from etl.load.ledger.tables import life_event, link, marital_status, run
from etl.load.ledger.writer import Write, put

DIVORCED, WIDOWED = "Divorced", "Widowed"


@dataclass(frozen=True)
class LifeEvent:
    """Contact ids of the couple last sent and of the couple now; whether those last sent have died."""

    kind: str
    client_sent: int
    spouse_sent: int | None
    client: int
    spouse: int | None
    client_died: bool = False
    spouse_died: bool = False

    @property
    def is_swap(self) -> bool:
        """The head last sent is now the spouse of the spouse last sent, or of anybody where no spouse was sent."""
        return self.spouse == self.client_sent and self.spouse_sent in (None, self.client)

    @property
    def has_parted(self) -> bool:
        """Whether the couple last sent is dissolved, as far as this unit shows."""
        if self.spouse_sent is None or self.is_swap:
            return False
        return self.client == self.spouse_sent or (self.client == self.client_sent and self.spouse != self.spouse_sent)

    @property
    def parted(self) -> tuple[int, ...]:
        """The contacts last sent who live and have left the unit."""
        sent = ((self.client_sent, self.client_died), (self.spouse_sent, self.spouse_died))
        now = (None, self.client, self.spouse)
        return tuple(one for one, died in sent if one is not None and one not in now and not died)

    @property
    def status_left(self) -> str:
        """EMY-MARRIED: the marital status of those who are left of the couple last sent."""
        return WIDOWED if self.client_died or self.spouse_died else DIVORCED


def carried_out(ledger: Ledger, vendor: str, unit: Link, event: LifeEvent, run_id: str, reason: str) -> Write:
    """Notes that an event was carried out, to be committed; ``unit`` is the link of the couple as it was."""
    by = sa.select(run.c.requested_by, run.c.triggered_by).where(run.c.run_id == run_id)
    asked: Mapping[Any, Any] = next(iter(ledger.rows(by)), {})
    return put(
        life_event, vendor=vendor, unit_key=unit.unit_key, run_id=run_id, kind=event.kind,
        client_sent=event.client_sent, spouse_sent=event.spouse_sent, client=event.client, spouse=event.spouse,
        vendor_client_id=unit.vendor_client_id, reason=reason, confirmed_by=asked.get("requested_by"),
        triggered_by=asked.get("triggered_by"), carried_out_at=ledger.now(),
    )  # fmt: skip


def read_events(ledger: Ledger, vendor: str, unit_key: str) -> list[dict[str, Any]]:
    """The events that were carried out for a unit, oldest first."""
    mine = sa.select(life_event).where(*matching(life_event, vendor=vendor, unit_key=unit_key))
    return [dict(row) for row in ledger.rows(mine.order_by(life_event.c.carried_out_at))]


def parted_last(ledger: Ledger, vendor: str, unit_key: str) -> list[int]:
    """The living contacts who left the unit with the last event that was carried out for it."""
    for one in read_events(ledger, vendor, unit_key)[-1:]:
        couples = {name: one[name] for name in ("kind", "client_sent", "spouse_sent", "client", "spouse")}
        died = {"client_died": one["kind"] == "head_died", "spouse_died": one["kind"] == "widowhood"}
        return list(LifeEvent(**couples | died).parted)
    return []


def is_newer_than(ledger: Ledger, vendor: str, unit_key: str, run_id: str) -> bool:
    """Whether another run has carried out an event of the unit since this run began, and so read the CRM later."""
    began = sa.select(run.c.started_at).where(run.c.run_id == run_id).scalar_subquery()
    mine = (*matching(life_event, vendor=vendor, unit_key=unit_key), life_event.c.run_id != run_id)
    newer = sa.select(life_event.c.run_id).where(*mine, life_event.c.carried_out_at > began)
    return ledger.first(newer) is not None


def parted_as(ledger: Ledger, vendor: str, contact_ids: Iterable[int], status: str, run_id: str) -> tuple[Write, ...]:
    """The status that these people have as long as they have no spouse; to be committed.

    The next run looks again at those of them who have a client of their own at the vendor.
    """
    people = list(contact_ids)
    theirs = sa.select(link.c.unit_key).where(link.c.vendor == vendor, link.c.client_contact_id.in_(people))
    return (
        *(put(marital_status, contact_id=contact_id, status=status, run_id=run_id) for contact_id in people),
        *(send_again(vendor, unit_key, part="client") for unit_key in ledger.column(theirs)),
    )


def statuses_of(ledger: Ledger, contact_ids: Iterable[int]) -> dict[int, str]:
    """contact -> Divorced or Widowed, by the last confirmed life event, of those who had one."""
    theirs = marital_status.c.contact_id.in_(id_list(ledger.engine, contact_ids))
    return ledger.mapping(sa.select(marital_status.c.contact_id, marital_status.c.status).where(theirs))


def record_replaced(
    ledger: Ledger, vendor: str, old: Link, new_client_id: str, noted: Mapping[str, Any]
) -> tuple[Write, ...]:
    """A unit that gets a new record for a new couple leaves the old one for good; to be committed.

    ``noted``: what `as_noted` noted with the intent; without it, or for the same record, nothing happens.
    """
    if not noted or old.vendor_client_id == new_client_id:
        return ()
    values = dict(noted)
    run_id, reason = values.pop("run_id"), values.pop("reason")
    event = carried_out(ledger, vendor, old, LifeEvent(**values), run_id, reason)
    return *released(ledger, vendor, old, run_id), event


def as_noted(event: LifeEvent | None, run_id: str, reason: str | None) -> dict[str, Any]:
    """A confirmed event in the form that is noted with the intent of a creation; empty for none."""
    return {} if event is None else {**asdict(event), "run_id": run_id, "reason": reason or ""}
