"""What a run did, in a terminal: reads a report's run.json and prints it, at 80 columns, with or without colour."""

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from etl.errors import PlanbridgeError
from include.commands.terminal import line, make_table, print_path
from include.report.display import clients, counted, label, vendor_name

SCHEMA_VERSION = 1

_SEVERITY_STYLES = {"critical": "bold red", "warning": "yellow", "info": "blue"}
_OUTCOME_STYLES = {"created": "green", "updated": "green", "held": "red", "failed": "bold red", "deferred": "yellow"}
_RULES_SHOWN = 40
_REASONS_SHOWN = 10


class UnreadableSummary(PlanbridgeError):
    """The file is not a run.json of this version."""


def read_summary(path: Path) -> dict[str, Any]:
    """The summary in ``path``. Raises UnreadableSummary, which names the file and what is wrong with it."""
    try:
        summary: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise UnreadableSummary(f"{path} cannot be read as a run's summary ({type(problem).__name__}).") from None
    if not isinstance(summary, dict) or summary.get("schema_version") != SCHEMA_VERSION:
        raise UnreadableSummary(f"{path} is not a run's summary of version {SCHEMA_VERSION}.")
    return summary


def print_summary(summary: dict[str, Any], path: Path, console: Console) -> bool:
    """Print a summary and the path of the report beside ``path``; gives whether the books balance."""
    run = summary["run"]
    console.print()
    console.print(line(f"{run['dag_id']} as of {run['as_of']}: {run['status']}", "bold"))
    if run["dry_run"]:
        console.print(line("Dry run: nothing was sent; this is what would have happened.", "magenta"))
    console.print(_outcome_table(summary))
    if summary["reasons"]:
        console.print(_reason_table(summary["reasons"]))
    _print_findings(summary["findings"], summary["is_first"], console)
    _print_available(summary["newly_available"], console)
    if summary["stages"]:
        console.print(_stage_table(summary["stages"]))
    return _print_closing(summary, path, console)


def _outcome_table(summary: dict[str, Any]) -> Table:
    vendors = list(summary["outcomes"])
    who = clients(summary["households"], summary["persons"])
    table = make_table(f"What happened to {who}", "", *map(vendor_name, vendors))
    for name in summary["outcomes"][vendors[0]] if vendors else ():
        counts = [summary["outcomes"][vendor][name] for vendor in vendors]
        style = _OUTCOME_STYLES.get(name, "") if any(counts) else "dim"
        table.add_row(line(name), *(f"{count:,}" for count in counts), style=style)
    table.add_section()
    table.add_row("in scope", *(f"{summary['books'][vendor]['in_scope']:,}" for vendor in vendors), style="bold")
    return table


def _reason_table(reasons: list[dict[str, Any]]) -> Table:
    table = make_table("Not sent, and why", "Reason", "Outcome", "Vendor", "Clients")
    for reason in reasons[:_REASONS_SHOWN]:
        vendor = line(vendor_name(reason["vendor"]))
        table.add_row(line(reason["reason"] or "no reason given"), reason["outcome"], vendor, f"{reason['units']:,}")
    if len(reasons) > _REASONS_SHOWN:
        table.add_row(f"… and {len(reasons) - _REASONS_SHOWN:,} more reasons, in the report", "", "", "")
    return table


def _print_findings(findings: dict[str, Any], is_first: bool, console: Console) -> None:
    """What the rules found; on a first run, where all of it is new, it is said once."""
    if not findings["by_rule"]:
        console.print(line("No rule found anything.", "green"))
        console.print()
        return
    kinds = ("findings",) if is_first else ("new", "known", "mended")
    heading = "What the rules found, all of it new" if is_first else "What the rules found"
    table = make_table(heading, "Rule", "Severity", "Clients", *map(label, kinds))
    for rule in findings["by_rule"][:_RULES_SHOWN]:
        severity = line(rule["severity"], _SEVERITY_STYLES.get(rule["severity"], ""))
        table.add_row(line(rule["rule_id"]), severity, *(f"{rule[name]:,}" for name in ("units", *kinds)))
    if len(findings["by_rule"]) > _RULES_SHOWN:
        table.add_row(f"… and {len(findings['by_rule']) - _RULES_SHOWN} more, in the report")
    console.print(table)


def _print_available(available: dict[str, Any], console: Console) -> None:
    if not available["count"]:
        return
    table = make_table("Newly available, waiting to be linked", "Category", "Vendor", "Waiting")
    for row in available["by_category"]:
        table.add_row(line(row["category"]), line(vendor_name(row["vendor"])), f"{row['records']:,}")
    console.print(table)


def _stage_table(stages: dict[str, float]) -> Table:
    table = make_table("Time for each stage", "Stage", "Seconds")
    for stage, seconds in stages.items():
        table.add_row(line(stage.replace("_", " ")), f"{seconds:,.1f}")
    return table


def _print_closing(summary: dict[str, Any], path: Path, console: Console) -> bool:
    """The time, the books and the report; gives whether the books balance."""
    seconds = summary["run"]["seconds"] or sum(summary["stages"].values())
    units = summary["units"]
    rate = f": {units / seconds:,.1f} clients a second" if seconds else ""
    console.print(line(f"{counted(units, 'client')} in {seconds:,.1f} seconds{rate}."))
    crooked = [vendor_name(vendor) for vendor, book in summary["books"].items() if not book["balanced"]]
    if crooked:
        console.print(line(f"The books of {' and '.join(crooked)} do NOT balance.", "bold red"))
    else:
        console.print(line("The books balance: every client in scope has one outcome.", "green"))
    report = path.resolve().parent / Path(summary["files"]["html"]).name
    print_path(console, "The stewards' report:", report)
    return not crooked


def show(path: Path) -> int:
    """Print the summary in ``path``; gives the exit status: 1 where its books do not balance."""
    return int(not print_summary(read_summary(path), path, Console()))
