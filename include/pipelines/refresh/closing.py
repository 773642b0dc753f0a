"""The end of a run, decided once: missing outcomes, findings with their status, and where the next run begins."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import shorten
from typing import Any

import numpy as np
import pandas as pd

from etl.frames import are_among, each_row, empty
from etl.load.emoney.patch import is_kept
from etl.load.ledger import changes, findings, links, runs
from etl.load.ledger.closing import Closing, close_run
from etl.load.ledger.runs import Outcome
from etl.load.ledger.transfers import rekeying
from include.pipelines.refresh.carried import ended_as_before, read_carried
from include.pipelines.refresh.waived import waive
from include.pipelines.run.context import RunContext
from include.pipelines.run.findings import (
    OF_THE_CASE,
    OF_THE_LOAD,
    OVERWRITTEN,
    WAITING,
    as_findings,
    detailed_finding,
)
from include.pipelines.run.shards import read_decisions, read_labels
from include.report.run.comparison import compare_findings, finding_keys
from include.runtime.stops import Stop

# Decisions about an item that waited at eMoney and is linked now, by this run or by an advisor.
LINKED = ("linked", "linked already", "linked_by_advisor")


def close(context: RunContext, scope: pd.DataFrame, stops: Sequence[Stop], stopped: str | None) -> None:
    """Decides how the run ended and closes it in the ledger, in one transaction.

    ``scope``: the units that were taken (none where the run stopped before); ``stopped``: the stops in one text, None
    where nothing stopped the run.
    """
    ledger, request = context.ledger, context.request
    known = runs.read_outcomes(ledger, request.run_id)
    missing = _missing_outcomes(context, scope, known, stopped)
    given = [{name: getattr(one, name) for name in Outcome.__dataclass_fields__} for one in missing]
    outcomes = pd.concat([known, pd.DataFrame(given)], ignore_index=True)
    status = "success" if stopped is None and _is_balanced(context, outcomes) else "failed"
    through = vendors_through(context, stops)
    states = {vendor: _states(context, vendor, scope, outcomes) for vendor in through}
    gone = {vendor: _listed(context, "left", vendor).tolist() for vendor in through}
    found = _findings(context, outcomes, through)
    labels = read_labels(context, found["unit_key"].unique()).rename(columns={"assigned_user": "advisor"})
    close_run(ledger, request.run_id, Closing(status, missing, found, states, gone, _is_compared(context), labels))


def vendors_through(context: RunContext, stops: Sequence[Stop]) -> list[str]:
    """The vendors whose part of the run was not stopped; none in a dry run."""
    request = context.request
    return [vendor for vendor in request.vendors if not request.dry_run and _is_through(vendor, stops)]


def _is_balanced(context: RunContext, outcomes: pd.DataFrame) -> bool:
    """Whether each vendor has one outcome for every unit that was planned."""
    planned = runs.read_scope(context.ledger, context.request.run_id)
    return all(len(outcomes[outcomes["vendor"] == vendor]) == count for vendor, count in planned.items())


def _missing_outcomes(
    context: RunContext, scope: pd.DataFrame, known: pd.DataFrame, stopped: str | None
) -> list[Outcome]:
    """The outcomes of units that no load has reached: they are failed, and come back with the next run."""
    # The run has the whole text; here it stands once for each unit.
    reason = shorten(stopped or "the load did not reach this unit", 300, placeholder=" …")
    missing = []
    for vendor in context.request.vendors:
        planned = scope.loc[scope[vendor], "unit_key"]
        done = known.loc[known["vendor"] == vendor, "unit_key"]
        missing += [Outcome(vendor, key, "failed", reason) for key in planned[~are_among(planned, done)]]
    return missing


def _findings(context: RunContext, outcomes: pd.DataFrame, through: Sequence[str]) -> pd.DataFrame:
    """The findings of the run with their status, compared with those that were open before it.

    Without those of carried units that stand as they are (`_is_at_rest`).
    """
    ledger, request = context.ledger, context.request
    gate = [context.staging.read(stage)["findings"] for stage in context.staging.stages("verdict")]
    found = pd.concat([*gate, waive(context, _found_by_the_load(context))], ignore_index=True)
    found["entity_id"] = found["entity_id"].astype("str")
    found = found[(found["rule_id"] != WAITING) | ~are_among(_item_keys(found), _linked_items(context))]
    outcomes = outcomes[~_is_at_rest(context, outcomes, found, through)]
    before = pd.concat(
        [
            findings.read_findings_before(ledger, request.run_id, vendor, outcomes.loc[mine, "unit_key"])
            for vendor in request.vendors
            for mine in [outcomes["vendor"] == vendor]
        ],
        ignore_index=True,
    )
    found = pd.concat([found, _found_before(context, before)], ignore_index=True)
    standing = _still_standing(context, before, outcomes)
    standing = standing[~are_among(finding_keys(standing), finding_keys(found))].drop(columns="first_run_id")
    # A load that stopped has mended nothing: only units that were dealt with are compared.
    seen = outcomes.loc[(outcomes["outcome"] != "failed") & _is_compared(context), ["vendor", "unit_key"]]
    now = pd.concat([found, waive(context, standing)], ignore_index=True)
    return compare_findings(before, now, seen)


def _is_compared(context: RunContext) -> bool:
    """Whether the run looks at its units: one that ends a link does not."""
    by_hand = context.request.by_hand
    return by_hand is None or by_hand.what.unlink is None


def _found_by_the_load(context: RunContext) -> pd.DataFrame:
    found = findings.read_load_findings(context.ledger, context.request.run_id)
    return as_findings(detailed_finding(context, row.vendor, row) for row in each_row(found))


def _still_standing(context: RunContext, before: pd.DataFrame, outcomes: pd.DataFrame) -> pd.DataFrame:
    """Findings of earlier loads that this run has not seen mended: it did not look, or nothing has happened since."""
    mine = before[before["rule_id"].isin(OF_THE_LOAD)].merge(
        outcomes[outcomes["outcome"] != "failed"][["vendor", "unit_key", "outcome"]], on=["vendor", "unit_key"]
    )
    if mine.empty:
        return before.iloc[:0]
    stands = mine["outcome"].isin(["deferred", "skipped"]) | _was_held_before_the_load(context, mine)
    stands |= mine["rule_id"].isin(OF_THE_CASE) & ~_was_merged(context, mine)
    stands |= _stays_at_emoney(context, mine)
    # A finding about a waiting item ends when the item is linked or gone, also in a household that was not sent.
    is_waiting = mine["rule_id"] == WAITING
    stands = stands.mask(is_waiting, ~_has_ended(context, mine, is_waiting))
    return mine.loc[stands, before.columns]


def _was_held_before_the_load(context: RunContext, mine: pd.DataFrame) -> pd.Series:
    """Whether the gate has held the unit: then no load has looked at it."""
    held = pd.Series(False, index=mine.index)
    for vendor in mine["vendor"].unique():
        is_sent = np.zeros(len(mine), dtype=bool)
        if context.staging.has(f"verdict/{vendor}"):
            decisions = read_decisions(context, vendor)
            is_sent = are_among(mine["unit_key"], decisions.loc[decisions["decision"] == "send", "unit_key"])
        held |= (mine["vendor"] == vendor) & ~is_sent
    return held


def _was_merged(context: RunContext, mine: pd.DataFrame) -> pd.Series:
    """Whether this run has merged the unit's case; a dry run merges without writing."""
    if context.request.dry_run:
        return mine["outcome"] == "updated"
    merged = links.units_sent_by(context.ledger, "profiles", "case", context.request.run_id, mine["unit_key"].unique())
    return pd.Series(are_among(mine["unit_key"], merged), index=mine.index)


def _stays_at_emoney(context: RunContext, mine: pd.DataFrame) -> pd.Series:
    """Whether a field is kept as eMoney has it, and this run wrote nothing to the client."""
    ledger, run_id = context.ledger, context.request.run_id
    written = links.units_sent_by(ledger, "emoney", "client", run_id, mine["unit_key"].unique())
    keeps = context.settings.emoney.keep
    is_stay = [
        row.rule_id == OVERWRITTEN and is_kept(str(row.field), keeps) and row.unit_key not in written
        for row in each_row(mine)
    ]
    return pd.Series(is_stay, index=mine.index, dtype=bool)


def _has_ended(context: RunContext, mine: pd.DataFrame, is_waiting: pd.Series) -> pd.Series:
    """EMY-NEW: whether an item is linked, or has left the CRM. An item that may not be sent now is still in the CRM."""
    waiting = mine[is_waiting]
    keys = _item_keys(waiting)
    documents, there = _items(context, waiting["unit_key"])
    is_gone = are_among(waiting["unit_key"], documents) & ~are_among(keys, there)
    has_ended = pd.Series(are_among(keys, _linked_items(context)) | is_gone, index=waiting.index)
    return has_ended.reindex(mine.index, fill_value=False)


def _item_keys(found: pd.DataFrame) -> pd.Series:
    """``unit key \\x1f source key`` of each finding's record."""
    return (found["unit_key"] + "\x1f" + found["entity"] + ":" + found["entity_id"]).astype("str")


def _linked_items(context: RunContext) -> pd.Series:
    """``unit key \\x1f source key`` of the items that this run has linked at eMoney, or has seen linked."""
    decided = changes.read_decisions(context.ledger, context.request.run_id)
    words = [word for word in LINKED if word != "linked" or not context.request.dry_run]
    linked = decided[decided["decision"].isin(words) & decided["field"].str.match(r"items\[[^\]]+\]$")]
    return linked["unit_key"] + "\x1f" + _as_now(context, linked["field"].str[len("items[") : -1])


def _items(context: RunContext, unit_keys: pd.Series) -> tuple[pd.Series, pd.Series]:
    """The units among these that have a document, and ``unit key \\x1f source key`` of their items in the CRM."""
    stages = context.staging.stages("emoney")
    names = ["unit_key", "source_keys", "withheld_keys"]
    parts = [context.staging.read(stage, ["documents"])["documents"][names] for stage in stages]
    staged = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({name: [] for name in names}, dtype="str")
    staged = staged[are_among(staged["unit_key"], unit_keys)]
    listed = (staged["source_keys"] + " " + staged["withheld_keys"]).str.split()
    each = staged.assign(source_key=listed).explode("source_key").dropna(subset="source_key")
    return staged["unit_key"], each["unit_key"] + "\x1f" + _as_now(context, each["source_key"])


def _as_now(context: RunContext, source_keys: pd.Series) -> pd.Series:
    """The present keys in the CRM of keys that the vendors use (XFR-LINKS)."""
    now = rekeying.current_keys(context.ledger, source_keys.unique())
    return source_keys.map(lambda key: now.get(key, key)).astype("str")


def _is_through(vendor: str, stops: Sequence[Stop]) -> bool:
    """Whether this vendor's part of the run was not stopped: at most the load of the other vendor was."""
    return all(stop.stage == "load" and stop.vendor not in (None, vendor) for stop in stops)


def _states(context: RunContext, vendor: str, scope: pd.DataFrame, outcomes: pd.DataFrame) -> list[dict[str, Any]]:
    """The columns of `unit_state` of each unit whose verdict was not repeated, for the scope of the next run (SCP-4).

    A run by hand counts no records, and its verdict may rest on another user: no night repeats it, nor that of a run
    for named units. Nor does one repeat the verdict on a unit that was not settled, or with which another run has dealt
    meanwhile.
    """
    ledger, run_id = context.ledger, context.request.run_id
    ended = outcomes[outcomes["vendor"] == vendor]
    repeated = ended_as_before(read_carried(context, vendor), ended)
    mine = scope[scope[vendor] & ~are_among(scope["unit_key"], repeated)]
    mine = mine.join(ended.set_index("unit_key")["outcome"], on="unit_key").astype({"digest": "int64"})
    standing = links.read_standings(ledger, vendor, mine["unit_key"].tolist())["standing"]
    mine["standing"] = standing.array
    unsettled = {*_listed(context, "unsettled", vendor), *runs.units_dealt_with_since(ledger, run_id, vendor)}
    is_of_some = bool(context.request.by_hand or context.request.unit_keys)
    mine.loc[are_among(mine["unit_key"], unsettled) | is_of_some, "standing"] = pd.NA
    if stages := context.staging.stages(vendor):
        mine = mine.merge(context.staging.read_together(stages, "receipts"), on="unit_key", how="left")
    names = ("unit_key", "digest", "records", "outcome", "basis", "standing", "receipts")
    kept = mine[[name for name in names if name in mine]]
    columns = [kept[name].astype(object).where(kept[name].notna(), None) for name in kept]
    return [dict(zip(kept.columns, row, strict=True)) for row in zip(*columns, strict=True)]


def _listed(context: RunContext, table: str, vendor: str) -> pd.Series:
    """The keys of a vendor's units in a table of the plan: ``left``, those that left the enrollment, or ``unsettled``.

    A run by hand has neither.
    """
    tables = context.staging.read("plan/scope") if context.staging.has("plan/scope") else {}
    rows = tables.get(table, empty(("vendor", "unit_key")))
    return rows.loc[rows["vendor"] == vendor, "unit_key"]


def _is_at_rest(context: RunContext, outcomes: pd.DataFrame, found: pd.DataFrame, through: Sequence[str]) -> pd.Series:
    """Which outcomes are of carried units that ended as they stood, and of which nothing new is known.

    Their findings stand as they are. Where a vendor's part was stopped, the run has findings of its own of all units.
    """
    at_rest = pd.Series(False, index=outcomes.index)
    linked = [item.partition("\x1f")[0] for item in _linked_items(context)]
    for vendor in through:
        mine = outcomes["vendor"] == vendor
        rested = ended_as_before(read_carried(context, vendor), outcomes[mine])
        moved = {*found.loc[found["vendor"] == vendor, "unit_key"], *linked}
        at_rest |= mine & are_among(outcomes["unit_key"], rested[~are_among(rested, moved)])
    return at_rest


def _found_before(context: RunContext, before: pd.DataFrame) -> pd.DataFrame:
    """What the gate has found in carried units: it stands, where the gate has let the run through."""
    stands = pd.Series(False, index=before.index)
    for vendor in context.request.vendors:
        if context.staging.has(f"verdict/{vendor}"):
            keys = read_carried(context, vendor)["unit_key"]
            stands |= (before["vendor"] == vendor) & are_among(before["unit_key"], keys)
    return before[stands & ~before["rule_id"].isin(OF_THE_LOAD)].drop(columns="first_run_id")
