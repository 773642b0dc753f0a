"""The first stages of a run by hand: the unit that is meant, whether it may go, and its document, as at night.

Nothing is sent before these stages are through. A request that cannot be carried out is refused in words
(`ParamsError`), with the run in the ledger and the reason in its report.
"""

from __future__ import annotations

import pandas as pd

from etl.errors import ParamsError
from etl.extract import identity, office_users, single_unit
from etl.extract.census import Census
from etl.extract.changes import Movement, track
from etl.extract.contact_units import units_of_persons
from etl.extract.shard import Frames, read_shard
from etl.extract.source import Snapshot, to_frame
from etl.frames import are_among
from etl.load.ledger import life_events, links, pins, runs
from etl.units import contact_keys
from etl.values import USER_STATUS_ENABLED, USER_STATUSES, VENDOR_LICENSES, is_one_of
from include.pipelines.couples.former import stage_former
from include.pipelines.couples.life_events import find_parted, read_confirmed
from include.pipelines.household.relink import end_link, make_link
from include.pipelines.identity.link_ownership import current_links, read_taken_over
from include.pipelines.identity.merged import follow_dependents, follow_merges_of
from include.pipelines.identity.same_person import stage_twins_beside, stage_twins_of
from include.pipelines.refresh.plan import begin_run
from include.pipelines.refresh.transform import transform_shard
from include.pipelines.refresh.validate import validate_vendor
from include.pipelines.run.context import VENDORS, HandRequest, RunContext
from include.pipelines.run.findings import stage_clock
from include.pipelines.run.shards import read_scope, shard_name
from include.runtime import fields
from include.runtime.acting import is_unknown


def prepare_unit(context: RunContext) -> str:
    """Registers the run, finds the unit, builds its document and puts it through the gate; gives the unit's key.

    A person confirms the end of a couple: then the former partners go to Profiles in the same run, each as a unit of
    their own (LIFE-EVENT). Raises `ParamsError` where the unit or the user cannot run, and what the stages raise.
    """
    unit_key = read_unit(context)
    vendor = context.request.vendor
    if context.request.hand.what.unlink is not None:
        return unit_key
    transform_shard(context, 0)
    is_confirmed = vendor == "profiles" and context.request.hand.what.life_event is not None
    parted = find_parted(context, vendor) if is_confirmed else []
    partners = read_former_partners(context, unit_key, parted) if is_confirmed else 0
    for number in range(1, partners + 1):
        transform_shard(context, number)
    validate_vendor(context, vendor)
    if partners and parted and unit_key not in read_confirmed(context, vendor):
        _leave_partners(context, unit_key)
    return unit_key


def read_unit(context: RunContext) -> str:
    """Stages ``plan/scope`` and ``source/00000`` of the one unit; gives the unit's key."""
    begin_run(context)
    vendor = context.request.vendor
    with Snapshot(context.connections.crm, readers=1) as snapshot:
        _require_user(context, snapshot)
        if context.request.hand.what.unlink is not None:
            return end_link(context, snapshot)
        unit_key = _unit_key(snapshot, context.request.hand)
        census, at, frames, movement = _read(snapshot, unit_key)
        make_link(context, snapshot, unit_key, _people(census, at))
        told_apart = follow_merges_of(context, snapshot, census, at)
        linked = current_links(context, snapshot, vendor, census, pd.Index([at]))
        stage_former(context, snapshot, census, pd.Index([at]), {vendor: linked})
        stage_twins_of(context, snapshot, census, at, told_apart)
        if vendor == "profiles":
            members = identity.read_identities_like(snapshot, census.people["contact_id"])
            follow_dependents(context, census, pd.Index([at]), linked, members)
    clients = census.units.loc[[at], "client_contact_id"].dropna()
    known = {unit_key, *contact_keys(clients), *read_taken_over(context, vendor).values()}
    _check_choice(context, vendor, known)
    _stage(context, frames, movement, 0)
    _pin(context, unit_key)
    _plan(context, movement.units)
    return unit_key


def _people(census: Census, at: int) -> list[int]:
    """The contacts of a unit, its client first."""
    client = census.units.loc[[at], "client_contact_id"].dropna().astype("int64")
    others = census.people.loc[census.people["unit"] == at, "contact_id"]
    return [int(one) for one in pd.concat([client, others]).drop_duplicates()]


def read_former_partners(context: RunContext, unit_key: str, parted: list[int]) -> int:
    """Stages the former partners of the unit's couple as units of their own, from ``source/00001`` on; gives how many.

    ``parted``: the contacts who are of the unit no longer. A former partner who is a spouse again, or leads several
    units, needs another run. A former partner who was left out when the event was carried out goes when a person
    confirms the event again. Those that an earlier try of the run has dealt with count, too.
    """
    vendor = context.request.vendor
    ledger, run_id = context.ledger, context.request.run_id
    earlier = [] if parted else life_events.parted_last(ledger, vendor, unit_key)
    before = set(runs.read_outcomes(ledger, run_id, vendor)["unit_key"]) - {unit_key}
    if not parted and not earlier and not before:
        return 0
    with Snapshot(context.connections.crm, readers=1) as snapshot:
        led = units_of_persons(snapshot, [*parted, *earlier])
        led = led[led["unit_key"] != unit_key].drop_duplicates("client_contact_id", keep=False)
        done = set(links.read_links(ledger, vendor, led["unit_key"])["unit_key"]) if earlier else set()
        partners = sorted({*led.loc[~led["unit_key"].isin(done), "unit_key"], *before})
        read = [_read(snapshot, partner) for partner in partners]
        stage_twins_beside(context, snapshot, [(census, at) for census, at, _frames, _movement in read])
    for number, (_census, _at, frames, movement) in enumerate(read, 1):
        _stage(context, frames, movement, number)
    planned = read_scope(context).head(1)
    _plan(context, pd.concat([planned, *(movement.units for _census, _at, _frames, movement in read)]))
    return len(partners)


def _leave_partners(context: RunContext, unit_key: str) -> None:
    """The gate holds the unit, so its event is not carried out: the run goes on without the former partners."""
    vendor = context.request.vendor
    scope = read_scope(context)
    partners = scope.loc[scope["unit_key"] != unit_key, "unit_key"]
    verdict = context.staging.read(f"verdict/{vendor}")
    mine = {name: rows[~are_among(rows["unit_key"], partners)] for name, rows in verdict.items()}
    context.staging.write(f"verdict/{vendor}", mine)
    for number in range(1, len(scope)):
        context.staging.remove(shard_name(vendor, number))
    _plan(context, scope.head(1))


def _read(snapshot: Snapshot, unit_key: str) -> tuple[Census, int, Frames, Movement]:
    """The census around the unit, the unit's number there, its frames, and when its rows were changed."""
    census, at = single_unit.take_census_of(snapshot, unit_key)
    numbers = pd.Index([at])
    return census, at, read_shard(snapshot, census, numbers), track(snapshot, census, numbers)


def _stage(context: RunContext, frames: Frames, movement: Movement, number: int) -> None:
    vendor = context.request.vendor
    _name_user(context, frames)
    for name in VENDORS:
        frames["units"] = frames["units"].append_column(f"in_{name}", [[name == vendor]])
    context.staging.write(shard_name("source", number), frames)
    stage_clock(context, movement, f"clock-{number:05d}")


def _plan(context: RunContext, units: pd.DataFrame) -> None:
    """Stages the units of the run, each as a shard: the first is the unit that was asked for."""
    vendor = context.request.vendor
    scope = units[["unit_key", "digest", "records"]].assign(shard=range(len(units)))
    flags = {name: name == vendor for name in VENDORS}
    context.staging.write("plan/scope", {"units": scope.assign(**flags)})
    runs.plan_vendor(context.ledger, context.request.run_id, vendor, None, len(units))


def _unit_key(snapshot: Snapshot, hand: HandRequest) -> str:
    if hand.household_id is not None:
        return single_unit.unit_of_household(snapshot, hand.household_id)
    assert hand.contact_id is not None
    return single_unit.unit_of_contact(snapshot, hand.contact_id)


def _check_choice(context: RunContext, vendor: str, own: set[str]) -> None:
    """Raises `ParamsError` where the case or household that was chosen is linked to another unit."""
    what = context.request.hand.what
    for name, chosen, column in (
        ("case_id", what.case_id, "vendor_case_id"),
        ("vendor_household_id", what.household_id, "vendor_client_id"),
    ):
        owner = links.unit_linked_to(context.ledger, vendor, column, chosen) if chosen else None
        if owner is not None and owner not in own:
            raise ParamsError(f"{name} {chosen} belongs to {owner}, which is another unit: choose one of its own.")


def _pin(context: RunContext, unit_key: str) -> None:
    """Pins and unpins the fields that were asked for; a dry run only checks that this can be done."""
    request, what = context.request, context.request.hand.what
    if request.dry_run:
        pins.check_unpins(context.ledger, unit_key, what.unpins, request.run_id)
    else:
        pins.change_pins(
            context.ledger, unit_key, what.pins, what.unpins, request.requested_by, request.run_id, request.triggered_by
        )


def _require_user(context: RunContext, snapshot: Snapshot) -> None:
    """The rights of the user in whose name the run goes: LIC-ACTING, LIC-ENABLED, LIC-PROFILES, LIC-EMONEY.

    Raises `ParamsError`.
    """
    hand, acting = context.request.hand, context.request.triggered_by
    if hand.user_name is None:
        return
    user = office_users.read_user(snapshot, hand.user_name)
    if user.empty and (acting is None or hand.user_name != acting):
        raise ParamsError(f"{fields.named('requested_by')}: the CRM has no user of that name.")
    if user.empty:
        if not hand.may_act_for_others:
            raise ParamsError(is_unknown(hand.user_name))
        return
    vendor = context.request.vendor
    license_name, rule_id = VENDOR_LICENSES[vendor]
    lacking = []
    if not is_one_of(user["status"], USER_STATUSES).all():
        lacking.append(f"{USER_STATUS_ENABLED} (LIC-ENABLED)")
    if license_name not in set(user["right_name"].dropna().str.strip()):
        lacking.append(f"{license_name} ({rule_id})")
    if lacking:
        who = f"{fields.named('requested_by')}: {hand.user_name}"
        raise ParamsError(f"{who} lacks {', '.join(lacking)}. See User Rights.")


def _name_user(context: RunContext, frames: Frames) -> None:
    """The unit runs in the name of the user who was named, else of the user to whom it is assigned."""
    user_name = context.request.hand.user_name
    if user_name is None:
        return
    users = to_frame(frames["users"])
    named = users[users["user_name"].str.strip() == user_name]
    if named.empty:
        _require_assigned(frames)
    else:
        frames["units"] = frames["units"].append_column("user_id", [[int(named["user_id"].iloc[0])]])


def _require_assigned(frames: Frames) -> None:
    """LIC-ACTING: a person who is no user of the CRM acts for the user to whom the client is assigned."""
    contacts, units = to_frame(frames["contacts"]), to_frame(frames["units"])
    clients = contacts[contacts["contact_id"].isin(units["client_contact_id"])]
    if clients["assigned_user_id"].isna().any():
        unit_key = units["unit_key"].iloc[0]
        raise ParamsError(
            f"{unit_key} is assigned to nobody: fill in {fields.named('requested_by')}, the user in whose name it goes."
        )
