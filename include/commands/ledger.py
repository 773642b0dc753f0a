"""The ledger's revision, its upgrade, its backup and its restoration, as ``planbridge ledger`` shows them."""

from __future__ import annotations

import time
from pathlib import Path

from rich.console import Console

from etl.load.ledger.backup import copies
from etl.load.ledger.backup.contents import Contents
from etl.load.ledger.migrations import newest_revision
from etl.load.ledger.store import Ledger
from include.commands.operator import ledger_as_it_stands, ledger_url, operator_settings

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


def back_up(target: Path, replace: bool) -> int:
    """Writes a backup of the ledger into a file, or into a folder under a name with the time."""
    ledger = ledger_as_it_stands(operator_settings())
    file, held = copies.back_up(ledger, target, replace)
    console.print(f"{ledger.place}: backup {file} written and compared with the ledger.", soft_wrap=True)
    console.print(_what_is_in(held), soft_wrap=True)
    return 0


def restore(file: Path, replace: bool) -> int:
    """Puts a backup in the place of the ledger."""
    ledger = Ledger(ledger_url(operator_settings()))
    held = copies.restore(ledger, file, replace)
    console.print(f"{ledger.place}: restored from {file} and compared with it.", soft_wrap=True)
    console.print(_what_is_in(held), soft_wrap=True)
    console.print(
        "The vendors may know more than this ledger: begin with a dry run, then a full run (docs/operate.md).",
        soft_wrap=True,
    )
    return 0


def _what_is_in(held: Contents) -> str:
    rows = sum(held.rows.values())
    return f"Revision {held.revision}, {held.runs:,} runs, {rows:,} rows in {len(held.rows)} tables."
