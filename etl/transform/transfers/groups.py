"""Contacts that are tied together: connected components over pairs of contacts."""

from __future__ import annotations

import numpy as np
import pandas as pd

from etl.transform.arrays import Ints


def label_components(nodes: Ints, left: Ints, right: Ints) -> Ints:
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


def number_groups(contact_ids: pd.Series, pairs: pd.DataFrame) -> pd.DataFrame:
    """contact_id, group: tied contacts have one number; numbers from 1 in the order of each group's lowest contact id.

    ``pairs`` (contact_id, other_id) that name anybody else than these contacts tie nobody.
    """
    nodes = np.sort(contact_ids.to_numpy(dtype="int64"))
    inside = pairs[pairs["contact_id"].isin(contact_ids) & pairs["other_id"].isin(contact_ids)]
    left, right = (inside[name].to_numpy(dtype="int64") for name in ("contact_id", "other_id"))
    labels = label_components(nodes, left, right)
    _, numbers = np.unique(labels, return_inverse=True)
    return pd.DataFrame({"contact_id": pd.array(nodes, dtype="Int64"), "group": pd.array(numbers + 1, dtype="Int64")})
