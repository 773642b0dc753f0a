"""One unit to one vendor, exactly once: what both vendors share.

`begin_group` takes the locks of units that go side by side, and reads what the ledger knows of them. `deliver` settles
the writes of one unit that an earlier run began, and lets the vendor bring the record up to date. `attempt` makes one
write. Every write is an intent in the ledger before its first byte leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Protocol, TypeVar

from sqlalchemy.engine import RowMapping

from etl.errors import VENDOR_NAMES, Gone, InDoubt, LockLost, SetAside, VendorUnavailable
from etl.load.job import Delivered, Job, Payload, ended, set_aside
from etl.load.ledger import intents, life_events, links, locks, pins
from etl.load.ledger.desk import decisions
from etl.load.ledger.desk.decisions import FieldDecision
from etl.load.ledger.intents import Intent
from etl.load.ledger.links import Link, Sent
from etl.load.ledger.pins import Pin
from etl.load.ledger.transfers import rekeying
from etl.load.ledger.writer import Write
from etl.narrowing import narrow

Found = TypeVar("Found")
Result = TypeVar("Result")

# How often a write of unknown outcome, or one that met another's write, is tried before it is left to the next run.
TRIES = 3
# Why a unit of which an earlier run's creation was found waits, where its couple has changed in between.
CREATED_BEFORE = "an earlier run's creation is confirmed now; what has changed since then goes with the next run"
LOCKED = "another run is writing this household now"


@dataclass(frozen=True)
class Standing:
    """A unit as the ledger knows it at one vendor: its link, and what was last sent by part.

    ``begun``: the writes without an answer; ``pins``: those in force on its case; ``decisions``: those between the CRM
    and edits there; ``marital_status``: what a life event has made of its client; ``is_new``: this run has found that
    an earlier run created the record.
    """

    link: Link | None
    before: Mapping[str, Sent]
    begun: Sequence[Intent] = ()
    pins: Sequence[Pin] = ()
    decisions: Sequence[FieldDecision] = ()
    marital_status: str | None = None
    is_new: bool = False


@dataclass(frozen=True)
class Group:
    """What the ledger knows of a group of units, read at once; by unit key, and by their former keys too.

    ``unreadable``: why the writes that were begun for a unit cannot be read; ``locks``: what to work within, by unit
    key; see `begin_group`.
    """

    links: Mapping[str, Link]
    sent: Mapping[str, Mapping[str, Sent]]
    begun: Sequence[Intent]
    unreadable: Mapping[str, Exception]
    pins: Mapping[str, Sequence[Pin]]
    decisions: Mapping[str, Sequence[FieldDecision]]
    statuses: Mapping[int, str]
    moves: Sequence[RowMapping]
    locks: Mapping[str, AbstractContextManager[None]] = field(default_factory=dict)

    @classmethod
    def read(cls, job: Job, vendor: str, payloads: Sequence[Payload]) -> Group:
        """What the ledger knows of these units."""
        ledger, keys = job.ledger, [one.unit_key for one in payloads]
        both = {*keys, *(job.known_before_as(one.unit_key, one.client_contact_id) for one in payloads)}
        begun = narrow(sorted(both), lambda some: intents.open_intents(ledger, vendor, *some))
        return cls(
            links.find_links(ledger, vendor, both),
            links.find_all_sent(ledger, vendor, both),
            [intent for part in begun.results for intent in part],
            begun.broken,
            pins.find_pins(ledger, keys) if vendor == pins.VENDOR else {},
            decisions.find_decisions(ledger, keys) if vendor == pins.VENDOR else {},
            life_events.statuses_of(ledger, (one.client_contact_id for one in payloads)),
            rekeying.moves_of(ledger, keys),
        )

    def key_of(self, job: Job, payload: Payload) -> str:
        """The key under which the ledger knows the unit: ``C7`` for a household whose head was a lone client.

        Raises `LockLost` for a unit that is being moved to another office, `MovedAway` for a unit that was moved after
        this run had read the CRM (XFR-LINKS).
        """
        rekeying.require_at_home(job.ledger, self.moves, payload.unit_key, payload.client_contact_id)
        before = job.known_before_as(payload.unit_key, payload.client_contact_id)
        for key in (payload.unit_key, before):
            if key in self.unreadable:
                raise self.unreadable[key]
        is_known = before in self.links or any(intent.unit_key == before for intent in self.begun)
        return before if is_known and payload.unit_key not in self.links else payload.unit_key

    def standing(self, payload: Payload, key: str) -> Standing:
        """How the unit stands that the ledger knows under this key."""
        begun = [intent for intent in self.begun if intent.unit_key == payload.unit_key]
        status = self.statuses.get(payload.client_contact_id)
        pinned, decided = self.pins.get(payload.unit_key, ()), self.decisions.get(payload.unit_key, ())
        return Standing(self.links.get(key), self.sent.get(key, {}), begun, pinned, decided, status)


class VendorDelivery(Protocol):
    """What a vendor adds to `deliver`. ``part``: the part whose hash says whether a unit has changed."""

    vendor: ClassVar[str]
    part: ClassVar[str]

    def settle(self, job: Job, payload: Payload, standing: Standing, intent: Intent) -> Link | None:
        """Finds out what became of a write that an earlier run began; gives the link to a record that it created.

        Raises `Gone` where the record that was to be written no longer exists.
        """

    def bring_up_to_date(self, job: Job, payload: Payload, standing: Standing) -> Delivered:
        """Matches, creates or updates the unit's record, with the lock held."""

    def apply_life_event(self, job: Job, payload: Payload, standing: Standing) -> Delivered:
        """Does the same for a couple that has changed, as somebody has confirmed (LIFE-EVENT)."""


@contextmanager
def begin_group(job: Job, vendor: str, payloads: Sequence[Payload]) -> Iterator[Group]:
    """Holds the locks of units that are brought up to date side by side, and reads what the ledger knows of them.

    A unit that another run is writing has no lock in the group. The locks are held until the group has ended.
    """
    with _locked(job, vendor, [one.unit_key for one in payloads]) as held:
        yield replace(Group.read(job, vendor, payloads), locks=held)


@contextmanager
def _locked(job: Job, vendor: str, unit_keys: Sequence[str]) -> Iterator[Mapping[str, AbstractContextManager[None]]]:
    """Holds the households' locks; gives what to work within, for those that no other run has. A dry run needs none."""
    if job.dry_run:
        yield {key: nullcontext() for key in unit_keys}
        return
    with locks.hold_all(job.ledger, vendor, unit_keys, job.holder, job.patience, job.sleep) as held:
        yield {key: locks.watching(lock) for key, lock in held.items()}


def deliver(to: VendorDelivery, job: Job, payload: Payload, group: Group) -> Delivered:
    """Brings one unit of a group up to date at one vendor. An error that concerns this unit alone becomes its outcome.

    Raises `CredentialsRefused` (the vendor's load stops), `LedgerUnavailable`, `StagingError` and, by hand,
    `ParamsError` for a request that makes no sense for this unit.
    """
    lock = group.locks.get(payload.unit_key)
    if lock is None:
        return ended(to.vendor, payload.unit_key, "deferred", LOCKED)
    link: Link | None = None
    try:
        with lock, job.ledger.working():
            standing = _settled(to, job, payload, taken_over(job, to.vendor, payload, group))
            link = standing.link
            require_newest_couple(job, to.vendor, link, payload)
            waits = must_wait(job, payload, standing)
            if waits is not None:
                return ended(to.vendor, payload.unit_key, *waits, link)
            if link is not None and payload.life_event is not None and is_other_couple(link, payload):
                return to.apply_life_event(job, payload, standing)
            delivered = to.bring_up_to_date(job, payload, standing)
            return delivered.as_kind("created") if standing.is_new else delivered
    except (SetAside, VendorUnavailable) as error:
        if isinstance(error, Gone) and not job.dry_run:
            # Without a hash the unit is looked at in every run until a person acts, even if the CRM data stay the same.
            job.ledger.commit(links.completed(to.vendor, payload.unit_key, to.part, ""))
        return set_aside(to.vendor, payload.unit_key, error, link.vendor_client_id if link else None)


def find_standing(job: Job, vendor: str, payload: Payload) -> Standing:
    """How a unit stands, under whichever key the ledger knows it. Raises the errors of `Group.key_of`."""
    alone = Group.read(job, vendor, [payload])
    return alone.standing(payload, alone.key_of(job, payload))


def taken_over(job: Job, vendor: str, payload: Payload, group: Group | None = None) -> Standing:
    """The same, after the unit has taken over link and history from its former key; a dry run takes over nothing.

    Also raises `LockLost` for a unit that is being written under its former key.
    """
    group = group or Group.read(job, vendor, [payload])
    key = group.key_of(job, payload)
    if key == payload.unit_key or job.dry_run:
        return group.standing(payload, key)
    _take_over(job, vendor, key, payload.unit_key)
    return find_standing(job, vendor, payload)


def _settled(to: VendorDelivery, job: Job, payload: Payload, standing: Standing) -> Standing:
    """How the unit stands once it is known what became of the writes that earlier runs left in doubt.

    Raises `Gone` at night where a record that was to be written no longer exists. By hand it does not: the person may
    have said what replaces the record (MATCH-GONE).
    """
    if job.dry_run or not standing.begun:
        return standing
    link, gone = None, None
    for intent in standing.begun:
        try:
            link = to.settle(job, payload, replace(standing, link=link or standing.link), intent) or link
        except Gone as error:
            gone = error
    if gone is not None and job.by_hand is None:
        raise gone
    return replace(find_standing(job, to.vendor, payload), is_new=link is not None)


def must_wait(job: Job, payload: Payload, standing: Standing) -> tuple[str, str] | None:
    """Why nothing is written now, as outcome and reason."""
    if standing.is_new and standing.link is not None and is_other_couple(standing.link, payload):
        return "deferred", CREATED_BEFORE
    is_looking = job.by_hand is not None and job.by_hand.action == "open_case"
    newest = max((part.as_of for part in standing.before.values()), default=job.as_of)
    if newest > job.as_of and not is_looking:
        return "skipped", f"superseded: {newest} has been sent already"
    return None


def begin(
    job: Job, vendor: str, payload: Payload, step: str, values: Any, expected_version: str | None = None
) -> Intent:
    """Notes in the ledger which write is about to be made."""
    return intents.begin(
        job.ledger, vendor, payload.unit_key, step, payload.payload_hash, values, job.as_of, job.run_id,
        expected_version,
    )  # fmt: skip


def attempt(
    job: Job,
    intent: Intent,
    send: Callable[[], Found],
    confirm: Callable[[Found], Result],
    look: Callable[[], Found | None] | None = None,
    tries: int = TRIES,
) -> Result:
    """Makes the write of an intent once; gives what ``confirm`` makes of the answer.

    ``confirm`` notes the result in the ledger. ``look`` finds what a write without an answer has created: only where it
    finds nothing within the vendor's search lag, the write is sent again. Without ``look`` the write sets values and
    adds nothing, and may be repeated at once.

    Raises `InDoubt` where the vendor never confirmed the write, other `SetAside` and `VendorUnavailable` where it
    surely wrote nothing.
    """
    is_repeated = False
    for tried in range(1, tries + 1):
        try:
            return confirm(send())
        except InDoubt:
            intents.mark(job.ledger, intent, "in_doubt")
            found = wait_for(job, look) if look is not None else None
            if found is not None:
                return confirm(found)
            if look is None and tried == tries:
                raise
            is_repeated = look is None
        except (SetAside, VendorUnavailable):
            # A failed repetition does not undo what the try before it may have written.
            intents.mark(job.ledger, intent, "in_doubt" if is_repeated else "refused")
            raise
    made = intent.step.removeprefix("create_")
    raise InDoubt(
        f"{VENDOR_NAMES[intent.vendor]} did not confirm the new {made}; the next run looks again before it sends."
    )


def confirmed(job: Job, intent: Intent, *noted: Write) -> Callable[[object], None]:
    """The ``confirm`` of a write that leaves nothing to note but that it was made, and what is ``noted`` with that."""
    return lambda _: job.ledger.commit(intents.marked(job.ledger, intent, "confirmed"), *noted)


def settle_creation(
    job: Job, intent: Intent, look: Callable[[], Found | None], confirm: Callable[[Found], Result]
) -> Result | None:
    """What became of a creation that an earlier run began; None where it created nothing.

    Raises `Gone` where ``look`` does: then it created nothing either.
    """
    try:
        found = wait_for(job, look, since_seconds=(job.ledger.now() - intent.updated_at).total_seconds())
    except Gone:
        intents.mark(job.ledger, intent, "abandoned")
        raise
    if found is None:
        intents.mark(job.ledger, intent, "abandoned")
        return None
    return confirm(found)


def save_link(job: Job, vendor: str, link: Link) -> None:
    """Keeps a new link; a dry run keeps nothing."""
    if not job.dry_run:
        job.ledger.commit(links.linked(job.ledger, vendor, link))


@contextmanager
def household_lock(job: Job, vendor: str, unit_key: str) -> Iterator[bool]:
    """Holds the household's lock for this thread; False where another run has it. A dry run needs none.

    A run by hand waits for the lock: a person wants this household now, and the other run soon ends.
    """
    with _locked(job, vendor, [unit_key]) as held, held.get(unit_key, nullcontext()):
        yield unit_key in held


def _take_over(job: Job, vendor: str, before: str, unit_key: str) -> None:
    """With the unit's lock held; raises `LockLost` where it is written under its old key."""
    with household_lock(job, vendor, before) as held:
        if not held:
            raise LockLost(f"Another run is writing this household now, as {before}, which it was before.")
        job.ledger.commit(*links.relinked(vendor, before, unit_key))


def take_over_links(job: Job, vendor: str, unit_keys: Iterable[str]) -> None:
    """Gives these units the links that have gone with their clients, whether they are held or sent (`known_as`).

    Left alone are those that another run is writing now, and all in a dry run.
    """
    for unit_key in [] if job.dry_run else sorted({*unit_keys} & {*job.taken_over}):
        before = job.taken_over[unit_key]
        with household_lock(job, vendor, unit_key) as held, suppress(LockLost):
            if held and not links.find_link(job.ledger, vendor, unit_key):
                _take_over(job, vendor, before, unit_key)


def is_other_couple(link: Link, payload: Payload) -> bool:
    """Whether head or spouse are not those whom the vendor has (LIFE-EVENT); an added spouse is no such event."""
    other_head = link.client_contact_id != payload.client_contact_id
    return other_head or link.spouse_contact_id not in (None, payload.spouse_contact_id)


def require_newest_couple(job: Job, vendor: str, link: Link | None, payload: Payload) -> None:
    """Raises `LockLost` where the couple is older than a life event that another run has carried out.

    A run that read the CRM earlier and writes later would bring back who has gone.
    """
    if link is None or (link.client_contact_id, link.spouse_contact_id) == (
        payload.client_contact_id,
        payload.spouse_contact_id,
    ):
        return
    if life_events.is_newer_than(job.ledger, vendor, payload.unit_key, job.run_id):
        raise LockLost("A life event was carried out since this run read the CRM; the next run goes by it.")


def wait_for(job: Job, look: Callable[[], Found | None], since_seconds: float = 0.0) -> Found | None:
    """Looks until something is found or the vendor's search lag has passed since the write."""
    waited, pause = since_seconds, 0.25
    while (found := look()) is None and waited < job.search_lag_seconds:
        job.sleep(min(pause, job.search_lag_seconds - waited + 0.05))
        waited, pause = waited + pause, min(pause * 2, 4.0)
    return found
