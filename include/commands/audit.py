"""The audit of the desk, verified from its first entry to its last, as ``planbridge audit`` shows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from etl.load.ledger.desk import audit
from include.commands.operator import open_ledger, operator_settings


def verify(console: Console | None = None) -> int:
    """Prints how many entries the audit has, the first, the last, and the first broken one; gives 1 where one is."""
    console = console or Console()
    verdict = audit.verify(open_ledger(operator_settings()))

    def say(line: str) -> None:
        console.print(line, soft_wrap=True, markup=False, highlight=False)

    if verdict.first is not None and verdict.last is not None:
        say(f"first  {_shown(verdict.first)}")
        say(f"last   {_shown(verdict.last)}")
    if verdict.broken is None:
        say(f"{verdict.count:,} entries, each as it was written.")
        return 0
    say(
        f"Entry {verdict.broken}: {verdict.why}. The {verdict.count:,} entries before it are as they were written. "
        "Compare the ledger with its last backup: docs/operate.md, The audit."
    )
    return 1


def _shown(entry: Mapping[str, Any]) -> str:
    return (
        f"{entry['entry_id']}, {entry['at']:%Y-%m-%d %H:%M:%S} UTC, {entry['actor']}: {entry['action']} "
        f"{entry['subject']}, hash {entry['entry_hash']}"
    )
