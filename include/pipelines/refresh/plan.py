"""The first stage: the units that the run takes, and what the CRM holds about those that are due, from one snapshot.

Stages ``plan/scope`` (one row a unit: vendor flags, shard, digest), ``plan/carried`` (`carried`), ``source/<shard>``
(the frames of a shard, if a unit of it is due), ``labels/carried`` and ``found/clock``, ``found/strays``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import pandas as pd

from etl.extract import changes, identity, scope
from etl.extract.broken_rows import read_strays
from etl.extract.census import Census, take_census
from etl.extract.contact_units import with_own_units
from etl.extract.schema_check import check_schema
from etl.extract.shard import read_shard
from etl.extract.source import Snapshot
from etl.frames import are_among
from etl.load.ledger import links, runs
from etl.outcomes import NOT_SENT
from include.pipelines.couples.former import stage_former
from include.pipelines.guards import stop as guards
from include.pipelines.guards.extract import of_extract
from include.pipelines.identity.gone import stage_gone
from include.pipelines.identity.link_ownership import current_links
from include.pipelines.identity.merged import follow_dependents, follow_merges
from include.pipelines.identity.same_person import stage_twins
from include.pipelines.refresh import carried
from include.pipelines.refresh.dates_ahead import roll_back_dates
from include.pipelines.refresh.waived import stage_waivers
from include.pipelines.run.context import RunContext
from include.pipelines.run.findings import stage_clock, stage_strays
from include.pipelines.run.shards import shard_name
from include.runtime.staging import remove_old_runs


def begin_run(context: RunContext) -> None:
    """Registers a run, at night or by hand, and checks everything that can stop it before the CRM is read.

    Raises `ParamsError`, `SettingsError`, `SchemaMismatch`, `SourceUnavailable`.
    """
    request = context.request
    runs.start_run(
        context.ledger, request.run_id, request.dag_id, request.as_of, request.requested_by, request.dry_run,
        request.as_json(), request.triggered_by,
    )  # fmt: skip
    request.require_no_mistake()
    if not request.dry_run:
        remove_old_runs(context.data_folder, context.settings.data.keep_days)
    for vendor in request.vendors:
        context.connections.vendor(vendor)
    _ = context.vendor_users, context.overrides
    roll_back_dates(context)
    check_schema(context.connections.crm)
    stage_waivers(context)


def plan_and_extract(context: RunContext) -> list[int]:
    """Registers the run, decides its scope, stages its shards; gives the shards' numbers.

    Raises `SchemaMismatch` (before anything is read), `ParamsError`, `SettingsError`, `SourceUnavailable`,
    `SourceUnreadable`, and `GuardTripped` where nothing is due and a guard stops the run: else the vendors' checks do,
    with their own causes.
    """
    begin_run(context)
    guards.require_something_to_release(context)
    with Snapshot(context.connections.crm) as snapshot:
        census, planned = _decide(context, snapshot)
        shards = scope.in_shards(planned.taken, context.settings.refresh.households_per_shard)
        numbers = pd.Series({unit: number for number, units in enumerate(shards) for unit in units}, dtype="int64")
        kept = {
            vendor: carried.with_witnesses(rows, numbers[planned.flags[vendor].reindex(numbers.index)])
            for vendor, rows in planned.carried.items()
        }
        due = planned.flags.assign(
            **{vendor: planned.flags[vendor] & ~planned.flags.index.isin(rows.index) for vendor, rows in kept.items()}
        )

        def stage(number: int) -> None:
            flags = due.loc[shards[number]]
            flags = flags[flags.any(axis=1)]
            if flags.empty:
                return
            frames = read_shard(snapshot, census, flags.index)
            for vendor, is_due in flags.items():
                frames["units"] = frames["units"].append_column(f"in_{vendor}", [is_due.to_numpy()])
            context.staging.write(shard_name("source", number), frames)

        snapshot.in_threads(stage, range(len(shards)))
        stage_former(context, snapshot, census, due.index[due.any(axis=1)], planned.linked)
        carried.stage_labels(context, snapshot, census, kept)
        strays = read_strays(snapshot)
    stage_strays(context, strays)
    carried.stage(context, kept, numbers)
    _stage_scope(context, census, planned, numbers)
    _guard(context, census, planned)
    return list(range(len(shards)))


def _decide(context: RunContext, snapshot: Snapshot) -> tuple[Census, _Plan]:
    """The census and the scope. Before the scope: follows merged contacts, holds twins, reports units that are gone."""
    people = identity.read_identities(snapshot)
    census = _take_census(context, snapshot, people)
    grounds = carried.read_grounds(context, snapshot, census, people)
    planned = _plan(context, snapshot, census, identity.read_twins(snapshot, census, people), grounds)
    for vendor, linked in planned.linked.items():
        stage_gone(context, snapshot, vendor, census, linked, people)
    if "profiles" in planned.linked:
        follow_dependents(context, census, planned.taken, planned.linked["profiles"], people)
    return census, planned


def _guard(context: RunContext, census: Census, planned: _Plan) -> None:
    """Stages the causes of the guards for the vendors' checks. Where no unit is due, they stop the run here."""
    causes = {
        vendor: of_extract(
            context,
            vendor,
            census,
            planned.enrolled[vendor],
            planned.movement,
            planned.linked[vendor],
            planned.states[vendor],
        )
        for vendor in context.request.vendors
    }
    guards.stage_causes(context, (cause for of_vendor in causes.values() for cause in of_vendor))
    if planned.taken.empty:
        guards.require_plausible(context, causes, {vendor: {} for vendor in causes})


def _take_census(context: RunContext, snapshot: Snapshot, people: pd.DataFrame) -> Census:
    """All units of the CRM, after the links of merged contacts were moved (MATCH-MERGED).

    A contact whom a run by hand has linked alone stays a unit, for example a grown-up child in a household (SCP-6).
    """
    census = take_census(snapshot)

    def with_linked() -> Census:
        return with_own_units(snapshot, census, links.contacts_linked(context.ledger, context.request.vendors))

    follow_merges(context, snapshot, with_linked(), people)
    return with_linked()


@dataclass(frozen=True)
class _Plan:
    """flags: a bool column for each vendor, by unit number; taken: unit numbers.

    By vendor: linked, the links as `links.read_links_of` gives them; enrolled: unit numbers; states: as
    `runs.read_unit_states` gives them; carried: `carried.COLUMNS`; unsettled: unit keys.
    """

    flags: pd.DataFrame
    movement: changes.Movement
    watermark: datetime | None
    linked: dict[str, pd.DataFrame]
    basis: int
    enrolled: dict[str, pd.Index] = field(default_factory=dict)
    states: dict[str, pd.DataFrame] = field(default_factory=dict)
    carried: dict[str, pd.DataFrame] = field(default_factory=dict)
    unsettled: dict[str, set[str]] = field(default_factory=dict)

    @property
    def taken(self) -> pd.Index:
        return self.flags.index[self.flags.any(axis=1)]


def _plan(
    context: RunContext, snapshot: Snapshot, census: Census, twins: identity.Twins, grounds: carried.Grounds
) -> _Plan:
    request = context.request
    movement = changes.track(snapshot, census)
    flags = pd.DataFrame(False, index=census.units.index, columns=["profiles", "emoney"])
    planned = _Plan(flags, movement, movement.watermark if _is_whole(context) else None, {}, grounds.basis)
    for vendor in request.vendors:
        linked = planned.linked[vendor] = current_links(context, snapshot, vendor, census)
        enroll = getattr(context.settings, vendor).enroll
        enrolled = planned.enrolled[vendor] = scope.enrolled(snapshot, census, enroll, set(linked["unit_key"]))
        stage_twins(context, vendor, twins, set(linked["unit_key"]), census.units.loc[enrolled, "unit_key"])
        planned.states[vendor] = runs.read_unit_states(context.ledger, vendor)
        planned.unsettled[vendor] = carried.find_unsettled(context, vendor, census, linked)
        if request.is_holiday:
            wanted = census.units.index[:0]
        elif request.unit_keys:
            wanted = census.of_keys(list(request.unit_keys))
        elif request.full or (since := runs.last_watermark(context.ledger, vendor)) is None:
            wanted = census.units.index
        else:
            wanted = _due(context, vendor, census, planned, since, grounds)
        flags.loc[enrolled.intersection(wanted), vendor] = True
    return planned


def _is_whole(context: RunContext) -> bool:
    """Whether the run looks at everything that changed: only then the next run may begin from its watermark."""
    return not context.request.unit_keys and not context.request.is_holiday


def _due(
    context: RunContext, vendor: str, census: Census, planned: _Plan, since: datetime, grounds: carried.Grounds
) -> pd.Index:
    """SCP-4: units that changed, came back, are new, depend on the date, or are due for the feed.

    All units where the basis of their last verdict was another. Of those, the ones that are carried are noted.
    """
    ledger, states = context.ledger, planned.states[vendor]
    changed = planned.movement.changed(since, context.settings.refresh.overlap, states[["unit_key", "digest"]])
    is_back = states["outcome"].isin(NOT_SENT) | states["basis"].ne(grounds.basis).fillna(True)
    keys = {*states.loc[is_back, "unit_key"], *carried.always_due(context, vendor)}
    due = changed
    if vendor == "profiles":
        due = due.union(grounds.computed)
    else:
        refreshed = links.read_sent(ledger, vendor, "items")
        done = set(refreshed.loc[refreshed["as_of"] >= context.request.as_of, "unit_key"])
        keys |= set(planned.linked[vendor]["unit_key"]) - done
    due = due.union(census.units.index[are_among(census.units["unit_key"], keys)])
    units = census.units["unit_key"]
    wanted = units.loc[due.intersection(planned.enrolled[vendor])]
    moved = {*units.loc[changed], *planned.unsettled[vendor]}
    if not context.request.dry_run:
        planned.carried[vendor] = carried.choose(context, vendor, wanted, states, grounds, moved)
    return due


def _stage_scope(context: RunContext, census: Census, planned: _Plan, numbers: pd.Series) -> None:
    request = context.request
    units = census.units.loc[planned.taken, ["unit_key"]].join(planned.flags)
    units["shard"] = numbers.reindex(units.index)
    units = units.join(planned.movement.units[["digest", "records"]]).assign(basis=planned.basis)
    lists = {
        "left": [(vendor, key) for vendor in request.vendors for key in _left(context, vendor, census, planned)],
        "unsettled": [(vendor, key) for vendor, keys in planned.unsettled.items() for key in sorted(keys)],
    }
    tables = {name: pd.DataFrame(rows, columns=["vendor", "unit_key"], dtype="str") for name, rows in lists.items()}
    context.staging.write("plan/scope", {"units": units, **tables})
    stage_clock(context, planned.movement)
    for vendor in request.vendors:
        runs.plan_vendor(context.ledger, request.run_id, vendor, planned.watermark, int(units[vendor].sum()))


def _left(context: RunContext, vendor: str, census: Census, planned: _Plan) -> list[str]:
    """Units that left the enrollment. A unit that comes back later counts as new: no run watched it in between."""
    if not _is_whole(context):
        return []
    watched = planned.states[vendor]["unit_key"]
    return watched[~are_among(watched, census.units.loc[planned.enrolled[vendor], "unit_key"])].tolist()
