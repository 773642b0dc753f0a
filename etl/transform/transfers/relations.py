"""XFR-RELATIONS: which key relations move, and which contacts would have to be added so that more of them do.

The key relations of a contact move only if all contacts that they name move. A relation moves if that holds at both of
its ends. A contact that an earlier transfer moved to the same target counts as moving: a relation between contacts that
arrive one after the other is rebuilt when the second arrives. A relation to a contact in *Deleted Records* stays and
does not count, for nobody can move the contact.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Set
from typing import Any

import pandas as pd

from etl.transform.transfers.decisions import Decisions, truth

_RULE = "XFR-RELATIONS"


def decide_relations(relations: pd.DataFrame, ties: pd.DataFrame, moving: pd.Series, arrived: pd.Series) -> Decisions:
    """The decisions on key relations; ``ties``: all relations of the CRM, ``arrived``: contacts in the target already.

    A relation between two contacts that have arrived is among ``relations`` only if it was not rebuilt before.
    """
    decisions = Decisions.all_move(
        "key_relation", relations, _RULE, "all contacts that the key relations of both ends name move with it"
    )
    ends = [relations["contact_id"], relations["related_contact_id"]]
    here = pd.concat([moving, arrived])
    broken = _contacts_with_a_broken_relation(ties, here, arrived)
    gone = relations["relation_id"].isin(ties.loc[_is_gone(ties, arrived), "relation_id"])
    decisions.stay(gone, _RULE, "one of the two contacts is in Deleted Records")
    decisions.stay(~(ends[0].isin(here) & ends[1].isin(here)), _RULE, "one of the two contacts is not in the set")
    decisions.stay(
        ends[0].isin(broken) | ends[1].isin(broken),
        _RULE,
        "one of the two contacts has another key relation, to a contact who is not in the set",
    )
    return decisions


def find_movers(relations: pd.DataFrame, ties: pd.DataFrame, moving: pd.Series, people: pd.Series) -> pd.Series:
    """The contact that each relation belongs to: an end that moves, else an end in the set, else a neighbour."""
    one, other = relations["contact_id"], relations["related_contact_id"]
    found = pd.Series(pd.NA, index=relations.index, dtype="Int64")
    for among in (moving, people):
        found = found.fillna(one.where(one.isin(among))).fillna(other.where(other.isin(among)))
    outward = _both_ways(ties)
    for among in (moving, people):
        near = outward[outward["other_id"].isin(among)].groupby("contact_id")["other_id"].min()
        found = found.fillna(one.map(near).astype("Int64")).fillna(other.map(near).astype("Int64"))
    return found


def list_closure(ties: pd.DataFrame, moving: pd.Series, arrived: pd.Series, source_office_id: int) -> pd.DataFrame:
    """`TransferPlan.closure`: all contacts that key relations reach from the contacts that move."""
    outward = _both_ways(ties[~_is_gone(ties, arrived)])
    outward = outward[~outward["contact_id"].isin(arrived) & ~outward["other_id"].isin(arrived)]
    is_movable = truth((outward["other_office_id"] == source_office_id) & ~outward["other_is_deleted"])
    movable = set(outward.loc[is_movable, "other_id"].tolist())
    named: dict[int, list[int]] = {}
    for contact_id, other_id in zip(outward["contact_id"].tolist(), outward["other_id"].tolist(), strict=True):
        named.setdefault(contact_id, []).append(other_id)
    first = sorted(moving.tolist())
    needed_by = _find_nearest(first, named, movable)
    direct = {other_id for contact_id in first for other_id in named.get(contact_id, ())}
    found = sorted(needed_by.keys() - set(first))
    return pd.DataFrame(
        {
            "contact_id": pd.array(found, dtype="Int64"),
            "needed_by": pd.array([needed_by[one] for one in found], dtype="Int64"),
            "is_direct": pd.array([one in direct for one in found], dtype=bool),
            "can_move": pd.array([one in movable for one in found], dtype=bool),
        }
    )


def _find_nearest(first: list[int], named: Mapping[int, list[int]], passable: Set[int]) -> dict[int, int]:
    """Each contact that is reached -> the nearest of ``first`` (sorted), of several the one with the lowest id.

    Relations lead on only through ``passable`` contacts.
    """
    nearest = {one: one for one in first}
    waiting = deque(first)
    while waiting:
        contact_id = waiting.popleft()
        for other_id in named.get(contact_id, ()):
            if other_id not in nearest:
                nearest[other_id] = nearest[contact_id]
                if other_id in passable:
                    waiting.append(other_id)
    return nearest


def _contacts_with_a_broken_relation(ties: pd.DataFrame, here: pd.Series, arrived: pd.Series) -> Any:
    """The contacts with a key relation to a contact that does not move."""
    outward = _both_ways(ties[~_is_gone(ties, arrived)])
    return outward.loc[~outward["other_id"].isin(here), "contact_id"].unique()


def _is_gone(ties: pd.DataFrame, arrived: pd.Series) -> Any:
    """Whether an end of a relation is in *Deleted Records*, other than by moving to this target."""
    one = ties["is_deleted"] & ~ties["contact_id"].isin(arrived)
    return one | (ties["related_is_deleted"] & ~ties["related_contact_id"].isin(arrived))


def _both_ways(ties: pd.DataFrame) -> pd.DataFrame:
    """Each relation from either end: contact_id, other_id, other_office_id, other_is_deleted."""
    names = ["contact_id", "other_id", "other_office_id", "other_is_deleted"]
    sides = (
        ["contact_id", "related_contact_id", "related_office_id", "related_is_deleted"],
        ["related_contact_id", "contact_id", "office_id", "is_deleted"],
    )
    return pd.concat([ties[side].set_axis(names, axis=1) for side in sides], ignore_index=True)
