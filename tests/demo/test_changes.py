"""A day's work in the CRM: what changes, and which units it names."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from include.demo import TODAY, build_office
from tests.demo.changes import change_office
from tests.demo.crm import Crm, read
from tests.demo.oracle import find

NOW = datetime(2026, 11, 20, 19, 30)


def touched(crm: Crm) -> set[str]:
    """Households with a row that was modified at the moment of the change."""
    homes = {row["contact_id"]: f"H{row['household_id']}" for row in crm.rows["household_member"]}
    owners = {row["account_id"]: row["primary_contact_id"] for row in crm.rows["investment_account"]}
    contacts = set()
    for rows in crm.rows.values():
        for row in rows:
            if row.get("modified_at") == NOW:
                contacts.add(row.get("contact_id") or row.get("primary_contact_id") or owners[row["account_id"]])
    return {homes[each] for each in contacts}


@pytest.fixture
def url(tmp_path: Path) -> str:
    address = f"sqlite:///{tmp_path / 'crm.db'}"
    build_office(address, 300)
    return address


def test_the_changed_units_are_those_that_are_named(url: str) -> None:
    keys = change_office(url, 10, seed=3, now=NOW)
    assert touched(read(url)) == set(keys)
    assert 25 <= len(keys) <= 30


def test_a_day_of_work_breaks_no_rule_and_repairs_none(url: str) -> None:
    before = find(read(url), TODAY)
    change_office(url, 100, seed=3, now=NOW)
    assert find(read(url), TODAY) == before


def test_values_really_change(url: str) -> None:
    before = read(url)
    change_office(url, 100, seed=3, now=NOW)
    after = read(url)
    for table, column in (
        ("contact", "annual_salary"), ("contact_phone", "number"), ("contact_address", "line1"),
        ("investment_account", "account_value"), ("investment_position", "market_value"),
    ):  # fmt: skip
        pairs = zip(before.rows[table], after.rows[table], strict=False)
        assert any(old[column] != new[column] for old, new in pairs), table
    assert len(after.rows["investment_account"]) > len(before.rows["investment_account"])


def test_the_same_seed_changes_the_same(url: str, tmp_path: Path) -> None:
    twin = f"sqlite:///{tmp_path / 'twin.db'}"
    build_office(twin, 300)
    assert change_office(url, 20, seed=5, now=NOW) == change_office(twin, 20, seed=5, now=NOW)
    assert read(url).rows == read(twin).rows


def test_postgresql_changes_too(postgres_url: Callable[[], str], tmp_path: Path) -> None:
    address = postgres_url()
    build_office(address, 300, breaks_path=tmp_path / "breaks.json")
    keys = change_office(address, 10, seed=3, now=NOW)
    assert touched(read(address)) == set(keys)
