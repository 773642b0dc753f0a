"""Read-only connections to the CRM, holding one consistent snapshot for a whole run.

Statements are SQLAlchemy Core; rows come back as Arrow tables through ADBC (half the time and memory of a cursor), each
cell as `etl.extract.cells` says.
"""

from __future__ import annotations

import queue
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache, cached_property, lru_cache
from types import TracebackType
from typing import Any, Self, TypeVar

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url
from sqlalchemy.sql.elements import ColumnElement

from etl import schema
from etl.databases import conninfo, sqlite_uri
from etl.errors import SettingsError, SourceUnavailable, SourceUnreadable
from etl.extract.cells import Cells, as_cells, columns_as_read
from etl.frames import TEXT_DTYPE

# Larger than any table that is read: the SQLite driver infers types from its first batch, so there is only one. It
# reserves as many rows of address space for each column.
_ONE_BATCH = 10_000_000
_ROWS_AT_ONCE = 65_536
_TRIES_FOR_ONE_STATE = 5

Item = TypeVar("Item")
Result = TypeVar("Result")


def parse_url(url: str) -> URL:
    """The URL of a CRM, checked. Raises `SettingsError` with the two accepted forms."""
    try:
        parsed = make_url(url)
    except sa.exc.ArgumentError:
        parsed = None
    if parsed is None or parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise SettingsError(
            "The CRM's address is not understood. Use sqlite:////absolute/path.db or "
            "postgresql://user:password@host:port/name (connection `crm`)."
        )
    return parsed


class Snapshot:
    """Read-only transactions on the CRM that all see one state; `read` may be called from ``readers`` threads at once.

    PostgreSQL: ``REPEATABLE READ READ ONLY``, the further connections join the snapshot that the first one exports.
    SQLite: read transactions, begun while nobody committed; where the CRM is too busy for that, one connection serves.
    Raises `SourceUnavailable` where the database cannot be opened or drops the connection, `SourceUnreadable` where it
    refuses a statement.
    """

    def __init__(self, url: str, readers: int = 2) -> None:
        self._url = parse_url(url)
        self.is_sqlite = self._url.get_backend_name() == "sqlite"
        self._connections: list[Any] = []
        self._idle: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.readers = readers
        self.queries = 0

    def __enter__(self) -> Self:
        self._guard(self._begin_sqlite if self.is_sqlite else self._begin_postgresql)
        self.readers = len(self._connections)
        for connection in self._connections:
            self._idle.put(connection)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _begin_postgresql(self) -> None:
        first = self._connect()
        self._execute(first, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        if self.readers > 1:
            name = self._execute(first, "SELECT pg_export_snapshot()").column(0)[0].as_py()
        for _ in range(self.readers - 1):
            further = self._connect()
            self._execute(further, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            self._execute(further, f"SET TRANSACTION SNAPSHOT '{name}'")

    def _begin_sqlite(self) -> None:
        watcher = self._connect()
        for _ in range(_TRIES_FOR_ONE_STATE):
            before = self._version(watcher)
            for _ in range(self.readers):
                self._execute(self._connect(), "SELECT count(*) FROM sqlite_master")
            if self._version(watcher) == before:
                self._connections.remove(watcher)
                watcher.close()
                return
            self._close(keep=watcher)
        self._execute(watcher, "SELECT count(*) FROM sqlite_master")

    def _version(self, watcher: Any) -> int:
        """Changes whenever another connection has committed."""
        version: int = self._execute(watcher, "PRAGMA data_version").column(0)[0].as_py()
        watcher.rollback()
        return version

    def _close(self, keep: Any = None) -> None:
        for connection in self._connections:
            if connection is not keep:
                connection.rollback()
                connection.close()
        self._connections = [keep] if keep is not None else []

    def read(self, statement: sa.Select[Any], keys: Iterable[int] | None = None) -> pa.Table:
        """The rows of ``statement`` as an Arrow table; ``keys`` are the ids that `id_list` stands for, null is none."""
        return self.read_cells(statement, keys).rows

    def read_cells(self, statement: sa.Select[Any], keys: Iterable[int] | None = None) -> Cells:
        """The same, and which of their cells cannot be read."""
        return as_cells(self.read_raw(statement, keys), statement)

    def read_raw(self, statement: sa.Select[Any], keys: Iterable[int] | None = None) -> pa.Table:
        """The same rows in the types that the driver gives them."""
        return self._ask(*self._compiled(statement, keys))

    def batches(self, statement: sa.Select[Any], keys: Iterable[int] | None = None) -> Iterator[pa.RecordBatch]:
        """The same rows some ten thousand at a time: no column may change its type from one row to the next."""
        self.queries += 1
        sql, parameters = self._compiled(statement, keys)
        connection = self._idle.get()
        try:
            with self._cursor(connection, _ROWS_AT_ONCE) as cursor:
                self._guard(lambda: cursor.execute(sql, parameters or None))
                reader = self._guard(cursor.fetch_record_batch)
                while (batch := self._guard(lambda: next(reader, None))) is not None:
                    yield batch
        finally:
            self._idle.put(connection)

    def _compiled(self, statement: sa.Select[Any], keys: Iterable[int] | None) -> tuple[str, tuple[Any, ...]]:
        compiled = compiled_for(self.is_sqlite, statement)
        values = dict(compiled.params)
        if keys is not None:
            given = keys if isinstance(keys, pd.Series | pd.Index | np.ndarray) else list(keys)
            ids = pa.array(given, pa.int64(), from_pandas=True).drop_null().to_numpy(zero_copy_only=False)
            values["keys"] = orjson.dumps(ids, option=orjson.OPT_SERIALIZE_NUMPY).decode()
        return str(compiled), tuple(values[name] for name in compiled.positiontup or ())

    @cached_property
    def tables_without_key(self) -> frozenset[str]:
        """The tables of `etl.schema` whose key the database does not keep unique: it may stand there twice."""
        found = to_frame(self._ask(_KEYS_ON_SQLITE if self.is_sqlite else _KEYS_ON_POSTGRESQL))
        kept: dict[str, set[str]] = defaultdict(set)
        for table_name, column_name in zip(found["table_name"], found["column_name"], strict=True):
            kept[table_name].add(column_name.lower())
        return frozenset(
            name
            for name, table in schema.metadata.tables.items()
            if kept[name] != {column.name for column in table.primary_key}
        )

    def _ask(self, sql: str, parameters: tuple[Any, ...] = ()) -> pa.Table:
        self.queries += 1
        connection = self._idle.get()
        try:
            rows: pa.Table = self._guard(lambda: self._execute(connection, sql, parameters))
        finally:
            self._idle.put(connection)
        return rows

    def in_threads(self, work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """``work`` over the items, as many at once as there are connections, in the order of the items."""
        with ThreadPoolExecutor(self.readers, thread_name_prefix="crm") as pool:
            return list(pool.map(work, items))

    def id_list(self) -> Any:
        """A subselect of the ids given to `read`: any number of keys as one bound parameter."""
        return id_list(self.is_sqlite)

    def columns(self, *columns: sa.Column[Any]) -> list[ColumnElement[Any]]:
        """The columns as `read` wants them: scaled integers, whole booleans, dates."""
        return columns_as_read(self.is_sqlite, *columns)

    def _connect(self) -> Any:
        if self.is_sqlite:
            import adbc_driver_sqlite.dbapi as sqlite

            connection = sqlite.connect(sqlite_uri(self._url.database or "", mode="ro"))
        else:
            import adbc_driver_postgresql.dbapi as postgresql

            connection = postgresql.connect(conninfo(self._url))
        self._connections.append(connection)
        return connection

    def _execute(self, connection: Any, sql: str, parameters: tuple[Any, ...] = ()) -> pa.Table:
        with self._cursor(connection, _ONE_BATCH) as cursor:
            cursor.execute(sql, parameters or None)
            if cursor.description is None:
                return pa.table({})
            rows: pa.Table = cursor.fetch_arrow_table()
        return rows

    def _cursor(self, connection: Any, rows_at_once: int) -> Any:
        options = {"adbc.sqlite.query.batch_rows": rows_at_once} if self.is_sqlite else {}
        return connection.cursor(adbc_stmt_kwargs=options)

    def _guard(self, action: Any) -> Any:
        try:
            return action()
        except (pa.ArrowException, OSError) as error:
            raise _refused(self._url, error) from None
        except Exception as error:
            if type(error).__module__.startswith("adbc_driver_manager"):
                raise _refused(self._url, error) from None
            raise


# table_name, column_name of every primary key; a table that others inherit from shows their rows too, and has none.
_KEYS_ON_SQLITE = (
    "SELECT lower(m.name) AS table_name, c.name AS column_name FROM sqlite_master m, pragma_table_info(m.name) c "
    "WHERE m.type = 'table' AND c.pk > 0"
)
_KEYS_ON_POSTGRESQL = (
    "SELECT CAST(t.relname AS TEXT) AS table_name, CAST(c.attname AS TEXT) AS column_name FROM pg_index i "
    "JOIN pg_class t ON t.oid = i.indrelid AND NOT t.relhassubclass AND pg_table_is_visible(t.oid) "
    "JOIN pg_attribute c ON c.attrelid = t.oid AND c.attnum = ANY (i.indkey) WHERE i.indisprimary AND i.indisvalid"
)

# By the first two characters of the SQLSTATE: what is wrong with a statement, or with the data that it met. Everything
# else (the connection, the server's means, a lock) may be over in a minute.
_ABOUT_DATA = ("0A", "21", "22", "42")


def _is_about_data(error: Exception) -> bool:
    state: str | None = getattr(error, "sqlstate", None)
    if state is not None:
        return state.startswith(_ABOUT_DATA) or state == "25P02"  # the transaction has met such an error before
    # SQLite has no SQLSTATE: it cannot prepare the statement.
    return isinstance(error, pa.ArrowException) or type(error).__name__ == "ProgrammingError"


def _refused(url: URL, error: Exception) -> SourceUnavailable | SourceUnreadable:
    # The driver's text can hold cells and rows of the CRM: only its first line goes, and not where it is about data.
    reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
    state = getattr(error, "sqlstate", None)
    if _is_about_data(error):
        return SourceUnreadable(
            f"The CRM at {place_of(url)} refuses a statement ({f'SQLSTATE {state}' if state else reason}). Another try "
            "would not help: see whether a column that Planbridge reads has changed and whether the log-in may read it."
        )
    return SourceUnavailable(
        f"The CRM at {place_of(url)} cannot be read ({reason}). "
        "Check that it is up and that the connection `crm` names it correctly."
    )


def place_of(url: URL) -> str:
    """Where a database is, for people: its file, or host, port and name; no log-in."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return f"{url.host or 'local socket'}:{url.port or 5432}/{url.database}"


def id_list(is_sqlite: bool) -> Any:
    """A subselect of the whole numbers of a JSON list, which is bound as ``keys``."""
    keys = sa.bindparam("keys", type_=sa.Text)
    if is_sqlite:
        return sa.select(sa.column("value")).select_from(sa.func.json_each(keys))
    items = sa.func.json_array_elements_text(sa.cast(keys, sa.JSON)).table_valued("value")
    return sa.select(sa.cast(items.c.value, sa.BigInteger))


@lru_cache(maxsize=256)
def compiled_for(is_sqlite: bool, statement: sa.Select[Any]) -> Any:
    """A statement as the drivers take it; one that is kept is compiled once."""
    return statement.compile(dialect=_dialect(is_sqlite))


@cache
def _dialect(is_sqlite: bool) -> sa.Dialect:
    from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
    from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

    if is_sqlite:
        return SQLiteDialect_pysqlite(paramstyle="qmark")
    return PGDialect_psycopg(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]  # SQLAlchemy has no types here


_DTYPES: dict[pa.DataType, Any] = {
    pa.int64(): pd.Int64Dtype(),
    **dict.fromkeys((pa.string(), pa.large_string()), TEXT_DTYPE),
}


def to_frame(rows: pa.Table) -> pd.DataFrame:
    """An Arrow table as pandas: nullable Int64, plain bool, `str`, datetime64."""
    # Column by column: the tables of a shard are many, and Arrow's own way takes longer to begin than to convert.
    columns = {name: _to_array(cells) for name, cells in zip(rows.column_names, rows.columns, strict=True)}
    return pd.DataFrame(columns, index=pd.RangeIndex(rows.num_rows), copy=False)


def _to_array(cells: pa.ChunkedArray) -> Any:
    dtype = _DTYPES.get(cells.type)
    return cells.to_pandas(date_as_object=False).array if dtype is None else dtype.__from_arrow__(cells)
