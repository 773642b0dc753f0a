"""Values that change alike: how one change looks, and which patterns many units share."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.pipelines.guards.alike import Alike, ChangesAlike, looks_like

STATE, PHONE, BORN = "client.address.state", "clientA.homePhone", "clientA.birthDate"
MONEY = "assets[account:5].holdingsValue"


def shared(name: str, *changes: tuple[Any, Any]) -> list[Alike]:
    """What all these units' changes of one field have in common."""
    counted = ChangesAlike()
    for old, new in changes:
        counted.add({name: old}, {name: new})
    return counted.of_at_least(len(changes))


@pytest.mark.parametrize(
    ("name", "changes", "pattern"),
    [
        (STATE, [("NH", "MA"), ("NH", "MA")], "NH → MA"),
        (STATE, [("NH", "Vermont"), ("MA", "New York")], "'A' → 'Aa'"),
        (STATE, [("NH", "MA"), ("VT", "MA")], "→ MA"),
        (STATE, [("NH", None), ("VT", "")], "→ blank"),
        (PHONE, [("603-555-0101", "(603) 555-0101"), ("603-555-0102", "(603) 555-0102")], "'9-9-9' → '(9) 9-9'"),
        (PHONE, [("603-555-0101", "603-555-0100"), ("603-555-0102", "603-555-0100")], "→ one value, the same for all"),
        (PHONE, [(None, "603-555-0100"), ("603-555-0102", "603-555-0100")], "→ one value, the same for all"),
        (BORN, [("1970-05-01", "1970-04-30"), ("1980-01-01", "1979-12-31")], "1 day earlier"),
        (BORN, [("1970-05-01", "1970-01-05"), ("1980-01-02", "1980-02-01")], "day and month exchanged"),
        (BORN, [("1970-05-01", "2070-05-01"), ("1980-01-02", "2080-01-02")], "36,525 days later"),
        (MONEY, [(Decimal("1000.10"), 100010.0), (3, 300)], "× 100"),
        (MONEY, [(1000, 10.0), (Decimal("12345.67"), 123.46)], "÷ 100"),
        (MONEY, [(1000, 123456.0), (2, 51)], "× more than 10"),
        (MONEY, [(1000, 0), (Decimal("0.5"), 0.0)], "→ 0"),
        (MONEY, [(1000, -1000), (5, -5)], "sign turned"),
        (MONEY, [(9, 7), (8, 7)], "→ one value, the same for all"),
    ],
)
def test_two_units_change_alike(name: str, changes: list[tuple[Any, Any]], pattern: str) -> None:
    (alike,) = shared(name, *changes)
    assert alike.pattern == pattern
    assert alike.units == 2


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        (STATE, [("NH", "MA"), ("MA", "NH")]),
        (STATE, [(None, "MA"), (None, "NH")]),
        (PHONE, [("603-555-0101", "603-555-0102"), ("603-555-0103", "603-555-0104")]),
        (BORN, [("1970-05-01", "1970-05-02"), ("1980-01-01", "1980-01-05")]),
        (MONEY, [(1000, 1010), (2000, 1990)]),
        (MONEY, [(Decimal("1000.10"), 1000.1), (Decimal("5.00"), 5)]),
        (MONEY, [(0, 5), (0, 6)]),
    ],
)
def test_two_units_change_each_in_its_own_way(name: str, changes: list[tuple[Any, Any]]) -> None:
    assert shared(name, *changes) == []


def test_a_unit_counts_once_however_many_of_its_items_change() -> None:
    counted = ChangesAlike()
    before = {f"items[account:{number}].holdingsValue": number for number in (1, 2, 3)}
    counted.add(before, {name: value * 100 for name, value in before.items()})
    assert counted.of_at_least(1) == [Alike("investment_account", "items[].holdingsValue", "× 100", 1)]


def test_values_that_came_or_went_did_not_change() -> None:
    counted = ChangesAlike()
    counted.add({"items[account:1].holdingsValue": 1}, {"items[account:2].holdingsValue": 100})
    assert counted.of_at_least(1) == []


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("clientA.employerAddress.city", "contact_address"),
        ("client.job.businessPhone", "contact_phone"),
        ("clientB.email", "contact_email"),
        ("clientA.income.annualSalary", "contact"),
        ("assets[policy:4].holdingsValue", "policy"),
        ("assets[account:4].holdings[position:9].holdingsValue", "investment_position"),
        ("liabilities[liability:1].currentBalance", "liability"),
    ],
)
def test_a_field_is_named_with_the_table_that_it_comes_from(name: str, table: str) -> None:
    (alike,) = shared(name, ("a", None))
    assert alike.table == table


@given(st.text(min_size=1), st.text(min_size=1))
def test_texts_hold_no_letter_or_digit_of_a_value_outside_drop_downs(old: str, new: str) -> None:
    words = {"→ blank", "→ one value, the same for all", "one value → another, the same two for all"}
    for alike in shared("clientA.lastName", (old, new)):
        assert alike.pattern in words or alike.pattern == f"'{looks_like(old)}' → '{looks_like(new)}'"
        assert alike.pattern in words or not {one for one in alike.pattern if one.isalnum()} - set("Aa9")
