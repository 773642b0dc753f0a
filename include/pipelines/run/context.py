"""The request of a run, and its context: where it finds its databases, vendors and files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from functools import cached_property
from typing import Any

from etl.errors import ParamsError
from etl.load.job import ByHand
from etl.shapes import shape_of
from etl.units import is_unit_key
from expectations import rules
from include import ROOT
from include.runtime.acting import Triggered
from include.runtime.context import Context
from include.runtime.fields import named
from include.runtime.params import read_as_of, read_switch, read_text, refuse_unknown
from include.runtime.vendor_users import VendorUsers, read_vendor_users

VENDORS = ("profiles", "emoney")


@dataclass(frozen=True)
class HandRequest:
    """A request for one household or one contact of the CRM.

    ``user_name``: the CRM user whose licenses count; None: the user to whom the client is assigned, as at night. The
    assigned user counts, too, where an Airflow user who ``may_act_for_others`` is no user of the CRM (LIC-ACTING).
    """

    household_id: int | None
    contact_id: int | None
    what: ByHand
    user_name: str | None = None
    may_act_for_others: bool = False


@dataclass(frozen=True)
class RunRequest:
    """The parameters of a run, checked.

    ``requested_by``: the user in whose name the run goes; ``triggered_by``: the user who triggered it (LIC-ACTING).
    ``is_holiday``: a scheduled run on a holiday, which takes no unit. ``by_hand``: set for a run for one household.
    ``mistake``: why the form could not be read; the run is in the ledger, reports the mistake and does nothing.
    ``release_guard``: the reason with which a person releases a run that a guard has stopped.
    """

    run_id: str
    dag_id: str
    as_of: date
    vendors: tuple[str, ...] = VENDORS
    full: bool = False
    dry_run: bool = False
    unit_keys: tuple[str, ...] = ()
    requested_by: str | None = None
    triggered_by: str | None = None
    is_holiday: bool = False
    by_hand: HandRequest | None = None
    mistake: str | None = None
    release_guard: str | None = None

    @property
    def vendor(self) -> str:
        """The one vendor of a run by hand."""
        (vendor,) = self.vendors
        return vendor

    @property
    def hand(self) -> HandRequest:
        """What a person asked for, in a run by hand."""
        assert self.by_hand is not None
        return self.by_hand

    def require_no_mistake(self) -> None:
        """Raises `ParamsError` where the form could not be read."""
        if self.mistake is not None:
            raise ParamsError(self.mistake)

    def as_json(self) -> dict[str, Any]:
        """For the ledger."""
        return {**asdict(self), "as_of": self.as_of.isoformat()}


def or_mistaken(read: Callable[[], RunRequest], otherwise: RunRequest) -> RunRequest:
    """The request that ``read`` gives. Where the form cannot be read: ``otherwise``, with the reason as a mistake."""
    try:
        return read()
    except ParamsError as error:
        return replace(otherwise, mistake=str(error))


def read_request(run: Triggered, is_holiday: bool = False, latest_as_of: date = date.max) -> RunRequest:
    """The request of a run. Raises `ParamsError` for an unknown key, vendor, date or unit key."""
    params, user = run.params, run.actor.name
    refuse_unknown(run.conf, params)
    vendors = params.get("vendors") or list(VENDORS)
    if not isinstance(vendors, list) or not all(vendor in VENDORS for vendor in vendors):
        raise ParamsError(f'{named("vendors")} is a list of profiles and emoney, for example ["profiles"].')
    unit_keys = params.get("unit_keys") or []
    wrong = [key for key in unit_keys if not is_unit_key(key)] if isinstance(unit_keys, list) else [unit_keys]
    if wrong:
        given = ", ".join(map(shape_of, wrong[:5]))
        raise ParamsError(f'{named("unit_keys")} is a list such as ["H12", "C7"], not {given}.')
    return RunRequest(
        run.run_id,
        run.dag_id,
        read_as_of(params, run.day, latest_as_of),
        tuple(vendor for vendor in VENDORS if vendor in vendors),
        read_switch("full", params),
        read_switch("dry_run", params),
        tuple(dict.fromkeys(unit_keys)),
        user,
        user,
        is_holiday,
        release_guard=_read_release(params),
    )


def _read_release(params: Mapping[str, Any]) -> str | None:
    """The reason of a release. Raises `ParamsError` where it is no text, or where no guard looks at the run."""
    reason = read_text("release_guard", params.get("release_guard"))
    if reason is not None and (params.get("unit_keys") or params.get("dry_run")):
        raise ParamsError(
            f"{named('release_guard')} goes with neither {named('unit_keys')} nor {named('dry_run')}: no guard stops "
            "such a run."
        )
    return reason


class RunContext(Context[RunRequest]):
    """A run of the pipeline: at night, by hand, or an undo."""

    @cached_property
    def vendor_users(self) -> VendorUsers | None:
        """Each vendor's user for each CRM user; None without a file. Raises `SettingsError`."""
        path = self.settings.vendors.users_file
        return None if path is None else read_vendor_users(ROOT / path)

    @cached_property
    def overrides(self) -> rules.Overrides:
        """The severities that the office has set for rules. Raises `SettingsError`."""
        return rules.read_overrides(self.settings.rules.file)
