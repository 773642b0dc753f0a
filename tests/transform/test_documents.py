"""Canonical JSON: amounts exact to the cent, keys sorted."""

import json
import random
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.schema import NOT_FINITE
from etl.transform.arrays import NULL
from etl.transform.documents import amounts, canonical, grouped, records
from tests.builders import Office
from tests.transform.reading import case

LARGEST = 10**18 - 1


def exact(text: bytes) -> list[Decimal]:
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)["amounts"]


@given(st.lists(st.integers(-LARGEST, LARGEST) | st.integers(-(10**7), 10**7), max_size=50))
def test_every_numeric_18_2_is_exact(cents):
    written = canonical({"amounts": amounts(np.array(cents, dtype=np.int64))})
    assert exact(written) == [Decimal(figure).scaleb(-2) for figure in cents]


@pytest.mark.parametrize(("scale", "largest"), [(3, 10**7 - 1), (6, 10**9 - 1)])
def test_rates_and_periods_are_exact(scale, largest):
    draw = random.Random(4)
    figures = [draw.randint(-largest, largest) for _ in range(2_000)]
    written = canonical({"amounts": amounts(np.array(figures, dtype=np.int64), scale)})
    assert exact(written) == [Decimal(figure).scaleb(-scale) for figure in figures]


def test_no_value_and_not_finite_are_null():
    assert amounts(np.array([NULL, NOT_FINITE, 0])) == [None, None, 0.0]


def test_a_figure_with_eighteen_digits_reaches_the_document():
    office = Office()
    contact_id = office.single()
    office.account(contact_id, account_value="9999999999999999.99")
    assert case(office, f"C{contact_id}")["assets"][0]["holdingsValue"] == Decimal("9999999999999999.99")


def test_keys_are_sorted_on_every_level():
    assert (
        canonical({"b": {"d": 1, "c": 2}, "a": [{"z": None, "y": "é"}]})
        == '{"a":[{"y":"é","z":null}],"b":{"c":2,"d":1}}'.encode()
    )


def test_records_follow_their_table():
    made = records((("b", "two"), ("a", "one")), {"one": [1, 2], "two": np.array(["x", None], dtype=object)})
    assert made == [{"a": 1, "b": "x"}, {"a": 2, "b": None}]


def test_records_refuse_columns_of_different_length():
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        records((("a", "one"), ("b", "two")), {"one": [1, 2], "two": [1]})


def test_groups_without_items_are_empty_lists():
    assert grouped(["a", "b", "c"], np.array([1, 1, 3]), 5) == [[], ["a", "b"], [], ["c"], []]
