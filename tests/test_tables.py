"""Tables and frames that are written as text."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateTable

from etl.tables import create, table
from expectations.facts.columns import FactColumn, read_frames

OFFICE = "office  office_id id key, name text(120) required unique"
CONTACT = """contact
    contact_id id key, office_id -> office required, adviser_id -> contact,  -- who looks after the contact
    salary money, rate number(9,6), is_deceased flag, born date, seen time, notes text required empty,
    index ix_contact_office office_id, unique uq_contact office_id notes
"""


def shape(made: sa.Table, dialect: sa.Dialect) -> str:
    return " ".join(str(CreateTable(made).compile(dialect=dialect)).split())


def test_columns_keys_references_and_constraints_are_those_of_the_text() -> None:
    metadata = sa.MetaData()
    table(metadata, OFFICE)
    made = table(metadata, CONTACT)
    assert shape(made, postgresql.dialect()) == (
        "CREATE TABLE contact ( contact_id BIGINT NOT NULL, office_id BIGINT NOT NULL, adviser_id BIGINT, "
        "salary NUMERIC(18, 2), rate NUMERIC(9, 6), is_deceased BOOLEAN, born DATE, seen TIMESTAMP WITHOUT TIME ZONE, "
        "notes TEXT DEFAULT '' NOT NULL, PRIMARY KEY (contact_id), "
        "CONSTRAINT uq_contact UNIQUE (office_id, notes), FOREIGN KEY(office_id) REFERENCES office (office_id), "
        "FOREIGN KEY(adviser_id) REFERENCES contact (contact_id) )"
    )
    assert [(index.name, index.columns.keys()) for index in made.indexes] == [("ix_contact_office", ["office_id"])]


def test_a_serial_key_is_given_by_the_database_and_no_other_is() -> None:
    note = table(sa.MetaData(), "note  note_id serial key, place int key")
    pin = table(sa.MetaData(), "pin  pin_id serial key, content bytes")
    assert shape(pin, postgresql.dialect()).startswith("CREATE TABLE pin ( pin_id SERIAL NOT NULL, content BYTEA")
    assert shape(pin, sqlite.dialect()).startswith("CREATE TABLE pin ( pin_id INTEGER NOT NULL, content BLOB")
    assert [column.autoincrement for column in note.columns] == [True, False]


@pytest.mark.parametrize("text", ["note  note_id number key", "note  note_id id key, contact_id -> contact"])
def test_a_type_or_table_that_is_not_known_is_refused(text: str) -> None:
    with pytest.raises(KeyError):
        table(sa.MetaData(), text)


def test_what_is_there_already_stays_and_a_missing_index_is_made() -> None:
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE run (run_id TEXT, more TEXT)")
        create(connection, "run  run_id text key, index ix_run run_id\n\nstep  step_id id key")
        found = sa.inspect(connection)
        assert [column["name"] for column in found.get_columns("run")] == ["run_id", "more"]
        assert [index["name"] for index in found.get_indexes("run")] == ["ix_run"]
        assert found.has_table("step")
    engine.dispose()


def test_a_frame_has_the_kinds_and_values_of_the_text() -> None:
    assert read_frames(
        "people  -- one row each\n    unit_key entity key, age whole,\n    role client | spouse | null"
    ) == {
        "people": {
            "unit_key": FactColumn("text", required=True),
            "entity": FactColumn("text", required=True),
            "age": FactColumn("whole"),
            "role": FactColumn("text", values=("client", "spouse")),
        }
    }
