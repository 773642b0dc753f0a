"""``python -m include.commands.why --unit H12 [--field …] [--vendor …] [--date …]``: what ``make why`` calls."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import typer
from rich.console import Console

from etl.errors import ParamsError
from include.commands.operator import finish, open_ledger, operator_settings

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def why(
    unit: Annotated[str, typer.Option(help="The household or contact, such as H12 or C7.")],
    field: Annotated[str, typer.Option(help="clientA.homePhone, account:5.holdingsValue, …; without it all.")] = "",
    vendor: Annotated[str, typer.Option(help="profiles or emoney; without it both.")] = "",
    until: Annotated[str, typer.Option("--date", help="As it stood after the runs up to this date.")] = "",
) -> None:
    """Say where a value at a vendor comes from, what was decided about it, by which rule, run and user."""
    finish(lambda: _why(unit.strip().upper(), field.strip() or None, vendor.strip() or None, until.strip()))


def _why(unit: str, field: str | None, vendor: str | None, until: str) -> int:
    from include.commands.why_table import print_told
    from include.why.asking import ask

    try:
        day = date.fromisoformat(until) if until else None
    except ValueError:
        raise ParamsError(f"DATE is a date such as 2026-03-31, not {until!r}.") from None
    print_told(ask(open_ledger(operator_settings()), unit, field, vendor, day), Console())
    return 0


if __name__ == "__main__":
    app()
