"""The CRM as plain Python records: every row of every table that the rules need, read with plain SQL.

Values: NUMERIC as Decimal at the column's scale (a figure that is not finite or not readable as ``Decimal("NaN")``),
DATE as date, BOOLEAN as bool (NULL reads as not selected), text as it is stored. ``deleted_at`` stays as stored: only
whether it is set matters.
"""

from collections import defaultdict
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Boolean, Date, Engine, Numeric, String, create_engine
from sqlalchemy.types import TypeEngine

from etl.schema import metadata

Row = SimpleNamespace
NOT_A_FIGURE = Decimal("NaN")
TABLES = (
    "contact", "contact_address", "contact_phone", "contact_email", "household", "household_member", "key_relation",
    "carrier", "product", "policy", "policy_beneficiary", "investment_account", "investment_position", "liability",
    "crm_user", "user_right",
)  # fmt: skip


class Crm:
    """All rows of a CRM database; ``rows("contact_phone", contact_id=7)`` gives those that match, in key order."""

    def __init__(self, tables: dict[str, list[Row]]) -> None:
        self._tables = tables
        self._indexes: dict[tuple[str, str], dict[Any, list[Row]]] = {}

    def rows(self, table: str, **condition: Any) -> list[Row]:
        if not condition:
            return self._tables[table]
        ((column, value),) = condition.items()
        if (table, column) not in self._indexes:
            index: dict[Any, list[Row]] = defaultdict(list)
            for row in self._tables[table]:
                index[getattr(row, column)].append(row)
            self._indexes[table, column] = index
        return self._indexes[table, column].get(value, []) if value is not None else []

    def one(self, table: str, **condition: Any) -> Row | None:
        found = self.rows(table, **condition)
        return found[0] if found else None

    def contact(self, contact_id: int | None) -> Row | None:
        return self.one("contact", contact_id=contact_id)


def read_crm(url: str) -> Crm:
    """Read the whole CRM at `url` (SQLite or PostgreSQL)."""
    engine = create_engine(url)
    try:
        return Crm({table: _read_table(engine, table) for table in TABLES})
    finally:
        engine.dispose()


def _read_table(engine: Engine, table: str) -> list[Row]:
    columns = list(metadata.tables[table].columns)
    keys = ", ".join(column.name for column in columns if column.primary_key)
    names = ", ".join(column.name for column in columns)
    with engine.connect() as connection:
        found = connection.exec_driver_sql(f"SELECT {names} FROM {table} ORDER BY {keys}").all()
    return [
        Row(**{column.name: _plain(column.type, value) for column, value in zip(columns, row, strict=True)})
        for row in found
    ]


def _plain(kind: TypeEngine[Any], value: Any) -> Any:
    if isinstance(kind, Boolean):
        return bool(value)
    if value is None:
        return None
    if isinstance(value, str) and not value.strip() and not isinstance(kind, String):
        return None  # so do imports write no value
    if isinstance(kind, Numeric):
        return _figure(value, int(kind.scale or 0))
    if isinstance(kind, Date):
        return _day(value)
    return value


def _figure(value: Any, scale: int) -> Decimal:
    try:
        figure = Decimal(str(value).strip())
        return figure.quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP) if figure.is_finite() else NOT_A_FIGURE
    except InvalidOperation:
        return NOT_A_FIGURE


def _day(value: date | datetime | str) -> date:
    if isinstance(value, str):
        return date.fromisoformat(value[:10])
    return value.date() if isinstance(value, datetime) else value
