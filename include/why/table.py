"""The answers in a terminal: sources, rules, decisions and shapes, never values."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from expectations.report.display import show, vendor_name
from include.why.answers import Answer
from include.why.asking import Told

FEW = 3


def print_told(told: list[Told], console: Console) -> None:
    """One field in full, many as a table, for each vendor."""
    for one in told:
        latest = one.history.runs[0]
        console.print()
        title = f"{one.history.unit_key} at {vendor_name(one.history.vendor)}"
        state = f"{latest.outcome} by {latest.run_id}, as of {latest.as_of}"
        console.print(Text(f"{title}: {show(state)}", style="bold"), soft_wrap=True)
        if len(one.answers) <= FEW:
            for answer in one.answers:
                console.print(_in_full(answer))
        else:
            console.print(_as_rows(one.answers))
        for pin in one.pins:
            console.print(Text(show(f"Pinned to {pin.side}: {pin.field} ({pin.reason})")), soft_wrap=True)


def _in_full(answer: Answer) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    lines = {
        "Field": answer.field,
        "Decision": answer.decision,
        "Rule": answer.rule_id,
        "Source": source_of(answer),
        "Shape": answer.shape,
        "Run": answer.run_id + (f", as of {answer.as_of}" if answer.as_of else ""),
        "Time": f"{answer.at:%Y-%m-%d %H:%M:%S} UTC" if answer.at else "",
        "User": answer.by,
        "Last seen": answer.looked_at,
    }
    for name, text in lines.items():
        if text:
            table.add_row(name, Text(show(text)))
    return table


def _as_rows(answers: list[Answer]) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("Field", "Decision", "Rule", "Source", "Shape"):
        table.add_column(name, overflow="fold")
    for one in answers:
        texts = (one.field, one.decision, one.rule_id, source_of(one), one.shape)
        table.add_row(*(Text(show(text)) for text in texts))
    return table


def source_of(answer: Answer) -> str:
    """``contact_phone.number, key 9``."""
    if not answer.table:
        return ""
    column = f"{answer.table}.{answer.column}" if answer.column else answer.table
    return f"{column}, key {answer.key}" if answer.key else column
