"""The import: what was accepted goes to the target, group by group, by the rules of the plan that was accepted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from sqlalchemy.engine import Connection

from etl.errors import StopRun
from etl.extract import transfer as source_office
from etl.extract.source import Snapshot
from etl.extract.transaction_reader import Within
from etl.load.ledger.transfers import transfers
from etl.load.transfer import move
from etl.load.transfer.databases import open_databases
from etl.transform.transfers import TransferPlan
from etl.transform.transfers import rows as target_office
from include.pipelines.transfer import plan, reading
from include.pipelines.transfer.context import TransferContext


@dataclass(frozen=True)
class RulesDesk:
    """What the move asks the rules for (`etl.load.transfer.move.Desk`)."""

    source: str
    planned: TransferPlan
    arrival: target_office.Arrival
    known: pd.DataFrame  # what earlier transfers moved there

    def read(self, contact_ids: Sequence[int], within: Connection | None = None) -> dict[str, pd.DataFrame]:
        """What hangs on these contacts now."""
        if within is not None:
            return source_office.read_rows(Within(within), contact_ids, self.known)
        with Snapshot(self.source, readers=1) as snapshot:
            return source_office.read_rows(snapshot, contact_ids, self.known)

    def build(
        self, rows: Mapping[str, pd.DataFrame], group_nos: Sequence[int], keys: Mapping[str, pd.Series[int]]
    ) -> dict[str, pd.DataFrame]:
        """The target's rows of these groups, and of the carriers and products that they need."""
        return target_office.rebuild(rows, self.planned.part(group_nos, rows), keys, self.arrival)


def move_accepted(context: TransferContext) -> dict[str, int] | None:
    """Moves an accepted transfer; gives counts, or None where there is nothing to move.

    Raises `StopRun` where nobody has accepted it, whatever Airflow says of the required action.
    """
    request, ledger = context.request, context.ledger
    found = transfers.find(ledger, request.run_id)
    if request.dry_run or found is None or found.status in transfers.REFUSALS:
        return None
    if found.status == "planned":
        raise StopRun(f"Nobody has accepted the transfer; nothing is moved. Only {request.receiving_user} can accept.")
    arrival = target_office.Arrival(
        request.target_office_id, reading.receiving_user_id(context), canonical_moment(context)
    )
    known = context.staging.read("reading", ["known"])["known"]
    desk = RulesDesk(context.source, plan.read_plan(context), arrival, known)
    databases = open_databases(context.source, context.target)
    move.move(ledger, databases, request.run_id, desk, context.data_folder / "transfers")
    groups = transfers.read_groups(ledger, request.run_id)
    return {str(status): int(count) for status, count in groups["status"].value_counts().items()}


def canonical_moment(context: TransferContext) -> str:
    """When the transfer was answered, in canonical form: the same whenever the import is started again."""
    found = transfers.find(context.ledger, context.request.run_id)
    moment = found.answered_at if found is not None and found.answered_at is not None else context.ledger.now()
    return f"{moment:%Y-%m-%d %H:%M:%S.%f}"
