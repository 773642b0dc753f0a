"""Undo of a run: reads its writes from the ledger's intents, and reverts them case by case. An undo is a run itself."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from etl.errors import CredentialsRefused, ParamsError, PlanbridgeError
from etl.load.job import ByHand, Delivered, Job
from etl.load.ledger import changes, intents, locks, runs, undos
from etl.load.ledger.changes import Change
from etl.load.ledger.closing import Closing, close_run
from etl.load.ledger.intents import Intent
from etl.load.ledger.runs import Outcome
from etl.load.ledger.story import UNDO, UNDO_STEP
from etl.load.profiles.revert import Footprint
from etl.load.profiles.undo import Trace, take_back
from etl.units import UnitKey
from include.pipelines.run.context import VENDORS, RunContext, RunRequest
from include.pipelines.run.report import report_of
from include.pipelines.run.vendors import profiles_client
from include.report.run.writer import write_report
from include.runtime.acting import COMMAND_LINE
from include.runtime.staging import folder_name

# Steps whose writes are reverted, and steps that created a record, which is listed and stays.
WRITES = ("replace_case", UNDO_STEP)
CREATIONS = ("create_household", "create_case")
VENDOR = "profiles"


@dataclass
class Undone:
    """The result of an undo: its run, the outcome of each unit, and the decision for each field.

    ``of_vendors``: the vendors of the run that is undone; ``undone_by``: an earlier undo of the same run that left
    nothing to revert.
    """

    run_id: str
    of_run: str
    dry_run: bool
    outcomes: list[Outcome] = field(default_factory=list)
    changes: list[tuple[str, Change]] = field(default_factory=list, repr=False)
    stopped: PlanbridgeError | None = None
    of_vendors: frozenset[str] = frozenset()
    undone_by: str | None = None

    @property
    def went_back(self) -> int:
        """The number of fields and entries that were reverted, or would be."""
        return sum(change.decision != "conflict" for _, change in self.changes)


@dataclass(frozen=True)
class Plan:
    """The writes to revert, and the units that stay as they are, with the reason."""

    traces: list[Trace]
    left: list[Outcome]


def undo_run(context: RunContext, of_run: str, unit_key: str | None) -> Undone:
    """Undoes a run, or one unit of it; an undo of the same that was stopped is continued.

    Raises `ParamsError` for an unknown run or unit, and while another undo of the same is running.
    """
    ledger = context.ledger
    row = runs.require_run(ledger, of_run)
    if row["dry_run"]:
        raise ParamsError(f"{of_run} was a dry run: it wrote nothing.")
    planned = plan(context, of_run, unit_key)
    with _exclusive(context, of_run, unit_key):
        begun = None if context.request.dry_run else undos.unfinished_undo(ledger, of_run, unit_key)
        undone = Undone(begun or context.request.run_id, of_run, context.request.dry_run)
        _register(context, undone, unit_key, planned)
        _save(context, undone, [Delivered(one) for one in planned.left])
        _revert_all(context, undone, planned.traces)
        _close(context, undone)
    undone.of_vendors = frozenset(runs.read_scope(ledger, of_run))
    if not undone.went_back and {one.outcome for one in undone.outcomes} <= {"unchanged", "skipped"}:
        undone.undone_by = next(iter(undos.finished_undos(ledger, of_run, unit_key)), None)
    return undone


def request_of(user: str, timezone: str, dry_run: bool) -> RunRequest:
    """The request of an undo, as of the office's day; its run id holds the time."""
    now = datetime.now(UTC)
    run_id = f"undo__{now:%Y-%m-%dT%H:%M:%S.%f}"
    day: date = now.astimezone(ZoneInfo(timezone)).date()
    return RunRequest(run_id, UNDO, day, VENDORS, dry_run=dry_run, requested_by=user, triggered_by=COMMAND_LINE)


def plan(context: RunContext, of_run: str, unit_key: str | None) -> Plan:
    """Reads the run's writes from the ledger. Raises `ParamsError` for a unit that the run did not take."""
    ledger = context.ledger
    known = undos.units_dealt_with(ledger, of_run)
    confirmed = intents.intents_of(ledger, VENDOR, of_run, ["confirmed"])
    if any(intent.values is None for intent in confirmed):
        raise ParamsError(
            f"{of_run} cannot be undone any more: what it wrote was removed from the ledger after "
            f"{context.settings.data.values_days} days (PLANBRIDGE__DATA__VALUES_DAYS). Correct it at Profiles."
        )
    in_doubt = intents.intents_of(ledger, VENDOR, of_run, intents.OPEN)
    cases = _cases_of(context, confirmed)
    moved = undos.units_by_case(ledger, sorted(set(cases.values())))
    traces = _traces(of_run, confirmed, cases, moved)
    left = _left(context, of_run, confirmed, in_doubt, {trace.unit_key for trace in traces})
    if unit_key is not None:
        wanted = {unit_key, *(now for key, now in _renamed(confirmed, cases, moved) if key == unit_key)}
        if not wanted & (known | {trace.unit_key for trace in traces}):
            raise ParamsError(f"{of_run} did not deal with {unit_key}." + _some_of(known))
        traces = [trace for trace in traces if trace.unit_key in wanted]
        left = [one for one in left if one.unit_key in wanted]
    return Plan(traces, left)


def _cases_of(context: RunContext, confirmed: list[Intent]) -> dict[str, str]:
    """intent -> the case that it wrote into; an old intent without it: the case that its unit has now."""
    writes = [intent for intent in confirmed if intent.step in WRITES]
    silent = sorted({intent.unit_key for intent in writes if not intent.values.get("case")})
    linked = undos.cases_by_unit(context.ledger, silent)
    cases = {intent.op_key: intent.values.get("case") or linked.get(intent.unit_key) for intent in writes}
    return {key: case for key, case in cases.items() if case}


def _traces(
    of_run: str, confirmed: list[Intent], cases: dict[str, str], moved: dict[str, tuple[str, str]]
) -> list[Trace]:
    by_case: dict[str, list[Intent]] = {}
    for intent in confirmed:
        if intent.op_key in cases:
            by_case.setdefault(cases[intent.op_key], []).append(intent)
    traces = []
    for case_id, of_case in by_case.items():
        unit_key, vendor_id = moved.get(case_id, (of_case[-1].unit_key, None))
        done = Footprint.of([intent.values for intent in of_case])
        traces.append(Trace(of_run, unit_key, vendor_id, case_id, done))
    return sorted(traces, key=lambda trace: (trace.unit_key, trace.case_id))


def _renamed(
    confirmed: list[Intent], cases: dict[str, str], moved: dict[str, tuple[str, str]]
) -> Iterator[tuple[str, str]]:
    """Unit key then and now: a household may have taken over the case of a lone client."""
    for intent in confirmed:
        if intent.op_key in cases and cases[intent.op_key] in moved:
            yield intent.unit_key, moved[cases[intent.op_key]][0]


def _left(
    context: RunContext, of_run: str, confirmed: list[Intent], in_doubt: list[Intent], reverted: set[str]
) -> list[Outcome]:
    """The outcomes of units that stay as they are: new clients and cases, writes in doubt, and all writes to eMoney."""
    reasons = {intent.unit_key: "made by that run; nothing is deleted" for intent in confirmed if _creates(intent)}
    reasons |= {intent.unit_key: "a write of that run is in doubt: the next run settles it" for intent in in_doubt}
    stays = [Outcome(VENDOR, key, "skipped", why) for key, why in reasons.items() if key not in reverted]
    elsewhere = undos.written_elsewhere(context.ledger, of_run, "emoney")
    why = "eMoney has no undo: correct it there, or in SmartOffice and run again"
    words = {
        key: f"{why} ({count} field{'s' if count > 1 else ''} written)" if count else why
        for key, count in elsewhere.items()
    }
    return [*stays, *(Outcome("emoney", key, "skipped", reason) for key, reason in words.items())]


def _creates(intent: Intent) -> bool:
    return intent.step in CREATIONS


def _some_of(known: set[str]) -> str:
    if not known:
        return " It dealt with none."
    first = sorted(known, key=UnitKey.parse)[:5]
    return f" It dealt with {len(known)}, such as {', '.join(first)}."


@contextmanager
def _exclusive(context: RunContext, of_run: str, unit_key: str | None) -> Iterator[None]:
    """Allows one undo of the same at a time: two would count as one. A dry run needs no lock."""
    if context.request.dry_run:
        yield
        return
    what = hashlib.sha256(f"{of_run}\x1f{unit_key}".encode()).hexdigest()[:40]
    holder = locks.holder_name(context.request.run_id)
    with locks.hold(context.ledger, UNDO, what, holder) as lock:
        if lock is None:
            raise ParamsError(f"{of_run} is being undone at this moment. Wait for it to end.")
        yield


def _register(context: RunContext, undone: Undone, unit_key: str | None, planned: Plan) -> None:
    request, ledger = context.request, context.ledger
    params = {"undo_of": undone.of_run, "unit_key": unit_key, "dry_run": undone.dry_run}
    runs.start_run(
        ledger, undone.run_id, UNDO, request.as_of, request.requested_by, undone.dry_run, params,
        request.triggered_by,
    )  # fmt: skip
    units: dict[str, set[str]] = {vendor: set() for vendor in VENDORS}
    units[VENDOR] |= {trace.unit_key for trace in planned.traces}
    for one in planned.left:
        units[one.vendor].add(one.unit_key)
    for vendor, keys in units.items():
        runs.plan_vendor(ledger, undone.run_id, vendor, None, len(keys))


def _revert_all(context: RunContext, undone: Undone, traces: list[Trace]) -> None:
    """Reverts through a pool of threads; after a stop the rest are failed, with the reason."""
    if not traces:
        return
    job = Job(
        context.ledger, undone.run_id, context.request.as_of, undone.dry_run,
        context.settings.profiles.search_lag_seconds, by_hand=ByHand(),
    )  # fmt: skip
    client = profiles_client(context)

    def deliver(trace: Trace) -> Delivered:
        if undone.stopped is not None:
            return Delivered(Outcome(VENDOR, trace.unit_key, "failed", str(undone.stopped), trace.vendor_id))
        try:
            return take_back(client, job, trace)
        except CredentialsRefused as error:
            undone.stopped = error
            return Delivered(Outcome(VENDOR, trace.unit_key, "failed", str(error), trace.vendor_id))

    with ThreadPoolExecutor(context.settings.profiles.calls_in_flight, thread_name_prefix="undo") as pool:
        for delivered in pool.map(deliver, traces):
            _save(context, undone, [delivered])


def _save(context: RunContext, undone: Undone, delivered: list[Delivered]) -> None:
    decided = [(one.outcome.unit_key, change) for one in delivered for change in one.changes]
    changes.save_changes(context.ledger, undone.run_id, VENDOR, decided)
    runs.save_outcomes(context.ledger, undone.run_id, [one.outcome for one in delivered])
    undone.outcomes += [one.outcome for one in delivered]
    undone.changes += decided


def _close(context: RunContext, undone: Undone) -> None:
    closing = Closing("failed" if undone.stopped else "success", states=dict.fromkeys(VENDORS, ()))
    ended_at = context.ledger.now()
    # The report comes before the end of the run: an undo that is stopped here is continued.
    row = {**runs.require_run(context.ledger, undone.run_id), "status": closing.status, "finished_at": ended_at}
    folder = context.data_folder / "reports" / folder_name(undone.run_id)
    write_report(folder, report_of(context.ledger, row))
    context.name_report(row)
    close_run(context.ledger, undone.run_id, closing, ended_at)
