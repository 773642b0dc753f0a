"""What is wrong with the CRM's rows themselves: cells that cannot be read, keys that stand twice, rows without a key.

SCP-CELL and SCP-KEY-TWICE hold each unit that such a row belongs to; rows that nobody can say the unit of are counted
and named (SCP-STRAY). Faults name table, column and key, never a value.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from etl import schema as s
from etl.extract.cells import Cells, columns_as_read, is_alive, is_no_key, why_unreadable
from etl.extract.source import Snapshot, id_list, to_frame

UNREADABLE, TWICE = "SCP-CELL", "SCP-KEY-TWICE"

# What a row of a table is called in findings; others go by the table's own name.
ENTITIES = {
    "contact_address": "address",
    "contact_phone": "phone",
    "contact_email": "email",
    "household_member": "member",
    "key_relation": "relation",
    "policy_beneficiary": "beneficiary",
    "investment_account": "account",
    "investment_position": "position",
    "crm_user": "user",
    "user_right": "right",
}

# unit_key; which rule; entity and entity_id of the row; the cell's column; table and column; the row's key in words;
# what is wrong with the cell.
COLUMNS = ("unit_key", "rule_id", "entity", "entity_id", "field", "source_cell", "source_record", "reason")

STRAY_COLUMNS = ("entity", "field", "detail")

_NAMED = 5
# What people own: a row may be without an owner, and is then in nobody's plan.
_OWNED = (s.investment_account, s.liability, s.policy)

NOTHING = pd.DataFrame({name: pd.Series(dtype="int64" if name == "entity_id" else "str") for name in COLUMNS})


@dataclass
class Faults:
    """The faults of the rows that were read, each with what it belongs to: a household or a contact, by id."""

    _found: list[tuple[str, pd.DataFrame]] = field(default_factory=list)

    def add(self, owned_by: str, found: pd.DataFrame) -> None:
        """``found``: `COLUMNS` with owner (the id of what ``owned_by`` says) for unit_key."""
        if len(found):
            self._found.append((owned_by, found))

    def copy(self) -> Faults:
        """The same faults, to which others can be added."""
        return Faults([*self._found])

    def of_units(self, units: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
        """`COLUMNS` of these units (as in a census; ``people``: unit, contact_id), each cell and key once."""
        if not self._found:
            return NOTHING
        households, clients = (
            units[[name, "unit_key"]].rename(columns={name: "owner"}) for name in ("household_id", "client_contact_id")
        )
        ways = {
            "household": households,
            "client": clients,
            "lone client": clients[units["household_id"].isna()],
            "person": people.join(units["unit_key"], on="unit", how="inner").rename(columns={"contact_id": "owner"}),
        }
        tied = [
            found.merge(ways[owned_by].dropna().astype({"owner": "Int64"}), on="owner")[list(COLUMNS)]
            for owned_by, found in self._found
        ]
        every = pd.concat(tied, ignore_index=True).drop_duplicates().sort_values(list(COLUMNS), ignore_index=True)
        same = [name for name in COLUMNS if name != "source_record"]
        return every.groupby(same, as_index=False, sort=False).agg(source_record=("source_record", _listed))[
            list(COLUMNS)
        ]


def read_rows(
    snapshot: Snapshot, table: sa.Table, statement: sa.Select[Any], keys: Iterable[int] | None, owner: str
) -> tuple[pa.Table, pd.DataFrame]:
    """The rows of one table with a whole key, each key once, and their faults, by the column ``owner``.

    ``statement`` selects columns of the table, its key among them, as `columns_as_read`. Of a key that stands twice the
    first row in the order of all its columns stays: the units are held, and nothing that joins by the key breaks.
    """
    cells = snapshot.read_cells(statement, keys)
    rows, key = cells.rows, [column.name for column in table.primary_key]
    faults = _unreadable(table, cells, owner)
    for name in key:
        if rows[name].null_count:
            rows = rows.filter(pc.is_valid(rows[name]))
    if table.name in snapshot.tables_without_key and rows.num_rows:
        twice = _stand_twice(snapshot, table, rows[key[0]])
        rows, copies = _each_once(rows, key, twice)
        if copies.num_rows:
            faults.append(_described(table, copies, owner, TWICE, ", ".join(key), "stands there more than once"))
    return rows, pd.concat(faults, ignore_index=True) if faults else NOTHING


def read_strays(snapshot: Snapshot) -> pd.DataFrame:
    """SCP-STRAY: entity (a table), field (the key that names nobody), detail (how many rows, the first keys)."""
    found = snapshot.in_threads(lambda table: _strays(snapshot, table), s.FOUND_BY)
    return pd.DataFrame([words for words in found if words is not None], columns=list(STRAY_COLUMNS), dtype="str")


def read_twice(snapshot: Snapshot) -> dict[str, pa.Table]:
    """SCP-KEY-TWICE: by table, the keys that stand twice, of the tables whose key the database does not keep unique."""
    tables = [table for table in s.FOUND_BY if table.name in snapshot.tables_without_key]
    found = snapshot.in_threads(lambda table: snapshot.read(_twice(snapshot.is_sqlite, table)), tables)
    return {table.name: keys for table, keys in zip(tables, found, strict=True) if keys.num_rows}


def _strays(snapshot: Snapshot, table: sa.Table) -> tuple[str, str, str] | None:
    if not snapshot.read(_any_without_owner(snapshot.is_sqlite, table)).num_rows:
        return None
    rows = to_frame(snapshot.read(_without_owner(snapshot.is_sqlite, table)))
    if rows.empty:  # deleted ones alone
        return None
    key = [column.name for column in table.primary_key]
    named = ", ".join(dict.fromkeys(_records(rows, key, key[0])))
    count, by = int(rows["rows"].iloc[0]), " or ".join(s.FOUND_BY[table])
    rows_of = "row of" if count == 1 else "rows of"
    why = "is blank, cannot be read or names no contact" if table in _OWNED else "cannot be read"
    return table.name, by, f"{count} {rows_of} {table.name} whose {by} {why}: {named}"


@cache
def _any_without_owner(is_sqlite: bool, table: sa.Table) -> sa.Select[Any]:
    """Nothing but the columns that rows are found by: an index tells, and no row is looked at."""
    columns = [table.c[name] for name in s.FOUND_BY[table]]
    return sa.select(*columns_as_read(is_sqlite, *columns)).where(_names_nobody(is_sqlite, table)).limit(1)


@cache
def _without_owner(is_sqlite: bool, table: sa.Table) -> sa.Select[Any]:
    count = sa.type_coerce(sa.func.count().over(), sa.BigInteger).label("rows")
    statement = sa.select(*columns_as_read(is_sqlite, *table.primary_key), count)
    return statement.where(_names_nobody(is_sqlite, table, is_exact=True)).limit(_NAMED)


def _names_nobody(is_sqlite: bool, table: sa.Table, is_exact: bool = False) -> sa.ColumnElement[bool]:
    """A key by which rows are found cannot be read; what people own is owned by nobody, or by who is no contact.

    ``is_exact``: of what people own, without what is deleted; an index alone cannot tell that.
    """
    columns = [table.c[name] for name in s.FOUND_BY[table]]
    odd = [is_no_key(is_sqlite, column) for column in columns]
    if table not in _OWNED:
        return sa.or_(*odd)
    is_ownerless = sa.or_(columns[0].is_(None), _is_no_contact(is_sqlite, columns[0]))
    return sa.or_(*odd, sa.and_(is_ownerless, is_alive(is_sqlite, table)) if is_exact else is_ownerless)


def _is_no_contact(is_sqlite: bool, column: sa.Column[Any]) -> sa.ColumnElement[bool]:
    """PostgreSQL looks a long list through for each row; SQLite has no index for the other way where no key is."""
    contact_id = s.contact.c.contact_id
    if is_sqlite:
        return column.not_in(sa.select(contact_id).where(contact_id.is_not(None)))
    return ~sa.exists().where(contact_id == column)


def _unreadable(table: sa.Table, cells: Cells, owner: str) -> list[pd.DataFrame]:
    """SCP-CELL; figures of what people own are ACC-MONEY's. A key that is blank is none."""
    odd = {
        name: pa.array(where)
        for name, where in cells.unreadable.items()
        if table is s.contact or not isinstance(table.c[name].type, sa.Numeric)
    }
    odd |= {key.name: pc.is_null(cells.rows[key.name]) for key in table.primary_key if cells.rows[key.name].null_count}
    return [
        _described(table, cells.rows.filter(where), owner, UNREADABLE, name, why_unreadable(table.c[name]))
        for name, where in odd.items()
    ]


def _described(table: sa.Table, rows: pa.Table, owner: str, rule_id: str, column: str, reason: str) -> pd.DataFrame:
    key = [column.name for column in table.primary_key]
    named = to_frame(rows.select(list(dict.fromkeys([*key, owner]))))
    entity_id = named[owner]
    for name in key:
        if isinstance(table.c[name].type, sa.Integer):
            entity_id = named[name].fillna(entity_id)
    return pd.DataFrame(
        {
            "owner": named[owner],
            "rule_id": rule_id,
            "entity": ENTITIES.get(table.name, table.name),
            "entity_id": entity_id.fillna(0).astype("int64"),
            "field": column,
            "source_cell": f"{table.name}.{column}",
            "source_record": _records(named, key, owner),
            "reason": reason,
        }
    ).astype(dict.fromkeys(("rule_id", "entity", "field", "source_cell", "source_record", "reason"), "str"))


def _records(rows: pd.DataFrame, key: Sequence[str], owner: str) -> pd.Series:
    """The key of each row in words, as far as it can be read; else what the row belongs to."""
    words = pd.Series("", index=rows.index, dtype="str")
    for name in key:
        part = (f"{name} " + rows[name].astype("str")).where(rows[name].notna(), "")
        words = words + part.where((words == "") | (part == ""), ", " + part)
    instead = (f"{owner} " + rows[owner].astype("str")).where(rows[owner].notna(), "no key")
    return words.where(words != "", instead)


def _listed(records: pd.Series) -> str:
    first = ", ".join(records.head(_NAMED))
    return first if len(records) <= _NAMED else f"{first} and {len(records) - _NAMED} more"


def _stand_twice(snapshot: Snapshot, table: sa.Table, ids: pa.ChunkedArray) -> pa.Table:
    """The keys that stand twice anywhere in a table, of those that begin with one of ``ids``."""
    return snapshot.read(_keys_twice(snapshot.is_sqlite, table), ids.unique().to_pandas())


@cache
def _keys_twice(is_sqlite: bool, table: sa.Table) -> sa.Select[Any]:
    return _twice(is_sqlite, table).where(next(iter(table.primary_key)).in_(id_list(is_sqlite)))


@cache
def _twice(is_sqlite: bool, table: sa.Table) -> sa.Select[Any]:
    key = list(table.primary_key)
    return sa.select(*columns_as_read(is_sqlite, *key)).group_by(*key).having(sa.func.count() > 1)


def _each_once(rows: pa.Table, key: list[str], twice: pa.Table) -> tuple[pa.Table, pa.Table]:
    """The rows with each key once, and all the rows whose key stands twice."""
    if not twice.num_rows:
        return rows, rows.slice(0, 0)
    keys = pd.MultiIndex.from_frame(to_frame(rows.select(key)).astype("object"))
    is_copy = keys.isin(pd.MultiIndex.from_frame(to_frame(twice).astype("object")))
    copies = rows.filter(pa.array(is_copy))
    texts = to_frame(copies).astype("object").map(lambda cell: "" if pd.isna(cell) else str(cell))
    first = texts.sort_values([*texts.columns], kind="stable").drop_duplicates(key).sort_index().index
    return pa.concat_tables([rows.filter(pa.array(~is_copy)), copies.take(pa.array(first.to_numpy()))]), copies
