"""XFR-HOUSEHOLD: a household does not move. It is rebuilt in the target if head, spouse and their relation move.

The rebuilt household has the members who move, each with the same role. A head who moves alone leaves a household
without a head, which is reported. A household that all members leave is emptied.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from etl.transform.transfers.contacts import DELETED
from etl.transform.transfers.decisions import Decisions, Ids, truth
from etl.values import FAMILY_RELATION_TYPES, SPOUSE_ROLES, normal

_RULE = "XFR-HOUSEHOLD"


def decide_households(
    rows: Mapping[str, pd.DataFrame], contacts: Decisions, relations: Decisions
) -> tuple[Decisions, Decisions]:
    """The decisions on the households of the set and their members."""
    moving = contacts.moving_keys()
    heads = rows["household"]["head_contact_id"]
    households = Decisions.all_move("household", rows["household"], _RULE, "head and spouse move with their relation")
    households.recreates = True
    households.stay(rows["household"]["deleted_at"].notna(), "XFR-NOT-MOVED", DELETED)
    households.stay(~heads.isin(moving), _RULE, "households do not move; its head does not either")
    households.stay(
        ~heads.isin(_with_spouse(relations)), _RULE, "households do not move; no spouse moves with its head"
    )
    members = Decisions.all_move("household_member", rows["household_member"], _RULE, "its household is rebuilt")
    members.recreates = True
    members.follow(contacts, "contact_id", "its contact", (_RULE, "its contact is not in the set"))
    members.follow(households, "household_id", "its household", (_RULE, "its household is not rebuilt"))
    return households, members


def describe_households(
    households: Decisions, members: pd.DataFrame, moving: Ids, groups: pd.DataFrame
) -> pd.DataFrame:
    """`TransferPlan.households`; ``members``: household_id, contact_id, is_deleted, of all their members."""
    rows = households.rows[["household_id", "head_contact_id"]].assign(is_rebuilt=households.moves)
    rows = rows[households.rows["deleted_at"].isna()]
    alive = members[~members["is_deleted"]]
    head_moves = truth(rows["head_contact_id"].isin(moving))
    staying = alive.loc[~alive["contact_id"].isin(moving), "household_id"]
    leaving = alive[alive["contact_id"].isin(moving)].sort_values("contact_id").drop_duplicates("household_id")
    somebody_stays = truth(rows["household_id"].isin(staying))
    group_of = groups.set_index("contact_id")["group"]
    first = rows["household_id"].map(leaving.set_index("household_id")["contact_id"])
    group = rows["head_contact_id"].map(group_of).fillna(first.map(group_of)).astype("Int64")
    return rows.assign(
        group=group,
        loses_its_head=head_moves & somebody_stays,
        is_emptied=truth(group.notna()) & ~somebody_stays,
    ).reset_index(drop=True)


def _with_spouse(relations: Decisions) -> Ids:
    """The contacts that move with a spouse and with the key relation between them."""
    moved = relations.rows[relations.moves]
    of_family = _is_one_of(moved["relation_type"], FAMILY_RELATION_TYPES)
    wed = moved[of_family & _is_one_of(moved["relation"], SPOUSE_ROLES)]
    with_spouse: Ids = pd.concat([wed["contact_id"], wed["related_contact_id"]])
    return with_spouse


def _is_one_of(labels: pd.Series, table: frozenset[str]) -> pd.Series:
    known = {label: normal(label) in table for label in labels.dropna().unique()}
    return pd.Series(truth(labels.map(known)), index=labels.index)
