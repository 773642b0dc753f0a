"""The second stage: the documents of a shard, the facts that the gate checks, and the records that do not go.

Stages for each vendor ``<vendor>/<shard>``: documents, their heads (all but the content), how many receipts
there are of each kind, users, items, the units that failed, and a ``facts_…`` table for each facts frame, with the
columns that the gate asks for; and ``labels/<shard>``, by which people find the households in the CRM.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow.compute as pc

from etl.frames import text_array
from etl.load.ledger.feeds import KEY_LISTS
from etl.narrowing import narrow
from expectations.facts.vendors import FRAMES, FRAMES_OF
from include.pipelines.identity import merged
from include.pipelines.run.context import RunContext
from include.pipelines.run.findings import name_defects
from include.pipelines.run.shards import of_units, shard_name

if TYPE_CHECKING:
    from etl.transform.rules.contacts import Reach


def transform_shard(context: RunContext, number: int) -> int:
    """Builds and stages both vendors' documents of the units of a shard that are due; gives how many there are.

    A unit that breaks the transform is set aside for that vendor, in the table ``failed``; all others go.
    """
    from etl.transform.rules.contacts import reach

    if not context.staging.has(shard_name("source", number)):
        return 0
    frames = context.staging.read(shard_name("source", number))
    aliases = merged.known_names(context)
    reached = reach(frames, aliases)
    units = frames["units"]["unit_key"].tolist()
    for vendor in context.request.vendors:

        def build(group: Sequence[str], vendor: str = vendor) -> dict[str, pd.DataFrame]:
            mine = of_units(frames, group)
            return _build(context, vendor, mine, reached if mine is frames else reach(mine, aliases))

        built = narrow(units, build)
        failed = name_defects(f"transform {vendor}", built)
        context.staging.write(shard_name(vendor, number), {**_together(built.results or [build(())]), "failed": failed})

    def label(group: Sequence[str]) -> dict[str, pd.DataFrame]:
        return {"labels": labels_of(of_units(frames, group))}

    labelled = narrow(units, label)
    name_defects("label", labelled)
    context.staging.write(shard_name("labels", number), _together(labelled.results or [label(())]))
    return len(units)


def _together(parts: list[dict[str, pd.DataFrame]]) -> dict[str, pd.DataFrame]:
    """The tables of several groups of units as one each."""
    if len(parts) == 1:
        return parts[0]
    return {name: pd.concat([part[name] for part in parts], ignore_index=True) for name in parts[0]}


def _build(
    context: RunContext, vendor: str, frames: dict[str, pd.DataFrame], reached: Reach
) -> dict[str, pd.DataFrame]:
    """The tables of one vendor for the units of these frames."""
    from etl.transform.assembly import assemble
    from etl.values import Vendor

    users = (context.vendor_users or {}).get(vendor)
    batch = assemble(cast(Vendor, vendor), frames, context.request.as_of, context.settings.service.user, users, reached)
    documents = batch.documents
    if vendor == "emoney":
        lists = zip(KEY_LISTS, (batch.items, batch.withheld), strict=True)
        documents = documents.assign(**{name: _key_lists(documents["unit_key"], keyed) for name, keyed in lists})
    facts = {f"facts_{name}": batch.facts[name][list(FRAMES[name])] for name in FRAMES_OF[vendor]}
    return {
        "documents": documents,
        "heads": documents.drop(columns=["document", "items", "withheld_keys"], errors="ignore"),
        "receipts": batch.book.counts(),
        "users": batch.users,
        "items": batch.items,
        "withheld": batch.withheld,
        **facts,
    }


def _key_lists(unit_keys: pd.Series, keyed: pd.DataFrame) -> pd.api.extensions.ExtensionArray:
    """The source keys of each unit, with blanks between them; ``keyed``: unit_key, source_key."""
    from etl.transform.documents import joined

    of, own, keys = (text_array(each) for each in (keyed["unit_key"], unit_keys, keyed["source_key"]))
    at = pc.fill_null(pc.index_in(of, value_set=own), len(own)).to_numpy()
    return pd.array(joined(keys, at, len(own), " "), dtype="str")


def labels_of(frames: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """`STAGED_LABELS`: how stewards find the units; contact_ids are those of the members, with blanks between them."""
    from etl.transform.arrays import NULL, integers, positions, strings, taken

    units, contacts, users, offices = (frames[name] for name in ("units", "contacts", "users", "offices"))
    client_at = positions(integers(contacts["contact_id"]), integers(units["client_contact_id"]))
    user_id = np.append(integers(contacts["assigned_user_id"]), NULL)[client_at]
    user_at = positions(integers(users["user_id"]), user_id)
    office_at = positions(integers(offices["office_id"]), integers(units["office_id"]))

    def texts(column: pd.Series, at: npt.NDArray[np.int64]) -> pd.Series:
        return strings(taken(text_array(column), at)).fillna("")

    first, last = (texts(contacts[name], client_at) for name in ("first_name", "last_name"))
    client = units[["unit_key", "client_contact_id"]].set_axis(["unit_key", "source_key"], axis=1).dropna()
    members = units[["unit_key", "household_id"]].dropna().merge(frames["members"], on="household_id")
    people = pd.concat([client, members[["unit_key", "contact_id"]].set_axis(client.columns, axis=1)])
    return pd.DataFrame(
        {
            "unit_key": units["unit_key"].array,
            "household_name": units["household_name"].fillna("").array,
            "head_name": first.str.cat(last, sep=" ").str.strip(),
            "office_name": texts(offices["office_name"], office_at),
            "assigned_user": texts(users["user_name"], user_at),
            "office_id": units["office_id"].array,
            "contact_ids": _key_lists(units["unit_key"], people.drop_duplicates().astype("str")),
        }
    )
