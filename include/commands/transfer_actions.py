"""What an operator types about a transfer: cancel it before it is accepted, bring it back after it was closed."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table

from etl.frames import each_row
from etl.load.ledger.store import Ledger
from etl.load.ledger.transfers import transfers
from include.commands.operator import open_ledger, operator_connections, operator_settings
from include.report.manifest.files import mark_returned
from include.report.manifest.model import ENTITY_WORDS
from include.runtime.acting import COMMAND_LINE
from include.runtime.connections import Connections
from include.runtime.context import ledger_of, reports_of

EDITED_SHOWN = 40


@dataclass(frozen=True)
class Return:
    """What a return came to: ``edited`` keeps the transfer in the target; ``told``: when it came back, in words."""

    edited: pd.DataFrame  # office, entity, entity_id, why
    told: str
    was_before: bool


def cancel(transfer_id: str, user: str) -> str:
    """Ends a transfer that nobody has accepted; says so. Raises `ParamsError` where it is too late."""
    ledger, _ = _places()
    transfers.answer(ledger, transfer_id, "cancelled", COMMAND_LINE, f"{user} cancelled it")
    return (
        f"The transfer {transfer_id} is cancelled; nothing was moved, and its contacts are free for another one. "
        "Its run ends by itself within ten minutes, or at once when somebody answers the required action."
    )


def bring_back(transfer_id: str) -> Return:
    """Brings a closed transfer back, and says so in its manifest.

    Where anything was edited since, nothing is changed. Raises `ParamsError` for a transfer that is not closed or is
    older than 30 days.
    """
    from etl.extract.transfer import rows_of
    from etl.load.transfer.databases import open_databases
    from etl.load.transfer.rollback import roll_back

    ledger, connections = _places()
    before = transfers.find(ledger, transfer_id)
    databases = open_databases(connections.crm, connections.crm_target)
    try:
        edited = roll_back(ledger, databases, transfer_id, rows_of(connections.crm_target))
    finally:
        databases.dispose()
    now = transfers.find(ledger, transfer_id)
    told = now.why if now is not None and now.why else "Returned to the source office."
    if edited.empty:
        mark_returned(reports_of(operator_settings(), transfer_id), told)
    return Return(edited, told, before is not None and before.status == "returned")


def print_return(transfer_id: str, done: Return, console: Console) -> None:
    """Says that the transfer is back, now or since an earlier return, or lists what keeps it in the target."""
    edited = done.edited
    if done.was_before:
        console.print(
            f"The transfer {transfer_id} was returned before; nothing was done. {done.told}",
            markup=False,
            soft_wrap=True,
        )
        return
    if edited.empty:
        console.print(f"The transfer {transfer_id} is back in the source office.", markup=False, style="green")
        return
    table = Table(title="Edited since: nothing was changed", box=box.SIMPLE_HEAD, title_justify="left")
    for heading in ("Office", "Record", "Key", "Why"):
        table.add_column(heading)
    for row in each_row(edited.head(EDITED_SHOWN)):
        table.add_row(row.office, ENTITY_WORDS.get(row.entity, row.entity), row.entity_id, row.why)
    if len(edited) > EDITED_SHOWN:
        table.add_row(f"… and {len(edited) - EDITED_SHOWN:,} more", "")
    console.print(table)


def _places() -> tuple[Ledger, Connections]:
    settings, connections = operator_settings(), operator_connections()
    open_ledger(settings)  # where there is none, none is made
    return ledger_of(settings, connections), connections
