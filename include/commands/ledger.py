"""The ledger's revision and its upgrade, as ``planbridge ledger`` shows them."""

from __future__ import annotations

import time

from rich.console import Console

from etl.load.ledger.migrations import newest_revision
from include.commands.operator import ledger_as_it_stands, operator_settings

console = Console()


def check() -> int:
    """Shows where the ledger is and which revision it has; gives 1 where this code needs an upgrade of it."""
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


def upgrade(trial: bool) -> int:
    """Upgrades the ledger; a trial does so on a copy (SQLite) or is rolled back (PostgreSQL)."""
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
