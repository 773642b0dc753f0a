"""The values of accounts and policies at eMoney: which lines go in the feed, and their outcomes.

Rules: EMY-REFRESH, EMY-NEW, EMY-LINK.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from typing import TypeVar

import pandas as pd

from etl.errors import SetAside, StopRun, VendorUnavailable
from etl.frames import are_among, each_row
from etl.load.emoney.client import EmoneyClient
from etl.load.emoney.feed import Ended, Refreshed, item_fields, send_feeds, settle_feeds, values_of
from etl.load.emoney.responses import Link
from etl.load.job import Job, LoadFinding
from etl.load.ledger import changes, feeds, findings, links, runs
from etl.load.ledger.changes import Change
from etl.load.ledger.feeds import Line, Proposal
from etl.load.ledger.runs import Outcome
from etl.narrowing import narrow
from etl.outcomes import DONE
from include.pipelines.refresh.carried import carried_lines, read_carried
from include.pipelines.run.context import RunContext
from include.pipelines.run.findings import name_defects
from include.pipelines.run.shards import read_scope, shard_name

Result = TypeVar("Result")


def refresh_values(
    context: RunContext, job: Job, client: EmoneyClient, number: int, staged: pd.DataFrame, outcomes: dict[str, str]
) -> dict[str, str]:
    """Sends the lines of the connected clients of a shard; gives the outcomes that change.

    ``outcomes``: of the shard's units so far, by unit key.
    """
    if job.dry_run:
        previews, failed = _narrowed(staged, lambda rows: preview_values(job, rows, outcomes).units)
        return save_outcomes(
            job, outcomes, Refreshed({key: one for part in (*previews, failed) for key, one in part.items()})
        )
    try:
        settled = settle_feeds(client, job)
        proposals = proposed_links(context, _stages(context, number))
        lines, failed = _narrowed(staged, lambda rows: lines_of(job, rows, outcomes, proposals))
        places = {key: place for place, key in enumerate(read_scope(context)["unit_key"])}
        in_order = sorted(
            chain(carried_lines(context, job, number, outcomes), *lines), key=lambda line: places[line.unit_key]
        )
        refreshed = send_feeds(client, job, in_order, context.settings.emoney.feed_deadline_seconds)
        refreshed.units |= failed
    except StopRun as error:
        refreshed = Refreshed()
        lines_due = chain(carried_lines(context, job, number, outcomes), lines_of(job, staged, outcomes))
        refreshed.put("failed", str(error), lines_due)
        save_outcomes(job, outcomes, refreshed)
        raise
    # A feed that an earlier run sent and this run confirmed counts as this run's update.
    confirmed = {key: ended for key, ended in settled.units.items() if ended.status == "updated"}
    refreshed.units = confirmed | refreshed.units
    refreshed.findings += settled.findings
    _report_new(context, client, number, refreshed, refreshed.newly_available)
    _report_new(context, client, None, refreshed, settled.newly_available)
    findings.save_load_findings(job.ledger, job.run_id, "emoney", refreshed.findings)
    return save_outcomes(job, outcomes, refreshed)


def _narrowed(staged: pd.DataFrame, step: Callable[[pd.DataFrame], Result]) -> tuple[list[Result], dict[str, Ended]]:
    """The results of a step for the units, and as failed the units that break the step."""
    narrowed = narrow(staged["unit_key"].tolist(), lambda keys: step(staged[are_among(staged["unit_key"], keys)]))
    failed = name_defects("refresh emoney", narrowed)
    return narrowed.results, {row.unit_key: Ended("failed", row.reason) for row in each_row(failed)}


def preview_values(job: Job, staged: pd.DataFrame, outcomes: dict[str, str]) -> Refreshed:
    """For a dry run: the units whose values would be updated; each changed field is saved."""
    going = staged[staged["unit_key"].map(outcomes).isin(DONE)]
    sent = links.read_sent(job.ledger, "emoney", "items", going["unit_key"])
    known = dict(zip(sent["unit_key"], sent["offered_hash"], strict=True))
    changed = {row.unit_key: row.items for row in each_row(going) if known.get(row.unit_key) != row.items_hash}
    bases = links.read_bases(job.ledger, "emoney", "items", changed)
    fields_of = ((key, item_fields(job, bases.get(key) or {}, values_of(items))) for key, items in changed.items())
    changes.save_changes(job.ledger, job.run_id, "emoney", ((key, one) for key, fields in fields_of for one in fields))
    return Refreshed(dict.fromkeys(changed, Ended("updated")))


def lines_of(
    job: Job,
    staged: pd.DataFrame,
    outcomes: dict[str, str],
    proposals: Mapping[tuple[str, str], Proposal] | None = None,
    again: bool = False,
) -> list[Line]:
    """A line for each connected client that has no line for this date yet, or whose values have changed since.

    ``proposals``: as `proposed_links` gives them; ``again``: also for a client whose same values were sent for this
    date. What a client has already is kept as it is now.
    """
    linked = links.read_links(job.ledger, "emoney", staged["unit_key"]).set_index("unit_key")
    connected = linked.loc[linked["connection_id"].notna(), "vendor_client_id"]
    going = staged[staged["unit_key"].map(outcomes).isin(DONE) & are_among(staged["unit_key"], connected.index)]
    sent = links.read_sent(job.ledger, "emoney", "items", going["unit_key"])
    before = {row.unit_key: (row.offered_hash, row.as_of) for row in each_row(sent)}
    due: list[Line] = []
    there: list[Line] = []
    for row in each_row(going.assign(client_id=going["unit_key"].map(connected))):
        keys = (row.unit_key, row.client_id, row.items_hash, row.source_keys, row.withheld_keys)
        proposed = {key: proposals[row.unit_key, key] for key in row.source_keys.split()} if proposals else {}
        line = Line(*keys, row.items, proposed)
        known, as_of = before.get(row.unit_key, (None, None))
        is_changed = again or known != line.items_hash
        is_due = as_of is None or as_of < job.as_of or (is_changed and as_of == job.as_of)
        (due if is_due else there).append(line)
    feeds.keep_lines(job.ledger, there, job.as_of)
    return due


def _stages(context: RunContext, number: int | None) -> list[str]:
    """The stage of a shard, if a unit of it was built; those of all shards where ``number`` is None."""
    stages = context.staging.stages("emoney")
    return [one for one in stages if number is None or one == shard_name("emoney", number)]


def _report_new(
    context: RunContext, client: EmoneyClient, number: int | None, refreshed: Refreshed, new: list[tuple[str, str, str]]
) -> None:
    """Links the newly available accounts and policies of the categories that the office has chosen; reports the others.

    ``new``: unit key, client id, source key; ``number``: their shard, None for any shard of the run.
    """
    if not new:
        return
    known = proposals_for(context, {unit_key for unit_key, *_ in new}, number)
    auto = set(context.settings.emoney.auto_link)
    wanted: dict[tuple[str, str], list[Link]] = {}
    details: dict[tuple[str, str], str] = {}
    for unit_key, client_id, source_key in new:
        key = unit_key, source_key
        category, owner = known.get(key, (None, None))
        details[key] = proposal_in_words(source_key, category, owner)
        if category is not None and category in auto and owner in ("client", "spouse"):
            wanted.setdefault((unit_key, client_id), []).append(Link(source_key, category, owner))
    linked = _link(context, client, wanted)
    for (unit_key, source_key), detail in details.items():
        if (unit_key, source_key) not in linked:
            entity, _, entity_id = source_key.partition(":")
            refreshed.findings.append((unit_key, LoadFinding("EMY-NEW", entity, entity_id, None, detail)))


def proposals_for(
    context: RunContext, unit_keys: Iterable[str], number: int | None = None
) -> dict[tuple[str, str], Proposal]:
    """What `proposed_links` gives of these units, built or carried; ``number``: of one shard, by default of all."""
    wanted = list(unit_keys)
    carried = read_carried(context, "emoney")["unit_key"]
    known = feeds.kept_proposals(context.ledger, carried[are_among(carried, wanted)])
    return known | proposed_links(context, _stages(context, number), wanted)


def proposed_links(
    context: RunContext, stages: list[str], unit_keys: Iterable[str] | None = None
) -> dict[tuple[str, str], Proposal]:
    """(unit key, source key) -> the category and the owner of an item by the rules (EMY-LINK).

    ``unit_keys``: of these units, by default of all in the stages.
    """
    if not stages:
        return {}
    items = context.staging.read_together(stages, "items")
    if unit_keys is not None:
        items = items[are_among(items["unit_key"], unit_keys)]
    columns = [items[name].astype(object).where(items[name].notna(), None) for name in ("category", "owner")]
    keys = zip(items["unit_key"], items["source_key"], strict=True)
    return dict(zip(keys, zip(*columns, strict=True), strict=True))


def proposal_in_words(source_key: str, category: str | None, owner: str | None) -> str:
    """The proposal for an item, as a finding words it."""
    words = category or source_key.partition(":")[0]
    return f"{words}, owner {owner}" if owner else words


def _link(context: RunContext, client: EmoneyClient, wanted: dict[tuple[str, str], list[Link]]) -> set[tuple[str, str]]:
    """EMY-LINK: links these items; gives (unit key, source key) of the items that are linked now.

    An item that could not be linked waits at eMoney like every other new item.
    """
    linked = []
    for (unit_key, client_id), chosen in wanted.items():
        try:
            results = client.link(client_id, chosen)
        except (SetAside, VendorUnavailable):
            continue
        categories = {one.source_key: one.classification for one in chosen}
        linked += [(unit_key, one.source_key, categories[one.source_key]) for one in results if one.status != 400]
    decided = ((unit_key, Change(f"items[{key}]", "linked", None, category)) for unit_key, key, category in linked)
    changes.save_changes(context.ledger, context.request.run_id, "emoney", decided)
    return {(unit_key, source_key) for unit_key, source_key, _ in linked}


def save_outcomes(job: Job, outcomes: dict[str, str], refreshed: Refreshed) -> dict[str, str]:
    """Saves and gives the outcomes that the feed changes: a household has all only with its values."""
    linked = links.read_links(job.ledger, "emoney", refreshed.units).set_index("unit_key")["vendor_client_id"]
    ended: dict[str, Outcome] = {}
    for key, (status, reason, code) in refreshed.units.items():
        outcome = outcomes.get(key)
        if outcome in DONE and status in ("deferred", "failed", "held"):
            before = "" if outcome == "unchanged" else f"the client was {outcome}, its values were not refreshed: "
            words = before + (reason or "")
            ended[key] = Outcome("emoney", key, status, words[:1000], linked.get(key), code)
        elif outcome == "unchanged" and status == "updated":
            ended[key] = Outcome("emoney", key, "updated", None, linked.get(key))
    runs.save_outcomes(job.ledger, job.run_id, ended.values())
    return {key: outcome.outcome for key, outcome in ended.items()}
