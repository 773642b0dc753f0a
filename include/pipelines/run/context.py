"""What a run is asked to do, and where it finds its databases, vendors and files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from functools import cached_property
from typing import Any

from etl.errors import ParamsError
from etl.load.delivery import ByHand
from include import ROOT
from include.runtime.context import Context
from include.runtime.params import is_unit_key, read_as_of, read_switch, refuse_unknown
from include.runtime.staging import Staging
from include.runtime.vendor_users import VendorUsers, read_vendor_users

VENDORS = ("profiles", "emoney")


@dataclass(frozen=True)
class HandRequest:
    """What a person asked for: a household or a contact of the CRM, what to do, in whose name.

    ``user_name``: the CRM user whose licenses count; None: the one the client is assigned to, as at night. That one
    counts, too, for a user who ``may_act_for_others`` and is none of the CRM's (LIC-ACTING).
    """

    household_id: int | None
    contact_id: int | None
    what: ByHand
    user_name: str | None = None
    may_act_for_others: bool = False


@dataclass(frozen=True)
class RunRequest:
    """A run's parameters, checked: all that crosses from task to task. ``by_hand``: for one household alone.

    ``requested_by``: in whose name; ``triggered_by``: who acted (LIC-ACTING).
    ``mistake``: what of the form cannot be; such a run is in the ledger like any other, says so, and does nothing.
    ``release_guard``: the reason with which a person lets go on what a guard has stopped.
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
    is_holiday: bool = False  # a scheduled run on a holiday takes no unit
    by_hand: HandRequest | None = None
    mistake: str | None = None
    release_guard: str | None = None

    def require_no_mistake(self) -> None:
        """Raises `ParamsError` where the form could not be read."""
        if self.mistake is not None:
            raise ParamsError(self.mistake)

    def as_json(self) -> dict[str, Any]:
        """For XCom."""
        return {**asdict(self), "as_of": self.as_of.isoformat()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> RunRequest:
        """The reverse of `as_json`."""
        lists = {name: tuple(value[name]) for name in ("vendors", "unit_keys")}
        return cls(**{**value, **lists, "as_of": date.fromisoformat(value["as_of"])})


def or_mistaken(read: Callable[[], RunRequest], otherwise: RunRequest) -> RunRequest:
    """What ``read`` gives; where the form cannot be read, ``otherwise`` with the reason."""
    try:
        return read()
    except ParamsError as error:
        return replace(otherwise, mistake=str(error))


def read_request(
    run_id: str,
    dag_id: str,
    params: Mapping[str, Any],
    conf: Mapping[str, Any],
    default_as_of: date,
    triggered_by: str | None,
    is_holiday: bool = False,
    latest_as_of: date = date.max,
) -> RunRequest:
    """The request of a run. Raises `ParamsError` for an unknown key, vendor, date or unit key, in words."""
    refuse_unknown(conf, params)
    vendors = params.get("vendors") or list(VENDORS)
    if not isinstance(vendors, list) or not all(vendor in VENDORS for vendor in vendors):
        raise ParamsError(f'vendors is a list of profiles and emoney, for example ["profiles"], not {vendors!r}.')
    unit_keys = params.get("unit_keys") or []
    wrong = [key for key in unit_keys if not is_unit_key(key)] if isinstance(unit_keys, list) else [unit_keys]
    if wrong:
        raise ParamsError(f'unit_keys is a list such as ["H12", "C7"], not {", ".join(map(repr, wrong[:5]))}.')
    return RunRequest(
        run_id,
        dag_id,
        read_as_of(params, default_as_of, latest_as_of),
        tuple(vendor for vendor in VENDORS if vendor in vendors),
        read_switch("full", params),
        read_switch("dry_run", params),
        tuple(dict.fromkeys(unit_keys)),
        triggered_by,
        triggered_by,
        is_holiday,
        release_guard=_read_release(params),
    )


def _read_release(params: Mapping[str, Any]) -> str | None:
    """The reason of a release. Raises `ParamsError` for what is no text, or beside what no guard looks at."""
    reason = params.get("release_guard")
    if reason is None or (isinstance(reason, str) and not reason.strip()):
        return None
    if not isinstance(reason, str):
        raise ParamsError(f"release_guard is a reason in words, not {reason!r}.")
    if params.get("unit_keys") or params.get("dry_run"):
        raise ParamsError("release_guard goes with neither unit_keys nor dry_run: no guard stops such a run.")
    return reason.strip()


class RunContext(Context[RunRequest]):
    """A refresh, by night or by hand."""

    @cached_property
    def staging(self) -> Staging:
        """The run's staged files."""
        return Staging(self.data_folder, self.request.run_id)

    @cached_property
    def vendor_users(self) -> VendorUsers | None:
        """Who a CRM user is at each vendor; None without a file. Raises `SettingsError`."""
        path = self.settings.vendors.users_file
        return None if path is None else read_vendor_users(ROOT / path)
