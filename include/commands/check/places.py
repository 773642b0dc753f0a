"""The places that a night needs: the data folder with room on its disk, the ledger, the CRM's clock."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import make_url

from etl.errors import LedgerTooNew
from etl.load.ledger.migrations import newest_revision
from etl.load.ledger.store import Ledger
from include.commands.check.lines import Line, clock_line, failed, ok, warning

GIB = 2**30
# A night of 100,000 households stages about 1 GiB; the ledger and the reports grow beside it.
ENOUGH, TOO_LITTLE = 5 * GIB, GIB // 2
# PostgreSQL's driver waits for a connection for as long as the network does.
CONNECT_SECONDS = 8


def check_folder(
    folder: Path, disk_free: Callable[[Path], int] = lambda path: shutil.disk_usage(path).free
) -> Iterator[Line]:
    """Whether a file can be written in the data folder, or in the one in which it will be made; and the disk."""
    place = next(path for path in (folder, *folder.parents) if path.exists())
    to_do = "Make it writable for the user who runs Airflow, or set PLANBRIDGE__DATA__FOLDER to another folder."
    try:
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(b"planbridge")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        yield failed("data folder", f"{place} cannot be written ({error.strerror})", to_do)
        return
    yield ok("data folder", f"{folder} can be written" if place == folder else f"{folder} can be made")
    free = disk_free(place)
    room = f"{free / GIB:.1f} GiB free"
    to_do = "Free the disk, or move the data folder: remove old reports, see “What is kept” in docs/operate.md."
    if free < TOO_LITTLE:
        yield failed("disk", room, to_do)
    else:
        yield ok("disk", room) if free >= ENOUGH else warning("disk", room, to_do)


def check_ledger(url: str) -> Iterator[Line]:
    """Whether the ledger can be reached, its revision, and on a server its clock. Nothing is made or upgraded."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and not Path(parsed.database or "").exists():
        yield ok("ledger", f"{parsed.database} is not there yet: the first run makes it")
        return
    ledger = Ledger(in_time(url))
    try:
        revision = ledger.revision()
        try:
            is_current = ledger.is_current()
        except LedgerTooNew as error:
            yield failed("ledger", str(error))
            return
        if is_current:
            yield ok("ledger", f"{ledger.place}: revision {revision}, as this code needs it")
        elif revision is None:
            yield ok("ledger", f"{ledger.place} can be reached; the next run makes or upgrades it")
        else:
            to_do = "make backup TO=…, then make ledger-upgrade. A run does the upgrade by itself."
            yield warning("ledger", f"{ledger.place}: revision {revision}, this code needs {newest_revision()}", to_do)
        if not ledger.is_sqlite:
            with ledger.read() as connection:
                yield _clock_of(connection, "ledger clock", "the ledger's")
    finally:
        ledger.engine.dispose()


def check_crm_clock(url: str) -> Iterator[Line]:
    """The clock of the CRM's server; a file has this machine's."""
    if make_url(url).get_backend_name() == "sqlite":
        return
    engine = sa.create_engine(in_time(url), poolclass=sa.pool.NullPool, hide_parameters=True)
    try:
        with engine.connect() as connection:
            yield _clock_of(connection, "CRM clock", "the CRM's")
    except sa.exc.DBAPIError as error:
        to_do = "Check that it is up and that the connection `crm` names it correctly."
        yield failed("CRM clock", f"the CRM cannot be opened ({type(error.orig).__name__})", to_do)


def _clock_of(connection: sa.Connection, name: str, whose: str) -> Line:
    seconds = connection.execute(sa.text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one()
    return clock_line(name, float(seconds) - time.time(), whose)


def in_time(url: str) -> str:
    """The address with a deadline for the connection; one that is there stays."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" and "connect_timeout" not in parsed.query:
        parsed = parsed.update_query_dict({"connect_timeout": str(CONNECT_SECONDS)})
    return parsed.render_as_string(hide_password=False)
