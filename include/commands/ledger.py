"""``make ledger`` and ``make ledger-upgrade``: ``python -m include.commands.ledger check`` and ``upgrade [--try]``."""

from __future__ import annotations

import time
from typing import Annotated

import typer
from rich.console import Console

from etl.load.ledger.migrations import newest_revision
from include.commands.operator import finish, ledger_as_it_stands, operator_settings

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
console = Console()


@app.command()
def check() -> None:
    """Say where the ledger is, which revision it has, and whether this code needs an upgrade of it; 1 where it does."""
    finish(_check)


@app.command()
def upgrade(
    trial: Annotated[bool, typer.Option("--try", help="On a copy (SQLite), or taken back at the end (PostgreSQL).")] = (
        False
    ),
) -> None:
    """Bring the ledger to the revision that this code needs. A run does the same by itself when it starts."""
    finish(lambda: _upgrade(trial))


def _check() -> int:
    ledger = ledger_as_it_stands(operator_settings())
    if ledger.is_current():
        console.print(f"{ledger.place}: revision {ledger.revision()}, as this code needs it.", soft_wrap=True)
        return 0
    console.print(
        f"{ledger.place}: revision {ledger.revision() or 'before revisions were kept'}; this code needs "
        f"{newest_revision()}. make ledger-upgrade TRY=1 tries the upgrade on a copy, make ledger-upgrade does it.",
        soft_wrap=True,
    )
    return 1


def _upgrade(trial: bool) -> int:
    ledger = ledger_as_it_stands(operator_settings())
    if ledger.is_current():
        console.print(f"{ledger.place}: revision {ledger.revision()}, nothing to upgrade.", soft_wrap=True)
        return 0
    started = time.monotonic()
    (ledger.try_upgrade if trial else ledger.migrate)(lambda line: console.print(line, soft_wrap=True))
    seconds = time.monotonic() - started
    done = f"would be revision {newest_revision()}; it stays as it was" if trial else f"revision {newest_revision()}"
    console.print(f"{ledger.place}: {done} ({seconds:.1f} s).", soft_wrap=True)
    return 0


if __name__ == "__main__":
    app()
