"""A PostgreSQL ledger in a file, by pg_dump in the snapshot in which its rows were counted, and back by pg_restore.

pg_restore only unpacks: its statements run in one transaction of ours, so that what stands there is looked at,
replaced and compared, or nothing happens.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from etl.databases import conninfo
from etl.errors import LedgerUnavailable, ParamsError, SettingsError
from etl.load.ledger import migrations, tables, views
from etl.load.ledger.backup.contents import Contents, require_same
from etl.load.ledger.store import Ledger, keep_others_out

# `COPY schema.table (…) FROM stdin;`, with quotes where a name needs them.
_COPY = re.compile(r'COPY (?:"(?P<quoted>[^"]+)"|(?P<schema>\w+))\."?(?P<table>\w+)"? ')
# Lines between statements that are for psql, or set what our session has set already.
_FOR_PSQL = (b"--", b"\\", b"SET ", b"SELECT pg_catalog.set_config(")
_LINES_AT_ONCE = 2_000


def write(ledger: Ledger, file: Path) -> Contents:
    """Dumps the tables of the ledger, and reads the dump again. Raises `ParamsError` for one of another revision."""
    if not ledger.is_current():
        raise ParamsError(
            f"The ledger {ledger.place} has revision {ledger.revision()}; this code needs "
            f"{migrations.newest_revision()} and does not know "
            "the tables of that time. Make the backup with the version that made the ledger."
        )
    with ledger.write() as connection:
        connection.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
        snapshot = connection.execute(sa.text("SELECT pg_export_snapshot()")).scalar_one()
        schema, held = _schema(connection), _contents(connection)
        options = [f'--table="{schema}"."{name}"' for name in held.rows]
        url = ledger.engine.url
        address = conninfo(url.set(password=None))  # a password among the arguments could be seen by others
        made = ["--format=custom", "--encoding=UTF8", "--no-owner", "--no-privileges", "--lock-wait-timeout=60s"]
        command = [*made, f"--snapshot={snapshot}", f"--file={file}", *options, f"--dbname={address}"]
        with _tool("pg_dump", *command, password=str(url.password or "")):
            pass
    require_same(f"The backup {file}", held, read(file))
    return held


def read(file: Path) -> Contents:
    """What a dump holds."""
    return _take(file, lambda _statement: None, lambda _statement, _rows: None)[1]


def restore(file: Path, ledger: Ledger, contents: Contents, look: Callable[[Connection], None]) -> None:
    """Puts a dump in the place of what a ledger holds, in one transaction, and upgrades it to what this code needs.

    ``look`` looks at what stands there, when nobody else can write any more.
    """
    with ledger.write() as connection:
        keep_others_out(connection)
        look(connection)
        for view in views.VIEWS:
            connection.execute(sa.text(f"DROP VIEW IF EXISTS {view}"))
        for table in _ours(connection):
            connection.execute(sa.text(f"DROP TABLE {table}"))
        connection.exec_driver_sql(tables.REFUSING_FUNCTION)
        _unpack(file, connection)
        require_same(f"The ledger {ledger.place}", contents, _contents(connection))
        migrations.make_or_upgrade(connection, tables.metadata, views.VIEWS, lambda _step: None)


def _unpack(file: Path, connection: Connection) -> None:
    driver = connection.connection.dbapi_connection
    assert driver is not None
    cursor = driver.cursor()
    cursor.execute("SET LOCAL client_encoding TO 'UTF8'")

    def copy(statement: str, rows: Iterator[bytes]) -> None:
        with cursor.copy(statement) as target:
            while part := b"".join(islice(rows, _LINES_AT_ONCE)):
                target.write(part)

    schemas, _ = _take(file, cursor.execute, copy)
    schema = _schema(connection)
    if schemas - {schema}:
        raise ParamsError(
            f"The backup {file} is of a ledger in the schema {', '.join(sorted(schemas))}; the connection `ledger` "
            f"writes into {schema}. Give it that schema (search_path in its options). Nothing was changed."
        )


def _take(
    file: Path, run: Callable[[str], object], copy: Callable[[str, Iterator[bytes]], object]
) -> tuple[set[str], Contents]:
    """Gives each statement of a dump to ``run``, those with rows to ``copy``; the schemas, and what was in the dump."""
    counts: dict[str, int] = {}
    schemas: set[str] = set()
    revisions: list[str] = []

    def counted(name: str, lines: Iterator[bytes]) -> Iterator[bytes]:
        for row in lines:
            if row == b"\\.\n":
                return
            counts[name] += 1
            if name == migrations.VERSION_TABLE:
                revisions.append(row.decode().strip())
            yield row

    with _tool("pg_restore", "--no-owner", "--no-privileges", "--file=-", str(file)) as lines:
        for statement in _statements(lines):
            if (found := _COPY.match(statement)) is None:
                run(statement)
                continue
            name = found["table"]
            counts[name] = 0
            schemas.add(found["quoted"] or found["schema"])
            rows = counted(name, lines)
            copy(statement, rows)
            for _ in rows:  # what ``copy`` left
                pass
    return schemas, Contents(next(iter(revisions), None), counts)


def _statements(lines: Iterator[bytes]) -> Iterator[str]:
    gathered: list[bytes] = []
    for line in lines:
        if not gathered and (not line.strip() or line.startswith(_FOR_PSQL)):
            continue
        gathered.append(line)
        if line.rstrip().endswith(b";"):
            yield b"".join(gathered).decode()
            gathered.clear()


def _schema(connection: Connection) -> str:
    return str(connection.execute(sa.text("SELECT current_schema()")).scalar_one())


def _ours(connection: Connection) -> list[str]:
    """The ledger's tables that are there: others may share its schema."""
    present = set(sa.inspect(connection).get_table_names())
    return sorted(present & {*tables.metadata.tables, migrations.VERSION_TABLE})


def _contents(connection: Connection) -> Contents:
    count = "SELECT count(*) FROM "
    rows = {name: connection.execute(sa.text(count + name)).scalar_one() for name in _ours(connection)}
    return Contents(migrations.standing_revision(connection), rows)


@contextmanager
def _tool(name: str, *options: str, password: str = "") -> Iterator[Iterator[bytes]]:
    """The lines that one of PostgreSQL's programs writes. Raises `SettingsError` where the program is not there."""
    program = shutil.which(name)
    if program is None:
        raise SettingsError(
            f"{name} is not on this machine's PATH. Install PostgreSQL's client programs, of the server's version or "
            "a newer one (Debian: postgresql-client), then start again. Nothing was changed."
        )
    environment = {**os.environ, **({"PGPASSWORD": password} if password else {})}
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen([program, *options], stdout=subprocess.PIPE, stderr=said, env=environment) as process,
    ):
        assert process.stdout is not None
        try:
            yield iter(process.stdout)
            ended = process.wait()
        except BaseException:
            process.kill()
            raise
        if ended:
            said.seek(0)
            words = said.readline().decode(errors="replace").strip()[:200]
            raise LedgerUnavailable(
                f"{words or f'{name} ended with {ended}'}. PostgreSQL's client programs must be of the server's "
                "version or a newer one. Nothing was replaced."
            )
