"""Canonical JSON: amounts exact to the cent, keys sorted."""

import json
import random
from decimal import Decimal
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.schema import NOT_FINITE
from etl.transform.arrays import NULL
from etl.transform.documents import Json, amounts, grouped, no_lists, one_after_the_other, quoted, records
from tests.builders import Office
from tests.transform.reading import case

LARGEST = 10**18 - 1


def read(values: Json) -> list[Any]:
    """The values as a reader of JSON has them, figures exact."""
    return [json.loads(text or "null", parse_float=Decimal, parse_int=Decimal) for text in values.texts.to_pylist()]


@given(st.lists(st.integers(-LARGEST, LARGEST) | st.integers(-(10**7), 10**7), max_size=50))
def test_every_numeric_18_2_is_exact(cents):
    assert read(amounts(np.array(cents, dtype=np.int64))) == [Decimal(figure).scaleb(-2) for figure in cents]


@pytest.mark.parametrize(("scale", "largest"), [(3, 10**7 - 1), (6, 10**9 - 1)])
def test_rates_and_periods_are_exact(scale, largest):
    draw = random.Random(4)
    figures = [draw.randint(-largest, largest) for _ in range(2_000)]
    written = amounts(np.array(figures, dtype=np.int64), scale)
    assert read(written) == [Decimal(figure).scaleb(-scale) for figure in figures]


def test_amounts_are_written_one_way():
    written = amounts(np.array([0, 5, -5, 50, 100, 123456])).texts.to_pylist()
    assert written == ["0.0", "0.05", "-0.05", "0.5", "1.0", "1234.56"]


def test_no_value_and_not_finite_are_null():
    assert read(amounts(np.array([NULL, NOT_FINITE, 0]))) == [None, None, 0]


def test_a_figure_with_eighteen_digits_reaches_the_document():
    office = Office()
    contact_id = office.single()
    office.account(contact_id, account_value="9999999999999999.99")
    assert case(office, f"C{contact_id}")["assets"][0]["holdingsValue"] == Decimal("9999999999999999.99")


@given(st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"]))))
def test_every_text_reaches_its_reader_as_it_is(texts):
    column = pa.array(texts, type=pa.large_string())
    assert read(quoted(column)) == texts
    assert [row["a"] for row in read(records((("a", "one"),), {"one": column}))] == texts
    some = column.slice(1, 2)
    assert [row["a"] for row in read(records((("a", "one"),), {"one": some}))] == texts[1:3]


@given(st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"])), min_size=1))
def test_texts_are_written_as_orjson_writes_them(texts):
    written = records((("a", "one"),), {"one": np.array(texts, dtype=object)}).texts.to_pylist()
    assert [text.encode() for text in written] == [orjson.dumps({"a": text}) for text in texts]


def test_records_follow_their_table_with_sorted_keys():
    columns = {"one": amounts(np.array([100, 250])), "two": np.array(["x", None], dtype=object), "three": "é"}
    made = records((("b", "two"), ("a", "one"), ("c", "three")), columns)
    assert made.texts.to_pylist() == ['{"a":1.0,"b":"x","c":"é"}', '{"a":2.5,"b":null,"c":"é"}']


def test_records_refuse_columns_of_different_length():
    with pytest.raises(pa.ArrowInvalid, match="same length"):
        records((("a", "one"), ("b", "two")), {"one": np.array(["1", "2"]), "two": np.array(["1"])})


def test_groups_without_items_are_empty_lists():
    items = Json(pa.array(["1", "2", "3"], type=pa.large_string()))
    assert grouped(items, np.array([1, 1, 3]), 5).texts.to_pylist() == ["[]", "[1,2]", "[]", "[3]", "[]"]
    assert no_lists(2).texts.to_pylist() == ["[]", "[]"]


def test_items_of_a_group_keep_their_order():
    first, second = (quoted(pa.array(texts, type=pa.large_string())) for texts in (["a", "b"], ["c", "d"]))
    items = one_after_the_other(first, second)
    assert grouped(items, np.array([0, 1, 0, 1]), 2).texts.to_pylist() == ['["a","c"]', '["b","d"]']
