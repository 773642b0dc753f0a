"""People who look like one (MATCH-TWICE): only one of their units goes to a vendor, until a person says they are two.

Stages ``identity/<vendor>``: ``waiting``, a row for each unit that waits for another one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import pandas as pd

from etl.errors import VENDOR_NAMES, ParamsError
from etl.extract import identity, scope
from etl.extract.census import Census
from etl.extract.identity import BY_CONTACT, Twins
from etl.extract.source import Snapshot
from etl.frames import are_among, each_row, typed
from etl.load.ledger import identities, links
from etl.load.matching import Place, Twin, decide_twins
from include.pipelines.identity.link_ownership import links_of
from include.pipelines.run.context import RunContext
from include.pipelines.run.findings import as_findings, finding, unit_finding

STAGE = "identity"
# The unit that waits, the unit that it waits for, and what makes both one person.
_KINDS = {
    "unit_key": "str", "contact_id": "int64", "role": "str", "other_unit_key": "str", "other_contact_id": "int64",
    "other_role": "str", "matched_by": "str", "are_linked": "bool",
}  # fmt: skip


def stage_twins(context: RunContext, vendor: str, twins: Twins, linked: Collection[str], going: Iterable[str]) -> None:
    """Decides which units wait at a vendor; ``linked``: its linked units; ``going``: all units that may go there."""
    found = decide(twins, linked, going, identities.told_apart(context.ledger))
    _stage(context, vendor, found)


def decide(
    twins: Twins, linked: Collection[str], going: Iterable[str], apart: Collection[identities.Pair]
) -> list[Twin]:
    """The units that wait, each once, with the first unit that each waits for."""
    keys = twins.groups["unit_key"]
    rows = twins.groups[are_among(keys, going) | are_among(keys, linked)]
    found: dict[str, Twin] = {}
    for (matched_by, _), group in rows.groupby(["matched_by", "group"], sort=False):
        places = (Place(row.unit_key, int(row.contact_id), bool(row.is_client)) for row in each_row(group))
        for twin in decide_twins(places, str(matched_by), linked, twins.primary, apart):
            found.setdefault(twin.second.unit_key, twin)
    return list(found.values())


def stage_twins_of(
    context: RunContext, snapshot: Snapshot, census: Census, unit: int, told_apart: Collection[identities.Pair]
) -> None:
    """Decides whether the unit that a person asked for waits, from the units around it.

    A reason in ``are_two`` tells people apart from now on; ``told_apart``: the pairs that this run has told apart
    already. Raises `ParamsError` where no contact looks like the same person.
    """
    vendor = context.request.vendor
    reason = context.request.hand.what.are_two
    twins = _twins_of(context, snapshot, census, unit, None if told_apart else reason)
    _stage(context, vendor, twins)


def stage_twins_beside(context: RunContext, snapshot: Snapshot, units: Iterable[tuple[Census, int]]) -> None:
    """Decides the same for the units that go along with it."""
    vendor = context.request.vendor
    found = [twin for census, unit in units for twin in _twins_of(context, snapshot, census, unit, None)]
    _stage(context, vendor, found, read_waiting(context, vendor))


def _twins_of(context: RunContext, snapshot: Snapshot, census: Census, unit: int, reason: str | None) -> list[Twin]:
    ledger, vendor = context.ledger, context.request.vendor
    unit_key = str(census.units.loc[unit, "unit_key"])
    linked_alone = links.contacts_linked(ledger, (vendor,))
    units, twins = identity.read_twins_around(snapshot, census, unit, linked_alone)
    linked = set(links_of(context, vendor, units, of_these_alone=True)["unit_key"])
    enroll = getattr(context.settings, vendor).enroll
    enrolled = scope.enrolled(snapshot, Census(units, census.people.iloc[:0]), enroll, linked)
    apart = identities.told_apart(ledger)
    if reason is not None:
        apart |= _tell_apart(context, _pairs(twins, unit_key), unit_key, reason)
    found = decide(twins, linked, {unit_key, *units.loc[enrolled, "unit_key"]}, apart)
    return [one for one in found if one.second.unit_key == unit_key]


def _tell_apart(context: RunContext, pairs: set[identities.Pair], unit_key: str, reason: str) -> set[identities.Pair]:
    ledger, request = context.ledger, context.request
    said = pairs - identities.told_apart(ledger)
    if not said and not identities.told_apart_by(ledger, request.run_id):
        raise ParamsError(f"are_two: SmartOffice has nobody who looks like the client or the spouse of {unit_key}.")
    if not request.dry_run:
        identities.tell_apart(ledger, said, said_by(context, reason))
    return said


def said_by(context: RunContext, reason: str) -> identities.Said:
    """A reason, with the people who asked for and triggered this run."""
    request = context.request
    return identities.Said(reason, request.requested_by, request.triggered_by, request.run_id)


def read_waiting(context: RunContext, vendor: str) -> pd.DataFrame:
    """A row for each unit that waits for another one at a vendor."""
    return context.staging.read(f"{STAGE}/{vendor}", ["waiting"])["waiting"]


def find_waiting(context: RunContext, vendor: str, decisions: pd.DataFrame) -> pd.DataFrame:
    """MATCH-TWICE of the units in scope: `rules.FINDING_COLUMNS`. Two linked units are reported, and go on."""
    waiting = read_waiting(context, vendor)
    waiting = waiting[are_among(waiting["unit_key"], decisions["unit_key"])]
    found = []
    for row in each_row(waiting):
        message = _in_words(row, VENDOR_NAMES[vendor])
        one = finding(context, "MATCH-TWICE", vendor, row.unit_key, "contact", row.contact_id, message=message)
        if row.are_linked and one["severity"] == "critical":
            # Both have a record: holding one would freeze it without undoing anything.
            one["severity"] = "warning"
        found.append(one)
    return as_findings(found)


def find_unlinked(context: RunContext, vendor: str, decisions: pd.DataFrame) -> pd.DataFrame:
    """MATCH-GONE of the units in scope whose link a person has ended: a night creates no record in its place."""
    ended = identities.unlinked(context.ledger, vendor) if context.request.by_hand is None else {}
    words = "Its link to record {} at {} was ended by hand: no night makes one."
    return as_findings(
        unit_finding(context, "MATCH-GONE", vendor, key, words.format(ended[key], VENDOR_NAMES[vendor]))
        for key in decisions.loc[are_among(decisions["unit_key"], ended), "unit_key"]
    )


def _in_words(row: Any, vendor: str) -> str:
    if row.matched_by == BY_CONTACT:
        who = f"Contact {row.contact_id} is the client of {row.other_unit_key} and of {row.unit_key}."
    else:
        who = (
            f"Contact {row.contact_id}, {row.role} of {row.unit_key}, and contact {row.other_contact_id}, "
            f"{row.other_role} of {row.other_unit_key}, have the same {row.matched_by}."
        )
    if row.are_linked:
        return f"{who} Both units have a record at {vendor} already, and both go on."
    return f"{who} {row.other_unit_key} goes to {vendor}; {row.unit_key} waits."


def _pairs(twins: Twins, unit_key: str) -> set[identities.Pair]:
    """The pairs of contacts who look like one person, one of them in this unit."""
    pairs = set()
    for _, group in twins.groups.groupby("group"):
        mine = group.loc[group["unit_key"] == unit_key, "contact_id"]
        others = group.loc[group["unit_key"] != unit_key, "contact_id"]
        pairs |= {frozenset((int(one), int(other))) for one in mine for other in others if one != other}
    return pairs


def _stage(context: RunContext, vendor: str, found: list[Twin], beside: pd.DataFrame | None = None) -> None:
    rows = [
        (
            one.second.unit_key, one.second.contact_id, _role(one.second), one.first.unit_key, one.first.contact_id,
            _role(one.first), one.matched_by, one.are_linked,
        )
        for one in found
    ]  # fmt: skip
    waiting = typed(rows, _KINDS)
    if beside is not None:
        waiting = pd.concat([beside, waiting], ignore_index=True)
    context.staging.write(f"{STAGE}/{vendor}", {"waiting": waiting})


def _role(place: Place) -> str:
    return "client" if place.is_client else "spouse"
