"""eMoney's values: which clients get a line in tonight's feed, and what becomes of it (EMY-REFRESH, EMY-NEW, EMY-LINK)."""

from __future__ import annotations

import pandas as pd

from etl.errors import SetAside
from etl.load.delivery import Job, LoadFinding
from etl.load.emoney import EmoneyClient
from etl.load.emoney_answers import Link
from etl.load.feed import Line, Refreshed, send_feeds, settle_feeds
from etl.load.ledger import findings, links, runs
from etl.load.ledger.runs import Outcome
from include.refresh.context import RunContext
from include.refresh.plan import shard_name

GO = ("created", "updated", "unchanged")


def refresh_values(
    context: RunContext, job: Job, client: EmoneyClient, number: int, staged: pd.DataFrame, kinds: dict[str, str]
) -> dict[str, str]:  # fmt: skip
    """Sends the lines of a shard's connected clients; gives the outcomes that change by it."""
    if job.dry_run:
        return {}
    settled = settle_feeds(client, job)
    lines, changed = _lines(job, staged, kinds)
    refreshed = send_feeds(client, job, lines, context.settings.emoney.feed_deadline_seconds)
    refreshed.findings += settled.findings
    refreshed.newly_available += settled.newly_available
    _report_new(context, client, number, refreshed)
    findings.save_load_findings(job.ledger, job.run_id, "emoney", refreshed.findings)
    return _outcomes(job, staged, kinds, refreshed, changed)


def _lines(job: Job, staged: pd.DataFrame, kinds: dict[str, str]) -> tuple[list[Line], set[str]]:
    """A line for each connected client that has none for this date yet, or whose values are others than were sent."""
    linked = links.read_links(job.ledger, "emoney").set_index("unit_key")
    connected = linked.loc[linked["connection_id"].notna(), "vendor_client_id"]
    going = staged[staged["unit_key"].map(kinds).isin(GO) & staged["unit_key"].isin(connected.index)]
    sent = links.read_sent(job.ledger, "emoney", "items", going["unit_key"])
    before = {row.unit_key: (row.offered_hash, row.as_of) for row in sent.itertuples()}
    lines, changed = [], set()
    client_ids = going["unit_key"].map(connected)
    for key, client_id, items, source_keys in zip(
        going["unit_key"], client_ids, going["items"], going["source_keys"], strict=True
    ):
        line = Line(key, client_id, items, tuple(source_keys.split()))
        known, as_of = before.get(key, (None, None))
        if known != line.items_hash:
            changed.add(key)
        elif as_of is not None and as_of >= job.as_of:
            continue
        if as_of is None or as_of <= job.as_of:
            lines.append(line)
    return lines, changed


def _report_new(context: RunContext, client: EmoneyClient, number: int, refreshed: Refreshed) -> None:
    """Newly available accounts and policies wait to be linked; categories that the office opted in for are linked."""
    if not refreshed.newly_available:
        return
    items = context.staging.read(shard_name("emoney", number), ["items"])["items"].set_index(["unit_key", "source_key"])
    auto = set(context.settings.emoney.auto_link)
    wanted: dict[tuple[str, str], list[Link]] = {}
    for unit_key, client_id, source_key in refreshed.newly_available:
        entity, _, entity_id = source_key.partition(":")
        known = (unit_key, source_key) in items.index
        category = items.at[(unit_key, source_key), "category"] if known else None
        if category in auto and items.at[(unit_key, source_key), "owner"] in ("client", "spouse"):
            link = Link(source_key, category, items.at[(unit_key, source_key), "owner"])
            wanted.setdefault((unit_key, client_id), []).append(link)
        detail = category if isinstance(category, str) else entity
        refreshed.findings.append((unit_key, LoadFinding("EMY-NEW", entity, entity_id, None, detail)))
    for (unit_key, client_id), chosen in wanted.items():
        try:
            client.link(client_id, chosen)
        except SetAside as error:
            refreshed.units[unit_key] = ("failed", f"EMY-LINK: {error}")


def _outcomes(
    job: Job, staged: pd.DataFrame, kinds: dict[str, str], refreshed: Refreshed, changed: set[str]
) -> dict[str, str]:  # fmt: skip
    linked = links.read_links(job.ledger, "emoney").set_index("unit_key")["vendor_client_id"]
    changes: dict[str, Outcome] = {}
    for key in staged["unit_key"]:
        status, reason = refreshed.units.get(key, ("", None))
        if status in ("deferred", "failed"):
            changes[key] = Outcome("emoney", key, status, reason, linked.get(key))
        elif status == "refreshed" and key in changed and kinds.get(key) == "unchanged":
            changes[key] = Outcome("emoney", key, "updated", None, linked.get(key))
    runs.save_outcomes(job.ledger, job.run_id, changes.values())
    return {key: outcome.outcome for key, outcome in changes.items()}
