"""Read-only connections to the CRM, holding one consistent snapshot for a whole run.

Statements are SQLAlchemy Core; rows come back as Arrow tables through ADBC (half the time and memory of a cursor).
Scalars are normalised in SQL and Arrow, the same for SQLite and PostgreSQL:

========================  ==============================================================================
``NUMERIC(p, s)``         int64 scaled by ``10 ** s`` (money: cents); not finite -> ``schema.NOT_FINITE``
``BOOLEAN``               bool; NULL reads as "not selected"
``DATE``                  date32; a text that is no date (SQLite only) reads as NULL
``BIGINT``, text          int64, string
========================  ==============================================================================
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, lru_cache
from types import TracebackType
from typing import Any, Self, TypeVar

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url
from sqlalchemy.sql.elements import ColumnElement

from etl.databases import conninfo, sqlite_uri
from etl.errors import SettingsError, SourceUnavailable
from etl.schema import NOT_FINITE

# Larger than any table that is read: the SQLite driver infers types from its first batch, so there is only one. It
# reserves as many rows of address space for each column.
_ONE_BATCH = 10_000_000
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
    Raises `SourceUnavailable` where the database cannot be opened or drops the connection.
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
        """The rows of ``statement`` as an Arrow table; ``keys`` are the ids that `id_list` stands for."""
        return _typed(self.read_raw(statement, keys), statement)

    def read_raw(self, statement: sa.Select[Any], keys: Iterable[int] | None = None) -> pa.Table:
        """The same rows in whatever types the driver gives them."""
        compiled = compiled_for(self.is_sqlite, statement)
        values = dict(compiled.params)
        if keys is not None:
            ids = np.asarray(keys if isinstance(keys, (np.ndarray, pd.Series)) else list(keys), dtype=np.int64)
            values["keys"] = orjson.dumps(ids, option=orjson.OPT_SERIALIZE_NUMPY).decode()
        parameters = tuple(values[name] for name in compiled.positiontup or ())
        self.queries += 1
        connection = self._idle.get()
        try:
            rows: pa.Table = self._guard(lambda: self._execute(connection, str(compiled), parameters))
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
        options = {"adbc.sqlite.query.batch_rows": _ONE_BATCH} if self.is_sqlite else {}
        with connection.cursor(adbc_stmt_kwargs=options) as cursor:
            cursor.execute(sql, parameters or None)
            if cursor.description is None:
                return pa.table({})
            rows: pa.Table = cursor.fetch_arrow_table()
        return rows

    def _guard(self, action: Any) -> Any:
        try:
            return action()
        except (pa.ArrowException, OSError) as error:
            raise _unavailable(self._url, error) from None
        except Exception as error:
            if type(error).__module__.startswith("adbc_driver_manager"):
                raise _unavailable(self._url, error) from None
            raise


def _unavailable(url: URL, error: Exception) -> SourceUnavailable:
    # The driver's text can hold a row of the CRM (DETAIL lines): only its first line goes, and only from the connect.
    reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
    where = (
        url.database
        if url.get_backend_name() == "sqlite"
        else f"{url.host or 'local socket'}:{url.port or 5432}/{url.database}"
    )
    return SourceUnavailable(
        f"The CRM at {where} cannot be read ({reason}). "
        "Check that it is up and that the connection `crm` names it correctly."
    )


def columns_as_read(is_sqlite: bool, *columns: sa.Column[Any]) -> list[ColumnElement[Any]]:
    """The columns as `Snapshot.read` wants them: scaled integers, whole booleans, dates."""
    return [sa.type_coerce(_normalised(is_sqlite, column), column.type).label(column.name) for column in columns]


def _normalised(is_sqlite: bool, column: sa.Column[Any]) -> ColumnElement[Any]:
    if isinstance(column.type, sa.Numeric):
        return _scaled(is_sqlite, column, 10 ** (column.type.scale or 0))
    if isinstance(column.type, sa.Boolean):
        cleared: ColumnElement[Any] = sa.literal_column("0" if is_sqlite else "false")
        return sa.func.coalesce(sa.type_coerce(column, sa.Integer) if is_sqlite else column, cleared)
    if isinstance(column.type, sa.Date) and is_sqlite:
        day = sa.func.substr(sa.type_coerce(column, sa.Text), 1, 10)
        return sa.case((sa.func.date(day) == day, day))
    return column


def _scaled(is_sqlite: bool, column: sa.Column[Any], factor: int) -> ColumnElement[Any]:
    lost: ColumnElement[Any] = sa.literal_column(str(NOT_FINITE))
    if is_sqlite:
        number = sa.type_coerce(column, sa.Float)
        unreadable = sa.or_(
            sa.func.typeof(number).not_in([sa.literal_column("'integer'"), sa.literal_column("'real'")]),
            sa.func.abs(number) >= sa.literal_column(repr(9.2e18 / factor)),
        )
        scaled = number * sa.literal_column(str(factor))
        whole: ColumnElement[Any] = sa.case(
            (sa.func.typeof(number) == sa.literal_column("'integer'"), scaled),
            else_=sa.cast(sa.func.round(scaled), sa.Integer),
        )
    else:
        odd: list[ColumnElement[Any]] = [
            sa.literal_column(f"'{name}'::numeric") for name in ("NaN", "Infinity", "-Infinity")
        ]
        unreadable = column.in_(odd)
        whole = sa.cast(sa.func.round(column * sa.literal_column(str(factor))), sa.BigInteger)
    return sa.case((column.is_(None), sa.null()), (unreadable, lost), else_=whole)


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


def _typed(rows: pa.Table, statement: sa.Select[Any]) -> pa.Table:
    """The rows in the types that the selected columns have in `etl.schema` (drivers infer them from values)."""
    columns = {}
    for source, values in zip(statement.selected_columns, rows.columns, strict=True):
        wanted = _arrow_type(source.type)
        if values.null_count == len(values):
            # Nothing for the SQLite driver to infer a type from: it says int64 even of dates.
            values = pa.nulls(len(values), wanted)
        elif not values.type.equals(wanted):
            values = values.cast(wanted)
        columns[source.name] = values
    return pa.table(columns)


def _arrow_type(declared: sa.types.TypeEngine[Any]) -> pa.DataType:
    if isinstance(declared, sa.Boolean):
        return pa.bool_()
    if isinstance(declared, sa.Date):
        return pa.date32()
    if isinstance(declared, (sa.Integer, sa.Numeric)):
        return pa.int64()
    return pa.string()


_NULLABLE = {pa.int64(): pd.Int64Dtype()}


def to_frame(rows: pa.Table) -> pd.DataFrame:
    """An Arrow table as pandas: nullable Int64, plain bool, `str`, datetime64."""
    frame: pd.DataFrame = rows.to_pandas(types_mapper=_NULLABLE.get, date_as_object=False, split_blocks=True)
    return frame
