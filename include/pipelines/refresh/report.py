"""The last stage, also after a stop: closes the run and makes its report. Both may be done again at any time.

The outcomes of the run are decided once, in the ledger (`closing`). The files are made from the ledger and from the
staged tables. The staged tables are removed last: once they are gone, the report is complete and stays as it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import pandas as pd

from etl.errors import BooksUnbalanced, StopRun
from etl.frames import are_among, empty
from etl.load.ledger import answers, findings, runs
from etl.load.ledger.transfers import rekeying
from etl.transform.receipts.book import counted
from include.pipelines.couples.life_events import read_proposals
from include.pipelines.guards import stop as guards
from include.pipelines.refresh.carried import read_carried
from include.pipelines.refresh.closing import close, vendors_through
from include.pipelines.refresh.dates_ahead import read_notice
from include.pipelines.refresh.emoney_values import proposals_for
from include.pipelines.refresh.lineage import record_lineage
from include.pipelines.refresh.measuring import measure
from include.pipelines.refresh.removal import remove_by_age
from include.pipelines.run.context import HandRequest, RunContext
from include.pipelines.run.findings import WAITING
from include.pipelines.run.report import report_of
from include.pipelines.run.shards import read_labels
from include.report.data_docs import write_data_docs
from include.report.display import side_name, vendor_name
from include.report.run.model import AVAILABLE_COLUMNS, RECEIPT_COLUMNS
from include.report.run.writer import write_report
from include.runtime.stops import Stop, read_stops
from include.why.rows import explained


def report_run(context: RunContext, failed_tasks: Sequence[str] = (), *, files: bool = True) -> dict[str, Any]:
    """Closes the run; gives its status and the page of the report. ``failed_tasks``: they may have noted why, or not.

    ``files=False`` closes the run alone: no lineage is recorded and no file is written.

    Raises `BooksUnbalanced` where units in scope and outcomes differ, and `StopRun` with the first reason where a step
    has stopped the run: the report is written all the same.
    """
    ledger, run_id = context.ledger, context.request.run_id
    stops = read_stops(context, failed_tasks)
    stopped = _why(stops)
    standing = runs.find_run(ledger, run_id)
    if standing is None:
        raise StopRun(stopped or "The run is not in the ledger: its first step has not begun.")
    if not _is_reported(context, standing):
        scope = _scope(context)
        if standing["status"] != "success" or stops:
            close(context, scope, stops, stopped)
            measure(context)
        for vendor in vendors_through(context, stops):
            guards.remember_links(context, vendor)
        if files:
            _write(context, scope, stops, stopped)
        else:
            remove_by_age(context)
    closed = runs.find_run(ledger, run_id) or standing
    page = context.reports / "worklist.html"
    if stopped is not None:
        raise StopRun(stopped)
    if closed["status"] != "success":
        raise BooksUnbalanced(f"Units in scope and outcomes differ; see {page}.")
    context.staging.remove()
    return {"status": "success", "report": str(page), "units": runs.read_scope(ledger, run_id)}


def _is_reported(context: RunContext, run: Mapping[str, Any]) -> bool:
    """Whether the run was closed and reported, and its staged tables are gone."""
    if run["finished_at"] is None or context.staging.has("plan/scope"):
        return False
    return bool(runs.read_scope(context.ledger, context.request.run_id)) or not context.staging.exists()


def _write(context: RunContext, scope: pd.DataFrame, stops: Sequence[Stop], stopped: str | None) -> None:
    """Writes the lineage, the report's files and the page of checks of a closed run."""
    closed = runs.find_run(context.ledger, context.request.run_id)
    assert closed is not None
    known = report_of(context.ledger, closed)
    outcomes, found = known.outcomes, known.findings
    record_lineage(context, outcomes)
    report = replace(
        known,
        units=len(scope),
        labels=read_labels(context, {*found["unit_key"], *outcomes.loc[outcomes["reason"].notna(), "unit_key"]}),
        newly_available=_newly_available(context, found),
        receipts=_receipts(context),
        stages=context.staging.stage_seconds(),
        settings=_settings(context),
        stopped=stopped,
        mistake=_mistake(context, stops),
        guarded=guards.said_to_dry_run(context),
        life_events=tuple(read_proposals(context)),
        open_elsewhere=_open_elsewhere(context, outcomes),
        removed=remove_by_age(context),
        record_url=context.settings.crm.record_url,
    )
    write_data_docs(context.reports / "data_docs")
    write_report(context.reports, explained(context, report))
    context.name_report(closed)


def _mistake(context: RunContext, stops: Sequence[Stop]) -> Literal["form", "answer"] | None:
    """Whether a person's mistake has stopped a run by hand: in the form, or in the answer to the required action."""
    if context.request.by_hand is None or not stops or not stops[0].is_mistake:
        return None
    return "answer" if answers.is_mistaken(context.ledger, context.request.run_id) else "form"


def _why(stops: Sequence[Stop]) -> str | None:
    """The first reason; where the checks of both vendors have stopped the run, the reasons of both."""
    checks = [stop.why for stop in stops if stop.stage == "validate" and not stop.is_lost]
    return " ".join(checks) or next((stop.why for stop in stops), None)


def _scope(context: RunContext) -> pd.DataFrame:
    if context.staging.has("plan/scope"):
        return context.staging.read("plan/scope")["units"]
    return empty(("unit_key", "profiles", "emoney", "shard", "digest")).astype({"profiles": bool, "emoney": bool})


def _open_elsewhere(context: RunContext, outcomes: pd.DataFrame) -> pd.DataFrame:
    """vendor, unit_key of open findings in units that this run has not looked at."""
    parts = []
    for vendor in context.request.vendors:
        found = findings.read_open_findings(context.ledger, vendor)
        looked_at = outcomes.loc[outcomes["vendor"] == vendor, "unit_key"]
        parts.append(found[~are_among(found["unit_key"], looked_at)])
    return pd.concat(parts, ignore_index=True)


def _settings(context: RunContext) -> dict[str, str | int | float | bool | None]:
    """What the run was asked to do, by names for people."""
    settings: dict[str, str | int | float | bool | None]
    if context.request.by_hand is not None:
        settings = _asked(context.request.by_hand)
    else:
        settings = {
            "vendors": ", ".join(map(vendor_name, context.request.vendors)),
            "full": context.request.full,
            "Profiles enroll": context.settings.profiles.enroll,
            "eMoney enroll": context.settings.emoney.enroll,
            "units in one shard": context.settings.refresh.households_per_shard,
            **guards.releases_for_report(context),
        }
    notice = read_notice(context)
    return settings if notice is None else settings | {"notice": notice}


def _asked(by_hand: HandRequest) -> dict[str, str | int | float | bool | None]:
    """The fields of a request by hand that differ from those of every run."""
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
        "two people": what.are_two,
        "unlinked": what.unlink,
        "linked to": f"{what.link_to.client_id}: {what.link_to.reason}" if what.link_to else None,
        "pinned": ", ".join(f"{one.field} to {side_name(one.side)}" for one in what.pins),
        "unpinned": ", ".join(what.unpins),
    }
    return {name: value for name, value in asked.items() if value not in (None, "")}


def _newly_available(context: RunContext, found: pd.DataFrame) -> pd.DataFrame:
    """`AVAILABLE_COLUMNS`: what waits at eMoney, with the category and the owner that the rules propose (EMY-LINK).

    A record for which no rule proposes a category has its kind in that place: account or policy.
    """
    new = found[(found["rule_id"] == WAITING) & (found["status"] != "mended")]
    waiting = new.assign(source_key=new["entity"] + ":" + new["entity_id"])
    proposed = proposals_for(context, waiting["unit_key"].unique())
    # After a transfer eMoney knows a record by the key that it had before; a finding names it as the CRM does.
    now = rekeying.current_keys(context.ledger, {key for _, key in proposed}) if proposed else {}
    rows = [(unit_key, now.get(key, key), *proposal) for (unit_key, key), proposal in proposed.items()]
    items = pd.DataFrame(rows, columns=["unit_key", "source_key", "category", "owner"], dtype="str")
    listed = waiting.merge(items, on=["unit_key", "source_key"], how="left")
    return listed.assign(category=listed["category"].fillna(listed["entity"]))[list(AVAILABLE_COLUMNS)]


def _receipts(context: RunContext) -> pd.DataFrame:
    """The number of records and values that do not go, by rule: of the units that were built, and of those carried."""
    records: Counter[tuple[str, str, str]] = Counter()
    for vendor in context.request.vendors:
        units = Counter(runs.count_receipts(context.ledger, vendor, read_carried(context, vendor)["unit_key"]))
        for stage in context.staging.stages(vendor):
            units.update(context.staging.read(stage, ["receipts"])["receipts"]["receipts"])
        for receipts, times in units.items():
            records.update({(vendor, rule_id, entity): n * times for rule_id, entity, n in counted(receipts)})
    rows = [(*kind, number) for kind, number in sorted(records.items())]
    return pd.DataFrame(rows, columns=list(RECEIPT_COLUMNS)) if rows else empty(RECEIPT_COLUMNS)
