"""What a transfer did, in a terminal: reads the manifest's counts and prints them, at 80 columns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from etl.errors import ParamsError
from include.commands.terminal import line, make_table, print_path
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
    """Print a summary and the manifest's path; gives whether what happened, if anything has, equals the manifest."""
    facts = summary["facts"]
    console.print()
    console.print(line(f"{facts['From']} to {facts['To']}: {summary['status'].replace('_', ' ')}", "bold"))
    if summary["ended"]:
        console.print(line(summary["ended"]))
    console.print(_tables(summary))
    console.print(_rules(summary))
    if summary["held"]:
        console.print(line(f"Findings that hold contacts back: {summary['held']:,}.", "yellow"))
    if summary["closure"]:
        console.print(line(f"Contacts without whom key relations do not move: {summary['closure']:,}."))
    agrees = summary["agrees"]
    if agrees:
        console.print(line("What happened equals the manifest, row by row.", "green"))
    elif agrees is not None:
        console.print(line("What happened does NOT equal the manifest.", "bold red"))
    print_path(console, "The manifest:", folder / "manifest.html")
    return agrees is not False


def _tables(summary: dict[str, Any]) -> Table:
    rows = summary["by_table"]
    shown = [decision for decision in _DECISIONS if decision != "failed" or any(row["failed"] for row in rows)]
    tense = 0 if summary["agrees"] is None else 1
    table = make_table("Records by table", "", *(_DECISIONS[decision][tense] for decision in shown))
    for row in rows:
        words = ENTITY_WORDS.get(row["entity"], row["entity"])
        table.add_row(line(words), *(line(f"{row[decision]:,}", _DECISIONS[decision][2]) for decision in shown))
    table.add_section()
    table.add_row("all", *(f"{sum(row[decision] for row in rows):,}" for decision in shown), style="bold")
    return table


def _rules(summary: dict[str, Any]) -> Table:
    table = make_table("What stayed, by rule", "Rule", "Contacts", "Records")
    staying = [row for row in summary["by_rule"] if row["decision"] in ("stay", "failed")]
    for row in staying[:_RULES_SHOWN]:
        table.add_row(line(row["rule_id"]), f"{row['contacts']:,}", f"{row['records']:,}")
    return table
