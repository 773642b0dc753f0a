"""Lineage of a run: for the units that it did not leave unchanged, where their values come from and what did not go.

Kept in the ledger as compressed tables, one for each vendor and some shards, so that a question about a value is
answered when the staged files are gone. A unit that is held, skipped or deferred just as the last time is not recorded
again: an unchanged night records nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, cast

import orjson
import pandas as pd

from etl.frames import are_among, each_row
from etl.load.ledger.lineage import COLUMNS, digests_before, save_lineage
from etl.load.ledger.transfers import rekeying
from etl.narrowing import narrow
from etl.shapes import shape_of
from include.pipelines.run.context import RunContext
from include.pipelines.run.findings import name_defects
from include.pipelines.run.named_values import named_values
from include.pipelines.run.shards import of_units, read_decisions, read_documents, shard_name

SENT = ("created", "updated")


def record_lineage(context: RunContext, outcomes: pd.DataFrame) -> None:
    """Records what is new of a run; ``outcomes``: vendor, unit_key, outcome, reason. A dry run records nothing."""
    if context.request.dry_run:
        return
    wanted = {vendor: _wanted(context, vendor, outcomes) for vendor in context.request.vendors}
    for numbers in _batches(wanted, context.settings.refresh.households_per_shard):
        together = {vendor: units[units["shard"].isin(numbers)] for vendor, units in wanted.items()}
        keys = {key for units in together.values() for key in units["unit_key"]}
        frames = _frames_of(context, numbers, sorted(keys))
        for vendor, units in together.items():
            if len(units):
                _record(context, vendor, numbers[0], frames, units)


def _batches(wanted: dict[str, pd.DataFrame], size: int) -> list[list[int]]:
    """The shards' numbers, several together that have few units to record: each batch costs the same."""
    units = pd.concat([units[["unit_key", "shard"]] for units in wanted.values()]).drop_duplicates()
    counts = units["shard"].value_counts().sort_index()
    batches = counts.index.to_series().groupby((counts.cumsum() - 1) // size)
    return [[int(number) for number in numbers] for _, numbers in batches]


def _frames_of(context: RunContext, numbers: list[int], unit_keys: list[str]) -> dict[str, pd.DataFrame]:
    """The frames of these units in these shards."""
    few = [of_units(context.staging.read(shard_name("source", number)), unit_keys) for number in numbers]
    if len(few) == 1:
        return few[0]
    return {name: pd.concat([each[name] for each in few]).drop_duplicates(ignore_index=True) for name in few[0]}


def _wanted(context: RunContext, vendor: str, outcomes: pd.DataFrame) -> pd.DataFrame:
    """unit_key, shard, outcome, digest of the units to record."""
    mine = outcomes[(outcomes["vendor"] == vendor) & (outcomes["outcome"] != "unchanged")]
    if mine.empty or not context.staging.has(f"verdict/{vendor}"):
        return mine.iloc[:0].assign(shard=0, digest=0)  # the gate has seen nothing
    decisions = read_decisions(context, vendor)
    units = mine.merge(decisions[["unit_key", "shard", "payload_hash"]], on="unit_key")
    endings = zip(units["outcome"], units["reason"].fillna(""), units["payload_hash"].fillna(""), strict=True)
    units["digest"] = [_digest(*one) for one in endings]
    not_sent = units.loc[~units["outcome"].isin(SENT), "unit_key"]
    known = digests_before(context.ledger, context.request.run_id, vendor, not_sent)
    is_new = units["outcome"].isin(SENT) | (units["unit_key"].map(known) != units["digest"])
    return units.loc[is_new, ["unit_key", "shard", "outcome", "digest"]]


def _digest(*texts: str) -> int:
    return int.from_bytes(hashlib.blake2b("\x1f".join(texts).encode(), digest_size=8).digest(), "big", signed=True)


def _record(
    context: RunContext, vendor: str, number: int, frames: dict[str, pd.DataFrame], units: pd.DataFrame
) -> None:
    """Records the units of one table; a unit that breaks the tracing has no rows."""
    names = rekeying.known_names(context.ledger)

    def trace(group: Sequence[str]) -> pd.DataFrame:
        return _rows(context, vendor, of_units(frames, group), units[are_among(units["unit_key"], group)], names)

    traced = narrow(units["unit_key"].tolist(), trace)
    name_defects(f"lineage {vendor}", traced)
    rows = pd.concat(traced.results, ignore_index=True) if traced.results else pd.DataFrame(columns=list(COLUMNS))
    save_lineage(
        context.ledger, context.request.run_id, vendor, number, rows,
        dict(zip(units["unit_key"], units["digest"], strict=True)),
    )  # fmt: skip


def _rows(
    context: RunContext,
    vendor: str,
    frames: dict[str, pd.DataFrame],
    units: pd.DataFrame,
    names: dict[str, str],
) -> pd.DataFrame:
    """The rows of these units; ``frames``: theirs."""
    from etl.transform import lineage
    from etl.values import Vendor

    traced = lineage.trace(frames, context.request.as_of, cast(Vendor, vendor), context.settings.service.user)
    parts = [
        _as_known(traced.sources, names).assign(kind="source"),
        _receipts(traced.receipts),
        pd.DataFrame(list(_shapes(context, vendor, units)), columns=list(COLUMNS)),
    ]
    return pd.concat([part for part in parts if len(part)], ignore_index=True) if any(map(len, parts)) else parts[2]


def _as_known(sources: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    """Records that came from another office, under the keys that the vendors know; ``*`` gives their present key."""
    moved = sources[sources["subject"].isin(names)]
    if moved.empty:
        return sources
    records = moved.drop_duplicates(["unit_key", "subject"]).assign(name="*", table=None, column=None, rule_id=None)
    records["key"] = records["subject"].str.partition(":")[2].astype("int64")
    rows = pd.concat([sources, records], ignore_index=True)
    return rows.assign(subject=[names.get(subject, subject) for subject in rows["subject"]])


def _receipts(receipts: pd.DataFrame) -> pd.DataFrame:
    subject = receipts["entity"].astype("str") + ":" + receipts["entity_id"].astype("int64").astype("str")
    rows = {"kind": "receipt", "unit_key": receipts["unit_key"], "subject": subject, "name": receipts["field"]}
    return pd.DataFrame({**rows, "key": receipts["entity_id"], "rule_id": receipts["rule_id"]})


def _shapes(context: RunContext, vendor: str, units: pd.DataFrame) -> Iterator[tuple[Any, ...]]:
    """The shapes of values that were not sent. The values of a sent unit stand in what was last sent."""
    kept_back = units[~units["outcome"].isin(SENT)]
    for number in kept_back["shard"].unique():
        for row in each_row(read_documents(context, vendor, number, kept_back["unit_key"])):
            for name, value in named_values(vendor, orjson.loads(row.document)):
                yield "shape", row.unit_key, "", name, None, shape_of(value), None, None
