"""The guards: an implausible run stops before its first write, with all causes at once and the ways out.

The extract is compared with the last finished run (`extract`), the documents with what was last sent (`documents`). A
stopped run is kept by hash, so that a person can release exactly that, with a reason: the parameter ``release_guard``.

Runs for named units, by hand and on holidays are not guarded; a dry run reports what a guard would report. Stages
``plan/guards`` (the causes from the extract, to which the vendors' checks add theirs) and, in a dry run,
``guards/<vendor>``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date
from pathlib import Path

import pandas as pd

from etl.errors import VENDOR_NAMES, GuardTripped, ParamsError
from etl.load.ledger import guards
from etl.load.ledger.guards import Stopped
from include.pipelines.run.context import VENDORS, RunContext
from include.runtime.settings import PREFIX

STAGE = "plan/guards"
SAID = "guards"
# Keys of units that a cause names.
NAMED = 10


@dataclass(frozen=True)
class Cause:
    """Why a guard stops a run: ``affected`` of ``of``; ``table``: the CRM's, ``field``: the vendor's.

    ``units``: a hash of the affected units' keys, where only the keys identify the cause.
    """

    guard: str
    vendor: str
    words: str
    affected: int
    of: int
    table: str = ""
    field: str = ""
    pattern: str = ""
    units: str = ""

    @property
    def identity(self) -> list[str | int]:
        """The cause without its words and limits."""
        return [value for name, value in asdict(self).items() if name != "words"]


@dataclass(frozen=True)
class Limit:
    """A percentage, with the name of its setting, and the number of units from which it counts."""

    setting: str
    percent: float
    at_least: int

    @classmethod
    def of(cls, context: RunContext, setting: str) -> Limit:
        """The limit of that name in the section Guard."""
        return cls(setting, getattr(context.settings.guard, setting), context.settings.guard.at_least)

    def least(self, of: int) -> int:
        """The least number of units that is too many."""
        return max(self.at_least, int(self.percent * of / 100) + 1)

    def is_passed(self, units: int, affected: int, of: int) -> bool:
        """Whether ``affected`` records, items or units of ``of`` are too many; ``units``: the units they belong to."""
        return units >= self.at_least and affected * 100 > self.percent * of

    def cause(self, guard: str, vendor: str, words: str, affected: int, of: int, **more: str) -> Cause:
        """The cause of a run that has passed this limit."""
        share = affected * 100 / of if of else 100
        limit = f"{share:.0f} %, allowed {self.percent:g} %: {PREFIX}GUARD__{self.setting.upper()}"
        return Cause(guard, vendor, f"{words} ({limit})", affected, of, **more)


def is_guarded(context: RunContext) -> bool:
    """Whether the guards look at this run: it takes all units that are due, not named ones."""
    request = context.request
    return not (request.unit_keys or request.by_hand or request.is_holiday)


def require_something_to_release(context: RunContext) -> None:
    """Raises `ParamsError` where ``release_guard`` is given without a stopped run, or by the schedule."""
    request = context.request
    if request.release_guard is None:
        return
    if request.triggered_by is None:
        raise ParamsError("release_guard needs a person: trigger the run as a user of your own.")
    waits = any(guards.find_stop(context.ledger, vendor) for vendor in request.vendors)
    if not waits and not guards.read_releases(context.ledger, request.run_id):
        raise ParamsError("release_guard: no run that a guard has stopped waits. Trigger the run without it.")


def stage_causes(context: RunContext, causes: Iterable[Cause]) -> None:
    """Stages the causes from the extract for the vendors' checks, which stop for all causes at once."""
    names = [one.name for one in fields(Cause)]
    context.staging.write(STAGE, {"causes": pd.DataFrame([asdict(cause) for cause in causes], columns=names)})


def staged_causes(context: RunContext, vendor: str) -> list[Cause]:
    """The causes from the extract for a vendor."""
    if not context.staging.has(STAGE):
        return []
    causes = context.staging.read(STAGE)["causes"]
    mine = causes[causes["vendor"] == vendor]
    return [Cause(*row) for row in mine.astype(object).itertuples(index=False)]


def require_plausible(
    context: RunContext, causes: Mapping[str, Collection[Cause]], documents: Mapping[str, Mapping[str, str]]
) -> None:
    """Stops the run for its causes, by vendor, unless a person has released exactly this.

    ``documents``: by vendor, unit key -> hash of what would be sent. Raises `GuardTripped`.
    """
    if not is_guarded(context):
        return
    said = {vendor: _judge(context, vendor, list(causes[vendor]), documents[vendor]) for vendor in causes}
    stops = [words for words in said.values() if words is not None]
    if stops:
        raise GuardTripped(" ".join(stops))


def _judge(context: RunContext, vendor: str, causes: list[Cause], documents: Mapping[str, str]) -> str | None:
    """The reason why the run stops for a vendor; None where it goes on."""
    request, ledger = context.request, context.ledger
    words, content = tuple(cause.words for cause in causes), hash_of(cause.identity for cause in causes)
    parts = [asdict(cause) for cause in causes]
    now = Stopped(vendor, request.run_id, request.as_of, words, content, documents, parts)
    if request.dry_run:
        context.staging.write(f"{SAID}/{vendor}", {"causes": pd.DataFrame({"words": list(words)}, dtype="str")})
        return _in_words(context, now) if any(cause.guard == "crm_empty" for cause in causes) else None
    waiting = guards.find_stop(ledger, vendor)
    otherwise = ""
    if request.release_guard is not None and waiting is not None:
        if _may_go_on(context, waiting, now, request.release_guard):
            return None
        otherwise = f"{_difference(waiting, now)} "
        if not causes:
            return f"{VENDOR_NAMES[vendor]}: {otherwise}Nothing was sent. No guard stops this: trigger it without."
    if not causes:
        # The stopped run is plausible now: it must not block the release of another vendor.
        guards.forget_stop(ledger, vendor)
        return None
    guards.save_stop(ledger, now)
    return otherwise + _in_words(context, now)


def _may_go_on(context: RunContext, waiting: Stopped, now: Stopped, reason: str) -> bool:
    """Whether the run equals the stopped one; records the release once. A step that is run again goes on."""
    request = context.request
    done = guards.read_releases(context.ledger, request.run_id).get(now.vendor)
    if done is not None:
        return done.documents_hash == now.documents_hash
    if _contents(waiting) != _contents(now):
        return False
    assert request.triggered_by is not None
    guards.save_release(context.ledger, request.run_id, waiting, reason, request.triggered_by)
    return True


def _contents(stopped: Stopped) -> tuple[date, str, str]:
    return stopped.as_of, stopped.causes_hash, stopped.documents_hash


def _difference(waiting: Stopped, now: Stopped) -> str:
    """How the run differs from the stopped one, in words."""
    before, after = waiting.documents, now.documents
    units = {
        "changed": sorted(key for key in after.keys() & before.keys() if after[key] != before[key]),
        "new": sorted(after.keys() - before.keys()),
        "missing": sorted(before.keys() - after.keys()),
    }
    parts = [f"{what}: {named(keys)}" for what, keys in units.items() if keys]
    if waiting.as_of != now.as_of:
        parts.append(f"as of {now.as_of} instead of {waiting.as_of}")
    if waiting.causes_hash != now.causes_hash:
        parts.append("the guards count otherwise")
    return f"release_guard: what would be sent now is not what was stopped in {waiting.run_id} ({'; '.join(parts)})."


def _in_words(context: RunContext, stopped: Stopped) -> str:
    request, many = context.request, len(stopped.causes) > 1
    causes = "; ".join(f"({number}) {words}" if many else words for number, words in enumerate(stopped.causes, 1))
    conf: dict[str, object] = {"release_guard": "<your reason>"}
    if request.full:
        conf["full"] = True
    if request.vendors != VENDORS:
        conf["vendors"] = list(request.vendors)
    return (
        f"{VENDOR_NAMES[stopped.vendor]}: {causes}. Nothing was sent. Look into the CRM first, and mend it there. "
        f"If it is right, let exactly this go on: trigger weeknight_refresh with {json.dumps(conf)}."
    )


def releases_for_report(context: RunContext) -> dict[str, str]:
    """Who let go on in this run what a guard had stopped, and why."""
    return {
        f"{VENDOR_NAMES[vendor]} guard released": f"{one.reason} ({one.released_by}; stopped in {one.stopped_run_id})"
        for vendor, one in guards.read_releases(context.ledger, context.request.run_id).items()
    }


def said_to_dry_run(context: RunContext) -> dict[str, str]:
    """vendor -> what a guard would stop, in words, for a dry run."""
    said = {
        stage.rpartition("/")[2]: context.staging.read(stage)["causes"]["words"]
        for stage in context.staging.stages(SAID)
    }
    return {vendor: "; ".join(words) for vendor, words in said.items() if len(words)}


def named(keys: Collection[str]) -> str:
    """The first of some units' keys."""
    few = list(keys)[:NAMED]
    return ", ".join(few) + (f" and {len(keys) - len(few):,} more" if len(keys) > len(few) else "")


def hash_of(parts: Iterable[object]) -> str:
    """A hash of texts and numbers, in their order."""
    return hashlib.sha256(json.dumps(list(parts)).encode()).hexdigest()


def linked_marker(context: RunContext, vendor: str) -> Path:
    """The file which says that the ledger of a data folder has links at the vendor."""
    return context.data_folder / f"linked_at_{vendor}"


def remember_links(context: RunContext, vendor: str) -> None:
    """After a run that finished for the vendor: marks the data folder as having links, and forgets a stopped run."""
    marker = linked_marker(context, vendor)
    if not marker.exists() and not guards.is_blank(context.ledger, vendor):
        marker.write_text(
            f"The ledger of this data folder links units to their records at {VENDOR_NAMES[vendor]}. A run that finds "
            "an empty ledger beside this file stops.\n"
        )
    if is_guarded(context):
        guards.forget_stop(context.ledger, vendor)
