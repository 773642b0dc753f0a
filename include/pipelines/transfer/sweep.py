"""Staged files of transfers whose runs nobody started again: they hold client data, and go after their days."""

from __future__ import annotations

from datetime import timedelta

from etl.load.ledger.transfers import transfers
from etl.load.transfer import batches
from include.pipelines.transfer.context import TransferContext
from include.pipelines.transfer.request import LONGEST_DAYS
from include.runtime.staging import folder_name, remove_old


def sweep(context: TransferContext) -> None:
    """Removes what transfers have left behind longer than ``keep_days`` ago.

    What a transfer needs that waits for its answer or has groups to move stays, however old it is: the ledger knows.
    Only one that nobody can answer any more has ended.
    """
    keep_days, root = context.settings.data.keep_days, context.folder
    transfers.forget_unanswered(context.ledger, timedelta(days=LONGEST_DAYS + keep_days))
    needed = {root / "staging"}
    for transfer_id in transfers.read_unfinished(context.ledger):
        needed |= {root / "staging" / folder_name(transfer_id), batches.folder_of(root, transfer_id)}
    remove_old({*root.glob("*"), *root.glob("staging/*")} - needed, keep_days)
