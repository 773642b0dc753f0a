"""What an undo did, in a terminal: fields and where they stand now, never their values."""

from __future__ import annotations

from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from etl.load.ledger.changes import Change
from include.commands.terminal import line
from include.pipelines.undo.undoing import Undone
from include.report.display import vendor_name

ROWS_SHOWN = 200
WORDS = {"written": "put back", "added": "put in again", "taken_out": "taken out again"}
WOULD = {"written": "would go back", "added": "would be put in again", "taken_out": "would be taken out again"}


def print_undone(undone: Undone, report: Path, console: Console) -> None:
    """The table of fields, then of what is not undone, then the way to the report and back."""
    console.print()
    title = f"{'Dry run: what an undo of' if undone.dry_run else 'Undo of'} {undone.of_run}"
    console.print(line(title + (" would do" if undone.dry_run else ""), "bold"), soft_wrap=True)
    if undone.changes:
        console.print(_fields(undone))
    stays = [one for one in undone.outcomes if one.reason]
    if stays:
        console.print(_stays(undone))
    back = undone.went_back
    conflicts = len(undone.changes) - back
    verb = "would go back" if undone.dry_run else "went back"
    console.print(f"{back:,} {verb}; {conflicts:,} changed since and {'stays' if conflicts == 1 else 'stay'}.")
    _say_why_nothing(undone, console)
    if back and not undone.dry_run:
        console.print(Text(f"To undo this undo: make undo RUN={undone.run_id}"), soft_wrap=True)
    console.print(Text(f"Report: {report}"), soft_wrap=True)


def _say_why_nothing(undone: Undone, console: Console) -> None:
    """Why nothing went back, where that has one reason."""
    if undone.went_back:
        return
    if undone.undone_by is not None:
        console.print(Text(f"{undone.of_run} is already undone by {undone.undone_by}."), soft_wrap=True)
    elif ({one.vendor for one in undone.outcomes} or undone.of_vendors) == {"emoney"}:
        console.print("eMoney has no undo: correct it there, or in SmartOffice and run again.", soft_wrap=True)


def _fields(undone: Undone) -> Table:
    table = Table(box=box.SIMPLE_HEAD, title=Text("Fields", style="bold"), title_justify="left")
    for name in ("Unit", "Field at Profiles", "What"):
        table.add_column(name, overflow="fold")
    for unit_key, change in undone.changes[:ROWS_SHOWN]:
        what = _what(change, undone.dry_run)
        table.add_row(unit_key, line(change.field), line(what, "yellow" if change.decision == "conflict" else ""))
    if len(undone.changes) > ROWS_SHOWN:
        table.add_row("…", f"and {len(undone.changes) - ROWS_SHOWN:,} more, in worklist.xlsx of the report", "")
    return table


def _what(change: Change, dry_run: bool) -> str:
    if change.decision == "conflict":
        return f"stays: {change.after}"
    return (WOULD if dry_run else WORDS)[change.decision]


def _stays(undone: Undone) -> Table:
    table = Table(box=box.SIMPLE_HEAD, title=Text("Not undone", style="bold"), title_justify="left")
    for name in ("Unit", "Vendor", "Outcome", "Why"):
        table.add_column(name, overflow="fold")
    rows = [one for one in undone.outcomes if one.reason]
    for one in rows[:ROWS_SHOWN]:
        table.add_row(one.unit_key, vendor_name(one.vendor), one.outcome, line(one.reason or ""))
    if len(rows) > ROWS_SHOWN:
        table.add_row("…", f"and {len(rows) - ROWS_SHOWN:,} more", "", "")
    return table
