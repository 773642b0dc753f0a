"""Keys of units, one at a time and in whole columns."""

import pandas as pd
import pytest

from etl.errors import ParamsError
from etl.units import UnitKey, are_households, contact_keys, household_keys, is_unit_key, numbers_of


@pytest.mark.parametrize(("text", "external_id"), [("H12", "household:12"), ("C7", "contact:7"), ("C-4", "contact:-4")])
def test_a_key_names_the_record_that_the_unit_is(text: str, external_id: str) -> None:
    unit = UnitKey.parse(text)
    assert unit.external_id == external_id
    assert str(unit) == text


@pytest.mark.parametrize("text", ["", "H", "12", "h12", "X12", "H1.5", "H ", "C٣", f"C{2**63}"])
def test_other_texts_are_refused(text: str) -> None:
    assert not is_unit_key(text)
    with pytest.raises(ParamsError, match="a unit is such as H12 or C7"):
        UnitKey.parse(text)


def test_keys_sort_by_kind_and_number() -> None:
    assert sorted(["H10", "H9", "C100", "C20"], key=UnitKey.parse) == ["C20", "C100", "H9", "H10"]


def test_columns_of_keys_are_put_together_and_taken_apart() -> None:
    ids = pd.Series([12, 2**62])
    keys = pd.concat([household_keys(ids), contact_keys(ids)], ignore_index=True)
    assert keys.tolist() == ["H12", f"H{2**62}", "C12", f"C{2**62}"]
    assert are_households(keys).tolist() == [True, True, False, False]
    assert numbers_of(keys).tolist() == [12, 2**62, 12, 2**62]
    assert numbers_of(keys.iloc[:0]).dtype == "int64"
