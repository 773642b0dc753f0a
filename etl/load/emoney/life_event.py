"""A confirmed life event at eMoney, by the steps of its API (LIFE-EVENT, EMY-MARRIED).

================= ============================================================================================
divorce           status Divorced and a previous marriage, then the spouse is deleted
widowhood         status Widowed, then the spouse is deleted
new spouse        one of both, then what every marriage takes: status Married, the spouse
head and spouse   the same couple, so the same client: its person is replaced, then its spouse
change places
another head      the client stays the former head's (parted from the spouse, where it was the spouse who became
                  head); who is head now is a client of its own. A head who died leaves the client as it is.
================= ============================================================================================
There is no transaction around the steps. Each may be repeated, and the ledger moves on only after the last: until then
the couple last sent is the old one, so that a second confirmation of the event resumes the steps where they stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from etl.errors import Ambiguous
from etl.load.delivery import Standing, attempt, begin, confirmed
from etl.load.emoney.client import EmoneyClient
from etl.load.emoney.patch import leaves
from etl.load.emoney.people import UNFINISHED, VENDOR, same_person, status_patch, with_owner
from etl.load.job import Job, Payload
from etl.load.ledger import life_events, links
from etl.load.ledger.changes import Change
from etl.load.ledger.life_events import LifeEvent
from etl.load.ledger.links import Link, Sent
from etl.load.ledger.store import pack
from etl.load.ledger.writer import Write
from etl.units import contact_key


@dataclass(frozen=True)
class _Case:
    """What the steps of one event have in common."""

    client: EmoneyClient
    job: Job
    payload: Payload
    event: LifeEvent
    link: Link
    before: Mapping[str, Sent]
    was: Standing

    @property
    def person(self) -> dict[str, Any]:
        """The client's values last sent."""
        found = self.before.get("client")
        return (found.base if found else None) or {}

    @property
    def spouse(self) -> dict[str, Any] | None:
        """The spouse's values last sent."""
        found = self.before.get("spouse")
        return found.base if found else None


def apply_life_event(
    client: EmoneyClient, job: Job, payload: Payload, standing: Standing
) -> tuple[Standing, tuple[Change, ...]]:
    """Makes eMoney and the ledger know of the event; gives how the unit stands then, and what was changed.

    A dry run writes nothing and gives the same. Raises `Ambiguous` where eMoney has a spouse whom nobody sent.
    """
    assert payload.life_event is not None
    assert standing.link is not None
    case = _Case(client, job, payload, payload.life_event, standing.link, standing.before, standing)
    if case.event.is_swap:
        return _swap(case)
    if case.event.client == case.event.client_sent:
        return _part(case)
    return _hand_over(case)


def _part(case: _Case) -> tuple[Standing, tuple[Change, ...]]:
    """The head stays, the spouse last sent goes."""
    patch, changes = _parted(case)
    base = {**case.person, **patch}
    if not case.job.dry_run:
        case.job.ledger.commit(*_spouse_forgotten(case, base), *_carried_out(case))
    as_of = max(one.as_of for one in case.before.values())
    couple = replace(case.link, spouse_contact_id=None)
    return replace(case.was, link=couple, before={"client": Sent(UNFINISHED, pack(base), as_of)}), changes


def _parted(case: _Case) -> tuple[dict[str, Any], tuple[Change, ...]]:
    """The two steps of a divorce or a widowhood: the status first, then the spouse; gives what was patched."""
    client_id = case.link.vendor_client_id
    theirs = case.client.spouse(client_id)
    patch = status_patch(case.event.status_left)
    spouse_now = case.payload.read()["spouse"] if case.event.client == case.event.client_sent else None
    is_new_spouse = theirs is not None and spouse_now is not None and same_person(theirs, spouse_now)
    if is_new_spouse:
        patch.pop("maritalStatus")  # somebody has entered the new marriage in eMoney: it is not ended again
    elif theirs is not None and not _is_the_one_sent(case, theirs):
        raise Ambiguous("eMoney has another spouse for this client than the one last sent: correct it there first.")
    if patch:
        _write(case, "patch_marital_status", patch, partial(case.client.patch_client, client_id, patch))
    changes = tuple(Change(path, "written", old, new) for path, old, new in leaves(patch, case.person))
    if theirs is None or is_new_spouse:
        return patch, changes
    _write(case, "delete_spouse", {}, partial(case.client.delete_spouse, client_id))
    return patch, (*changes, Change("spouse", "removed", theirs.get("externalId")))


def _swap(case: _Case) -> tuple[Standing, tuple[Change, ...]]:
    """Head and spouse change places in the client that they have."""
    content, client_id = case.payload.read(), case.link.vendor_client_id
    person, spouse = with_owner(content["client"], case.person), content["spouse"]
    theirs = case.client.spouse(client_id)
    if theirs is not None and not same_person(theirs, person) and not same_person(theirs, spouse):
        raise Ambiguous("eMoney has another spouse for this client than the one last sent: correct it there first.")
    _write(case, "swap_client", person, partial(case.client.patch_client, client_id, person))
    _write(case, "swap_spouse", spouse, partial(case.client.put_spouse, client_id, spouse))
    couple = replace(case.link, client_contact_id=case.event.client, spouse_contact_id=case.event.spouse)
    contacts = {"client_contact_id": couple.client_contact_id, "spouse_contact_id": couple.spouse_contact_id}
    if not case.job.dry_run:
        case.job.ledger.commit(
            _sent(case, "client", person),
            _sent(case, "spouse", spouse),
            links.link_changed(VENDOR, case.link.unit_key, **contacts),
            *_carried_out(case),
        )
    moved = leaves(person, case.person)
    moved += [(f"spouse.{path}", old, new) for path, old, new in leaves(spouse, case.spouse)]
    changes = tuple(Change(path, "written", old, new) for path, old, new in moved if old != new)
    bases = {"client": person, "spouse": spouse}
    sent = {part: Sent(UNFINISHED, pack(base), case.job.as_of) for part, base in bases.items()}
    return replace(case.was, link=couple, before=sent), changes


def _hand_over(case: _Case) -> tuple[Standing, tuple[Change, ...]]:
    """The client stays the former head's; the unit is without a link, like one that was never sent."""
    event, ledger, own_unit = case.event, case.job.ledger, contact_key(case.event.client_sent)
    changes: tuple[Change, ...] = ()
    patch: dict[str, Any] = {}
    parts = event.has_parted and not event.client_died
    if parts:
        patch, changes = _parted(case)
    if case.job.dry_run:
        return replace(case.was, link=None, before={}), changes
    is_taken = own_unit == case.link.unit_key or links.find_link(ledger, VENDOR, own_unit) is not None
    if event.client_died or is_taken:
        handed_over = links.released(ledger, VENDOR, case.link, case.job.run_id)
    else:
        handed_over = links.relinked(VENDOR, case.link.unit_key, own_unit)
    forgotten = _spouse_forgotten(case, {**case.person, **patch}) if parts else ()
    ledger.commit(*forgotten, *_carried_out(case), *handed_over)
    return replace(case.was, link=None, before={}), changes


def _is_the_one_sent(case: _Case, theirs: dict[str, Any]) -> bool:
    if case.spouse is not None:
        return same_person(theirs, case.spouse)
    return bool(theirs.get("externalId") == f"contact:{case.event.spouse_sent}")


def _write(case: _Case, step: str, values: Any, send: Callable[[], None]) -> None:
    if not case.job.dry_run:
        intent = begin(case.job, VENDOR, case.payload, step, values)
        attempt(case.job, intent, send, confirmed(case.job, intent))


def _spouse_forgotten(case: _Case, base: dict[str, Any]) -> tuple[Write, ...]:
    unit_key = case.link.unit_key
    return (
        _sent(case, "client", base),
        links.sent_forgotten(VENDOR, unit_key, "spouse"),
        links.link_changed(VENDOR, unit_key, spouse_contact_id=None),
    )


def _sent(case: _Case, part: str, base: dict[str, Any]) -> Write:
    job = case.job
    return links.sent_now(job.ledger, VENDOR, case.link.unit_key, part, UNFINISHED, base, job.as_of, job.run_id)


def _carried_out(case: _Case) -> tuple[Write, ...]:
    """Who confirmed what; and of a couple that has parted, what both are from now on."""
    event, job = case.event, case.job
    reason = (job.by_hand.life_event if job.by_hand else None) or ""
    noted = life_events.carried_out(job.ledger, VENDOR, case.link, event, job.run_id, reason)
    if not event.has_parted:
        return (noted,)
    died = {event.client_sent: event.client_died, event.spouse_sent: event.spouse_died}
    left = [contact for contact, has_died in died.items() if contact is not None and not has_died]
    return noted, *life_events.parted_as(job.ledger, VENDOR, left, event.status_left, job.run_id)
