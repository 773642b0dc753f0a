"""What happened beside what was planned, row by row; and whether the rows that moved are there now."""

from __future__ import annotations

import pandas as pd

from etl import schema
from etl.extract.source import Snapshot
from etl.extract.transfer import read_ids
from etl.load.ledger.transfers import transfers
from etl.load.ledger.transfers.transfers import Transfer
from etl.transform.transfers import TransferPlan
from include.pipelines.transfer.context import TransferContext

# The statuses in which a transfer has been imported, as far as it could be.
IMPORTED = ("closed", "failed")
FAILED = "its group could not move"


def compare(
    context: TransferContext, planned: TransferPlan, found: Transfer | None
) -> tuple[pd.DataFrame, bool | None]:
    """The manifest's records as they turned out, and whether that is what was planned; None: nothing was imported.

    A group that failed is told apart (decision ``failed``, with the rule that stopped it): its rows are as they were,
    which is what was promised.
    """
    if found is None or found.status not in IMPORTED:
        return planned.manifest, None
    happened = transfers.read_manifest(context.ledger, context.request.run_id)
    now = happened[["entity", "entity_id", "decision", "target_id", "rule_id"]].rename(
        columns={"rule_id": "stopped_by"}
    )
    records = planned.manifest.drop(columns="target_id").merge(
        now, on=["entity", "entity_id"], how="left", suffixes=("_planned", "")
    )
    has_failed = records["decision"] == "failed"
    records["rule_id"] = records["rule_id"].mask(has_failed, records.pop("stopped_by"))
    records["reason"] = records["reason"].mask(has_failed, FAILED)
    as_planned = (records["decision"] == records["decision_planned"]) | (records["decision"] == "failed")
    has_key = records["target_id"].notna() | ~records["decision"].isin(transfers.MOVES)
    agrees = bool(as_planned.all() and has_key.all() and len(happened) == len(planned.manifest))
    return records.drop(columns="decision_planned"), agrees and not missing_in_target(context, records)


def missing_in_target(context: TransferContext, records: pd.DataFrame) -> dict[str, int]:
    """How many rows of each table should be in the target and are not, looked up by their keys."""
    moved = records[records["decision"].isin(transfers.MOVES)]
    missing = {}
    with Snapshot(context.target, readers=1) as snapshot:
        for entity, rows in moved.groupby("entity"):
            table = schema.metadata.tables[str(entity)]
            column = next(iter(table.primary_key.columns)).name
            keys = rows["target_id"].str.split(":").str[0].astype("int64").unique()
            absent = int((~rows["target_id"].isin(read_ids(snapshot, table, column, keys))).sum())
            if absent:
                missing[str(entity)] = absent
    return missing
