"""SCP-KEY-TWICE: a key that stands twice holds the households that it concerns, and nobody else."""

from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from etl import schema
from etl.extract.source import Snapshot
from tests.extract.odd_book import Cell, build, id_of, read

# A table, and a column that is null in the second row of its key.
TWICE = {
    "household": "name",
    "household_member": "role",
    "contact": "first_name",
    "contact_address": "line1",
    "contact_phone": "number",
    "contact_email": "address",
    "key_relation": "relation_type",
    "investment_account": "account_value",
    "investment_position": "symbol",
    "liability": "lender",
    "policy": "policy_number",
    "policy_beneficiary": "percentage",
    "product": "plan_name",
    "carrier": "naic_id",
    "crm_user": "user_name",
    "user_right": "right_name",
}
UNTOUCHED = 3


@pytest.mark.parametrize("is_sqlite", [True, pytest.param(False, marks=pytest.mark.postgres)])
def test_a_record_that_stands_twice_holds_its_household_alone(
    tmp_path: Path, postgres_url: Callable[[], str], is_sqlite: bool
) -> None:
    urls = [f"sqlite:///{tmp_path / name}.db" if is_sqlite else postgres_url() for name in ("odd", "plain")]
    cells = [Cell(table, column, number) for number, (table, column) in enumerate(TWICE.items(), UNTOUCHED)]
    build(urls[0], UNTOUCHED + len(cells), {}, twice=cells)
    build(urls[1], UNTOUCHED, {})
    odd, plain = read(urls[0]), read(urls[1])
    for cell in cells:
        key = [column.name for column in schema.metadata.tables[cell.table].primary_key]
        for vendor in ("profiles", "emoney"):
            told = [words for rule, *_, words in odd.findings[vendor, cell.unit_key] if rule == "SCP-KEY-TWICE"]
            assert len(told) == 1, cell
            assert f"{cell.table}.{', '.join(key)}" in told[0]
            assert str(id_of(cell.number)) in told[0]
    assert {unit_key for _, unit_key in odd.held} == {cell.unit_key for cell in cells}
    for number in range(UNTOUCHED):
        at = ("profiles", f"H{id_of(number)}")
        assert odd.documents[at] == plain.documents[at]


def test_an_account_key_in_two_households_holds_both_in_any_shards(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/crm.db"
    build(url, 3, {Cell("investment_account", "account_id", 1): str(id_of(0))})
    for units_per_shard in (1_000, 1):
        assert {unit_key for _, unit_key in read(url, units_per_shard).held} == {f"H{id_of(0)}", f"H{id_of(1)}"}


def test_a_database_that_keeps_its_keys_unique_is_not_asked(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/crm.db"
    schema.metadata.create_all(sa.create_engine(url))
    with Snapshot(url, readers=1) as snapshot:
        assert snapshot.tables_without_key == frozenset()


@pytest.mark.postgres
def test_a_postgresql_that_keeps_its_keys_unique_is_not_asked(postgres_url: Callable[[], str]) -> None:
    url = postgres_url()
    engine = sa.create_engine(url)
    schema.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE more (note TEXT) INHERITS (contact_phone)")
    engine.dispose()
    with Snapshot(url, readers=1) as snapshot:
        assert snapshot.tables_without_key == {"contact_phone"}
