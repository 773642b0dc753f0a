"""Lines and tables in a terminal: at 80 columns, with or without colour, what cannot be seen spelled out."""

from __future__ import annotations

from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from include.report.display import show

_WORDS = ("Severity", "Outcome", "Vendor")  # columns that hold words, to be read from the left


def line(text: str, style: str = "") -> Text:
    """A line of text; markup in the text is shown as it is."""
    return Text(show(text), style=style)


def make_table(title: str, first: str, *others: str) -> Table:
    """A table under a title. The columns after the first hold numbers, but for those of `_WORDS`."""
    made = Table(title=Text(title, style="bold", no_wrap=True), box=box.SIMPLE_HEAD, title_justify="left")
    made.add_column(first, overflow="fold", min_width=len(title) - 10 * len(others))
    for name in others:
        made.add_column(name, justify="left" if name in _WORDS else "right", no_wrap=True)
    return made


def print_path(console: Console, title: str, path: Path) -> None:
    """A path on a line that is never folded: broken over two lines it can neither be clicked nor copied."""
    console.print(line(title, "bold"))
    console.print(line(str(path)), soft_wrap=True)
