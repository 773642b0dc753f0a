"""Links that a person ends or makes by hand, with a reason. The ledger keeps the history."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pandas as pd

from etl.errors import VENDOR_NAMES, Gone, ParamsError
from etl.extract import contact_units, single_unit
from etl.extract.census import read_households
from etl.extract.source import Snapshot
from etl.load.job import LinkTo
from etl.load.ledger import identities, links, locks, runs
from etl.load.ledger.links import Link
from etl.load.ledger.runs import Outcome
from etl.schema import household
from etl.units import HOUSEHOLD, UnitKey, contact_key, household_key
from include.pipelines.identity.same_person import said_by
from include.pipelines.run.context import VENDORS, HandRequest, RunContext
from include.pipelines.run.vendors import emoney_client, profiles_client

# How the link was found: a person named the record.
BY_HAND = "LINKED"


def end_link(context: RunContext, snapshot: Snapshot) -> str:
    """Ends the link of the unit that is meant, even where the CRM has no such unit any more; gives the unit's key.

    Nothing is sent. Raises `ParamsError` where there is no link.
    """
    hand, ledger, vendor = context.request.hand, context.ledger, context.request.vendor
    assert hand.what.unlink is not None
    unit_key = _linked_unit(context, snapshot, hand, vendor)
    ended = links.find_link(ledger, vendor, unit_key)
    name, words = VENDOR_NAMES[vendor], "its link was ended already"
    if ended is None and not identities.has_changed_link(ledger, vendor, context.request.run_id):
        raise ParamsError(f"{unit_key} is not linked at {name}: there is no link to end.")
    if ended is not None:
        would = "would be" if context.request.dry_run else "is"
        words = f"record {ended.vendor_client_id} {would} linked to it no more, and stays at {name} as it is"
        if not context.request.dry_run:
            with _exclusive(context, vendor, unit_key):
                identities.unlink(ledger, vendor, ended, said_by(context, hand.what.unlink))
    _plan(context, unit_key, Outcome(vendor, unit_key, "unchanged", words, ended.vendor_client_id if ended else None))
    return unit_key


def make_link(context: RunContext, snapshot: Snapshot, unit_key: str, couple: list[int]) -> None:
    """Links the unit to the record that was named, after reading the record at the vendor.

    ``couple``: the contacts of the unit, its client first. Raises `ParamsError` for a record that the vendor does not
    have or that is linked to another unit, and for a unit that is linked to another record.
    """
    hand, ledger, vendor = context.request.hand, context.ledger, context.request.vendor
    wanted = hand.what.link_to
    if wanted is None:
        return
    case_id = _read_record(context, vendor, wanted)
    own = [unit_key, contact_key(couple[0])]
    before = next((found for key in own if (found := links.find_link(ledger, vendor, key))), None)
    if before is not None and before.vendor_client_id != wanted.client_id:
        raise ParamsError(
            f"{unit_key} is linked at {VENDOR_NAMES[vendor]} already, to {before.vendor_client_id}: end that link "
            "first (unlink)."
        )
    holder = links.unit_linked_to(ledger, vendor, "vendor_client_id", wanted.client_id)
    if holder is not None and holder not in own and _is_unit(snapshot, holder):
        raise ParamsError(f"link_to {wanted.client_id} belongs to {holder}: end its link first (unlink).")
    held = links.find_link(ledger, vendor, holder) if holder else None
    spouse = held.spouse_contact_id if held and held.spouse_contact_id in couple[1:] else None
    made = Link(unit_key, wanted.client_id, case_id, None, couple[0], spouse, BY_HAND)
    with _exclusive(context, vendor, unit_key, *([holder] if holder else [])):
        identities.link_by_hand(ledger, vendor, made, holder, said_by(context, wanted.reason))


def _read_record(context: RunContext, vendor: str, wanted: LinkTo) -> str | None:
    """The case that is meant at Profiles, None at eMoney. Raises `ParamsError`."""
    try:
        if vendor == "emoney":
            emoney_client(context).client(wanted.client_id)
            return None
        cases = [case.case_id for case in profiles_client(context).household(wanted.client_id).cases]
    except Gone:
        what = "client" if vendor == "emoney" else "household"
        raise ParamsError(f"link_to: {VENDOR_NAMES[vendor]} has no {what} {wanted.client_id}.") from None
    if wanted.case_id is None and len(cases) != 1:
        there = f"has the cases {', '.join(cases)}: say which (case_id)" if cases else "has no case"
        raise ParamsError(f"link_to: household {wanted.client_id} {there}.")
    if wanted.case_id not in (None, *cases):
        raise ParamsError(f"link_to: household {wanted.client_id} has no case {wanted.case_id}.")
    return wanted.case_id or cases[0]


def _linked_unit(context: RunContext, snapshot: Snapshot, hand: HandRequest, vendor: str) -> str:
    """The unit of a household, or of a contact: the contact alone where that is linked, else its unit by SCP-7."""
    if hand.household_id is not None:
        return household_key(hand.household_id)
    assert hand.contact_id is not None
    alone = contact_key(hand.contact_id)
    if links.find_link(context.ledger, vendor, alone) is not None:
        return alone
    return single_unit.unit_of_contact(snapshot, hand.contact_id)


def _is_unit(snapshot: Snapshot, unit_key: str) -> bool:
    letter, number = UnitKey.parse(unit_key)
    if letter == HOUSEHOLD:
        return not read_households(snapshot, household.c.household_id, [number]).empty
    return not contact_units.own_units(snapshot, [number]).empty


@contextmanager
def _exclusive(context: RunContext, vendor: str, *unit_keys: str) -> Iterator[None]:
    """Holds the locks of these units. Raises `ParamsError` where another run keeps one of them for too long."""
    holder, patience = locks.holder_name(context.request.run_id), context.request.hand.what.lock_wait_seconds
    with ExitStack() as held:
        for unit_key in dict.fromkeys(unit_keys):
            if held.enter_context(locks.hold(context.ledger, vendor, unit_key, holder, patience)) is None:
                raise ParamsError(f"Another run is writing {unit_key} at {VENDOR_NAMES[vendor]} now: run this again.")
        yield


def _plan(context: RunContext, unit_key: str, outcome: Outcome) -> None:
    """Stages the one unit of the run and saves its outcome: no document is built and nothing is loaded."""
    vendor = context.request.vendor
    row = pd.DataFrame({"unit_key": [unit_key], "digest": [0], "shard": [0]})
    context.staging.write("plan/scope", {"units": row.assign(**{name: name == vendor for name in VENDORS})})
    runs.plan_vendor(context.ledger, context.request.run_id, vendor, None, 1)
    runs.save_outcomes(context.ledger, context.request.run_id, [outcome])
