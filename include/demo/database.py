"""Where the demo office is written: an empty SQLite file or PostgreSQL database, loaded in bulk, indexed afterwards."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, ForeignKeyConstraint, create_engine, inspect
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.schema import AddConstraint, CreateTable

from etl.schema import metadata
from include.demo.draft import TABLES

Chunk = dict[str, list[tuple[Any, ...]]]  # rows by table, in an order that foreign keys allow


class DemoError(Exception):
    """The demo office cannot be made; the message says why and what to do."""


def parse_url(url: str) -> URL:
    """The database's URL. Raises `DemoError` when it has neither of the two forms."""
    forms = "sqlite:////absolute/path.db or postgresql://user:password@host:port/name"
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise DemoError(f"This is no database URL. It takes the form {forms}.") from error
    if parsed.get_backend_name() not in ("sqlite", "postgresql") or not parsed.database:
        raise DemoError(f"The demo office goes to SQLite or PostgreSQL: {forms}.")
    return parsed


def connect(url: str) -> Engine:
    """An engine for a database that answers; a new file is its owner's alone. Raises `DemoError` when none answers."""
    engine = create_engine(parse_url(url))
    try:
        if engine.dialect.name == "sqlite" and not (path := Path(str(engine.url.database))).exists():
            path.touch(mode=0o600)
        engine.connect().close()
    except (OperationalError, OSError) as error:
        engine.dispose()
        shown = engine.url.render_as_string(hide_password=True)
        raise DemoError(
            f"The database {shown} cannot be reached: check path or host, port, user and password."
        ) from error
    return engine


def prepare(engine: Engine, overwrite: bool) -> None:
    """Make the empty tables. Raises `DemoError` when there are tables already that must not be overwritten.

    PostgreSQL gets its foreign keys after the load, all at once; SQLite takes them only with the table.
    """
    existing = set(inspect(engine).get_table_names())
    if existing and not overwrite:
        raise DemoError(
            f"The database is not empty ({len(existing)} tables). Add --overwrite to replace its demo office."
        )
    with engine.begin() as connection:
        metadata.drop_all(connection, checkfirst=True)
    with engine.begin() as connection:
        keys: list[ForeignKeyConstraint] | None = [] if engine.dialect.name == "postgresql" else None  # None: all
        for table in metadata.sorted_tables:
            connection.execute(CreateTable(table, include_foreign_key_constraints=keys))


@contextmanager
def loading(engine: Engine) -> Iterator[Callable[[Chunk], None]]:
    """Gives a function that writes a chunk of rows. Indexes follow, and the load is committed, when all went well."""
    is_postgres = engine.dialect.name == "postgresql"
    with engine.connect() as connection:
        if not is_postgres:
            # a load that fails leaves a file to be made again: it needs neither a journal nor a flush to disk
            for pragma in ("synchronous = OFF", "journal_mode = OFF", "cache_size = -65536"):
                connection.exec_driver_sql(f"PRAGMA {pragma}").close()
            connection.commit()
        with connection.begin():
            cursor = connection.connection.cursor()
            yield partial(_copy if is_postgres else _insert, cursor)
            cursor.close()
            for table in metadata.sorted_tables:
                for index in sorted(table.indexes, key=lambda each: str(each.name)):
                    index.create(connection)
                if is_postgres:
                    for key in sorted(table.foreign_key_constraints, key=lambda each: each.column_keys[0]):
                        connection.execute(AddConstraint(key, isolate_from_table=False))


def _insert(cursor: Any, chunk: Chunk) -> None:
    for name, rows in chunk.items():
        marks = ",".join("?" * len(TABLES[name].columns))
        cursor.executemany(f"INSERT INTO {name} VALUES ({marks})", rows)


def _copy(cursor: Any, chunk: Chunk) -> None:
    for name, rows in chunk.items():
        with cursor.copy(f"COPY {name} FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
