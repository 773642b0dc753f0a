"""What the two vendors' deliveries share: the payload of a unit, the job it belongs to, how it ended."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar

from etl.errors import (
    Ambiguous,
    CaseOpen,
    Gone,
    InDoubt,
    LockLost,
    MovedAway,
    Rejected,
    SetAside,
    StagingError,
    VendorUnavailable,
    VersionConflict,
)
from etl.load.ledger import life_events, links, locks, pins
from etl.load.ledger.changes import Change
from etl.load.ledger.life_events import LifeEvent
from etl.load.ledger.links import Link
from etl.load.ledger.pins import Pin
from etl.load.ledger.runs import Outcome
from etl.load.ledger.store import Ledger
from etl.load.ledger.transfers import rekeying
from etl.load.profiles.pins import Pins

Found = TypeVar("Found")

# How often a write of unknown outcome, or one that met another's write, is tried before it is left to the next run.
TRIES = 3


@dataclass(frozen=True)
class WantedLink:
    """An account or policy that a person wants linked at eMoney; None where the category rules are to say."""

    source_key: str
    classification: str | None = None
    owner: str | None = None


@dataclass(frozen=True)
class LinkTo:
    """The vendor's record to which a person links a unit, and why; ``case_id``: where a household has several."""

    client_id: str
    case_id: str | None
    reason: str


@dataclass(frozen=True)
class ByHand:
    """What a person asked for, in a run for one household.

    ``action``: ``auto`` or what a user of SmartOffice would choose (``create_client_and_case``, ``create_case``,
    ``update_case``, ``open_case``); ``household_id`` and ``case_id``: the vendor's record that was chosen, if any;
    ``update``: whether a known eMoney client's demographics are written (EMY-UPDATE); ``life_event``: the reason with
    which a changed couple was confirmed (LIFE-EVENT), None where nobody did; ``asked_at``: when the run was triggered
    (UTC, naive): what an equal run has done since then is not done again; ``lock_wait_seconds``: how long another
    run's lock on the household is waited for; ``links``: what is to be linked at eMoney (EMY-LINK); ``pins`` and
    ``unpins``: what the run pins and unpins, which a dry run has not put into the ledger; ``are_two``: the reason with
    which people who look like one were told apart (MATCH-TWICE); ``unlink``: the reason with which the unit's link is
    ended; ``link_to``: the record to which it is linked.
    """

    action: str = "auto"
    household_id: str | None = None
    case_id: str | None = None
    update: bool = True
    life_event: str | None = None
    asked_at: datetime | None = None
    lock_wait_seconds: float = 120.0
    links: tuple[WantedLink, ...] = ()
    pins: tuple[Pin, ...] = ()
    unpins: tuple[str, ...] = ()
    are_two: str | None = None
    unlink: str | None = None
    link_to: LinkTo | None = None


@dataclass(frozen=True)
class Job:
    """One load: what every unit of it has in common; ``by_hand`` where a person asked for it.

    ``tells_new``: a dry run that says field by field what would be made, not only what would be updated;
    ``taken_over``: of units that go on with another unit's link, the key under which the ledger still knows them;
    ``keeps``: the fields whose value at eMoney stays where somebody edited it (EMY-OVERWRITTEN).
    """

    ledger: Ledger
    run_id: str
    as_of: date
    dry_run: bool
    search_lag_seconds: float
    sleep: Callable[[float], None] = time.sleep
    by_hand: ByHand | None = None
    tells_new: bool = False
    taken_over: Mapping[str, str] = field(default_factory=dict)
    keeps: Collection[str] = ()

    def known_before_as(self, unit_key: str, client_contact_id: int) -> str:
        """The key under which the ledger may know a unit without a link: its client's, where nobody says another."""
        return self.taken_over.get(unit_key, f"C{client_contact_id}")

    @property
    def holder(self) -> str:
        """This process as a lock's holder."""
        return locks.holder_name(self.run_id)


@dataclass(frozen=True)
class Payload:
    """A unit's document as it passed the gate: canonical JSON bytes and their hash.

    ``life_event``: what has happened to the couple since it was last sent, where somebody has confirmed it.
    """

    unit_key: str
    payload_hash: str
    document: bytes = field(repr=False)
    client_contact_id: int
    spouse_contact_id: int | None
    life_event: LifeEvent | None = None

    @property
    def external_id(self) -> str:
        """The CRM key under which Profiles knows the unit: ``household:12``, ``contact:7``."""
        return f"{'household' if self.unit_key[0] == 'H' else 'contact'}:{self.unit_key[1:]}"

    def read(self) -> dict[str, Any]:
        """The document. Raises `StagingError` where the bytes are not those that passed the gate."""
        if hashlib.sha256(self.document).hexdigest() != self.payload_hash:
            raise StagingError(f"{self.unit_key}: the staged document is not the one that passed the gate.")
        document: dict[str, Any] = json.loads(self.document, parse_float=Decimal)
        return document


@dataclass(frozen=True)
class LoadFinding:
    """Something for the stewards that only the vendor could tell; ``detail`` holds ids and codes, never values."""

    rule_id: str
    entity: str
    entity_id: str
    field: str | None
    detail: str


@dataclass(frozen=True)
class Delivered:
    """How one unit ended at one vendor, with what was found and decided."""

    outcome: Outcome
    findings: tuple[LoadFinding, ...] = ()
    changes: tuple[Change, ...] = ()


@contextmanager
def household_lock(job: Job, vendor: str, unit_key: str) -> Iterator[bool]:
    """Holds the household's lock for this thread; False where another run has it. A dry run needs none.

    A run by hand waits for it: somebody wants this household, now, and what the other run does is soon done.
    """
    if job.dry_run:
        yield True
        return
    patience = job.by_hand.lock_wait_seconds if job.by_hand else 0.0
    with locks.hold(job.ledger, vendor, unit_key, job.holder, patience, job.sleep) as lock:
        yield lock is not None


def known_as(job: Job, vendor: str, payload: Payload) -> str:
    """The unit key under which the ledger knows the unit.

    A lone client who became head of a household is known as ``C7``: the household takes over link and history (a dry
    run only looks them up there). Raises `LockLost` for a unit that is being moved to another office or written under
    its old key, `MovedAway` for one that was moved after this run had read the CRM (XFR-LINKS).
    """
    rekeying.require_at_home(job.ledger, payload.unit_key, payload.client_contact_id)
    before = job.known_before_as(payload.unit_key, payload.client_contact_id)
    if before == payload.unit_key or links.find_link(job.ledger, vendor, payload.unit_key):
        return payload.unit_key
    if not links.is_known(job.ledger, vendor, before):
        return payload.unit_key
    if job.dry_run:
        return before
    _take_over(job, vendor, before, payload.unit_key)
    return payload.unit_key


def _take_over(job: Job, vendor: str, before: str, unit_key: str) -> None:
    """With the unit's lock held; raises `LockLost` where it is written under its old key."""
    with household_lock(job, vendor, before) as held:
        if not held:
            raise LockLost(f"Another run is writing this household now, as {before}, which it was before.")
        links.take_over(job.ledger, vendor, before, unit_key)


def take_over_links(job: Job, vendor: str, unit_keys: Iterable[str]) -> None:
    """Gives these units the links that have gone with their clients, whether they are held or sent (`known_as`).

    Left alone are those that another run is writing now, and all in a dry run.
    """
    for unit_key in [] if job.dry_run else sorted({*unit_keys} & {*job.taken_over}):
        before = job.taken_over[unit_key]
        with household_lock(job, vendor, unit_key) as held, suppress(LockLost):
            if held and not links.find_link(job.ledger, vendor, unit_key):
                _take_over(job, vendor, before, unit_key)


def pins_in_force(job: Job, unit_key: str) -> Pins:
    """The pins on a unit's case: those of the ledger, with what this run changes of them."""
    known = {one.field: one for one in pins.pins_of(job.ledger, unit_key)}
    asked = job.by_hand or ByHand()
    kept = {name: one for name, one in known.items() if name not in asked.unpins}
    return Pins.of((kept | {one.field: one for one in asked.pins}).values())


def is_other_couple(link: Link, payload: Payload) -> bool:
    """Whether head or spouse are not those whom the vendor has (LIFE-EVENT); an added spouse is no such event."""
    other_head = link.client_contact_id != payload.client_contact_id
    return other_head or link.spouse_contact_id not in (None, payload.spouse_contact_id)


def require_newest_couple(job: Job, vendor: str, link: Link | None, payload: Payload) -> None:
    """Raises `LockLost` where the couple is as the CRM had it before a life event that is carried out by now.

    A run that read the CRM earlier and writes later would bring back who has gone.
    """
    if link is None or (link.client_contact_id, link.spouse_contact_id) == (
        payload.client_contact_id,
        payload.spouse_contact_id,
    ):
        return
    if life_events.is_newer_than(job.ledger, vendor, payload.unit_key, job.run_id):
        raise LockLost("A life event was carried out since this run read the CRM; the next run goes by it.")


# Of a creation that an earlier run began and this one found at the vendor, while the couple has changed in between.
CREATED_BEFORE = "an earlier run's creation is confirmed now; what has changed since then goes with the next run"


def set_aside(
    vendor: str, unit_key: str, error: SetAside | VendorUnavailable, vendor_id: str | None = None
) -> Delivered:
    """The outcome that follows from an error which concerns this household alone, or from a vendor that is down."""
    kinds: dict[type, tuple[str, str | None]] = {
        CaseOpen: ("deferred", None),
        VersionConflict: ("deferred", None),
        InDoubt: ("deferred", None),
        LockLost: ("deferred", None),
        MovedAway: ("skipped", None),
        VendorUnavailable: ("deferred", None),
        Rejected: ("held", "VENDOR-REJECTED"),
        Gone: ("held", "MATCH-GONE"),
        Ambiguous: ("held", "MATCH-AMBIGUOUS"),
    }
    kind, rule_id = next((found for known, found in kinds.items() if isinstance(error, known)), ("failed", None))
    if isinstance(error, Rejected) and error.status == 200:
        kind, rule_id = "failed", None  # not saved, and no word about the data: worth another try
    reason = f"{rule_id}: {error}" if rule_id else str(error)
    findings = () if rule_id is None else (LoadFinding(rule_id, *entity_of(unit_key), None, str(error)),)
    return Delivered(Outcome(vendor, unit_key, kind, reason, vendor_id, rule_id), findings)


def entity_of(unit_key: str) -> tuple[str, str]:
    """The CRM record that a unit is: ("household", "12") or ("contact", "7")."""
    return "household" if unit_key[0] == "H" else "contact", unit_key[1:]


def wait_for(job: Job, look: Callable[[], Found | None], since_seconds: float = 0.0) -> Found | None:
    """Looks until something is found or the vendor's search lag has passed since the write."""
    waited, pause = since_seconds, 0.25
    while (found := look()) is None and waited < job.search_lag_seconds:
        job.sleep(min(pause, job.search_lag_seconds - waited + 0.05))
        waited, pause = waited + pause, min(pause * 2, 4.0)
    return found
