"""The form of `household_sync`, read and checked as far as that goes without the CRM."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from etl.errors import VENDOR_NAMES, ParamsError
from etl.load.job import ByHand, LinkTo, WantedLink
from etl.load.profiles.pins import read_pins, read_unpins
from etl.load.profiles.search import BUTTONS
from etl.shapes import shape_of
from include.pipelines.run.context import VENDORS, HandRequest, RunRequest
from include.runtime.acting import Triggered
from include.runtime.fields import named
from include.runtime.params import (
    is_source_key,
    read_as_of,
    read_choice,
    read_list,
    read_number,
    read_switch,
    read_text,
    refuse_unknown,
)

ACTIONS = {
    "profiles": ("auto", "create_client_and_case", "create_case", "update_case", "open_case"),
    "emoney": ("auto", "update"),
}
# The parameters that only one of the vendors knows.
ONLY_AT = {
    "case_id": "profiles",
    "vendor_household_id": "profiles",
    "pin": "profiles",
    "unpin": "profiles",
    "links": "emoney",
}
_ANSWERS = {"yes": True, "true": True, "no": False, "false": False}


def read_sync_request(run: Triggered, latest_as_of: date = date.max) -> RunRequest:
    """The request of a run by hand. Raises `ParamsError` for a value that is not as the form says (LIC-ACTING)."""
    params, actor = run.params, run.actor
    refuse_unknown(run.conf, params)
    vendor = read_choice("vendor", params.get("vendor"), VENDORS)
    household_id, contact_id = (read_number(name, params.get(name)) for name in ("household_id", "contact_id"))
    if (household_id is None) == (contact_id is None):
        both = "not both" if household_id is not None else "one of them"
        raise ParamsError(f"Fill in {named('household_id')} or {named('contact_id')}, {both}.")
    for name, only in ONLY_AT.items():
        if only != vendor and params.get(name) not in (None, "", []):
            raise ParamsError(
                f"{named(name)} means nothing at {VENDOR_NAMES[vendor]}: leave it empty, or run for "
                f"{VENDOR_NAMES[only]}."
            )
    user_name = actor.in_the_name_of(read_text("requested_by", params.get("requested_by")))
    what = _what(vendor, params, run.at)
    return RunRequest(
        run.run_id,
        run.dag_id,
        read_as_of(params, run.day, latest_as_of),
        (vendor,),
        dry_run=read_switch("dry_run", params),
        requested_by=user_name or actor.name,
        triggered_by=actor.name,
        by_hand=HandRequest(household_id, contact_id, what, user_name, actor.may_act_for_others),
    )


def unreadable(run: Triggered) -> RunRequest:
    """The request of a run by hand whose form cannot be read: it asks for nothing."""
    nobody, name = HandRequest(None, None, ByHand()), run.actor.name
    return RunRequest(run.run_id, run.dag_id, run.day, requested_by=name, triggered_by=name, by_hand=nobody)


def _what(vendor: str, params: Mapping[str, Any], asked_at: datetime) -> ByHand:
    action = read_choice("action", params.get("action") or "auto", ACTIONS[vendor], f" at {VENDOR_NAMES[vendor]}")
    update = _answer("update", params.get("update"))
    if not update and vendor != "emoney":
        raise ParamsError(
            f"{named('update')} cannot be off at Profiles. Open Case writes nothing; {named('dry_run')} says what "
            "would be written."
        )
    household_id, case_id = (read_text(name, params.get(name)) for name in ("vendor_household_id", "case_id"))
    if case_id and action in ("create_client_and_case", "create_case"):
        raise ParamsError(f"{_label(action)} makes a case of its own: leave {named('case_id')} empty.")
    if household_id and action == "create_client_and_case":
        raise ParamsError(f"{_label(action)} makes a household of its own: leave {named('vendor_household_id')} empty.")
    wanted = ByHand(
        action="auto" if action == "update" else action,
        household_id=household_id,
        case_id=case_id,
        update=update,
        life_event=read_text("confirm_life_event", params.get("confirm_life_event")),
        asked_at=asked_at.astimezone(UTC).replace(tzinfo=None),
        links=tuple(_link(given) for given in read_list("links", params.get("links"))),
        pins=read_pins(params.get("pin")),
        unpins=read_unpins(params.get("unpin")),
        are_two=read_text("are_two", params.get("are_two")),
        unlink=read_text("unlink", params.get("unlink")),
        link_to=_link_to(params.get("link_to")),
    )
    _check_link_change(wanted, asked_at, read_switch("dry_run", params))
    return wanted


def _label(action: str) -> str:
    """The action as the form and the buttons of the Search list name it."""
    return next(button for button, does in BUTTONS.items() if does == action)


def _check_link_change(wanted: ByHand, asked_at: datetime, is_dry: bool) -> None:
    """A run that ends a link does nothing else. A run that makes a link names the record, and is no dry run."""
    if wanted.unlink is not None:
        asked = asked_at.astimezone(UTC).replace(tzinfo=None)
        if wanted != ByHand(unlink=wanted.unlink, asked_at=asked):
            raise ParamsError(
                f"{named('unlink')} ends a link and sends nothing: leave all empty but household, contact and vendor."
            )
    if wanted.link_to is not None:
        if wanted.action != "auto" or wanted.household_id or wanted.case_id or wanted.life_event:
            others = ", ".join(map(named, ("vendor_household_id", "case_id", "confirm_life_event")))
            raise ParamsError(
                f"{named('link_to')} names the record: leave {named('action')} at Auto, and {others} empty."
            )
        if is_dry:
            raise ParamsError(
                f"{named('link_to')} links, and then sends: a dry run can do neither. Leave {named('dry_run')} off."
            )


def _link_to(given: object) -> LinkTo | None:
    example = f'{named("link_to")} names a record and a reason: {{"id": "31", "reason": "same person"}}'
    if given in (None, "", {}):
        return None
    if not isinstance(given, Mapping):
        raise ParamsError(f"{example}; not {shape_of(given)}.")
    names = ("id", "case_id", "reason")
    strangers = sorted(set(given) - set(names))
    client_id, case_id, reason = (read_text(f"{name} of link_to", given.get(name)) for name in names)
    if strangers or client_id is None or reason is None:
        raise ParamsError(f"{example}, and at Profiles a case_id, as texts.")
    return LinkTo(client_id, case_id, reason)


def _answer(name: str, value: object) -> bool:
    if value in (None, ""):
        return True
    answer = _ANSWERS.get(str(value).strip().lower())
    if answer is None:
        raise ParamsError(f"{named(name)} is yes or no, not {shape_of(value)}.")
    return answer


def _link(given: object) -> WantedLink:
    example = (
        f'{named("links")} names accounts and policies: "account:5", or {{"source_key": "account:5", "classification": '
        '"…"}'
    )
    if isinstance(given, str):
        given = {"source_key": given}
    if not isinstance(given, Mapping):
        raise ParamsError(f"{example}; not {shape_of(given)}.")
    values = {"source_key" if name == "sourceKey" else name: value for name, value in given.items()}
    strangers = sorted(set(values) - {"source_key", "classification", "owner"})
    source_key = str(values.get("source_key", "")).strip()
    if strangers or not is_source_key(source_key):
        raise ParamsError(f"{example}; not {shape_of(given)}.")
    owner = read_text("the owner of a link", values.get("owner"))
    if owner is not None:
        read_choice(f"the owner of {source_key}", owner, ("client", "spouse", "other"))
    return WantedLink(source_key, read_text("the classification of a link", values.get("classification")), owner)
