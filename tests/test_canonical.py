"""Rows of the CRM in canonical form: exact, the same on SQLite and PostgreSQL, and told apart by their hash."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from etl import canonical, schema
from etl.errors import SourceUnreadable
from etl.extract.source import Snapshot
from tests.pipelines.transfer.books import TwoOffices

EXACT: dict[str, Any] = {
    "shares": ["0.000001", "-0.000001", "12345678.123456", "0.100000", "1000000.000000", None],
    "market_value": ["0.01", "-0.01", "1234567890.12", "9999999999999.99", "-0.10", None],
    "symbol": ["Ä", "", " a ", "'; --", None, "🙂\n\t"],
    "modified_at": ["2026-11-20 12:00:00.000001", "1999-12-31 23:59:59.999999", "2026-01-01 00:00:00.000000"] * 2,
}


def exact_book() -> TwoOffices:
    book = TwoOffices()
    account = book.account(book.contact())
    for number in range(6):
        book.add("investment_position", account_id=account, **{name: values[number] for name, values in EXACT.items()})
    return book


def read(url: str, table: sa.Table) -> pd.DataFrame:
    with Snapshot(url, readers=1) as snapshot:
        statement = sa.select(*canonical.exact_columns(table.columns, snapshot.is_sqlite))
        rows = canonical.exact_frame(table.columns, snapshot.read_raw(statement))
    return rows.sort_values(next(iter(table.primary_key)).name, ignore_index=True)


def lists(rows: pd.DataFrame) -> dict[str, list[Any]]:
    return {name: [None if pd.isna(value) else value for value in rows[name]] for name in rows}


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def exact_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'crm.db'}"
    if request.param == "postgresql":
        fresh: Callable[[], str] = request.getfixturevalue("postgres_url")
        url = fresh()
    exact_book().write(url)
    return url


def test_every_value_comes_as_it_was_written(exact_url: str) -> None:
    found = lists(read(exact_url, schema.investment_position))
    assert {name: found[name] for name in EXACT} == EXACT


def test_check_boxes_keep_the_difference_between_no_and_nothing(exact_url: str) -> None:
    assert lists(read(exact_url, schema.investment_account))["is_qualified"] == [None]
    assert read(exact_url, schema.investment_account)["is_qualified"].dtype == "Int64"


def test_a_cursor_reads_the_same_as_a_snapshot(exact_url: str) -> None:
    table, engine = schema.investment_position, sa.create_engine(exact_url)
    columns = canonical.exact_columns(table.columns, engine.dialect.name == "sqlite")
    with engine.connect() as connection:
        fetched = connection.execute(sa.select(*columns).order_by(table.c.position_id)).all()
    engine.dispose()
    raw = canonical.raw_table(table.columns, engine.dialect.name == "sqlite", fetched)
    pd.testing.assert_frame_equal(canonical.exact_frame(table.columns, raw), read(exact_url, table))


def test_no_rows_have_the_same_columns(exact_url: str) -> None:
    table = schema.investment_position
    assert canonical.empty_frame(table).dtypes.to_dict() == read(exact_url, table).dtypes.to_dict()
    assert canonical.raw_table(table.columns, True, []).num_rows == 0


@pytest.mark.parametrize(
    ("column", "stored", "expected"),
    [
        ("annual_salary", 12, "12.00"),
        ("annual_salary", -7, "-7.00"),
        ("annual_salary", 0.1 + 0.2, "0.30"),
        ("annual_salary", -0.001, "0.00"),
        ("annual_salary", 9_007_199_254_740.99, "9007199254740.99"),
        ("annual_salary", 9_999_999_999_999_999, "9999999999999999.00"),
        ("annual_salary", "n/a", "n/a"),
        ("annual_salary", float("inf"), "Infinity"),
        ("birth_date", "1970-05-01 00:00:00", "1970-05-01"),
        ("birth_date", "1970-05-01 10:00:00", "1970-05-01 10:00:00"),
        ("birth_date", "unknown", "unknown"),
        ("modified_at", "2026-11-20", "2026-11-20 00:00:00.000000"),
        ("modified_at", "2026-11-20T12:30", "2026-11-20 12:30:00.000000"),
        ("modified_at", "2026-11-20 12:30:01.5", "2026-11-20 12:30:01.500000"),
        ("modified_at", "yesterday", "yesterday"),
        ("is_deceased", 0, 0),
        ("is_deceased", 1, 1),
    ],
)
def test_what_sqlite_may_hold(tmp_path: Path, column: str, stored: Any, expected: Any) -> None:
    """SQLite keeps any value in any column: numbers in several forms, words where dates should be."""
    book = TwoOffices()
    book.contact(**{column: stored})
    url = f"sqlite:///{tmp_path / 'crm.db'}"
    book.write(url)
    assert lists(read(url, schema.contact))[column] == [expected]


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("column", "stored", "expected"),
    [
        ("annual_salary", "NaN", "NaN"),
        ("annual_salary", "9999999999999999.99", "9999999999999999.99"),
        ("birth_date", "infinity", "infinity"),
        ("birth_date", "0044-03-15 BC", "0044-03-15 BC"),
        ("deleted_at", "infinity", "infinity"),
    ],
)
def test_what_postgresql_may_hold(postgres_url: Callable[[], str], column: str, stored: Any, expected: Any) -> None:
    book, url = TwoOffices(), postgres_url()
    book.contact(**{column: stored})
    book.write(url)
    assert lists(read(url, schema.contact))[column] == [expected]


def position(**values: Any) -> pd.DataFrame:
    row = dict.fromkeys(schema.investment_position.columns.keys()) | {"position_id": 1, "account_id": 1} | values
    kinds = {
        column.name: "Int64" if canonical.is_whole(column) else "str" for column in schema.investment_position.columns
    }
    return pd.DataFrame([row]).astype(kinds)


def the_hash(**values: Any) -> str:
    return str(canonical.row_hashes("investment_position", position(**values)).iloc[0])


def test_a_hash_is_of_the_table_and_all_columns() -> None:
    hashes = {the_hash(**{name: "1" if name in ("position_id", "account_id") else "x"}) for name in EXACT}
    assert len(hashes) == len(EXACT)
    assert the_hash(symbol="x") == the_hash(symbol="x")


def test_null_and_empty_and_the_word_nan_differ() -> None:
    assert len({the_hash(symbol=None), the_hash(symbol=""), the_hash(symbol="NaN"), the_hash(symbol="-")}) == 4


@settings(max_examples=60, deadline=None)
@given(*[st.one_of(st.none(), st.text(max_size=6)) for _ in range(4)])
def test_what_stands_in_one_column_is_never_taken_for_another(
    symbol: str | None, cusip: str | None, other_symbol: str | None, other_cusip: str | None
) -> None:
    same = (symbol, cusip) == (other_symbol, other_cusip)
    assert (the_hash(symbol=symbol, cusip=cusip) == the_hash(symbol=other_symbol, cusip=other_cusip)) == same


def test_keys_of_several_columns_are_joined() -> None:
    rows = pd.DataFrame({"policy_id": [3], "list_name": ["Policy Advisor"], "contact_id": [12]})
    assert canonical.row_ids("policy_contact", rows).tolist() == ["3:Policy Advisor:12"]


@pytest.mark.parametrize(("column", "value"), [("last_name", "CAST(x'4AE9' AS TEXT)"), ("assigned_user_id", "''")])
def test_a_cell_that_cannot_be_read_is_named_and_nothing_is_moved(tmp_path: Path, column: str, value: str) -> None:
    book, url = TwoOffices(), f"sqlite:///{tmp_path}/crm.db"
    contact_id = book.contact()
    book.contact()
    book.write(url)
    with sa.create_engine(url).begin() as connection:
        connection.exec_driver_sql(f"UPDATE contact SET {column} = {value} WHERE contact_id = {contact_id}")
    with pytest.raises(SourceUnreadable, match=f"contact.{column} cannot be read in contact_id {contact_id}: nothing"):
        read(url, schema.contact)
