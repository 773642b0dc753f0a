"""The fourth stage: the units that passed the gate go to the vendor, and every unit of the shard gets its outcome.

A unit whose payload equals what was last offered makes no call. The others go through a pool of threads, each
household under its lock. eMoney's values follow in the feed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from typing import Any

import pandas as pd

from etl.defects import note_defect
from etl.errors import RetryLater, StopRun
from etl.frames import are_among, each_row
from etl.load.delivery import VendorDelivery, begin_group, deliver, take_over_links
from etl.load.emoney.deliver import EmoneyDelivery
from etl.load.job import Delivered, Job, Payload
from etl.load.ledger import changes, findings, intents, links, runs
from etl.load.ledger.runs import Outcome
from etl.load.profiles.actions import with_address
from etl.load.profiles.deliver import ProfilesDelivery
from etl.narrowing import narrow
from include.pipelines.couples.life_events import read_confirmed
from include.pipelines.identity.link_ownership import read_taken_over
from include.pipelines.refresh.carried import keep_carried
from include.pipelines.refresh.emoney_by_hand import RefreshByHand, wanted_links
from include.pipelines.refresh.emoney_values import refresh_values
from include.pipelines.run.context import RunContext
from include.pipelines.run.findings import name_defects
from include.pipelines.run.shards import OFFERED, read_decisions, read_documents, read_scope, shard_name
from include.pipelines.run.vendors import emoney_client, profiles_client

# So many units are under way together: they share locks, the ledger's transactions and the calls in flight.
UNITS_AT_ONCE = 64
# Where a vendor limits the calls a minute, so many of them are one unit's that is under way.
CALLS_FOR_A_UNIT = 6
# A dry run for at most so many units says of every field what would be made.
DESCRIBED_WHOLE = 1_000


def load_shard(context: RunContext, vendor: str, shard: int | None = None) -> dict[str, int]:
    """Loads one shard to one vendor, or all shards of a run by hand; gives the number of units by outcome.

    Raises `CredentialsRefused` (its units are `failed`), `LedgerUnavailable`, `StagingError`.
    """
    counted: Counter[str] = Counter()
    if vendor not in context.request.vendors:
        return {}
    for number in _staged_shards(context, vendor) if shard is None else [shard]:
        job = job_of(context, vendor, number)
        staged, outcomes = _decided(context, job, vendor, number)
        outcomes |= keep_carried(context, job, vendor, number)
        wanted = wanted_links(context, job, number, staged) if vendor == "emoney" else []
        to = _delivery(context, vendor)
        outcomes |= (kept := _keep_unchanged(context, job, vendor, staged))
        waiting = _payloads(context, vendor, staged[~are_among(staged["unit_key"], kept)])
        outcomes |= _deliver_all(context, to, job, waiting)
        if isinstance(to, EmoneyDelivery) and job.by_hand is None:
            outcomes |= refresh_values(context, job, to.client, number, staged, outcomes)
        elif isinstance(to, EmoneyDelivery):
            outcomes |= RefreshByHand(context, job, to.client, number, staged, outcomes, wanted).run()
        counted.update(outcomes.values())
    return dict(counted)


def _staged_shards(context: RunContext, vendor: str) -> list[int]:
    """The shards of the run whose documents are staged: none where the run only ends a link."""
    shards = read_scope(context)["shard"].tolist()
    return [shard for shard in shards if context.staging.has(shard_name(vendor, shard))]


def _decided(context: RunContext, job: Job, vendor: str, shard: int) -> tuple[pd.DataFrame, dict[str, str]]:
    """The documents of a shard that are sent, and the outcomes of its other units, which are saved."""
    decided = read_decisions(context, vendor)
    decided = decided[decided["shard"] == shard]
    take_over_links(job, vendor, decided["unit_key"])
    outcomes = [_not_sent(context, vendor, row) for row in each_row(decided[decided["decision"] != "send"])]
    runs.save_outcomes(context.ledger, context.request.run_id, outcomes)
    staged = decided[decided["decision"] == "send"]
    if len(staged):
        documents = read_documents(context, vendor, shard, staged["unit_key"])
        staged = staged[["unit_key", "payload_hash"]].merge(documents, on=["unit_key", "payload_hash"], how="left")
    return staged, {outcome.unit_key: outcome.outcome for outcome in outcomes}


def _not_sent(context: RunContext, vendor: str, row: Any) -> Outcome:
    """The outcome of a unit that is not sent. A person who asked to open a held case gets its address."""
    code = None if pd.isna(row.code) else row.code
    outcome = Outcome(vendor, row.unit_key, row.decision, row.reason, code=code)
    hand = context.request.by_hand
    if row.decision != "held" or hand is None or hand.what.action != "open_case":
        return outcome
    return with_address(profiles_client(context), job_of(context, vendor), outcome, row.client_contact_id)


def job_of(context: RunContext, vendor: str, shard: int = 0) -> Job:
    """The facts that all deliveries of a shard share.

    In a run by hand the first shard is the unit that was asked for. Beside it goes a former partner's unit, as it
    would go at night (LIFE-EVENT).
    """
    request, settings = context.request, getattr(context.settings, vendor)
    by_hand = request.by_hand.what if request.by_hand and shard == 0 else None
    return Job(
        context.ledger, request.run_id, request.as_of, request.dry_run, settings.search_lag_seconds, by_hand=by_hand,
        tells_new=request.dry_run and len(read_scope(context)) <= DESCRIBED_WHOLE,
        taken_over=read_taken_over(context, vendor), keeps=context.settings.emoney.keep,
    )  # fmt: skip


def _delivery(context: RunContext, vendor: str) -> ProfilesDelivery | EmoneyDelivery:
    return (
        ProfilesDelivery(profiles_client(context)) if vendor == "profiles" else EmoneyDelivery(emoney_client(context))
    )


def payload_of(row: Any) -> Payload:
    """A staged document as the deliveries take it."""
    spouse = None if pd.isna(row.spouse_contact_id) else int(row.spouse_contact_id)
    people_hash = getattr(row, "people_hash", "")
    return Payload(
        row.unit_key, row.payload_hash, row.document, int(row.client_contact_id), spouse, people_hash=people_hash
    )


def _payloads(context: RunContext, vendor: str, staged: pd.DataFrame) -> list[Payload]:
    """The documents to send, each with the life event that a person has confirmed in this run."""
    events = read_confirmed(context, vendor)
    payloads = [payload_of(row) for row in each_row(staged)]
    return [replace(one, life_event=events.get(one.unit_key)) for one in payloads] if events else payloads


def _unchanged(job: Job, vendor: str, staged: pd.DataFrame) -> pd.Series:
    """The rows that need no delivery: equal to what was last offered, linked, and without a write in doubt."""
    part = links.PARTS[vendor][0]
    before = links.read_sent(job.ledger, vendor, part, staged["unit_key"]).set_index("unit_key")
    linked = links.read_links(job.ledger, vendor, staged["unit_key"])
    complete = linked if vendor == "profiles" else linked[linked["connection_id"].notna()]
    same = staged["unit_key"].map(before["offered_hash"]) == staged[OFFERED[part]]
    not_older = staged["unit_key"].map(before["as_of"]).map(lambda day: day <= job.as_of, na_action="ignore").eq(True)
    doubtful = intents.units_in_doubt(job.ledger, vendor)
    is_settled = are_among(staged["unit_key"], complete["unit_key"]) & ~are_among(staged["unit_key"], doubtful)
    return same & not_older & is_settled


def _keep_unchanged(context: RunContext, job: Job, vendor: str, staged: pd.DataFrame) -> dict[str, str]:
    """Saves the outcomes of the units that need no delivery; gives unit key -> outcome."""
    if vendor == "profiles" and job.by_hand is not None:
        return {}  # a person who asks by hand wants the case looked at, changed or not
    rows = staged[_unchanged(job, vendor, staged)]
    if rows.empty:
        return {}
    if not job.dry_run:
        for part in links.PARTS[vendor]:
            links.confirm_unchanged(job.ledger, vendor, part, rows["unit_key"], job.as_of)
    linked = links.read_links(job.ledger, vendor, rows["unit_key"]).set_index("unit_key")["vendor_client_id"]
    written = _written_before(context, vendor, rows["unit_key"])
    outcomes = [
        Outcome(vendor, key, written.get(key, "unchanged"), None, client_id)
        for key, client_id in zip(rows["unit_key"], rows["unit_key"].map(linked), strict=True)
    ]
    runs.save_outcomes(job.ledger, context.request.run_id, outcomes)
    return {outcome.unit_key: outcome.outcome for outcome in outcomes}


def _written_before(context: RunContext, vendor: str, unit_keys: Iterable[str]) -> dict[str, str]:
    """What an earlier try of this load wrote, perhaps without saving the outcome: unit key -> created | updated."""
    run_id = context.request.run_id
    refreshed = links.units_sent_by(context.ledger, vendor, "items", run_id, unit_keys)
    return dict.fromkeys(refreshed, "updated") | intents.written_by(context.ledger, vendor, run_id)


def _deliver_all(context: RunContext, to: VendorDelivery, job: Job, payloads: list[Payload]) -> dict[str, str]:
    """Delivers group by group, and saves each. After a stop the rest are failed, with the reason."""
    vendor, outcomes = to.vendor, dict[str, str]()
    stopped: StopRun | None = None
    at_once = _units_at_once(context, vendor)
    for start in range(0, len(payloads), at_once):
        part = payloads[start : start + at_once]
        if stopped is not None:
            done = [Delivered(Outcome(vendor, one.unit_key, "failed", str(stopped))) for one in part]
        else:
            # The pool ends first: the locks are held until each of its threads has ended, also after an error here.
            with begin_group(job, vendor, part) as group, ThreadPoolExecutor(len(part), vendor) as pool:
                running = {one.unit_key: pool.submit(deliver, to, job, one, group) for one in part}
                wait(running.values())
            done = [_ended(vendor, unit_key, future) for unit_key, future in running.items()]
            errors = [future.exception() for future in running.values()]
            stopped = next((error for error in errors if isinstance(error, StopRun)), None)
        _save(context, vendor, done)
        outcomes |= {one.outcome.unit_key: one.outcome.outcome for one in done}
    if stopped is not None:
        raise stopped
    return outcomes


def _units_at_once(context: RunContext, vendor: str) -> int:
    """Few where calls are few: a person who asks for one of the units waits for all that are under way with it."""
    if vendor != "emoney":
        return UNITS_AT_ONCE
    limits = context.settings.emoney
    return min(UNITS_AT_ONCE, max(limits.calls_in_flight, limits.calls_per_minute // CALLS_FOR_A_UNIT))


def _ended(vendor: str, unit_key: str, future: Future[Delivered]) -> Delivered:
    """The delivery of a unit. Raises the errors that stop the whole load: `RetryLater`, and exits."""
    error = future.exception()
    if error is None:
        return future.result()
    if isinstance(error, RetryLater) or not isinstance(error, Exception):
        raise error
    # A defect that one household brings to light must not stop all others.
    why = str(error) if isinstance(error, StopRun) else note_defect(error, f"load {vendor}", unit_key)
    return Delivered(Outcome(vendor, unit_key, "failed", why))


def _save(context: RunContext, vendor: str, done: list[Delivered]) -> None:
    """Saves the outcomes of these units; a unit that cannot be saved is failed, and comes back."""
    ended = {one.outcome.unit_key: one for one in done}
    saved = narrow(list(ended), lambda keys: _save_all(context, vendor, [ended[key] for key in keys]))
    failed = each_row(name_defects(f"load {vendor}", saved))
    outcomes = [Outcome(vendor, row.unit_key, "failed", row.reason) for row in failed]
    runs.save_outcomes(context.ledger, context.request.run_id, outcomes)


def _save_all(context: RunContext, vendor: str, done: list[Delivered]) -> None:
    run_id = context.request.run_id
    findings.save_load_findings(
        context.ledger, run_id, vendor, ((one.outcome.unit_key, finding) for one in done for finding in one.findings)
    )
    changes.save_changes(
        context.ledger, run_id, vendor, ((one.outcome.unit_key, change) for one in done for change in one.changes)
    )
    runs.save_outcomes(context.ledger, run_id, [_worded(one.outcome) for one in done])


def _worded(outcome: Outcome) -> Outcome:
    return replace(outcome, reason=outcome.reason[:1000]) if outcome.reason else outcome
