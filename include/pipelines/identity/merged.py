"""Contacts that the CRM has merged into others: their links and their history follow (MATCH-MERGED).

A night looks at every contact that a vendor has, a run by hand at the contacts around its unit. The ledger notes a
merge before the run is planned, so that all later stages find the links where they belong. A dry run notes nothing, and
holds the units that the next run will follow.

Stages ``merged``: ``waiting``, a row for each unit whose record is unclear; ``merged_names``: CRM key and known key of
dependents, in a dry run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from typing import Any

import pandas as pd

from etl import schema as s
from etl.errors import VENDOR_NAMES
from etl.extract import identity
from etl.extract.census import Census, read_households
from etl.extract.source import Snapshot
from etl.frames import are_among, each_row, typed
from etl.load.ledger import identities, links, locks
from etl.load.ledger.identities import Merge
from etl.load.ledger.store import Ledger
from etl.load.ledger.transfers import rekeying
from etl.load.merged_contacts import Known, Unclear, decide_merges
from etl.units import are_households, contact_key, numbers_of
from include.pipelines.run.context import RunContext
from include.pipelines.run.findings import as_findings, finding

STAGE = "merged"
NAMES = "merged_names"

_KINDS = {"vendor": "str", "unit_key": "str", "contact_id": "int64", "words": "str"}
_SENT = ["client_contact_id", "spouse_contact_id"]
# The lists of a case whose items have an owner in the CRM.
_OWNED = ("assets", "liabilities", "insurancePolicies")


def follow_merges(context: RunContext, snapshot: Snapshot, census: Census, people: pd.DataFrame) -> None:
    """Follows the merges of all contacts that a vendor has; ``people``: the identities of all contacts."""
    ledger = context.ledger
    followed = people["contact_id"].isin(list(identities.merges_followed(ledger)))
    back = people.loc[followed & ~people["is_deleted"], "contact_id"].tolist()
    if back and not context.request.dry_run:
        identities.withdraw_merges(ledger, back)
    deleted = set(people.loc[people["is_deleted"], "contact_id"])
    linked = identities.links_of_contacts(ledger, deleted)
    if linked.empty:
        _stage(context, _couples(census.units, None), [], {})
        return
    couples = _couples(census.units, identity.read_partners(snapshot, census.units))
    _follow(context, snapshot, couples, people, deleted, linked)


def follow_merges_of(context: RunContext, snapshot: Snapshot, census: Census, unit: int) -> set[identities.Pair]:
    """Follows the merges around one unit: of its client and spouse, now and when it was last sent.

    Gives the pairs of contacts whom the person who triggered the run has told apart.
    """
    unit_key, household_id = census.units.loc[unit, "unit_key"], s.household.c.household_id
    linked = identities.links_of_contacts(context.ledger, identity.read_deleted(snapshot))
    if linked.empty:
        _stage(context, _couples(census.units, None), [], {})
        return set()
    homes = numbers_of(linked.loc[are_households(linked["unit_key"]), "unit_key"]).unique()
    units = pd.concat([census.units.loc[[unit]], read_households(snapshot, household_id, homes)])
    units = units.drop_duplicates("unit_key")
    couples = _couples(units, identity.read_partners(snapshot, units, of_these_alone=True))
    couple = set(couples.loc[couples["unit_key"] == unit_key, "contact_id"])
    sent = _standing(linked[linked["unit_key"] == unit_key])
    owners = _owners(context, snapshot, linked)
    theirs = {merged for merged, others in owners.items() if others & couple}
    people = identity.read_identities_like(snapshot, {*couple, *sent, *theirs})
    deleted = set(people.loc[people["is_deleted"], "contact_id"])
    return _follow(context, snapshot, couples, people, deleted, linked, context.request.hand.what.are_two)


def follow_dependents(
    context: RunContext, census: Census, numbers: pd.Index, linked: pd.DataFrame, people: pd.DataFrame
) -> None:
    """Follows the merges of dependents that Profiles has, in the linked units among those with these numbers."""
    ledger = context.ledger
    units = census.units.loc[numbers, ["unit_key"]]
    units = units[are_among(units["unit_key"], linked["unit_key"])]
    members = census.people[census.people["unit"].isin(units.index)]
    is_living = ~people["is_deleted"] & people["contact_id"].isin(members["contact_id"])
    pairs = identity.same_people(people[people["is_deleted"]], people[is_living])
    pairs = pairs[~pairs["contact_id"].isin(list(identities.merges_followed(ledger)))]
    merges = _among_dependents(ledger, pairs, members, units) if len(pairs) else []
    if context.request.dry_run:
        known = [(f"contact:{one.contact}", one.known_as) for one in merges]
        context.staging.write(NAMES, {"names": typed(known, {"crm_key": "str", "known_as": "str"})})
    else:
        identities.follow_merges(ledger, merges, context.request.run_id)


def _among_dependents(ledger: Ledger, pairs: pd.DataFrame, members: pd.DataFrame, units: pd.DataFrame) -> list[Merge]:
    """The pairs of which Profiles has the deleted contact as a dependent, and not the living one."""
    placed = pairs.merge(members, left_on="other_id", right_on="contact_id", suffixes=("", "_member"))
    placed = placed.assign(unit_key=placed["unit"].map(units["unit_key"]))
    names = rekeying.known_names(ledger)
    bases = links.read_bases(ledger, "profiles", "case", placed["unit_key"].unique())
    merges: dict[int, Merge] = {}
    for row in each_row(placed):
        base = bases.get(row.unit_key) or {}
        sent = {one["externalSourceId"] for one in base.get("dependents") or ()}
        was, now = (names.get(key, key) for key in (f"contact:{row.contact_id}", f"contact:{row.other_id}"))
        if was in sent and now not in sent:
            merges.setdefault(int(row.contact_id), Merge(int(row.contact_id), int(row.other_id), row.matched_by, was))
    return list(merges.values())


def known_names(context: RunContext) -> Mapping[str, str]:
    """CRM key -> the key under which the vendors know the record, where that is another."""
    names = rekeying.known_names(context.ledger)
    if context.staging.has(NAMES):
        more = context.staging.read(NAMES)["names"]
        names |= dict(zip(more["crm_key"], more["known_as"], strict=True))
    return names


def read_waiting(context: RunContext, vendor: str) -> pd.DataFrame:
    """A row for each unit whose record at a vendor is unclear: unit_key, contact_id, words."""
    waiting = context.staging.read(STAGE, ["waiting"])["waiting"]
    return waiting[waiting["vendor"] == vendor]


def find_unclear(context: RunContext, vendor: str, decisions: pd.DataFrame) -> pd.DataFrame:
    """MATCH-MERGED of the units in scope: `rules.FINDING_COLUMNS`.

    A person who confirms a life event of a unit thereby says that the contacts are two.
    """
    hand = context.request.by_hand
    waiting = read_waiting(context, vendor)
    waiting = waiting[are_among(waiting["unit_key"], decisions["unit_key"])]
    if hand is not None and hand.what.life_event is not None:
        waiting = waiting.iloc[:0]
    return as_findings(
        finding(context, "MATCH-MERGED", vendor, row.unit_key, "contact", row.contact_id, message=row.words)
        for row in each_row(waiting)
    )


def _follow(
    context: RunContext,
    snapshot: Snapshot,
    couples: pd.DataFrame,
    people: pd.DataFrame,
    deleted: set[int],
    linked: pd.DataFrame,
    are_two: str | None = None,
) -> set[identities.Pair]:
    ledger, request = context.ledger, context.request
    linked = linked[~are_among(linked["unit_key"], rekeying.units_on_the_move(ledger))]
    known_ones = people["contact_id"].isin(_standing(linked) & deleted)
    alike = identity.same_people(people[known_ones], people[~people["is_deleted"]])
    counted = alike["contact_id"].value_counts()
    owners = _owners(context, snapshot, linked[~_stand(linked, counted.index[counted == 1])])
    own, apart = _own(context, couples, alike["other_id"]), identities.told_apart(ledger)
    near = couples[are_among(couples["unit_key"], linked["unit_key"])]
    known = Known(deleted, linked, alike, near, owners, rekeying.known_names(ledger), own, apart)
    merges, unclear = decide_merges(known)
    said: set[identities.Pair] = set()
    if are_two is not None:
        said = {frozenset((one.merged, other)) for one in unclear for other in one.candidates}
        unclear = []
        if not request.dry_run:
            by = identities.Said(are_two, request.requested_by, request.triggered_by, request.run_id)
            identities.tell_apart(ledger, said, by)
    left = merges if request.dry_run else [one for one in merges if not _carry_out(context, one, linked)]
    unclear += [_to_follow(one, row) for one in left for row in each_row(linked[_stand(linked, [one.merged])])]
    _stage(context, couples, unclear, {one.merged: one for one in merges})
    return said


def _carry_out(context: RunContext, merge: Merge, linked: pd.DataFrame) -> bool:
    """Follows a merge, with the locks of all its units held; False where another run is writing one of them."""
    rows = linked[_stand(linked, [merge.merged])]
    units = {(row.vendor, key) for row in each_row(rows) for key in (row.unit_key, contact_key(merge.contact))}
    holder = locks.holder_name(context.request.run_id)
    with ExitStack() as stack:
        held = [stack.enter_context(locks.hold(context.ledger, *unit, holder)) for unit in sorted(units)]
        if any(lock is None for lock in held):
            return False
        identities.follow_merges(context.ledger, [merge], context.request.run_id)
    return True


def _couples(units: pd.DataFrame, partners: pd.DataFrame | None) -> pd.DataFrame:
    """unit_key, contact_id, is_client of these units."""
    clients = units[["unit_key", "client_contact_id"]].dropna().rename(columns={"client_contact_id": "contact_id"})
    parts = [clients.assign(is_client=True)]
    if partners is not None:
        parts.append(partners.assign(is_client=False))
    return pd.concat(parts, ignore_index=True).astype({"contact_id": "int64"})


def _standing(linked: pd.DataFrame) -> set[int]:
    """The contacts who stand in these links, as client, as spouse or alone."""
    alone = numbers_of(linked.loc[~are_households(linked["unit_key"]), "unit_key"])
    return {int(one) for part in (alone, *(linked[name].dropna() for name in _SENT)) for one in part}


def _stand(linked: pd.DataFrame, contact_ids: Iterable[int]) -> pd.Series[bool]:
    """Which of the links one of these contacts stands in."""
    ids = [int(one) for one in contact_ids]
    stands = linked["unit_key"].isin([*map(contact_key, ids)])
    for name in _SENT:
        stands |= linked[name].isin(ids).fillna(False).astype("bool")
    return stands


def _own(context: RunContext, couples: pd.DataFrame, contact_ids: Iterable[int]) -> set[int]:
    """The contacts whom a vendor knows by their own key, in a unit of the CRM."""
    mine = couples[couples["contact_id"].isin(list(contact_ids))]
    if mine.empty:
        return set()
    rows = identities.links_of_contacts(context.ledger, mine["contact_id"])
    there = zip(mine["unit_key"], mine["contact_id"], strict=True)
    return {one for key, one in there if _stand(rows[rows["unit_key"] == key], [one]).any()}


def _owners(context: RunContext, snapshot: Snapshot, linked: pd.DataFrame) -> dict[int, frozenset[int]]:
    """Client last sent -> the present owners of the accounts, policies and liabilities that were sent with it."""
    clients = linked.dropna(subset=["client_contact_id"])
    if clients.empty:
        return {}
    keys = clients["unit_key"].unique()
    sent: dict[str, set[str]] = {key: set() for key in keys}
    for key, items in links.read_bases(context.ledger, "emoney", "items", keys).items():
        sent[key] |= set(items or {})
    for key, base in links.read_bases(context.ledger, "profiles", "case", keys).items():
        sent[key] |= {one["externalSourceId"] for name in _OWNED for one in (base or {}).get(name) or ()}
    now = rekeying.current_keys(context.ledger, {one for items in sent.values() for one in items})
    whose = identity.read_owners(snapshot, {now.get(one, one) for items in sent.values() for one in items})
    owners: dict[int, frozenset[int]] = {}
    for row in each_row(clients):
        found = {whose[now.get(one, one)] for one in sent[row.unit_key] if now.get(one, one) in whose}
        merged = int(row.client_contact_id)
        owners[merged] = owners.get(merged, frozenset()) | (found - {merged})
    return owners


def _to_follow(merge: Merge, row: Any) -> Unclear:
    return Unclear(row.vendor, row.unit_key, row.vendor_client_id, merge.merged, (merge.contact,), True)


def _stage(context: RunContext, couples: pd.DataFrame, unclear: list[Unclear], followed: Mapping[int, Merge]) -> None:
    """Stages the units that wait: the contact's former unit, and units without a link around a candidate."""
    units = set(couples["unit_key"])
    rows = []
    for one in unclear:
        around = couples.loc[couples["contact_id"].isin(one.candidates), "unit_key"].unique()
        has_link = links.read_links(context.ledger, one.vendor, around)["unit_key"]
        waiting = {*around[~are_among(pd.Series(around, dtype="str"), has_link)], *({one.unit_key} & units)}
        words = _in_words(one, one.merged in followed)
        rows += [(one.vendor, key, one.merged, words) for key in sorted(waiting)]
    waits = typed(rows, _KINDS)
    context.staging.write(STAGE, {"waiting": waits.drop_duplicates(["vendor", "unit_key", "contact_id"])})


def _in_words(one: Unclear, is_clear: bool) -> str:
    others = " and ".join(f"contact {other}" for other in one.candidates)
    record = f"record {one.vendor_client_id} at {VENDOR_NAMES[one.vendor]} (as {one.unit_key})"
    if is_clear:
        return f"Contact {one.merged} was merged into {others}: the next run that sends takes its {record} over."
    who = f"Contact {one.merged}, who has the {record}, is in Deleted Records."
    if one.are_alike:
        return f"{who} It may be {others}: all have its tax id, or its names and birth date."
    return f"{who} What it was or had is now {others}, with another tax id, and other names or another birth date."
