"""The shape of the CRM: whatever the database can answer with is accepted and read, and what is not is said truly."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from etl import schema
from etl.errors import SchemaMismatch, SourceUnavailable, SourceUnreadable
from etl.extract.census import take_census
from etl.extract.changes import track
from etl.extract.schema_check import READ_TABLES, check_schema
from etl.extract.scope import enrolled, read_loans
from etl.extract.shard import read_people
from etl.extract.single_unit import take_census_of, unit_of_contact, unit_of_household
from etl.extract.source import Snapshot
from tests.extract.odd_book import build, id_of, read

# A column, and a type that it has in somebody's PostgreSQL.
TYPES = {
    ("contact", "contact_id"): "INTEGER",
    ("household", "head_contact_id"): "INTEGER",
    ("policy_beneficiary", "policy_id"): "INTEGER",
    ("contact", "record_type"): "kind",
    ("contact", "subsystem_type"): "kind",
    ("contact", "contact_type"): "kind",
    ("contact", "birth_date"): "TIMESTAMP",
    ("contact", "deleted_at"): "DATE",
    ("contact", "annual_salary"): "INTEGER",
    ("household", "deleted_at"): "TIMESTAMPTZ",
    ("household_member", "role"): "kind",
    ("key_relation", "relation_type"): "kind",
    ("key_relation", "relation"): "kind",
    ("contact_set", "name"): "kind",
    ("crm_user", "status"): "kind",
    ("policy", "status"): "CHAR(20)",
    ("policy", "annual_premium"): "amount",
    ("investment_account", "account_value"): "REAL",
    ("investment_account", "loan_balance"): "DOUBLE PRECISION",
    ("investment_account", "net_value"): "BIGINT",
    ("liability", "orig_loan_amount"): "SMALLINT",
}
SETUP = (
    "CREATE TYPE kind AS ENUM ('Contact', 'Business', 'Client', 'Wife', 'Head', 'Family', 'Enabled')",
    "CREATE DOMAIN amount AS NUMERIC(12, 2)",
)


@pytest.fixture
def engine(postgres_url: Callable[[], str]) -> Iterator[sa.Engine]:
    made = sa.create_engine(postgres_url())
    yield made
    made.dispose()


def url_of(engine: sa.Engine) -> str:
    return engine.url.render_as_string(hide_password=False)


@pytest.mark.postgres
def test_every_statement_reads_every_type_that_the_check_accepts(postgres_url: Callable[[], str]) -> None:
    plain, other = postgres_url(), postgres_url()
    build(plain, 2, {})
    build(other, 2, {}, TYPES, SETUP)
    check_schema(other)
    assert read(other).documents == read(plain).documents
    one = id_of(0)
    with Snapshot(other) as snapshot:
        census = take_census(snapshot)
        track(snapshot, census)
        loans = read_loans(snapshot, census)
        assert loans.loc[loans["is_computed"], "unit"].nunique() == 2
        enrolled(snapshot, census, "all", set())
        assert unit_of_household(snapshot, one) == f"H{one}"
        assert unit_of_contact(snapshot, one + 1) == f"H{one}"
        take_census_of(snapshot, f"C{one}")
        assert read_people(snapshot, [one])["contacts"].num_rows == 1


@pytest.mark.postgres
def test_views_of_every_kind_are_read_and_the_place_is_named_that_was_looked_in(engine: sa.Engine) -> None:
    url = url_of(engine)
    build(url, 1, {})
    with engine.begin() as connection:
        for statement in (
            "ALTER TABLE contact RENAME TO contact_rows",
            "CREATE MATERIALIZED VIEW contact AS SELECT * FROM contact_rows",
            "ALTER TABLE policy RENAME TO policy_rows",
            "CREATE VIEW policy AS SELECT * FROM policy_rows",
        ):
            connection.exec_driver_sql(statement)
    check_schema(url)
    assert len(read(url).documents) == 2
    with engine.begin() as connection:
        for statement in (
            "ALTER TABLE household RENAME COLUMN name TO title",
            "DROP TABLE contact_phone",
            "ALTER TABLE liability ALTER COLUMN orig_loan_amount TYPE VARCHAR(20)",
            "ALTER TABLE contact_email ALTER COLUMN address TYPE BYTEA USING address::bytea",
        ):
            connection.exec_driver_sql(statement)
    with pytest.raises(SchemaMismatch) as told:
        check_schema(url)
    for words in (
        "column household.name is missing",
        "table contact_phone is missing",
        "column liability.orig_loan_amount is character varying, expected number",
        "column contact_email.address is bytea, expected text",
        f"looked in the database {engine.url.database} at 127.0.0.1",
        "schema public",
    ):
        assert words in str(told.value)
    assert str(told.value).count("column ") == 4


@pytest.mark.postgres
def test_numbers_that_are_to_be_moved_must_be_exact(postgres_url: Callable[[], str]) -> None:
    url = postgres_url()
    build(url, 1, {}, {("liability", "loan_balance"): "REAL"})
    check_schema(url)
    with pytest.raises(SchemaMismatch, match=r"liability\.loan_balance is real, expected exact number"):
        check_schema(url, READ_TABLES, exact=True)


def test_sqlite_reads_views_copies_and_names_in_any_case(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/crm.db"
    build(url, 1, {}, {("policy", "annual_premium"): "DOUBLE PRECISION", ("liability", "loan_balance"): ""})
    engine = sa.create_engine(url)
    names = ", ".join(f"coalesce({column.name}, NULL) AS {column.name.upper()}" for column in schema.contact.columns)
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE contact RENAME TO contact_rows")
        connection.exec_driver_sql(f"CREATE VIEW CONTACT AS SELECT {names} FROM contact_rows")
        # A copy has the type NUM for dates, times, numbers and yes/no.
        connection.exec_driver_sql("ALTER TABLE liability RENAME TO liability_rows")
        connection.exec_driver_sql("CREATE TABLE liability AS SELECT * FROM liability_rows")
    check_schema(url)
    assert len(read(url).documents) == 2
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE contact_rows RENAME TO elsewhere")
        connection.exec_driver_sql("ALTER TABLE household RENAME COLUMN name TO title")
        connection.exec_driver_sql("DROP VIEW contact")
        connection.exec_driver_sql("CREATE VIEW contact AS SELECT * FROM nowhere")
    with pytest.raises(SchemaMismatch) as told:
        check_schema(url)
    assert "column household.name is missing" in str(told.value)
    assert "table contact cannot be read (no such table: main.nowhere)" in str(told.value)
    assert f"looked in the file {tmp_path}/crm.db" in str(told.value)


def test_a_statement_that_the_crm_refuses_is_never_tried_again(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/crm.db"
    schema.metadata.create_all(sa.create_engine(url))
    with Snapshot(url, readers=1) as snapshot, pytest.raises(SourceUnreadable, match="no such column"):
        snapshot.read(sa.select(sa.column("shoe_size", sa.Integer)).select_from(schema.contact))


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("statement", "state"),
    [
        (sa.select(sa.literal_column("1 / 0", sa.Integer).label("n")), "22012"),
        (sa.select(sa.literal_column("CAST(1e30 AS BIGINT)", sa.Integer).label("n")), "22003"),
        (sa.select(sa.literal_column("lower(1)", sa.Text).label("n")), "42883"),
    ],
)
def test_an_error_about_data_or_types_is_never_a_crm_that_is_down(
    postgres_url: Callable[[], str], statement: sa.Select[tuple[int]], state: str
) -> None:
    with Snapshot(postgres_url(), readers=1) as snapshot:
        with pytest.raises(SourceUnreadable, match=state):
            snapshot.read(statement)
        with pytest.raises(SourceUnreadable):  # and so is whatever else the transaction is asked
            snapshot.read(sa.select(sa.literal_column("1", sa.Integer).label("n")))


def test_a_crm_that_is_down_is_tried_again(tmp_path: Path) -> None:
    for url in ("postgresql://me@127.0.0.1:1/none", f"sqlite:///{tmp_path}/none.db"):
        with pytest.raises(SourceUnavailable), Snapshot(url):
            pass
        with pytest.raises(SourceUnavailable):
            check_schema(url)
