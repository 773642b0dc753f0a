"""The answers in a terminal: sources, rules, decisions and shapes, never values."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from include.commands.terminal import line
from include.report.display import side_name, vendor_name
from include.why.answers import Answer
from include.why.asking import UnitAnswers

FEW = 3


def print_answers(answers: list[UnitAnswers], console: Console) -> None:
    """One field in full, many as a table, for each vendor."""
    for one in answers:
        latest = one.history.runs[0]
        console.print()
        title = f"{one.history.unit_key} at {vendor_name(one.history.vendor)}"
        state = f"{latest.outcome} by {latest.run_id}, as of {latest.as_of}"
        console.print(line(f"{title}: {state}", "bold"), soft_wrap=True)
        if len(one.answers) <= FEW:
            for answer in one.answers:
                console.print(_in_full(answer))
        else:
            _print_rows(one.answers, console)
            for last_run in dict.fromkeys(answer.last_run for answer in one.answers if answer.last_run):
                console.print(line(f"Last run: {last_run}"), soft_wrap=True)
        for pin in one.history.pins:
            console.print(line(f"Pinned to {side_name(pin.side)}: {pin.field} ({pin.reason})"), soft_wrap=True)


def _in_full(answer: Answer) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    lines = {
        "Field": answer.field,
        "Decision": answer.decision,
        "Rule": answer.rule_id,
        "Source": answer.source,
        "Shape": answer.shape,
        "Run": answer.run_id + (f", as of {answer.as_of}" if answer.as_of else ""),
        "Time": f"{answer.at:%Y-%m-%d %H:%M:%S} UTC" if answer.at else "",
        "User": answer.by,
        "Last seen": answer.looked_at,
        "Last run": answer.last_run,
    }
    for name, text in lines.items():
        if text:
            table.add_row(name, line(text))
    return table


def _print_rows(answers: list[Answer], console: Console) -> None:
    """The fields of each person and item under its name: what was decided, and where it is from by which rule."""
    groups: dict[str, list[Answer]] = {}
    for one in answers:
        groups.setdefault(_holder(one.field), []).append(one)
    for holder, inner in groups.items():
        table = Table(box=None, show_header=False, padding=(0, 1), expand=True)
        table.add_column(width=27, overflow="fold")
        table.add_column(ratio=22)
        table.add_column(ratio=48, style="dim", overflow="fold")
        for one in inner:
            about = ", ".join(text for text in (one.source, one.rule_id, one.shape) if text and text != "null")
            name = one.field.removeprefix(holder).removeprefix(".")
            table.add_row(*(line(text) for text in (name, one.decision, about)))
        console.print(line(holder, "bold"))
        console.print(table)


def _holder(name: str) -> str:
    """The person or item of a field."""
    return name[: name.rfind("]") + 1] or name.partition(".")[0]
