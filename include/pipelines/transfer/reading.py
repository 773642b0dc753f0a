"""Reads and stages what a transfer is planned with: the set and everything on it, the target office, both users."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from etl import schema
from etl.errors import ParamsError
from etl.extract import office_users, transfer
from etl.extract.schema_check import check_schema
from etl.extract.source import Snapshot
from etl.extract.transfer import Frames
from etl.load.ledger.transfers import transfers
from etl.transform import transfers as rules
from include.pipelines.transfer.request import TransferContext
from include.runtime.acting import is_unknown
from include.runtime.staging import Staging

STAGE = "reading"
_SIDES = ("rows", "around", "target")


@dataclass(frozen=True)
class Reading:
    """Both offices as they stood when the transfer was planned.

    ``rows``, ``around``, ``target``: see `etl.extract.transfer`. ``known``: the ledger's id map of these two offices.
    ``asked``: contact_id of the contacts to be moved, with those that the closure list added. ``offices``: office_id,
    name, status of the source, then of the target. ``exporter``, ``importer``: the asking and the receiving user
    (`office_users.read_user`).
    """

    rows: Frames
    around: Frames
    target: Frames
    known: pd.DataFrame
    asked: pd.DataFrame
    offices: pd.DataFrame
    exporter: pd.DataFrame
    importer: pd.DataFrame

    @property
    def contact_ids(self) -> list[int]:
        """The contacts to be moved."""
        return [int(one) for one in self.asked["contact_id"]]

    def plan(self, context: TransferContext, left_out: pd.DataFrame | None = None) -> rules.TransferPlan:
        """What moves, but for contacts that are left out (contact_id, rule_id, reason)."""
        return rules.plan(_selection(context, left_out), self.rows, self.around, self.target, self.known)

    def stage(self, staging: Staging) -> None:
        """Stages everything that was read."""
        sides = {f"{side}.{name}": frame for side in _SIDES for name, frame in getattr(self, side).items()}
        singles = {name: frame for name, frame in vars(self).items() if name not in _SIDES}
        staging.write(STAGE, {**sides, **singles})

    @classmethod
    def staged(cls, staging: Staging) -> Reading:
        """What was read, as it was staged. Raises `StagingError`."""
        frames = staging.read(STAGE)
        parts: dict[str, Any] = {side: {} for side in _SIDES}
        for name, frame in frames.items():
            side, _, table = name.rpartition(".")
            (parts[side] if side else parts)[table] = frame
        if parts["known"].empty:
            parts["known"] = rules.NOTHING_KNOWN
        return cls(**parts)


def read(context: TransferContext) -> Reading:
    """Raises `SchemaMismatch`, `SourceUnavailable` and `ParamsError` (no such office, set or user)."""
    for url in {context.source, context.target}:
        check_schema(url, schema.metadata.sorted_tables, exact=True)
    request = context.request
    with Snapshot(context.target) as snapshot:
        target_office = _read_office(snapshot, request.target_office_id, "target")
        there = transfer.read_target(snapshot, request.target_office_id)
        importer = office_users.read_user(snapshot, request.receiving_user)
    with Snapshot(context.source) as snapshot:
        source_office = _read_office(snapshot, request.source_office_id, "source")
        exporter = office_users.read_user(snapshot, request.requested_by)
        if exporter.empty and request.requested_by == request.triggered_by:
            raise ParamsError(is_unknown(request.triggered_by))
        known = transfers.read_id_map(context.ledger, *context.database_names, request.target_office_id)
        contact_ids, rows, around = _read_set(context, snapshot, there, known)
    offices = pd.concat([source_office, target_office], ignore_index=True)
    asked = pd.DataFrame({"contact_id": pd.array(contact_ids, dtype="Int64")})
    return Reading(rows, around, there, known, asked, offices, exporter, importer)


def receiving_user_id(context: TransferContext) -> int:
    """The receiving user's key in the target. Raises `ParamsError` where the user is gone."""
    with Snapshot(context.target) as snapshot:
        user = office_users.read_user(snapshot, context.request.receiving_user)
    if user.empty:
        raise ParamsError(f"The target office has no user {context.request.receiving_user} any more.")
    return int(user["user_id"].iloc[0])


def _selection(context: TransferContext, left_out: pd.DataFrame | None) -> rules.Selection:
    asked, parts = context.request, {} if left_out is None else {"left_out": left_out}
    return rules.Selection(asked.source_office_id, asked.target_office_id, context.is_one_database, **parts)


def _read_set(
    context: TransferContext, snapshot: Snapshot, there: Frames, known: pd.DataFrame
) -> tuple[list[int], Frames, Frames]:
    """The contacts to be moved, their rows, and what is around them."""
    request = context.request
    wanted = list(request.contact_ids)
    if request.set_id is not None:
        wanted = transfer.read_set(snapshot, request.set_id, request.source_office_id)
    rows, around = _read_rows(snapshot, wanted, known)
    if request.add_related:
        closure = rules.plan(_selection(context, None), rows, around, there, known).closure
        added = closure.loc[closure["can_move"].astype(bool), "contact_id"]
        if len(added):
            wanted = sorted({*wanted, *(int(one) for one in added)})
            rows, around = _read_rows(snapshot, wanted, known)
    return wanted, rows, around


def _read_rows(snapshot: Snapshot, contact_ids: list[int], known: pd.DataFrame) -> tuple[Frames, Frames]:
    rows = transfer.read_rows(snapshot, contact_ids, known)
    return rows, transfer.read_surroundings(snapshot, rows)


def _read_office(snapshot: Snapshot, office_id: int, which: str) -> pd.DataFrame:
    found = office_users.read_offices(snapshot, [office_id])
    if found.empty:
        raise ParamsError(f"{which}_office_id: the CRM has no office {office_id}.")
    return found
