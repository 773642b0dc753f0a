"""The third stage: the gate, the licenses, the life events and the guards. Nothing is sent before they are through.

Stages for each vendor ``verdict/<vendor>``: decisions (see `_decide`) and findings.
A unit is sent only if its decision says ``send`` and its staged bytes have the hash that the decision names. One that
the transform or a check broke over is ``failed``, with the id under which the log says where. A finding that a waiver
covers holds nothing; it is kept with the waiver's id.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from etl.frames import are_among, empty
from etl.load.ledger.findings import WAIVED
from etl.narrowing import Narrowed, narrow
from include.pipelines.couples.life_events import NO_EVENTS, find_life_events, stage_proposals
from include.pipelines.guards import stop as guards
from include.pipelines.guards.documents import of_documents
from include.pipelines.identity.gone import read_gone
from include.pipelines.identity.merged import find_unclear
from include.pipelines.identity.same_person import find_unlinked, find_waiting
from include.pipelines.refresh.carried import read_carried
from include.pipelines.refresh.waived import not_waived, waive
from include.pipelines.refresh.withheld import find_withheld
from include.pipelines.run.context import RunContext
from include.pipelines.run.findings import name_defects, read_found
from include.pipelines.run.shards import read_scope, read_shards
from include.report.data_docs import write_results

# Units that go through the gate at once: enough to make its fixed cost small, few enough to bound its memory.
UNITS_AT_ONCE = 50_000
# How often at most the gate checks parts of them, where a check breaks.
MOST_VALIDATIONS = 200

# The decisions of a vendor for which no unit is due.
_NOTHING = empty(
    ("unit_key", "decision", "reason", "code", "payload_hash", "people_hash", "items_hash", "source_keys", "shard",
     "client_contact_id", "spouse_contact_id")
).astype(dict.fromkeys(("shard", "client_contact_id", "spouse_contact_id"), "Int64"))  # fmt: skip


def validate_vendor(context: RunContext, vendor: str) -> int:
    """Decides every unit that is due at a vendor that the run is for; gives the number of units to send.

    Raises `GateBroken` where the checks can run over no unit, `GuardTripped` where a guard stops the run: nothing is
    loaded then.
    """
    from expectations.gate import combine

    if vendor not in context.request.vendors:
        return 0
    scope = read_scope(context)
    carried = read_carried(context, vendor)["unit_key"]
    units = scope[scope[vendor] & ~are_among(scope["unit_key"], carried)]
    if units.empty:
        found = _as_texts(pd.concat([read_found(context, vendor, units["unit_key"]), read_gone(context, vendor)]))
        _guard(context, vendor, _NOTHING, found, carried)
        context.staging.write(f"verdict/{vendor}", {"decisions": _NOTHING, "findings": found, "events": NO_EVENTS})
        return 0
    parts = list(_judge(context, vendor, units))
    verdict = combine([part for judged in parts for part in judged.results])
    failed = [_failed(context, vendor, units), *(name_defects(f"validate {vendor}", one) for one in parts)]
    checked = waive(context, verdict.findings, _documented(context, vendor, units))
    write_results(context.reports / "data_docs", _counted(verdict.statistics, checked))
    decisions = _decide(context, vendor, units, checked, pd.concat(failed, ignore_index=True))
    waiting = pd.concat([find(context, vendor, decisions) for find in (find_waiting, find_unlinked, find_unclear)])
    _hold(decisions, waiting)
    life_events = find_life_events(context, vendor, decisions, verdict.findings)
    outside = [life_events.findings, read_found(context, vendor, units["unit_key"])]
    beside = waive(context, pd.concat([*outside, find_withheld(context, vendor, units)], ignore_index=True))
    findings = pd.concat([checked, waiting, beside], ignore_index=True)
    _fail(decisions, life_events.failed)
    _hold(decisions, not_waived(beside))
    _guard(context, vendor, decisions, findings, carried)
    stage_proposals(context, vendor, life_events.proposals)
    findings = pd.concat([findings, read_gone(context, vendor)], ignore_index=True)
    tables = {"decisions": decisions, "findings": _as_texts(findings), "events": life_events.confirmed}
    context.staging.write(f"verdict/{vendor}", tables)
    return int((decisions["decision"] == "send").sum())


def _failed(context: RunContext, vendor: str, units: pd.DataFrame) -> pd.DataFrame:
    """unit_key, reason of the units that broke the transform."""
    return read_shards(context, vendor, units["shard"].unique(), "failed")


def _judge(context: RunContext, vendor: str, units: pd.DataFrame) -> Iterator[Narrowed[str, Any]]:
    """The results of the gate for the units that the transform has built, some shards at a time."""
    from expectations.gate import validate

    failed = _failed(context, vendor, units)["unit_key"]
    shards = sorted(units["shard"].unique())
    at_once = max(1, UNITS_AT_ONCE // context.settings.refresh.households_per_shard)
    for start in range(0, len(shards), at_once):
        part = shards[start : start + at_once]
        keys = units.loc[units["shard"].isin(part) & ~are_among(units["unit_key"], failed), "unit_key"].tolist()
        facts = read_facts(context, vendor, part)

        def check(group: Sequence[str], facts: dict[str, pd.DataFrame] = facts, whole: int = len(keys)) -> Any:
            mine = facts if len(group) == whole else _of_units(facts, group)
            return validate(vendor, mine, group, as_of=context.request.as_of, overrides=context.overrides)

        judged = narrow(keys, check, MOST_VALIDATIONS)
        judged.results = judged.results or [check(())]
        del facts, check  # before the next ones are read
        yield judged


def _of_units(facts: dict[str, pd.DataFrame], unit_keys: Sequence[str]) -> dict[str, pd.DataFrame]:
    """The facts of these units."""
    return {name: rows[are_among(rows["unit_key"], unit_keys)].reset_index(drop=True) for name, rows in facts.items()}


def read_facts(context: RunContext, vendor: str, shards: list[int]) -> dict[str, pd.DataFrame]:
    """The facts of these shards, which the transform has staged, as one frame each."""
    from expectations.facts.vendors import FRAMES_OF

    return {name: read_shards(context, vendor, shards, f"facts_{name}") for name in FRAMES_OF[vendor]}


def _documented(context: RunContext, vendor: str, units: pd.DataFrame) -> pd.Series[str]:
    """The units that have a document."""
    return read_shards(context, vendor, units["shard"].unique(), "heads")["unit_key"]


def _counted(statistics: dict[str, Any], checked: pd.DataFrame) -> dict[str, Any]:
    """The statistics of the gate, with the units that are held and the findings that are waived."""
    from expectations.gate import held_units

    held = len(held_units(not_waived(checked)))
    waived = int(checked[WAIVED].notna().sum())
    return {**statistics, "held": held, "accepted": statistics["units"] - held, "waived": waived}


def _decide(
    context: RunContext, vendor: str, units: pd.DataFrame, checked: pd.DataFrame, failed: pd.DataFrame
) -> pd.DataFrame:
    """unit_key, shard, decision (send | held | skipped | failed), reason, payload_hash, client/spouse_contact_id, …

    ``code``: the rules that hold a unit, or the license rule for which it is skipped.
    """
    from expectations.gate import held_units

    heads, users = (read_shards(context, vendor, units["shard"].unique(), name) for name in ("heads", "users"))
    decisions = units[["unit_key", "shard"]].merge(heads, on="unit_key", how="left")
    held = held_units(not_waived(checked)).set_index("unit_key")["rule_ids"]
    decisions["code"] = decisions["unit_key"].map(held).astype("str")
    decisions["reason"] = decisions["code"]
    decisions["decision"] = decisions["code"].notna().map({True: "held", False: "send"})
    _fail(decisions, failed)
    _skip(decisions, users[users["missing"].notna()])
    is_lost = (decisions["decision"] == "send") & decisions["payload_hash"].isna()
    lost = decisions.loc[is_lost, ["unit_key"]]
    _fail(decisions, lost.assign(reason="the gate let it through without a document: a defect"))
    return decisions


def _skip(decisions: pd.DataFrame, unlicensed: pd.DataFrame) -> None:
    """Units whose user lacks a license (unit_key, user_name, missing, missing_rule) are skipped."""
    if unlicensed.empty:
        return
    missing = unlicensed.set_index("unit_key")
    refused = are_among(decisions["unit_key"], missing.index)
    reasons = missing["missing_rule"] + ": " + missing["user_name"].fillna("(nobody)") + " lacks " + missing["missing"]
    decisions.loc[refused, "reason"] = decisions.loc[refused, "unit_key"].map(reasons)
    decisions.loc[refused, "code"] = decisions.loc[refused, "unit_key"].map(missing["missing_rule"])
    decisions.loc[refused, "decision"] = "skipped"


def _fail(decisions: pd.DataFrame, failed: pd.DataFrame) -> None:
    """Units that broke a step (unit_key, reason) are failed: a person has to read the log."""
    if failed.empty:
        return
    reasons = failed.set_index("unit_key")["reason"]
    rows = are_among(decisions["unit_key"], reasons.index) & (decisions["decision"] != "skipped")
    decisions.loc[rows, "reason"] = decisions.loc[rows, "unit_key"].map(reasons)
    decisions.loc[rows, "code"] = None
    decisions.loc[rows, "decision"] = "failed"


def _hold(decisions: pd.DataFrame, findings: pd.DataFrame) -> None:
    """Holds the units with critical findings from outside the gate."""
    is_critical = findings["severity"] == "critical"
    if not is_critical.any():
        return
    critical = findings[is_critical].groupby("unit_key")["rule_id"].agg(", ".join)
    rows = are_among(decisions["unit_key"], critical.index) & decisions["decision"].isin(["send", "held"])
    added = decisions.loc[rows, "unit_key"].map(critical)
    before = decisions.loc[rows, "code"]
    decisions.loc[rows, "code"] = added.where(before.isna(), before.fillna("") + ", " + added)
    decisions.loc[rows, "reason"] = decisions.loc[rows, "code"]
    decisions.loc[rows, "decision"] = "held"


def _guard(
    context: RunContext, vendor: str, decisions: pd.DataFrame, findings: pd.DataFrame, carried: pd.Series
) -> None:
    """Stops the run before its first write, where the extract or the documents are implausible."""
    causes = guards.staged_causes(context, vendor)
    if len(decisions) or len(carried):
        causes += of_documents(context, vendor, decisions, findings, carried)
    going = decisions[decisions["decision"] == "send"]
    documents = dict(zip(going["unit_key"].tolist(), going["payload_hash"].tolist(), strict=True))
    guards.require_plausible(context, {vendor: causes}, {vendor: documents})


def _as_texts(findings: pd.DataFrame) -> pd.DataFrame:
    return findings.assign(entity_id=findings["entity_id"].astype("str"))
