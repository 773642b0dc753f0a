"""What a load is asked for, and how a unit ended."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

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
from etl.load.ledger import locks
from etl.load.ledger.changes import Change
from etl.load.ledger.life_events import LifeEvent
from etl.load.ledger.links import Link
from etl.load.ledger.pins import Pin
from etl.load.ledger.runs import Outcome
from etl.load.ledger.store import Ledger
from etl.units import UnitKey, contact_key


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
        return self.taken_over.get(unit_key, contact_key(client_contact_id))

    @property
    def patience(self) -> float:
        """Seconds for which another run's lock is waited for: a person wants this household now."""
        return self.by_hand.lock_wait_seconds if self.by_hand else 0.0

    @property
    def holder(self) -> str:
        """This process as a lock's holder."""
        return locks.holder_name(self.run_id)


@dataclass(frozen=True)
class Payload:
    """A unit's document as it passed the gate: canonical JSON bytes and their hash.

    ``life_event``: what has happened to the couple since it was last sent, where a person has confirmed it;
    ``people_hash``: at eMoney the hash of client and spouse, without the values.
    """

    unit_key: str
    payload_hash: str
    document: bytes = field(repr=False)
    client_contact_id: int
    spouse_contact_id: int | None
    life_event: LifeEvent | None = None
    people_hash: str = ""

    @property
    def external_id(self) -> str:
        """The CRM key under which Profiles knows the unit: ``household:12``, ``contact:7``."""
        return UnitKey.parse(self.unit_key).external_id

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

    def as_kind(self, kind: str) -> Delivered:
        """The same with another outcome."""
        return replace(self, outcome=replace(self.outcome, outcome=kind))


def ended(
    vendor: str,
    unit_key: str,
    kind: str,
    reason: str | None = None,
    link: Link | None = None,
    findings: tuple[LoadFinding, ...] = (),
    changes: tuple[Change, ...] = (),
    code: str | None = None,
) -> Delivered:
    """How a unit with this link ended."""
    outcome = Outcome(vendor, unit_key, kind, reason, link.vendor_client_id if link else None, code)
    return Delivered(outcome, findings, changes)


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
    unit = UnitKey.parse(unit_key)
    return unit.entity, str(unit.number)
