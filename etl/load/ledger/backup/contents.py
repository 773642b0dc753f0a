"""What a ledger or a backup holds: by this a copy is compared with what was copied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from etl.errors import LedgerUnavailable, ParamsError


@dataclass(frozen=True)
class Contents:
    """The revision (None: from before revisions were kept), and the number of rows of each table."""

    revision: str | None
    rows: Mapping[str, int]

    @property
    def runs(self) -> int:
        """How many runs are registered."""
        return self.rows.get("run", 0)


def require_ledger(file: Path, contents: Contents) -> Contents:
    """Raises `ParamsError` for a file that was not made from a ledger."""
    if "run" not in contents.rows:
        raise ParamsError(f"{file} is no backup of a ledger: it has no table of runs. Name another file.")
    return contents


def require_same(copy: str, held: Contents, found: Contents) -> None:
    """Raises `LedgerUnavailable` where a copy does not hold what was copied."""
    if held == found:
        return
    names = sorted(name for name in {*held.rows, *found.rows} if held.rows.get(name) != found.rows.get(name))
    tables = ", ".join(f"{name} {found.rows.get(name, 0)} of {held.rows.get(name, 0)} rows" for name in names)
    raise LedgerUnavailable(
        f"{copy} does not hold what was copied ({tables or f'revision {found.revision} for {held.revision}'}). "
        "Nothing was replaced. Check the disk, then start again."
    )
