"""What a transfer did, in a terminal: reads the manifest's counts and prints them, at 80 columns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from etl.errors import ParamsError
from include.report.display import show
from include.report.manifest.model import ENTITY_WORDS

# decision -> before, afterwards, style
_DECISIONS = {
    "move": ("moves", "moved", "green"),
    "recreate": ("anew", "anew", "cyan"),
    "stay": ("stays", "stayed", ""),
    "failed": ("fails", "failed", "bold red"),
}
_RULES_SHOWN = 20


def read_summary(folder: Path) -> dict[str, Any]:
    """The counts beside a manifest. Raises `ParamsError` where the transfer has none."""
    try:
        summary: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise ParamsError(f"There is no manifest under {folder}: name a transfer by its run's id.") from None
    return summary


def print_summary(summary: dict[str, Any], folder: Path, console: Console) -> bool:
    """Prints it; gives whether what happened, if anything has, equals the manifest."""
    facts = summary["facts"]
    console.print()
    console.print(_line(f"{facts['From']} to {facts['To']}: {summary['status'].replace('_', ' ')}", "bold"))
    if summary["ended"]:
        console.print(_line(summary["ended"]))
    console.print(_tables(summary))
    console.print(_rules(summary))
    if summary["held"]:
        console.print(_line(f"Findings that hold contacts back: {summary['held']:,}.", "yellow"))
    if summary["closure"]:
        console.print(_line(f"Contacts without whom key relations do not move: {summary['closure']:,}."))
    agrees = summary["agrees"]
    if agrees is not None:
        words = "What happened equals the manifest, row by row."
        console.print(_line(words if agrees else "What happened does NOT equal the manifest.", _colour(agrees)))
    console.print(_line("The manifest:", "bold"))
    # Never folded: a path that is broken over two lines can neither be clicked nor copied.
    console.print(_line(str(folder / "manifest.html")), soft_wrap=True)
    return agrees is not False


def _tables(summary: dict[str, Any]) -> Table:
    rows = summary["by_table"]
    shown = [decision for decision in _DECISIONS if decision != "failed" or any(row["failed"] for row in rows)]
    table = Table(title=Text("Records by table", style="bold"), box=box.SIMPLE_HEAD, title_justify="left")
    table.add_column("", min_width=28)
    for decision in shown:
        before, after, style = _DECISIONS[decision]
        table.add_column(before if summary["agrees"] is None else after, justify="right", style=style)
    for row in rows:
        words = ENTITY_WORDS.get(row["entity"], row["entity"])
        table.add_row(_line(words), *(f"{row[decision]:,}" for decision in shown))
    table.add_section()
    table.add_row("all", *(f"{sum(row[decision] for row in rows):,}" for decision in shown), style="bold")
    return table


def _rules(summary: dict[str, Any]) -> Table:
    table = Table(title=Text("What stayed, by rule", style="bold"), box=box.SIMPLE_HEAD, title_justify="left")
    table.add_column("Rule", min_width=28)
    table.add_column("Contacts", justify="right")
    table.add_column("Records", justify="right")
    staying = [row for row in summary["by_rule"] if row["decision"] in ("stay", "failed")]
    for row in staying[:_RULES_SHOWN]:
        table.add_row(_line(row["rule_id"]), f"{row['contacts']:,}", f"{row['records']:,}")
    return table


def _colour(is_good: bool) -> str:
    return "green" if is_good else "bold red"


def _line(text: str, style: str = "") -> Text:
    return Text(show(text), style=style)
