"""Contacts that the CRM has merged into others: which contact a vendor's contact is now (MATCH-MERGED). Pure.

A contact that a vendor knows, and that is in Deleted Records, is the one living contact with the same tax id, or the
same names and birth date; in a household that is still there only the contact in its place. Of several it is the one
who has its place, or what was sent of it; where that leaves several, or nobody, a person has to say.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from etl.load.ledger.identities import Merge
from etl.units import are_households, numbers_of


@dataclass(frozen=True)
class Unclear:
    """A contact whose link might go with one of ``candidates``; ``unit_key``, ``vendor_client_id``: the link's."""

    vendor: str
    unit_key: str
    vendor_client_id: str
    merged: int
    candidates: tuple[int, ...]
    are_alike: bool  # each could be it by tax id, or names and birth date


@dataclass(frozen=True)
class Known:
    """What is known of the contacts in question.

    links: vendor, unit_key, client_contact_id, spouse_contact_id, vendor_client_id, in which one of ``deleted`` stands.
    alike: contact_id, other_id, matched_by: who of the living is the same person as one of them.
    couples: unit_key, contact_id, is_client: client and spouse candidates of the units that there are.
    owners: contact in Deleted Records -> whose the accounts, policies and liabilities are that were sent as its own.
    names: CRM key -> the key under which the vendors know it; own: contacts whom they know by their own key already.
    """

    deleted: Collection[int]
    links: pd.DataFrame
    alike: pd.DataFrame
    couples: pd.DataFrame
    owners: Mapping[int, frozenset[int]]
    names: Mapping[str, str]
    own: Collection[int]
    apart: Collection[frozenset[int]]


def decide_merges(known: Known) -> tuple[list[Merge], list[Unclear]]:
    """Which contacts were merged into which, and those of whom nobody can tell."""
    merges: list[Merge] = []
    unclear: list[Unclear] = []
    taken = set(known.own)
    alike = known.alike.groupby("contact_id")
    for merged, rows in _by_contact(known.links):
        if merged not in known.deleted:
            continue
        pairs = alike.get_group(merged) if merged in alike.groups else known.alike.iloc[:0]
        reasons = dict(zip(pairs["other_id"], pairs["matched_by"], strict=True))
        candidates = [int(one) for one in reasons if frozenset((merged, int(one))) not in known.apart]
        chosen = _choose(merged, candidates, rows, known)
        if chosen is not None:
            key = f"contact:{merged}"
            known_as = None if chosen in taken else known.names.get(key, key)
            taken.add(chosen)
            merges.append(Merge(merged, chosen, str(reasons[chosen]), known_as))
        else:
            unclear += _unclear(merged, candidates, rows, known)
    return merges, unclear


def _by_contact(linked: pd.DataFrame) -> list[tuple[int, pd.DataFrame]]:
    """Each contact with the links in which it stands; those of households come first: theirs is the key that stays."""
    parts = [linked.assign(contact=linked[name]) for name in ("client_contact_id", "spouse_contact_id")]
    alone = linked[~are_households(linked["unit_key"])]
    parts.append(alone.assign(contact=numbers_of(alone["unit_key"]).astype("Int64")))
    stands = pd.concat(parts).dropna(subset=["contact"]).drop_duplicates(["contact", "vendor", "unit_key"])
    stands["is_alone"] = ~are_households(stands["unit_key"])
    stands = stands.sort_values(["is_alone", "contact", "vendor"])
    return [(int(rows["contact"].iloc[0]), rows) for _, rows in stands.groupby("contact", sort=False)]


def _choose(merged: int, candidates: list[int], rows: pd.DataFrame, known: Known) -> int | None:
    homes = known.couples[known.couples["unit_key"].isin(rows.loc[~rows["is_alone"], "unit_key"])]
    place = set(homes["contact_id"])
    if len(homes):
        candidates = [one for one in candidates if one in place]
    if len(candidates) < 2:
        return candidates[0] if candidates else None
    for better in (place, known.owners.get(merged, frozenset())):
        found = [one for one in candidates if one in better]
        if len(found) == 1:
            return found[0]
    return None


def _unclear(merged: int, candidates: list[int], rows: pd.DataFrame, known: Known) -> list[Unclear]:
    """Who might be it: those who are alike, else who has its place in a household, or what was sent of it."""
    found = []
    for row in rows.itertuples(index=False):
        others = candidates or _followers(merged, row, known)
        if others:
            found.append(
                Unclear(
                    str(row.vendor),
                    str(row.unit_key),
                    str(row.vendor_client_id),
                    merged,
                    tuple(sorted(others)),
                    bool(candidates),
                )
            )
    return found


def _followers(merged: int, row: Any, known: Known) -> list[int]:
    unit = known.couples[known.couples["unit_key"] == row.unit_key]
    if unit.empty:
        others = set(known.owners.get(merged, frozenset()))
    else:
        others = set(unit.loc[unit["is_client"] == (row.client_contact_id == merged), "contact_id"])
        others -= {row.client_contact_id, row.spouse_contact_id}
    return [int(one) for one in others if one != merged and frozenset((merged, int(one))) not in known.apart]
