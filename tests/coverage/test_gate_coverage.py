"""What the gate sees of each corruption of each mapped column, measured anew and compared with what is committed."""

from __future__ import annotations

import pytest

from etl.values import VENDORS, Vendor
from expectations.rules import RULES
from include.coverage.book import family, first_id
from include.coverage.corruptions import cases, mapped_columns
from include.coverage.measure import has_strays, look, measure
from include.coverage.table import (
    BLANK,
    BLANK_IS_NO_FAULT,
    DUPLICATED,
    FOUND_NOTHING,
    MAY_LOOK_RIGHT,
    OUT_OF_RANGE,
    PROTECTED,
    SWAPPED,
    WRONG_TYPE,
    Line,
    as_text,
    committed,
)


@pytest.fixture(scope="module")
def measured() -> list[Line]:
    return measure()


def test_the_committed_table_is_what_the_gate_sees(measured: list[Line]) -> None:
    assert as_text(measured) == as_text(committed()), "run: make documents"


def test_identity_birth_date_owner_and_money_are_protected_at_both_vendors(measured: list[Line]) -> None:
    unprotected = {
        (line.field, line.corruption, vendor)
        for line in measured
        for vendor in VENDORS
        if line.group and line.corruption not in MAY_LOOK_RIGHT and line.is_open(vendor)
    }
    assert {(field, corruption) for field, corruption, _ in unprotected} == {
        (field, BLANK) for field in BLANK_IS_NO_FAULT
    }


def test_every_protected_column_is_mapped_and_measured(measured: list[Line]) -> None:
    protected = {column for columns in PROTECTED.values() for column in columns}
    assert protected <= {f"{each.table}.{each.column}" for each in mapped_columns()}
    assert protected <= {line.field for line in measured if line.corruption == WRONG_TYPE}


def test_every_mapped_column_is_corrupted() -> None:
    assert {(case.table, case.column) for case in cases()} == {(each.table, each.column) for each in mapped_columns()}


def test_a_plausible_wrong_value_is_not_found_and_a_swapped_child_is(measured: list[Line]) -> None:
    lines = {(line.field, line.corruption): line for line in measured}
    assert lines["contact.birth_date", DUPLICATED].profiles == FOUND_NOTHING
    assert lines["investment_account.account_value", SWAPPED].rules("profiles") == ["ACC-NET"]
    swapped = family(1)
    client, _, child = swapped["contact"]
    client["birth_date"], child["birth_date"] = child["birth_date"], client["birth_date"]
    assert look([family(0), swapped])["profiles"].rules == {1: {"DEM-AGES"}}


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_sound_family_breaks_no_rule_and_goes_to_the_vendor(vendor: Vendor) -> None:
    seen = look([family(0), family(1)])[vendor]
    assert (seen.rules, seen.crashed) == ({}, set())
    assert seen.goes[0] == seen.goes[1]
    assert str(first_id(0)) not in seen.goes[0][0]


@pytest.mark.parametrize("owner", [None, "K-17", 9_999_999])
def test_an_account_without_an_owner_belongs_to_nobody(owner: object) -> None:
    rows = family(0)
    assert not has_strays(rows)
    rows["investment_account"][0]["primary_contact_id"] = owner
    assert has_strays(rows)
    rows["investment_account"][0]["deleted_at"] = "2026-01-05 12:00:00"
    assert has_strays(rows) == (owner == "K-17")


def test_a_cell_of_the_table_names_rules_or_says_that_there_are_none(measured: list[Line]) -> None:
    for line in measured:
        for vendor in VENDORS:
            cell = getattr(line, vendor)
            assert line.rules(vendor) == cell.split() or not line.rules(vendor), line
    assert all(rule_id in RULES for line in measured for rule_id in line.rules("emoney"))
    assert any(line.is_open("profiles") for line in measured if line.corruption in (BLANK, OUT_OF_RANGE))
