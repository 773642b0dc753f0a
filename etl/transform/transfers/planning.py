"""The plan of a transfer: the decisions of each rule, then the manifest of all rows.

Each row that was read has exactly one decision. The order of the rows does not matter; they are not changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from etl import schema
from etl.transform.arrays import Ints
from etl.transform.transfers import carriers, contacts, households, lists, manifest, records, relations
from etl.transform.transfers.contract import NOTHING_KNOWN, Selection, TransferPlan
from etl.transform.transfers.decisions import Decisions
from etl.transform.transfers.presence import BY_ID_MAP, find_present


def plan(
    selection: Selection,
    rows: Mapping[str, pd.DataFrame],
    around: Mapping[str, pd.DataFrame],
    target: Mapping[str, pd.DataFrame],
    known: pd.DataFrame = NOTHING_KNOWN,
) -> TransferPlan:
    """Decides what moves, what stays and why.

    ``rows``, ``around`` and ``target`` are what `etl.extract.transfer` reads (`read_rows`, `read_surroundings`,
    `read_target`); ``known`` is the ledger's id map from this source to this target: entity, source_id, target_id.
    Raises `BooksUnbalanced` where a row would be lost.
    """
    rows = {entity: in_order(entity, frame) for entity, frame in rows.items()}
    present = find_present(around["people"], target, known)
    people = contacts.decide_contacts(rows["contact"], selection)
    moving = people.moving_keys()
    arrived = present.loc[present["matched_by"] == BY_ID_MAP, "contact_id"]
    decided = _decide(selection, rows, people, present, arrived, around["ties"])
    products = pd.concat([each.rows.loc[each.moves, "product_id"] for each in decided if "product_id" in each.rows
                          and each.entity in records.PARTY_FIELDS])  # fmt: skip
    stock, owned = carriers.decide_carriers(selection, rows, products, target, known)
    by_entity = {each.entity: each for each in [*decided, *stock]}
    groups = number_groups(moving, manifest.list_ties(by_entity))
    decided_on = manifest.write(by_entity, groups, owned, around["ties"])
    manifest.check_books(decided_on, sum(map(len, rows.values())))
    return TransferPlan(
        manifest=decided_on,
        fields=manifest.write_fields(records.list_left_out(by_entity, people, _there(present))),
        present=present,
        groups=groups,
        households=households.describe_households(by_entity["household"], around["members"], moving, groups),
        closure=relations.list_closure(around["ties"], moving, arrived, selection.source_office_id),
    )


def in_order(entity: str, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of a table in the order of their keys."""
    if len(rows) < 2:
        return rows.reset_index(drop=True)
    key = [column.name for column in schema.metadata.tables[entity].primary_key.columns]
    return rows.sort_values(key, ignore_index=True)


def _decide(
    selection: Selection,
    rows: Mapping[str, pd.DataFrame],
    people: Decisions,
    present: pd.DataFrame,
    arrived: pd.Series,
    ties: pd.DataFrame,
) -> Iterable[Decisions]:
    """The decisions on all tables but products and carriers."""
    moving = people.moving_keys()
    kept = records.decide_records(rows, people)
    tied = relations.decide_relations(rows["key_relation"], ties, moving, arrived)
    return [
        people,
        *contacts.decide_companions(rows, people),
        *contacts.decide_not_moved(rows),
        *kept.values(),
        *lists.decide_lists(rows, kept, moving, present),
        lists.decide_censuses(rows["employee_census"], people, present),
        tied,
        *households.decide_households(rows, people, tied),
    ]


def _there(present: pd.DataFrame) -> pd.Series:
    """The contacts that are in the target."""
    return present.loc[present["target_contact_id"].notna(), "contact_id"]


def number_groups(contact_ids: pd.Series, pairs: pd.DataFrame) -> pd.DataFrame:
    """contact_id, group: tied contacts have one number; numbers from 1 in the order of each group's lowest contact id.

    ``pairs``: contact_id, other_id; a pair that names another contact ties nobody.
    """
    nodes = np.sort(contact_ids.to_numpy(dtype="int64"))
    inside = pairs[pairs["contact_id"].isin(contact_ids) & pairs["other_id"].isin(contact_ids)]
    left, right = (inside[name].to_numpy(dtype="int64") for name in ("contact_id", "other_id"))
    labels = _label_components(nodes, left, right)
    _, numbers = np.unique(labels, return_inverse=True)
    return pd.DataFrame({"contact_id": pd.array(nodes, dtype="Int64"), "group": pd.array(numbers + 1, dtype="Int64")})


def _label_components(nodes: Ints, left: Ints, right: Ints) -> Ints:
    """For each node (distinct, sorted) the smallest node that pairs connect it with; all ends are among the nodes."""
    one, other = np.searchsorted(nodes, left), np.searchsorted(nodes, right)
    labels = np.arange(len(nodes), dtype=np.int64)
    while True:
        lowest = np.minimum(labels[one], labels[other])
        before = labels.copy()
        np.minimum.at(labels, labels[one], lowest)
        np.minimum.at(labels, labels[other], lowest)
        labels = labels[labels]
        if np.array_equal(labels, before):
            return nodes[labels]
