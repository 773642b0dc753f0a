"""Does the CRM have the columns that a run reads, and do they hold what they should?

Compared by family (whole number, number, text, date, timestamp, yes/no), so that ``INTEGER`` for ``BIGINT`` passes and
a money column that became text does not. Run before anything is read or sent.
"""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from etl import schema
from etl.databases import for_reading
from etl.errors import SchemaMismatch, SourceUnavailable
from etl.extract.source import parse_url

READ_TABLES = (
    schema.office,
    schema.crm_user,
    schema.user_right,
    schema.contact,
    schema.contact_address,
    schema.contact_phone,
    schema.contact_email,
    schema.household,
    schema.household_member,
    schema.key_relation,
    schema.carrier,
    schema.product,
    schema.policy,
    schema.policy_beneficiary,
    schema.investment_account,
    schema.investment_position,
    schema.liability,
    schema.contact_set,
    schema.contact_set_member,
)

_FAMILIES: tuple[tuple[str, type], ...] = (
    ("yes/no", sa.Boolean),
    ("timestamp", sa.DateTime),
    ("date", sa.Date),
    ("whole number", sa.Integer),
    ("number", sa.Numeric),
    ("text", sa.String),
)


def check_schema(url: str, tables: Iterable[sa.Table] = READ_TABLES) -> None:
    """Raises `SchemaMismatch` naming every missing table or column and changed type; `SourceUnavailable` if closed."""
    parsed = parse_url(url)
    connect_to = parsed
    if parsed.get_backend_name() == "sqlite":
        connect_to = for_reading(parsed)
    engine = sa.create_engine(connect_to, poolclass=sa.pool.NullPool, hide_parameters=True)
    try:
        with engine.connect() as connection:
            faults = _faults(sa.inspect(connection), tables)
    except sa.exc.DBAPIError as error:
        where = parsed.database if parsed.get_backend_name() == "sqlite" else f"{parsed.host}:{parsed.port or 5432}"
        raise SourceUnavailable(
            f"The CRM at {where} cannot be opened ({type(error.orig).__name__}). "
            "Check that it is up and that the connection `crm` names it correctly."
        ) from None
    if faults:
        raise SchemaMismatch(
            "The CRM does not have the shape that Planbridge reads; nothing was sent. "
            + "; ".join(faults)
            + ". Restore the column in the CRM, or follow the change in etl/schema.py."
        )


def _faults(inspector: sa.Inspector, tables: Iterable[sa.Table]) -> list[str]:
    faults = []
    present = {*inspector.get_table_names(), *inspector.get_view_names()}
    for table in tables:
        if table.name not in present:
            faults.append(f"table {table.name} is missing")
            continue
        found = {column["name"]: column["type"] for column in inspector.get_columns(table.name)}
        for column in table.columns:
            if column.name not in found:
                faults.append(f"column {table.name}.{column.name} is missing")
            elif _family(found[column.name]) != _family(column.type):
                faults.append(
                    f"column {table.name}.{column.name} is {found[column.name]!s}, expected {_family(column.type)}"
                )
    return faults


def _family(kind: sa.types.TypeEngine[object]) -> str:
    return next((name for name, family in _FAMILIES if isinstance(kind, family)), str(kind))
