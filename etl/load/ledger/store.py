"""Opens the ledger: short transactions, safe for many threads and processes at once."""

from __future__ import annotations

import logging
import sqlite3
import tempfile
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import lru_cache, partial
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar

import orjson
import pandas as pd
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, make_url

from etl.databases import for_reading, sqlite_url
from etl.errors import LedgerBusy, LedgerUnavailable
from etl.load.ledger import migrations, tables, views
from etl.load.ledger.story import unpack
from etl.load.ledger.writer import HandIn, Write, Writer

log = logging.getLogger(__name__)

Row = TypeVar("Row")

# How long an upgrade waits for transactions that others have begun.
WRITERS_MAY_TAKE_SECONDS = 60


def default_url(data_folder: Path) -> str:
    """The ledger's address where the connection `ledger` is absent: SQLite under the data folder."""
    return sqlite_url(data_folder.resolve() / "ledger.db")


def utc_now() -> datetime:
    """Now in UTC, without a zone: the form of all times in the ledger."""
    return datetime.now(UTC).replace(tzinfo=None)


class Ledger:
    """The ledger's engine. Every write is one short transaction that is on disk when it returns.

    ``clock`` gives UTC without a zone; ``read_only`` (SQLite) writes neither the database nor a file beside it. Raises
    `LedgerUnavailable` where the database cannot be opened or written.
    """

    def __init__(self, url: str, clock: Callable[[], datetime] = utc_now, read_only: bool = False) -> None:
        self.now = clock
        parsed = make_url(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        self.place = parsed.database if self.is_sqlite else f"{parsed.host}:{parsed.port or 5432}/{parsed.database}"
        if self.is_sqlite and read_only:
            parsed = _for_reading(parsed)
        elif self.is_sqlite and parsed.database:
            self._prepare_folder(Path(parsed.database))
        # The threads of a load keep their connections: to open one costs more than most questions.
        options: dict[str, Any] = {"hide_parameters": True, "pool_size": 16, "max_overflow": 16}
        if self.is_sqlite:
            options["connect_args"] = {"timeout": 60, "check_same_thread": False}
        else:
            options["pool_pre_ping"] = True
        self.engine = sa.create_engine(parsed, **options)
        # Locks mean nothing after a power cut: on SQLite they need not wait for the disk.
        self._quick = sa.create_engine(parsed, **options) if self.is_sqlite else self.engine
        if self.is_sqlite:
            for engine, synchronous in ((self.engine, "FULL"), (self._quick, "NORMAL")):
                sa.event.listen(engine, "connect", partial(_tune_sqlite, synchronous=synchronous))
                sa.event.listen(engine, "begin", _begin_writing)
        self._writer = Writer(self._commit_all)
        self.working = self._writer.working

    def _prepare_folder(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                path.touch(mode=0o600)
        except OSError as error:
            raise LedgerUnavailable(
                f"The ledger {path} cannot be created ({error.strerror}). Make its folder writable, or set "
                "PLANBRIDGE__DATA__FOLDER or the connection `ledger`."
            ) from None

    def seconds(self) -> sa.ColumnElement[float]:
        """Seconds since 1970 by the ledger's clock, for a statement: on PostgreSQL the clock of the server."""
        return _seconds(self.is_sqlite)

    def migrate(self, progress: migrations.Progress = log.warning) -> None:
        """Makes the ledger, or upgrades it to what the code needs; safe at every start and from several processes.

        An upgrade is one transaction in which nobody else writes, reported step by step to ``progress``. Raises
        `LedgerBusy` while a run is writing at a vendor, `LedgerTooNew` for a ledger made by newer code.
        """
        if self.is_current():
            return
        with self.write() as connection:
            self._make_or_upgrade(connection, progress)

    def try_upgrade(self, progress: migrations.Progress = log.warning) -> None:
        """Tries `migrate` without changing the ledger: on a copy, or (PostgreSQL) in a transaction that is rolled back.

        On PostgreSQL other writers wait meanwhile. Raises what the upgrade itself would raise.
        """
        if self.is_sqlite:
            with tempfile.TemporaryDirectory(prefix="ledger-copy-", dir=Path(self.place or "").parent) as folder:
                url = sqlite_url(Path(folder) / "ledger.db")
                with self._translated(), closing(sqlite3.connect(Path(folder) / "ledger.db")) as copy:
                    with closing(sqlite3.connect(self.place or "")) as here:
                        here.backup(copy)
                    copy.execute(f"DELETE FROM {tables.household_lock.name}")  # nobody else writes a copy
                    copy.commit()
                Ledger(url, self.now).migrate(progress)
            return
        with self.write() as connection:
            self._make_or_upgrade(connection, progress)
            connection.rollback()

    def is_current(self) -> bool:
        """Whether the ledger has the schema that the code needs. Raises `LedgerTooNew` for one made by newer code."""
        standing = self.revision()
        migrations.refuse_too_new(standing)
        return standing == migrations.newest_revision()

    def revision(self) -> str | None:
        """The ledger's revision; None for one that keeps none yet, and for an empty database."""
        with self.read() as connection:
            return migrations.standing_revision(connection)

    def _make_or_upgrade(self, connection: Connection, progress: migrations.Progress) -> None:
        keep_others_out(connection)
        if migrations.standing_revision(connection) == migrations.newest_revision():
            return  # another process was faster
        _refuse_while_writing(connection)
        migrations.make_or_upgrade(connection, tables.metadata, views.VIEWS, progress)

    @contextmanager
    def write(self, durable: bool = True) -> Iterator[Connection]:
        """One transaction; a durable transaction is on disk when it returns."""
        with self._translated(), (self.engine if durable else self._quick).begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for reading: takes no lock."""
        with self._translated(), self.engine.connect() as connection:
            if self.is_sqlite:
                yield connection.execution_options(is_reading=True)
            else:
                yield connection.execution_options(isolation_level="AUTOCOMMIT")

    def rows(self, statement: sa.Select[Any]) -> Sequence[sa.RowMapping]:
        """All rows of a select, as mappings."""
        with self.read() as connection:
            return connection.execute(statement).mappings().all()

    @property
    def dialect(self) -> str:
        """`story.Rows.dialect`."""
        return self.engine.dialect.name

    def select(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        """`story.Rows.select`."""
        with self.read() as connection:
            rows = connection.exec_driver_sql(sql if self.is_sqlite else sql.replace("?", "%s"), values)
            return [dict(row) for row in rows.mappings()]

    def read_as(self, kind: type[Row], statement: sa.Select[Any]) -> list[Row]:
        """All rows of a select as dataclasses whose fields are its columns; what was packed is unpacked."""
        packed = {column.name for column in statement.selected_columns if isinstance(column.type, sa.LargeBinary)}
        return [
            kind(**{name: unpack(value) if name in packed else value for name, value in row.items()})
            for row in self.rows(statement)
        ]

    def find_as(self, kind: type[Row], statement: sa.Select[Any]) -> Row | None:
        """The first row of a select as a dataclass; None where it has no row."""
        return next(iter(self.read_as(kind, statement.limit(1))), None)

    def column(self, statement: sa.Select[Any]) -> list[Any]:
        """The first column of a select."""
        with self.read() as connection:
            return list(connection.execute(statement).scalars())

    def first(self, statement: sa.Select[Any]) -> Any:
        """The first value of a select; None where it has no row."""
        return next(iter(self.column(statement.limit(1))), None)

    def mapping(self, statement: sa.Select[Any]) -> dict[Any, Any]:
        """The first column of a select -> its second; of two rows with one key the last."""
        with self.read() as connection:
            return dict(connection.execute(statement).all())

    def commit(self, *writes: Write) -> None:
        """Writes rows, all or none, in a transaction that other threads share; they are on disk when it returns.

        Raises ``if_taken`` of the row that has another row's unique value.
        """
        self._writer.hand_in(writes)

    def _commit_all(self, batch: Sequence[HandIn]) -> None:
        """The hand-ins that are alike go statement by statement, each for all of them."""
        by_shape: dict[tuple[Any, ...], list[Sequence[Write]]] = {}
        for one in batch:
            by_shape.setdefault(tuple(write.shape for write in one.writes), []).append(one.writes)
        with self.write() as connection:
            for alike in by_shape.values():
                for writes in zip(*alike, strict=True):
                    self.apply(connection, *writes)

    def apply(self, connection: Connection, *writes: Write) -> None:
        """Writes rows in the caller's transaction, in their order; neighbours of one shape by one statement."""
        for _, group in groupby(writes, key=lambda write: write.shape):
            alike = list(group)
            try:
                self._write_alike(connection, alike)
            except sa.exc.IntegrityError as error:
                meant = next((write.if_taken for write in alike if write.if_taken is not None), error)
            else:
                continue
            raise meant

    def _write_alike(self, connection: Connection, writes: Sequence[Write]) -> None:
        if writes[0].where:
            changes = [write.change for write in writes]
            connection.execute(changes[0][0], [values for _, values in changes])
        else:
            self.upsert(connection, writes[0].table, [write.values for write in writes])

    def execute(self, *statements: sa.Update | sa.Delete) -> None:
        """Runs changes in a transaction of their own."""
        with self.write() as connection:
            for statement in statements:
                connection.execute(statement)

    def save(self, table: sa.Table, rows: Iterable[Mapping[str, Any]]) -> None:
        """Inserts or updates rows (see `upsert`) in a transaction of its own; none for no rows."""
        batch = list(rows)
        if batch:
            with self.write() as connection:
                self.upsert(connection, table, batch)

    def frame(self, statement: sa.Select[Any]) -> pd.DataFrame:
        """All rows of a select as a frame with the names of its columns, in the types of the tables, with rows or not.

        Text is ``str``, a whole number int64, or Int64 where it may be null.
        """
        with self.read() as connection:
            # The driver's rows, past SQLAlchemy's row objects: a fifth of the time.
            rows = connection.execute(statement).cursor.fetchall()
        columns = list(statement.selected_columns)
        cells = zip(*rows, strict=True) if rows else ((),) * len(columns)
        arrays = map(partial(_as_array, self.engine.dialect), columns, cells)
        return pd.DataFrame(dict(zip((column.name for column in columns), arrays, strict=True)), copy=False)

    def upsert(
        self,
        connection: Connection,
        table: sa.Table,
        rows: Iterable[Mapping[str, Any]],
        unless: Callable[[Any], sa.ColumnElement[bool]] | None = None,
    ) -> None:
        """Inserts rows, or updates those whose primary key exists; columns that a row lacks keep their value.

        ``unless`` is given the new values and says which rows stay as they are.
        """
        batch = [dict(row) for row in rows]
        if batch:
            statement = _upsert(table, tuple(batch[0]), self.is_sqlite, unless)
            self._execute_many(connection, statement, batch)

    def insert(self, connection: Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
        """Inserts many rows."""
        if rows:
            self._execute_many(connection, sa.insert(table), rows)

    def _execute_many(self, connection: Connection, statement: sa.Insert, rows: list[dict[str, Any]]) -> None:
        """Runs an insert for many rows; on SQLite without SQLAlchemy's work for each row, which doubles the time."""
        if not self.is_sqlite:
            connection.execute(statement, rows)
            return
        text, parameters = _in_sqlite(statement, tuple(rows[0]))
        values = [
            [convert(row[name]) if convert else row[name] for row in rows] if name in rows[0] else [same] * len(rows)
            for name, convert, same in parameters
        ]
        connection.exec_driver_sql(text, list(zip(*values, strict=True)))

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sa.exc.TimeoutError:
            raise LedgerUnavailable(
                f"The ledger at {self.place} has kept all connections of this process waiting for too long. Check that "
                "it can be reached and written; then run again, nothing is lost."
            ) from None
        except (sa.exc.DatabaseError, sa.exc.InterfaceError) as error:
            if isinstance(error, (sa.exc.IntegrityError, sa.exc.ProgrammingError, sa.exc.DataError)):
                raise
            # Only the class and the driver's first words: a DETAIL line can hold a row.
            reason = str(error.orig).splitlines()[0][:120] if error.orig else type(error).__name__
            raise LedgerUnavailable(
                f"The ledger at {self.place} cannot be used ({reason}). Check that it can be reached and written "
                "and that the disk is not full; then run again, nothing is lost."
            ) from None


def _as_array(dialect: sa.Dialect, column: sa.ColumnElement[Any], cells: Sequence[Any]) -> Any:
    """The driver's cells of a column as an array of its type."""
    if isinstance(column.type, sa.String):
        return pd.array(cells, dtype="str")
    if isinstance(column.type, sa.Integer):
        # Never as floats, which cannot hold a key of 64 bits.
        may_be_null = getattr(column, "nullable", False) or None in cells
        return pd.array(cells, dtype="Int64" if may_be_null else "int64")
    convert = column.type.dialect_impl(dialect).result_processor(dialect, None)
    if convert is None:
        return pd.Series(cells, dtype=None if cells else object)
    values = {cell: None if cell is None else convert(cell) for cell in set(cells)}
    return pd.Series([values[cell] for cell in cells], dtype=None if cells else object)


@lru_cache(maxsize=256)
def _upsert(
    table: sa.Table,
    names: tuple[str, ...],
    is_sqlite: bool,
    unless: Callable[[Any], sa.ColumnElement[bool]] | None,
) -> sa.Insert:
    """The statement of `Ledger.upsert`. To build and compile it takes longer than to run it."""
    statement = sqlite.insert(table) if is_sqlite else postgresql.insert(table)
    keys = [column.name for column in table.primary_key]
    updates = {name: statement.excluded[name] for name in names if name not in keys}
    if not updates:
        return statement.on_conflict_do_nothing(index_elements=keys)
    kept = None if unless is None else sa.not_(unless(statement.excluded))
    return statement.on_conflict_do_update(index_elements=keys, set_=updates, where=kept)


@lru_cache(maxsize=256)
def _in_sqlite(statement: sa.Insert, names: tuple[str, ...]) -> tuple[str, list[tuple[str, Any, Any]]]:
    """An insert as SQLite's driver takes it; of each parameter the name, what converts a value, and a constant."""
    dialect = sqlite.dialect()
    compiled = statement.compile(dialect=dialect, column_keys=list(names))
    converters = {name: statement.table.c[name].type.dialect_impl(dialect).bind_processor(dialect) for name in names}
    parameters = [(name, converters.get(name), compiled.params[name]) for name in compiled.positiontup or ()]
    return str(compiled), parameters


def _seconds(is_sqlite: bool) -> sa.ColumnElement[float]:
    """A file is used from one machine, so that machine's clock is the ledger's clock."""
    if is_sqlite:
        return sa.literal(time.time(), sa.Float)
    return sa.cast(sa.extract("epoch", sa.func.clock_timestamp()), sa.Float)


def keep_others_out(connection: Connection) -> None:
    """Nobody else reads or writes the ledger until this transaction ends; SQLite's write lock does so by itself."""
    if connection.dialect.name == "sqlite":
        return
    present = [table for table in tables.metadata.tables if sa.inspect(connection).has_table(table)]
    connection.execute(sa.text("SELECT pg_advisory_xact_lock(7238940011)"))
    if present:
        connection.execute(sa.text(f"SET LOCAL lock_timeout = '{WRITERS_MAY_TAKE_SECONDS}s'"))
        connection.execute(sa.text(f"LOCK TABLE {', '.join(present)} IN ACCESS EXCLUSIVE MODE"))


def _refuse_while_writing(connection: Connection) -> None:
    """Raises `LedgerBusy` where a run of the older code holds a household, and so may be writing."""
    lock = tables.household_lock
    if not sa.inspect(connection).has_table(lock.name):
        return
    now = _seconds(connection.dialect.name == "sqlite")
    held = connection.execute(
        sa.select(lock.c.unit_key).where(lock.c.expires_at > now).order_by(lock.c.unit_key).limit(1)
    ).scalar()
    if held is not None:
        raise LedgerBusy(
            f"The ledger must be upgraded, but a run is writing at a vendor now (household {held}). Wait until it has "
            "ended, or some minutes where it was killed; then start again. Nothing was changed."
        )


def columns(kind: type[Any], *tables: sa.FromClause) -> list[sa.ColumnElement[Any]]:
    """The columns of the fields of a dataclass, each from the first of the tables that has it."""
    return [next(table.c[name] for table in tables if name in table.c) for name in kind.__dataclass_fields__]


def matching(table: sa.FromClause, **values: Any) -> list[sa.ColumnElement[bool]]:
    """The conditions that these columns have these values."""
    return [table.c[name] == value for name, value in values.items()]


def pack(value: object) -> bytes:
    """A JSON value for a BLOB column; decimals keep every digit."""
    return zlib.compress(orjson.dumps(value, default=lambda number: orjson.Fragment(str(number).encode())), 1)


def _for_reading(url: sa.URL) -> sa.URL:
    """Without a WAL file beside it nobody has the database open: it is read as immutable, and no file is made."""
    path = Path(url.database or "")
    is_open = path.with_name(f"{path.name}-wal").exists()
    return for_reading(url, **({} if is_open else {"immutable": "1"}))


def _tune_sqlite(connection: Any, _record: Any, synchronous: str) -> None:
    connection.isolation_level = None
    for pragma in ("journal_mode = WAL", f"synchronous = {synchronous}", "busy_timeout = 60000", "temp_store = MEMORY"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_writing(connection: Connection) -> None:
    """A write takes SQLite's lock at its beginning, not at its first change; a read takes no lock."""
    if not connection.get_execution_options().get("is_reading"):
        connection.exec_driver_sql("BEGIN IMMEDIATE")
