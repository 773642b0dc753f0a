"""The value and field tables: every column has a fate, tables agree with what is built."""

import re

import pytest

from etl import values
from etl.schema import metadata
from etl.transform.mapping.columns import source_columns
from etl.transform.mapping.fields import person_fields

FATE = re.compile(r"sent|key|used by [A-Z]+-[A-Z0-9-]+|not sent: .+")


def test_every_column_of_the_crm_is_sent_used_or_declared_not_sent():
    declared = {(each.table, each.column) for each in source_columns()}
    missing = [
        f"{table.name}.{column.name}"
        for table in metadata.tables.values()
        for column in table.columns
        if not {(table.name, "*"), (table.name, column.name)} & declared
    ]
    assert missing == []


def test_no_column_is_declared_that_the_crm_does_not_have():
    known = {(table.name, name) for table in metadata.tables.values() for name in (*table.columns.keys(), "*")}
    assert [each for each in source_columns() if (each.table, each.column) not in known] == []


def test_no_column_is_declared_twice():
    declared = [(each.table, each.column) for each in source_columns()]
    assert len(declared) == len(set(declared))


@pytest.mark.parametrize("each", source_columns(), ids=lambda each: f"{each.table}.{each.column}")
def test_a_fate_is_one_of_four(each):
    assert FATE.fullmatch(each.profiles)
    assert FATE.fullmatch(each.emoney)


def test_account_categories_are_known_in_any_case():
    assert values.ACCOUNT_TYPE_CATEGORIES[values.normal(" ROTH ira ")] == "Roth IRA"
    assert values.HOW_HELD_CATEGORIES[values.normal("variable annuity")] == values.VARIABLE_ANNUITY
    assert len(values.ACCOUNT_TYPE_CATEGORIES) == 28
    assert len(values.HOW_HELD_CATEGORIES) == 7


@pytest.mark.parametrize("label", ["Ex-Husband", "Ex-Wife", "Ex-Spouse", "Fiance", "Fiancee", "Partner"])
def test_former_and_coming_spouses_are_no_spouses(label):
    assert values.normal(label) not in values.SPOUSE_ROLES


def test_the_field_matrix_has_the_guides_dashes():
    sent = {
        role: {value for _, value in person_fields(role)}
        for role in ("clientA", "clientB", "dependent", "client", "spouse")
    }
    only_client = {"residence", "home_phone", "fax", "email"}
    work = {"company", "business_address", "business_phone", "business_fax", "job_title"}
    names = {"first_name", "last_name", "birth_date"}
    assert sent["clientA"] == names | only_client | work | {"gender", "marital_status", "mobile_phone", "income"}
    assert sent["clientB"] == sent["clientA"] - only_client
    assert sent["dependent"] == names | {"source_id"}
    assert sent["client"] == names | only_client | work | {"mobile_phone", "source_id"}
    assert sent["spouse"] == sent["client"] - only_client
