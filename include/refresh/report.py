"""The last stage, whatever came before: books, findings, the stewards' report, and where the next run begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from textwrap import shorten
from typing import Any

import pandas as pd

from etl.errors import BooksUnbalanced, StopRun
from etl.frames import are_among
from etl.load.ledger import changes, findings, links, runs
from etl.load.ledger.runs import Outcome
from expectations import rules
from expectations.report.comparison import compare_findings
from expectations.report.display import side_name, vendor_name
from expectations.report.model import LABEL_COLUMNS, Run, RunReport
from expectations.report.writer import write_report
from include.refresh import guards
from include.refresh.context import VENDORS, HandRequest, RunContext
from include.refresh.dates_ahead import read_notice
from include.refresh.life_events import read_proposals
from include.refresh.lineage import record_lineage
from include.refresh.removal import remove_by_age
from include.staging import MISTAKES, each_row
from include.why.rows import explained

# What a vendor told once, on one night: neither known nor mended later.
EVENTS = ("EMY-NEW", "EMY-LINK", "EMY-GONE", "MATCH-LAST-NAME", "SCP-STRAY")
# What stands in a case until somebody changes it there: told by a merge, true until the next one.
STANDING = ("PROFILES-KEPT", "PROFILES-STALE")


def report_run(context: RunContext, failed_tasks: Sequence[str] = ()) -> dict[str, Any]:
    """Closes the run: gives its status and the report's folder. ``failed_tasks`` may have noted why, or not.

    Raises `BooksUnbalanced` where units in scope and outcomes differ, and `StopRun` with the first reason where a step
    has stopped the run: the report is written all the same.
    """
    ledger, request = context.ledger, context.request
    lost = {name: f"{name} failed before the end; the log of the task shows why." for name in failed_tasks}
    stops = runs.why_stopped(ledger, request.run_id) | lost
    stopped = _why(stops)
    in_scope = runs.read_scope(ledger, request.run_id)
    scope = _scope(context)
    _fill_missing_outcomes(context, scope, stopped)
    outcomes = runs.read_outcomes(ledger, request.run_id)
    balanced = all(len(outcomes[outcomes["vendor"] == vendor]) == count for vendor, count in in_scope.items())
    found = _findings(context, outcomes)
    closed = runs.finish_run(ledger, request.run_id, "success" if stopped is None and balanced else "failed")
    if not request.dry_run:
        through = [vendor for vendor in request.vendors if _is_through(vendor, stops)]
        stand = found["vendor"].isin(through) & ~found["rule_id"].isin(EVENTS)
        findings.replace_open_findings(ledger, request.run_id, found[stand])
        _remember_units(context, through, scope, outcomes)
        record_lineage(context, outcomes)
    removed = remove_by_age(context)
    report = replace(
        _report(context, closed, in_scope, scope, outcomes, found),
        stopped=stopped,
        is_mistaken=request.by_hand is not None and context.staging.has(f"{MISTAKES}/{next(iter(stops), None)}"),
        life_events=tuple(read_proposals(context)),
        open_elsewhere=_open_elsewhere(context, outcomes),
        removed=removed,
    )
    folder = write_report(context.reports, explained(context, report))
    if not balanced:
        raise BooksUnbalanced(f"Units in scope {in_scope} and outcomes {len(outcomes)} differ; see {folder}.")
    if stopped is not None:
        raise StopRun(stopped)
    context.staging.remove()
    return {"status": "success", "report": str(folder), "units": in_scope}


def _why(stops: Mapping[str, str]) -> str | None:
    """The first reason; where the checks of both vendors have stopped the run, what each of them says."""
    checks = [why for step, why in stops.items() if step.startswith("validate ")]
    return " ".join(checks) or next(iter(stops.values()), None)


def _scope(context: RunContext) -> pd.DataFrame:
    if context.staging.has("plan/scope"):
        return context.staging.read("plan/scope")["units"]
    empty: dict[str, Any] = {"unit_key": [], "profiles": [], "emoney": [], "shard": [], "digest": []}
    return pd.DataFrame(empty).astype({"unit_key": "str", "profiles": bool, "emoney": bool})


def _fill_missing_outcomes(context: RunContext, scope: pd.DataFrame, stopped: str | None) -> None:
    """Units that no load has reached are failed, and come back with the next run."""
    # The run keeps the whole of it; here it stands once for each unit.
    reason = shorten(stopped or "the load did not reach this unit", 300, placeholder=" …")
    missing = []
    for vendor in context.request.vendors:
        done = set(runs.read_outcomes(context.ledger, context.request.run_id, vendor)["unit_key"])
        missing += [
            Outcome(vendor, key, "failed", reason) for key in scope.loc[scope[vendor], "unit_key"] if key not in done
        ]
    runs.save_outcomes(context.ledger, context.request.run_id, missing)


def _findings(context: RunContext, outcomes: pd.DataFrame) -> pd.DataFrame:
    """All findings of the run with their status, saved in the ledger."""
    ledger, request = context.ledger, context.request
    overrides = rules.read_overrides(context.settings.rules.file)
    gate = [context.staging.read(stage)["findings"] for stage in context.staging.stages("verdict")]
    told = [
        rules.finding(
            row.rule_id,
            row.vendor,
            row.unit_key,
            entity=row.entity,
            entity_id=row.entity_id,
            field=row.field,
            message=f"{rules.rule(row.rule_id).message} ({row.detail})",
            overrides=overrides,
        )
        for row in each_row(findings.read_load_findings(ledger, request.run_id))
    ]
    before = [
        findings.read_open_findings(ledger, vendor, outcomes.loc[outcomes["vendor"] == vendor, "unit_key"])
        for vendor in request.vendors
    ]
    standing = [_still_standing(context, open_now) for open_now in before]
    current = pd.concat([*gate, pd.DataFrame(told, columns=list(rules.FINDING_COLUMNS)), *standing], ignore_index=True)
    current["entity_id"] = current["entity_id"].astype("str")
    # Where a load stopped, what it would have told again is not mended: only units that were dealt with are compared.
    seen = outcomes.loc[outcomes["outcome"] != "failed", ["vendor", "unit_key"]]
    compared = compare_findings(pd.concat(before, ignore_index=True), current, seen)
    findings.save_findings(ledger, request.run_id, compared)
    return compared


def _still_standing(context: RunContext, open_findings: pd.DataFrame) -> pd.DataFrame:
    """Findings of the run's units in cases that no merge of this run has looked at."""
    units = open_findings["unit_key"].unique()
    merged = links.units_sent_by(context.ledger, "profiles", "case", context.request.run_id, units)
    stands = open_findings["rule_id"].isin(STANDING) & ~are_among(open_findings["unit_key"], merged)
    return open_findings[stands & (not context.request.dry_run)]


def _open_elsewhere(context: RunContext, outcomes: pd.DataFrame) -> pd.DataFrame:
    """vendor, unit_key of findings that stand open in units that this run has not looked at."""
    standing = [findings.read_open_findings(context.ledger, vendor) for vendor in context.request.vendors]
    found = pd.concat(standing, ignore_index=True)[["vendor", "unit_key"]]
    looked_at = pd.MultiIndex.from_frame(outcomes[["vendor", "unit_key"]])
    return found[~pd.MultiIndex.from_frame(found).isin(looked_at)]


def _is_through(vendor: str, stops: dict[str, str]) -> bool:
    """Whether nothing has stopped this vendor's part of the run: what stopped is the other's load, or nothing."""
    others = tuple(f"load_{other}" for other in VENDORS if other != vendor)
    return all(step.startswith(others) for step in stops)


def _remember_units(context: RunContext, vendors: list[str], scope: pd.DataFrame, outcomes: pd.DataFrame) -> None:
    """unit key, key digest and outcome: what the next run's SCP-4 looks at."""
    left = _left(context)
    for vendor in vendors:
        ended = outcomes[outcomes["vendor"] == vendor].set_index("unit_key")["outcome"]
        mine = scope[scope[vendor]].assign(outcome=scope["unit_key"].map(ended)).astype({"digest": "int64"})
        # A run by hand counts no records.
        columns = [name for name in ("unit_key", "digest", "records", "outcome") if name in mine]
        states = (dict(zip(columns, row, strict=True)) for row in mine[columns].itertuples(index=False))
        gone = left.loc[left["vendor"] == vendor, "unit_key"]
        runs.finish_vendor(context.ledger, context.request.run_id, vendor, states, gone)
        guards.remember_links(context, vendor)


def _left(context: RunContext) -> pd.DataFrame:
    """vendor, unit_key of units that left the enrollment."""
    tables = context.staging.read("plan/scope") if context.staging.has("plan/scope") else {}
    return tables.get("left", pd.DataFrame({"vendor": [], "unit_key": []}))


def _report(
    context: RunContext,
    closed: Any,
    in_scope: dict[str, int],
    scope: pd.DataFrame,
    outcomes: pd.DataFrame,
    found: pd.DataFrame,
) -> RunReport:
    settings: dict[str, str | int | float | bool | None] = {
        "vendors": ", ".join(map(vendor_name, context.request.vendors)),
        "full": context.request.full,
        "Profiles enroll": context.settings.profiles.enroll,
        "eMoney enroll": context.settings.emoney.enroll,
        "units in one shard": context.settings.refresh.households_per_shard,
    }
    settings |= guards.for_report(context)
    if context.request.by_hand is not None:
        settings = _asked(context.request.by_hand)
    if (notice := read_notice(context)) is not None:
        settings["notice"] = notice
    return RunReport(
        run=_run(closed),
        units=len(scope),
        units_in_scope=in_scope,
        outcomes=outcomes,
        findings=found,
        labels=_labels(context, {*found["unit_key"], *outcomes.loc[outcomes["reason"].notna(), "unit_key"]}),
        newly_available=_newly_available(found),
        changes=changes.read_decisions(context.ledger, context.request.run_id, with_values=context.request.dry_run),
        receipts=_receipts(context),
        stages=context.staging.stage_seconds(),
        settings=settings,
    )


def _run(closed: Any) -> Run:
    return Run(
        run_id=closed["run_id"],
        dag_id=closed["dag_id"],
        as_of=closed["as_of"],
        requested_by=closed["requested_by"] or "the schedule",
        dry_run=closed["dry_run"],
        status=closed["status"],
        started_at=closed["started_at"],
        finished_at=closed["finished_at"],
        triggered_by=closed["triggered_by"],
    )


def _asked(by_hand: HandRequest) -> dict[str, str | int | float | bool | None]:
    """What a person asked for, as far as it is not what every run does."""
    what = by_hand.what
    asked: dict[str, str | int | float | bool | None] = {
        "household": by_hand.household_id,
        "contact": by_hand.contact_id,
        "action": what.action,
        "in the name of": by_hand.user_name,
        "vendor household": what.household_id,
        "case": what.case_id,
        "update": None if what.update else "no",
        "links": ", ".join(one.source_key for one in what.links),
        "confirmed life event": what.life_event,
        "pinned": ", ".join(f"{one.field} to {side_name(one.side)}" for one in what.pins),
        "unpinned": ", ".join(what.unpins),
    }
    return {name: value for name, value in asked.items() if value not in (None, "")}


def _labels(context: RunContext, unit_keys: set[str]) -> pd.DataFrame:
    parts = [context.staging.read(stage)["labels"] for stage in context.staging.stages("labels")]
    if not parts:
        return pd.DataFrame({column: pd.Series(dtype="str") for column in LABEL_COLUMNS})
    labels = pd.concat(parts, ignore_index=True)
    return labels[are_among(labels["unit_key"], unit_keys)]


def _newly_available(found: pd.DataFrame) -> pd.DataFrame:
    new = found[found["rule_id"] == "EMY-NEW"]
    proposed = new["message"].str.extract(r"\(([^()]*(?:\([^()]*\))?[^()]*)\)$")[0].fillna("")
    parts = proposed.str.extract(r"^(?P<category>.*?)(?:, owner (?P<owner>\w+))?$").fillna("")
    return pd.DataFrame(
        {
            "vendor": new["vendor"],
            "unit_key": new["unit_key"],
            "source_key": new["entity"] + ":" + new["entity_id"],
            "category": parts["category"],
            "owner": parts["owner"],
        }
    )


def _receipts(context: RunContext) -> pd.DataFrame:
    """How many records and values do not go, by rule."""
    counted = []
    for vendor in context.request.vendors:
        for stage in context.staging.stages(vendor):
            counted.append(context.staging.read(stage, ["receipts"])["receipts"].assign(vendor=vendor))
    if not counted:
        return pd.DataFrame({column: pd.Series(dtype="str") for column in ("vendor", "rule_id", "entity", "records")})
    return pd.concat(counted).groupby(["vendor", "rule_id", "entity"], as_index=False).agg({"records": "sum"})
