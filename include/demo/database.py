"""Where the demo office is written: an empty SQLite file or PostgreSQL database, loaded in bulk, indexed afterwards."""

from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, Engine, ForeignKeyConstraint, create_engine, inspect
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.schema import AddConstraint, CreateTable

from etl.schema import metadata
from include.demo.book import TABLES


class DemoError(Exception):
    """The demo office cannot be made; the message says why and what to do."""


def parse_url(url: str) -> URL:
    """The database's URL. `DemoError` if it is none of the two forms."""
    forms = "sqlite:////absolute/path.db or postgresql://user:password@host:port/name"
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise DemoError(f"This is no database URL. It takes the form {forms}.") from error
    if parsed.get_backend_name() not in ("sqlite", "postgresql") or not parsed.database:
        raise DemoError(f"The demo office goes to SQLite or PostgreSQL: {forms}.")
    return parsed


def connect(url: str) -> Engine:
    """An engine for a database that answers; a new file is its owner's alone. `DemoError` if it does not answer."""
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
    """Make the empty tables. `DemoError` if there are tables already, unless they may be overwritten.

    PostgreSQL gets its foreign keys after the load, all at once; SQLite can only take them with the table.
    """
    existing = set(inspect(engine).get_table_names())
    if existing and not overwrite:
        raise DemoError(
            f"The database is not empty ({len(existing)} tables). Say --overwrite to replace its demo office."
        )
    with engine.begin() as connection:
        metadata.drop_all(connection, checkfirst=True)
    with engine.begin() as connection:
        keys: list[ForeignKeyConstraint] | None = (
            [] if engine.dialect.name == "postgresql" else None
        )  # None: all of them
        for table in metadata.sorted_tables:
            connection.execute(CreateTable(table, include_foreign_key_constraints=keys))


class Loader:
    """Writes chunks of rows; use it in a `with`: indexes follow, and the load counts, when it has ended well."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None

    def __enter__(self) -> Self:
        self._connection = self._engine.connect()
        if self._engine.dialect.name == "sqlite":
            # a load that fails leaves a file to be made again: it needs neither a journal nor a flush to disk
            for pragma in ("synchronous = OFF", "journal_mode = OFF", "cache_size = -65536"):
                self._connection.exec_driver_sql(f"PRAGMA {pragma}").close()
            self._connection.commit()
        self._connection.begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._connection is not None
        with self._connection:
            if kind is None:
                self._finish(self._connection)
                self._connection.commit()

    def _finish(self, connection: Connection) -> None:
        for table in metadata.sorted_tables:
            for index in sorted(table.indexes, key=lambda each: str(each.name)):
                index.create(connection)
            if self._engine.dialect.name == "postgresql":
                for key in sorted(table.foreign_key_constraints, key=lambda each: each.column_keys[0]):
                    connection.execute(AddConstraint(key, isolate_from_table=False))

    def write(self, chunk: dict[str, list[tuple[Any, ...]]]) -> None:
        """Write the rows of a chunk, table by table in an order that foreign keys allow."""
        assert self._connection is not None
        cursor = self._connection.connection.cursor()
        copy = self._engine.dialect.name == "postgresql"
        for name, rows in chunk.items():
            (_copy if copy else _insert)(cursor, name, rows)
        cursor.close()


def _insert(cursor: Any, table: str, rows: Iterable[tuple[Any, ...]]) -> None:
    marks = ",".join("?" * len(TABLES[table].columns))
    cursor.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)


def _copy(cursor: Any, table: str, rows: Iterable[tuple[Any, ...]]) -> None:
    with cursor.copy(f"COPY {table} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
