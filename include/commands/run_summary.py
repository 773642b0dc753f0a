"""What a run did, in a terminal: reads a report's run.json and prints it, at 80 columns, with or without colour.

``python -m include.commands.run_summary <path to run.json>``
"""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from include.report.display import show as visible
from include.report.display import vendor_name

SCHEMA_VERSION = 1

_SEVERITY_STYLES = {"critical": "bold red", "warning": "yellow", "info": "blue"}
_OUTCOME_STYLES = {"created": "green", "updated": "green", "held": "red", "failed": "bold red", "deferred": "yellow"}
_WORDS = ("Severity", "Outcome", "Vendor")
_RULES_SHOWN = 40
_REASONS_SHOWN = 10


class UnreadableSummary(Exception):
    """The file is not a run.json of this version."""


def read_summary(path: Path) -> dict[str, Any]:
    """The summary in ``path``. Raises UnreadableSummary with what is wrong and which file it is."""
    try:
        summary: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise UnreadableSummary(f"{path} cannot be read as a run's summary ({type(problem).__name__}).") from None
    if not isinstance(summary, dict) or summary.get("schema_version") != SCHEMA_VERSION:
        raise UnreadableSummary(f"{path} is not a run's summary of version {SCHEMA_VERSION}.")
    return summary


def print_summary(summary: dict[str, Any], path: Path, console: Console) -> None:
    """Print a summary: outcomes, findings, newly available, stages, books, and that the report lies beside ``path``."""
    run = summary["run"]
    console.print()
    console.print(_line(f"{run['dag_id']} as of {run['as_of']}: {run['status']}", "bold"))
    if run["dry_run"]:
        console.print(_line("Dry run: nothing was sent; this is what would have happened.", "magenta"))
    console.print(_outcome_table(summary))
    if summary["reasons"]:
        console.print(_reason_table(summary["reasons"]))
    _print_findings(summary["findings"], console)
    _print_available(summary["newly_available"], console)
    if summary["stages"]:
        console.print(_stage_table(summary["stages"]))
    _print_closing(summary, path, console)


def _line(text: str, style: str = "") -> Text:
    return Text(visible(text), style=style)


def _table(title: str, first: str, *numbers: str) -> Table:
    table = Table(title=Text(title, style="bold", no_wrap=True), box=box.SIMPLE_HEAD, title_justify="left")
    table.add_column(first, overflow="fold", min_width=len(title) - 10 * len(numbers))
    for name in numbers:
        table.add_column(name, justify="left" if name in _WORDS else "right", no_wrap=True)
    return table


def _outcome_table(summary: dict[str, Any]) -> Table:
    vendors = list(summary["outcomes"])
    table = _table("What happened to the households", "", *(visible(vendor_name(vendor)) for vendor in vendors))
    for name in summary["outcomes"][vendors[0]] if vendors else ():
        counts = [summary["outcomes"][vendor][name] for vendor in vendors]
        style = _OUTCOME_STYLES.get(name, "") if any(counts) else "dim"
        table.add_row(_line(name), *(f"{count:,}" for count in counts), style=style)
    table.add_section()
    table.add_row("in scope", *(f"{summary['books'][vendor]['in_scope']:,}" for vendor in vendors), style="bold")
    return table


def _reason_table(reasons: list[dict[str, Any]]) -> Table:
    table = _table("Not sent, and why", "Reason", "Outcome", "Vendor", "Households")
    for reason in reasons[:_REASONS_SHOWN]:
        vendor = visible(vendor_name(reason["vendor"]))
        table.add_row(_line(reason["reason"] or "no reason given"), reason["outcome"], vendor, f"{reason['units']:,}")
    if len(reasons) > _REASONS_SHOWN:
        table.add_row(f"… and {len(reasons) - _REASONS_SHOWN:,} more reasons, in the report", "", "", "")
    return table


def _print_findings(findings: dict[str, Any], console: Console) -> None:
    if not findings["by_rule"]:
        console.print(_line("No rule found anything.", "green"))
        console.print()
        return
    table = _table("What the rules found", "Rule", "Severity", "Households", "New", "Known", "Mended")
    for rule in findings["by_rule"][:_RULES_SHOWN]:
        severity = Text(visible(rule["severity"]), style=_SEVERITY_STYLES.get(rule["severity"], ""))
        counts = (f"{rule[name]:,}" for name in ("units", "new", "known", "mended"))
        table.add_row(_line(rule["rule_id"]), severity, *counts)
    if len(findings["by_rule"]) > _RULES_SHOWN:
        table.add_row(f"… and {len(findings['by_rule']) - _RULES_SHOWN} more, in the report", "", "", "", "", "")
    console.print(table)


def _print_available(available: dict[str, Any], console: Console) -> None:
    if not available["count"]:
        return
    table = _table("Newly available, waiting to be linked", "Category", "Vendor", "Waiting")
    for row in available["by_category"]:
        table.add_row(_line(row["category"]), visible(vendor_name(row["vendor"])), f"{row['records']:,}")
    console.print(table)


def _stage_table(stages: dict[str, float]) -> Table:
    table = _table("Time for each stage", "Stage", "Seconds")
    for stage, seconds in stages.items():
        table.add_row(_line(stage.replace("_", " ")), f"{seconds:,.1f}")
    return table


def _print_closing(summary: dict[str, Any], path: Path, console: Console) -> None:
    seconds = summary["run"]["seconds"] or sum(summary["stages"].values())
    units = summary["units"]
    rate = f": {units / seconds:,.1f} households a second" if seconds else ""
    console.print(_line(f"{units:,} households in {seconds:,.1f} seconds{rate}."))
    if crooked := _crooked(summary):
        console.print(_line(f"The books of {' and '.join(crooked)} do NOT balance.", "bold red"))
    else:
        console.print(_line("The books balance: every household in scope has one outcome.", "green"))
    report = path.resolve().parent / Path(summary["files"]["html"]).name
    console.print(_line("The stewards' report:", "bold"))
    # Never folded: a path that is broken over two lines can neither be clicked nor copied.
    console.print(_line(str(report)), soft_wrap=True)


def show(path: Path) -> int:
    """Print the summary in ``path``; gives the exit status: 1 where it cannot be read or its books do not balance."""
    try:
        summary = read_summary(path)
    except UnreadableSummary as problem:
        Console(stderr=True).print(_line(str(problem), "red"), soft_wrap=True)
        return 1
    print_summary(summary, path, Console())
    return int(bool(_crooked(summary)))


def _crooked(summary: dict[str, Any]) -> list[str]:
    """The vendors whose books do not balance."""
    return [vendor_name(vendor) for vendor, book in summary["books"].items() if not book["balanced"]]


def main(path: Annotated[Path, typer.Argument(help="A report's run.json.", show_default=False)]) -> None:
    """Print what a run did."""
    raise typer.Exit(show(path))


if __name__ == "__main__":
    typer.run(main)
