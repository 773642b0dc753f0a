"""What an operator does with a transfer: cancels it before it is accepted, returns it after it was closed."""

from __future__ import annotations

from rich.console import Console

from etl.frames import each_row
from etl.load.ledger.store import Ledger
from etl.load.ledger.transfers import transfers
from include.commands.operator import open_ledger, operator_connections, operator_settings
from include.commands.terminal import line, make_table
from include.report.manifest.model import ENTITY_WORDS
from include.report.manifest.writer import mark_returned
from include.runtime.acting import COMMAND_LINE
from include.runtime.connections import Connections
from include.runtime.context import ledger_of, reports_of

EDITS_SHOWN = 40


def cancel(transfer_id: str, user: str, console: Console) -> None:
    """Cancels a transfer that nobody has accepted. Raises `ParamsError` where it is too late."""
    ledger, _ = _places()
    transfers.answer(ledger, transfer_id, "cancelled", COMMAND_LINE, f"{user} cancelled it")
    words = (
        f"The transfer {transfer_id} is cancelled; nothing was moved, and its contacts are free for another one. "
        "Its run ends by itself within ten minutes, or at once when somebody answers the required action."
    )
    console.print(line(words), soft_wrap=True)


def roll_back(transfer_id: str, console: Console) -> bool:
    """Returns a closed transfer, or lists what was edited since and changes nothing; gives whether it is returned.

    Raises `ParamsError` for a transfer that is not closed or is older than 30 days.
    """
    from etl.extract.transfer import rows_of
    from etl.load.transfer.databases import open_databases
    from etl.load.transfer.rollback import roll_back as roll_back_rows

    ledger, connections = _places()
    before = transfers.find(ledger, transfer_id)
    databases = open_databases(connections.crm, connections.crm_target)
    try:
        edits = roll_back_rows(ledger, databases, transfer_id, rows_of(connections.crm_target))
    finally:
        databases.dispose()
    if len(edits):
        table = make_table("Edited since: nothing was changed", "Office")
        for heading in ("Record", "Key", "Why"):
            table.add_column(heading, overflow="fold")
        for row in each_row(edits.head(EDITS_SHOWN)):
            cells = (row.office, ENTITY_WORDS.get(row.entity, row.entity), row.entity_id, row.why)
            table.add_row(*map(line, cells))
        if len(edits) > EDITS_SHOWN:
            table.add_row(f"… and {len(edits) - EDITS_SHOWN:,} more", "")
        console.print(table)
        return False
    notice = transfers.require(ledger, transfer_id).why or "Returned to the source office."
    mark_returned(reports_of(operator_settings(), transfer_id), notice)
    if before is not None and before.status == "returned":
        words = f"The transfer {transfer_id} was returned before; nothing was done. {notice}"
        console.print(line(words), soft_wrap=True)
    else:
        console.print(line(f"The transfer {transfer_id} is back in the source office.", "green"))
    return True


def _places() -> tuple[Ledger, Connections]:
    settings, connections = operator_settings(), operator_connections()
    open_ledger(settings)  # where there is none, none is made
    return ledger_of(settings, connections), connections
