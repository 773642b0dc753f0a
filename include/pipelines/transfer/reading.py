"""What a transfer reads before anything else: the set and all that hangs on it, the target office, both users."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from etl import schema
from etl.errors import ParamsError
from etl.extract import office_users, transfer
from etl.extract.schema_check import check_schema
from etl.extract.source import Snapshot
from etl.load.ledger.transfers import transfers
from etl.transform import transfers as rules
from etl.transform.transfers.rights import EXPORT_RIGHTS, IMPORT_RIGHTS, missing_rights
from include.pipelines.transfer.context import TransferContext
from include.runtime.acting import is_unknown

Frames = dict[str, pd.DataFrame]


@dataclass(frozen=True)
class Reading:
    """Both sides as they stood when the transfer was planned.

    ``contact_ids``: whom the transfer was asked to move, those of the closure list that it was told to add included.
    ``rows``, ``around``, ``target``: see `etl.extract.transfer`. ``known``: the ledger's id map of these two offices.
    """

    contact_ids: list[int]
    rows: Frames
    around: Frames
    target: Frames
    known: pd.DataFrame
    source_office: Mapping[str, Any]
    target_office: Mapping[str, Any]
    export_missing: str | None
    import_missing: str | None
    is_one_database: bool

    def plan(self, request: rules.Selection) -> rules.TransferPlan:
        """What of it moves."""
        return rules.plan(request, self.rows, self.around, self.target, self.known)


def first_request(context: TransferContext, left_out: pd.DataFrame | None = None) -> rules.Selection:
    """The rules' request: everybody, or everybody but some."""
    asked = context.request
    parts = {} if left_out is None else {"left_out": left_out}
    return rules.Selection(asked.source_office_id, asked.target_office_id, context.is_one_database, **parts)


def read(context: TransferContext) -> Reading:
    """Raises `SchemaMismatch`, `SourceUnavailable` and `ParamsError` (no such office, set or user)."""
    for url in {context.source, context.target}:
        check_schema(url, schema.metadata.sorted_tables, exact=True)
    request = context.request
    with Snapshot(context.target) as snapshot:
        target_office = _office(snapshot, request.target_office_id, "target")
        there = transfer.read_target(snapshot, request.target_office_id)
        importer = office_users.read_user(snapshot, request.receiving_user)
    with Snapshot(context.source) as snapshot:
        source_office = _office(snapshot, request.source_office_id, "source")
        exporter = office_users.read_user(snapshot, request.requested_by)
        if exporter.empty and request.requested_by == request.triggered_by:
            raise ParamsError(is_unknown(request.triggered_by))
        known = _id_map(context)
        contact_ids, rows, around = _read_set(context, snapshot, there, known)
    return Reading(
        contact_ids,
        rows,
        around,
        there,
        known,
        source_office,
        target_office,
        missing_rights(exporter, request.source_office_id, EXPORT_RIGHTS),
        missing_rights(importer, request.target_office_id, IMPORT_RIGHTS),
        context.is_one_database,
    )


def receiving_user_id(context: TransferContext) -> int:
    """The receiving user's key in the target. Raises `ParamsError` where the user is gone."""
    with Snapshot(context.target) as snapshot:
        user = office_users.read_user(snapshot, context.request.receiving_user)
    if user.empty:
        raise ParamsError(f"The target office has no user {context.request.receiving_user} any more.")
    return int(user["user_id"].iloc[0])


def _read_set(
    context: TransferContext, snapshot: Snapshot, there: Frames, known: pd.DataFrame
) -> tuple[list[int], Frames, Frames]:
    request = context.request
    wanted = list(request.contact_ids)
    if request.set_id is not None:
        wanted = transfer.read_set(snapshot, request.set_id, request.source_office_id)
    rows, around = _read_rows(snapshot, wanted, known)
    if request.add_related:
        closure = rules.plan(first_request(context), rows, around, there, known).closure
        added = closure.loc[closure["can_move"].astype(bool), "contact_id"]
        if len(added):
            wanted = sorted({*wanted, *(int(one) for one in added)})
            rows, around = _read_rows(snapshot, wanted, known)
    return wanted, rows, around


def _read_rows(snapshot: Snapshot, contact_ids: list[int], known: pd.DataFrame) -> tuple[Frames, Frames]:
    rows = transfer.read_rows(snapshot, contact_ids, known)
    return rows, transfer.read_surroundings(snapshot, rows)


def _office(snapshot: Snapshot, office_id: int, which: str) -> dict[str, Any]:
    found = office_users.read_offices(snapshot, [office_id])
    if found.empty:
        raise ParamsError(f"{which}_office_id: the CRM has no office {office_id}.")
    return {str(name): value for name, value in found.iloc[0].items()}


def _id_map(context: TransferContext) -> pd.DataFrame:
    return transfers.read_id_map(context.ledger, *context.database_names, context.request.target_office_id)
