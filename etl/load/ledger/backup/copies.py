"""Backs the ledger up into one file, and restores it: SQLite and PostgreSQL alike, while others write.

A backup is as of one moment. It is compared with the ledger (rows of each table, revision) before it gets its name.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from etl.errors import LedgerBusy, LedgerTooNew, ParamsError
from etl.load.ledger import migrations, tables
from etl.load.ledger.backup import postgres_dump, sqlite_file
from etl.load.ledger.backup.contents import Contents, require_ledger
from etl.load.ledger.store import Ledger

# How a backup begins, and the name of its kind.
_SQLITE, _POSTGRESQL = "SQLite", "PostgreSQL"
_BEGINNINGS = {b"SQLite format 3\0": _SQLITE, b"PGDMP": _POSTGRESQL}
_EMPTY_PLACE = (
    "Or restore into an empty place: move the file of a SQLite ledger away, or name an empty database in the "
    "connection `ledger`."
)


def back_up(ledger: Ledger, target: Path, replace: bool = False) -> tuple[Path, Contents]:
    """Writes a backup; gives its file and what it holds.

    ``target``: a file, or a folder, where the file is named by the time in UTC. Raises `ParamsError` where the file is
    there and is not to be replaced.
    """
    file = target
    if target.is_dir():
        file = target / f"ledger-{ledger.now():%Y%m%dT%H%M%SZ}{'.db' if ledger.is_sqlite else '.dump'}"
    if not file.parent.is_dir():
        raise ParamsError(f"The folder {file.parent} is not there. Make it, or name another one.")
    if ledger.is_sqlite and file.exists() and file.samefile(ledger.place or ""):
        raise ParamsError(f"{file} is the ledger itself. Name another file.")
    if file.exists() and not replace:
        raise _is_there(file)
    with _appearing(file, replace) as partial:
        if ledger.is_sqlite:
            return file, sqlite_file.write(ledger.place or "", partial)
        return file, postgres_dump.write(ledger, partial)


def restore(ledger: Ledger, file: Path, replace: bool = False) -> Contents:
    """Puts a backup in the place of what the ledger holds, and upgrades it to what this code needs.

    Gives what the backup holds. Raises `ParamsError` where the ledger has runs and is not to be replaced, where it is
    of a newer revision than the backup, or for a file that is no backup of its kind of database; `LedgerBusy` while a
    run is open; `LedgerTooNew` for a backup that newer code made.
    """
    kind, expected = _kind(file), _SQLITE if ledger.is_sqlite else _POSTGRESQL
    if kind != expected:
        raise ParamsError(
            f"{file} is {f'a backup of a {kind} ledger' if kind else 'no backup of a ledger'}; the ledger "
            f"{ledger.place} is {expected}. Name a backup that was made from such a ledger."
        )
    held = require_ledger(file, sqlite_file.read(file) if ledger.is_sqlite else postgres_dump.read(file))
    _refuse_newer_backup(file, held)

    def look(connection: Connection) -> None:
        _refuse_to_replace(connection, ledger.place or "", held, replace)

    if ledger.is_sqlite:
        with ledger.write() as connection:
            look(connection)
        sqlite_file.restore(file, ledger.place or "")
        ledger.migrate()
    else:
        postgres_dump.restore(file, ledger, held, look)
    return held


def _kind(file: Path) -> str | None:
    try:
        with file.open("rb") as opened:
            beginning = opened.read(16)
    except OSError as error:
        raise ParamsError(f"{file} cannot be read ({error.strerror}). Name the file of a backup.") from None
    return next((kind for begins, kind in _BEGINNINGS.items() if beginning.startswith(begins)), None)


def _refuse_newer_backup(file: Path, held: Contents) -> None:
    if (held.revision or "") > migrations.newest_revision():
        raise LedgerTooNew(
            f"The backup {file} is of revision {held.revision}, made by a newer Planbridge; this one knows revisions "
            f"up to {migrations.newest_revision()}. Run the newer code. Nothing was changed."
        )


def _refuse_to_replace(connection: Connection, place: str, held: Contents, replace: bool) -> None:
    """Raises where what stands in the ledger must stay."""
    if not sa.inspect(connection).has_table(tables.run.name):
        return
    known = [row.run_id for row in connection.execute(sa.select(tables.run.c.run_id).limit(1))]
    if not known:
        return
    standing = migrations.standing_revision(connection)
    if (standing or "") > (held.revision or ""):
        raise ParamsError(
            f"The ledger {place} is of revision {standing}, newer than the backup ({held.revision or 'none'}). Take a "
            f"backup of that revision. {_EMPTY_PLACE} Nothing was changed."
        )
    is_open = sa.select(tables.run.c.run_id).where(tables.run.c.status == "running").order_by(tables.run.c.started_at)
    if open_runs := list(connection.execute(is_open).scalars()):
        raise LedgerBusy(
            f"The ledger {place} has {len(open_runs)} open runs ({open_runs[0]} the first). Wait until they have "
            f"ended. Was one killed for good? {_EMPTY_PLACE} Nothing was changed."
        )
    if not replace:
        raise ParamsError(
            f"The ledger {place} has runs. --force (make: FORCE=1) replaces all that it holds. Make a backup of it "
            "first. Nothing was changed."
        )


@contextmanager
def _appearing(file: Path, replace: bool) -> Iterator[Path]:
    """A file for its owner alone, beside ``file``, that gets this name when the block has ended without an error."""
    descriptor, name = tempfile.mkstemp(prefix=f".{file.name}.", suffix=".part", dir=file.parent)
    os.close(descriptor)
    partial = Path(name)
    try:
        yield partial
        with partial.open("rb") as written:
            os.fsync(written.fileno())
        if replace:
            partial.replace(file)
        else:
            os.link(partial, file)
    except FileExistsError:
        raise _is_there(file) from None
    finally:
        partial.unlink(missing_ok=True)


def _is_there(file: Path) -> ParamsError:
    return ParamsError(f"{file} is there. Name another file, or replace it with --force (make: FORCE=1).")
