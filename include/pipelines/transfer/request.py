"""The request of a transfer: its form, checked as far as that goes without the CRM, and where it finds its data."""

from __future__ import annotations

import math
import re
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from etl.errors import ParamsError
from etl.load.ledger.transfers import transfers
from etl.load.transfer.databases import are_one
from etl.shapes import shape_of
from include.runtime.acting import Triggered
from include.runtime.context import Context
from include.runtime.fields import named
from include.runtime.params import read_number, read_switch, read_text, refuse_unknown
from include.runtime.staging import Staging, folder_name

ACCEPT_WITHIN_DAYS = 7
LONGEST_DAYS = 60


@dataclass(frozen=True)
class TransferRequest:
    """The checked parameters of a transfer; ``run_id`` is the transfer's id too.

    ``requested_by``: the user in whose name the transfer is requested; ``triggered_by``: the user who acted
    (LIC-ACTING).
    """

    run_id: str
    dag_id: str
    as_of: date
    source_office_id: int
    target_office_id: int
    requested_by: str
    triggered_by: str
    receiving_user: str
    contact_ids: tuple[int, ...] = ()
    set_id: int | None = None
    add_related: bool = False
    accept_within: timedelta = timedelta(days=ACCEPT_WITHIN_DAYS)
    dry_run: bool = False

    def as_json(self) -> dict[str, Any]:
        """For the ledger."""
        return {
            **asdict(self),
            "as_of": self.as_of.isoformat(),
            "accept_within": self.accept_within / timedelta(days=1),
        }


class TransferContext(Context[TransferRequest]):
    """A transfer between two offices: its request, databases, ledger and files."""

    @property
    def folder(self) -> Path:
        """Where transfers keep files: a transfer may wait longer than the files of other runs are kept."""
        return self.data_folder / "transfers"

    @cached_property
    def staging(self) -> Staging:
        """The staged files of this transfer."""
        return Staging(self.folder, self.request.run_id)

    @property
    def source(self) -> str:
        """The URL of the source office's database."""
        return self.connections.crm

    @property
    def target(self) -> str:
        """The URL of the target office's database; the same as the source's where there is no other."""
        return self.connections.crm_target

    @cached_property
    def is_one_database(self) -> bool:
        """Whether both offices are in one database."""
        return are_one(self.source, self.target)

    @cached_property
    def database_names(self) -> tuple[str, str]:
        """The source's and the target's name in the ledger."""
        source, target = transfers.fingerprint(self.source), transfers.fingerprint(self.target)
        if self.is_one_database:
            return source, source
        return source, target if target != source else transfers.fingerprint(self.target, apart=True)

    @property
    def archive(self) -> Path:
        """The source office's folder of what may not move; it holds values, reports do not."""
        return self.data_folder / "archive" / folder_name(self.request.run_id)


def read_transfer_request(run: Triggered) -> TransferRequest:
    """The request of a run. Raises `ParamsError` for a parameter that is not as the form says (LIC-ACTING).

    Without ``requested_by`` the transfer is requested in the name of the user who triggered the run.
    """
    params, actor = run.params, run.actor
    refuse_unknown(run.conf, params)
    contact_ids = read_ids("contact_ids", params.get("contact_ids"))
    set_id = read_number("set_id", params.get("set_id"))
    if bool(contact_ids) == (set_id is not None):
        both = "not both" if contact_ids else "one of them"
        raise ParamsError(f"Fill in {named('set_id')} or {named('contact_ids')}, {both}.")
    requested_by = actor.in_the_name_of(read_text("requested_by", params.get("requested_by")))
    if requested_by is None or actor.name is None:
        raise ParamsError(
            f"{named('requested_by')} is missing: the CRM user of the source office who asks for the transfer."
        )
    return TransferRequest(
        run.run_id,
        run.dag_id,
        run.day,
        _needed("source_office_id", read_number("source_office_id", params.get("source_office_id"))),
        _needed("target_office_id", read_number("target_office_id", params.get("target_office_id"))),
        requested_by,
        actor.name,
        _needed("receiving_user", read_text("receiving_user", params.get("receiving_user"))),
        contact_ids,
        set_id,
        read_switch("add_related", params),
        _days(params.get("accept_within")),
        read_switch("dry_run", params),
    )


def read_ids(name: str, value: object) -> tuple[int, ...]:
    """Contact ids as a form, a command line or a spreadsheet gives them: a list, or a text with commas."""
    if value in (None, "", []):
        return ()
    given = re.split(r"[,;\s]+", value.strip()) if isinstance(value, str) else value
    if not isinstance(given, list | tuple):
        raise ParamsError(
            f"{named(name)} is a list of contacts' numbers in the CRM, for example [7, 12], not {shape_of(value)}."
        )
    numbers = [read_number(name, one) for one in given if one != ""]
    return tuple(dict.fromkeys(number for number in numbers if number is not None))


def _needed(name: str, value: Any) -> Any:
    if value is None:
        raise ParamsError(f"{named(name)} is missing.")
    return value


def _days(value: object) -> timedelta:
    if value in (None, ""):
        return timedelta(days=ACCEPT_WITHIN_DAYS)
    try:
        days = float(str(value))
    except ValueError:
        days = math.nan
    if isinstance(value, bool) or not 0 < days <= LONGEST_DAYS:
        raise ParamsError(f"{named('accept_within')} is a number of days up to {LONGEST_DAYS}, not {shape_of(value)}.")
    return timedelta(days=days)
