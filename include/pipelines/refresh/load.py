"""The fourth stage: what passed the gate goes to the vendor; every unit of the shard gets its outcome.

Units whose payload is what was last offered make no call. The others go through a pool of threads, each household
under its lock. eMoney's values follow in the feed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from typing import Any

import pandas as pd

from etl.defects import note_defect
from etl.errors import PlanbridgeError, RetryLater, StopRun
from etl.frames import are_among
from etl.load.delivery import Delivered, Job, Payload, VendorDelivery, deliver, take_over_links
from etl.load.emoney.deliver import EmoneyDelivery
from etl.load.ledger import changes, findings, intents, links, runs
from etl.load.ledger.runs import Outcome
from etl.load.profiles.actions import with_address
from etl.load.profiles.deliver import ProfilesDelivery
from etl.narrowing import narrow
from include.pipelines.couples.life_events import read_confirmed
from include.pipelines.identity.link_ownership import read_taken_over
from include.pipelines.refresh.emoney_by_hand import refresh_by_hand, wanted_links
from include.pipelines.refresh.emoney_values import refresh_values
from include.pipelines.refresh.plan import shard_name
from include.pipelines.run.context import RunContext
from include.pipelines.run.defects import name_defects
from include.pipelines.run.vendors import emoney_client, profiles_client
from include.runtime.staging import each_row

# Outcomes are saved in groups of this many, so that a killed load has lost none that matter.
SAVED_AT_ONCE = 200
# A dry run for so many units says of every field what would be made.
TOLD_WHOLE = 1_000


def load_shard(context: RunContext, vendor: str, number: int) -> dict[str, int]:
    """Loads one shard to one vendor; gives the number of units by outcome.

    Raises `CredentialsRefused` (its units are `failed`), `LedgerUnavailable`, `StagingError`.
    """
    decided = context.staging.read(f"verdict/{vendor}", ["decisions"])["decisions"]
    decided = decided[decided["shard"] == number]
    take_over_links(job_of(context, vendor), vendor, decided["unit_key"])
    not_sent = decided[decided["decision"] != "send"]
    sent = decided[decided["decision"] == "send"].drop(columns=["client_contact_id", "spouse_contact_id"])
    outcomes = [_not_sent(context, vendor, row) for row in each_row(not_sent)]
    runs.save_outcomes(context.ledger, context.request.run_id, outcomes)
    documents = context.staging.read(shard_name(vendor, number), ["documents"])["documents"]
    staged = sent[["unit_key", "payload_hash"]].merge(documents, on=["unit_key", "payload_hash"], how="left")
    load = _load_profiles if vendor == "profiles" else _load_emoney
    counted = Counter(outcome.outcome for outcome in outcomes)
    counted.update(load(context, number, staged))
    return dict(counted)


def _not_sent(context: RunContext, vendor: str, row: Any) -> Outcome:
    """What the gate holds, or nobody may send; who wants to look at a case that is held gets its address."""
    code = None if pd.isna(row.code) else row.code
    outcome = Outcome(vendor, row.unit_key, row.decision, row.reason, code=code)
    hand = context.request.by_hand
    if row.decision != "held" or hand is None or hand.what.action != "open_case":
        return outcome
    return with_address(profiles_client(context), job_of(context, vendor), outcome, row.client_contact_id)


def job_of(context: RunContext, vendor: str) -> Job:
    """What the deliveries of this run have in common."""
    request, settings = context.request, getattr(context.settings, vendor)
    by_hand = request.by_hand.what if request.by_hand else None
    return Job(
        context.ledger, request.run_id, request.as_of, request.dry_run, settings.search_lag_seconds, by_hand=by_hand,
        tells_new=request.dry_run and len(context.staging.read("plan/scope")["units"]) <= TOLD_WHOLE,
        taken_over=read_taken_over(context, vendor), keeps=context.settings.emoney.keep,
    )  # fmt: skip


def _load_profiles(context: RunContext, number: int, staged: pd.DataFrame) -> Counter[str]:
    # Beside the unit that was asked for goes a former partner's, as it would at night (LIFE-EVENT).
    job = job_of(context, "profiles") if number == 0 else replace(job_of(context, "profiles"), by_hand=None)
    # Whoever asks by hand wants the case looked at, whether anything has changed here or not.
    equal = _unchanged(job, "profiles", "case", staged, "payload_hash") & (job.by_hand is None)
    kinds = _keep_unchanged(context, job, "profiles", ["case"], staged[equal])
    waiting = _confirmed(context, "profiles", [payload_of(row) for row in each_row(staged[~equal])])
    if waiting:
        client = profiles_client(context)
        in_flight = context.settings.profiles.calls_in_flight
        kinds.update(_deliver_all(context, ProfilesDelivery(client), job, waiting, in_flight))
    return Counter(kinds.values())


def _load_emoney(context: RunContext, number: int, staged: pd.DataFrame) -> Counter[str]:
    job = job_of(context, "emoney")
    if job.by_hand is not None:
        wanted_links(context, number, staged)
    client = emoney_client(context)
    equal = _unchanged(job, "emoney", "client", staged, "people_hash")
    kinds = _keep_unchanged(context, job, "emoney", ["client", "spouse"], staged[equal])
    waiting = _confirmed(context, "emoney", [payload_of(row) for row in each_row(staged[~equal])])
    in_flight = context.settings.emoney.calls_in_flight
    kinds.update(_deliver_all(context, EmoneyDelivery(client), job, waiting, in_flight))
    refresh = refresh_values if job.by_hand is None else refresh_by_hand
    kinds.update(refresh(context, job, client, number, staged, kinds))
    return Counter(kinds.values())


def payload_of(row: Any) -> Payload:
    """A staged document as the deliveries take it."""
    spouse = None if pd.isna(row.spouse_contact_id) else int(row.spouse_contact_id)
    return Payload(row.unit_key, row.payload_hash, row.document, int(row.client_contact_id), spouse)


def _confirmed(context: RunContext, vendor: str, payloads: list[Payload]) -> list[Payload]:
    """The payloads, each with the life event that somebody has confirmed in this run."""
    events = read_confirmed(context, vendor)
    return [replace(one, life_event=events.get(one.unit_key)) for one in payloads] if events else payloads


def _unchanged(job: Job, vendor: str, part: str, staged: pd.DataFrame, offered: str) -> pd.Series:
    """Which rows are what was last offered, linked, and without a write in doubt: nothing is to be done for them."""
    before = links.read_sent(job.ledger, vendor, part, staged["unit_key"]).set_index("unit_key")
    linked = links.read_links(job.ledger, vendor, staged["unit_key"])
    complete = linked if vendor == "profiles" else linked[linked["connection_id"].notna()]
    same = staged["unit_key"].map(before["offered_hash"]) == staged[offered]
    not_older = staged["unit_key"].map(before["as_of"]).map(lambda day: day <= job.as_of, na_action="ignore").eq(True)
    doubtful = intents.units_in_doubt(job.ledger, vendor)
    is_settled = are_among(staged["unit_key"], complete["unit_key"]) & ~are_among(staged["unit_key"], doubtful)
    return same & not_older & is_settled


def _keep_unchanged(
    context: RunContext, job: Job, vendor: str, parts: Iterable[str], rows: pd.DataFrame
) -> dict[str, str]:
    if rows.empty:
        return {}
    if not job.dry_run:
        for part in parts:
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
    """What an earlier try of this load has written and may not have said: unit key -> created | updated."""
    run_id = context.request.run_id
    refreshed = links.units_sent_by(context.ledger, vendor, "items", run_id, unit_keys)
    return dict.fromkeys(refreshed, "updated") | intents.written_by(context.ledger, vendor, run_id)


def _deliver_all(
    context: RunContext, to: VendorDelivery, job: Job, payloads: list[Payload], threads: int
) -> dict[str, str]:
    """Delivers through a pool of threads and saves as it goes. A stop leaves the rest as failed, with the reason."""
    vendor, kinds = to.vendor, dict[str, str]()
    stopped: PlanbridgeError | None = None
    with ThreadPoolExecutor(max_workers=threads, thread_name_prefix=vendor) as pool:
        for part in _parts(payloads):
            if stopped is not None:
                done = [Delivered(Outcome(vendor, one.unit_key, "failed", str(stopped))) for one in part]
            else:
                done, stopped = _deliver_part(pool, to, job, part)
            _save(context, vendor, done)
            kinds.update({one.outcome.unit_key: one.outcome.outcome for one in done})
    if stopped is not None:
        raise stopped
    return kinds


def _deliver_part(
    pool: ThreadPoolExecutor, to: VendorDelivery, job: Job, payloads: list[Payload]
) -> tuple[list[Delivered], PlanbridgeError | None]:
    done: list[Delivered] = []
    stopped: PlanbridgeError | None = None
    running = {pool.submit(deliver, to, job, payload): payload.unit_key for payload in payloads}
    for future in as_completed(running):
        try:
            done.append(future.result())
        except StopRun as error:
            stopped = stopped or error
            done.append(Delivered(Outcome(to.vendor, running[future], "failed", str(error))))
        except RetryLater:
            raise
        except Exception as error:  # a defect that one household brings to light must not stop all others
            reason = note_defect(error, f"load {to.vendor}", running[future])
            done.append(Delivered(Outcome(to.vendor, running[future], "failed", reason)))
    return done, stopped


def _parts(payloads: list[Payload]) -> Iterator[list[Payload]]:
    for start in range(0, len(payloads), SAVED_AT_ONCE):
        yield payloads[start : start + SAVED_AT_ONCE]


def _save(context: RunContext, vendor: str, done: list[Delivered]) -> None:
    """Saves how these units ended; one of which something cannot be saved is failed, and comes back."""
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
