"""What is done with frames in one way everywhere gives what pandas and Arrow would give."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import sqlalchemy as sa

from etl.extract.source import to_frame
from etl.frames import cells_of, each_row, one_text, to_arrow, typed
from etl.load.ledger.store import Ledger, default_url
from etl.load.ledger.tables import link
from etl.units import contact_keys

FRAME = pd.DataFrame(
    {
        "text": pd.array(["a", None, ""], dtype="str"),
        "key": pd.array([2**63 - 1, None, -1], dtype="Int64"),
        "place": np.array([1, 2, 3]),
        "flag": [True, False, True],
        "day": pd.to_datetime(["2026-11-20", None, "1900-01-01"]),
        "odd name": [1.5, np.nan, 0.0],
        "nothing": [None, None, None],
    },
    index=[5, 6, 7],
)


@pytest.mark.parametrize("rows", [FRAME, FRAME.iloc[:0]], ids=["rows", "no row"])
def test_a_frame_becomes_the_same_arrow_table_as_by_pandas(rows: pd.DataFrame) -> None:
    assert to_arrow(rows).equals(pa.Table.from_pandas(rows, preserve_index=False).replace_schema_metadata())


@pytest.mark.parametrize("count", [3, 0])
def test_an_arrow_table_becomes_the_same_frame_as_by_arrow(count: int) -> None:
    table = to_arrow(FRAME).slice(0, count)
    days = pa.array([dt.date(2026, 1, 2), None, dt.date(1, 1, 1)][:count], pa.date32())
    table = table.append_column("date", days).append_column("short", table["text"].cast(pa.string()))
    by_arrow = table.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get, date_as_object=False)
    pd.testing.assert_frame_equal(to_frame(table), by_arrow)


def test_rows_are_those_of_itertuples() -> None:
    assert list(each_row(FRAME.iloc[:0])) == []
    for mine, theirs in zip(each_row(FRAME.dropna(axis=1)), FRAME.dropna(axis=1).itertuples(index=False), strict=True):
        assert mine == theirs
        assert mine._fields == theirs._fields


def test_one_text_tells_a_blank_from_its_neighbour_and_takes_whole_numbers_of_any_type() -> None:
    rows = pd.DataFrame({"a": ["x", None, "x"], "b": [1.0, 2.0, np.nan], "c": pd.array([1, None, 3], dtype="Int64")})
    texts = one_text(rows.assign(d=pd.Series([7, "7", None], dtype=object)), ["a", "b", "c", "d"])
    assert texts.tolist() == ["x\x1f1\x1f1\x1f7", "\x1f2\x1f\x1f7", "x\x1f\x1f3\x1f"]
    assert one_text(rows.iloc[:0], ["a", "b"]).dtype == "str"


def test_typed_rows_have_their_dtypes_also_without_a_row() -> None:
    kinds = {"unit_key": "str", "contact_id": "int64", "is_linked": "bool"}
    some, none = typed([("H1", 1, True), (None, 2, False)], kinds), typed([], kinds)
    assert some.dtypes.to_dict() == none.dtypes.to_dict() == kinds
    assert some["contact_id"].tolist() == [1, 2]
    assert none.empty


def test_cells_are_none_where_there_is_none() -> None:
    assert cells_of(FRAME["text"]) == ["a", None, ""]
    assert cells_of(FRAME["key"]) == [2**63 - 1, None, -1]
    assert cells_of(FRAME["place"]) == [1, 2, 3]


def test_keys_of_contacts_keep_index_and_nulls() -> None:
    keys = contact_keys(FRAME["key"])
    pd.testing.assert_series_equal(keys, "C" + FRAME["key"].astype("str"))


def test_the_ledgers_rows_have_the_types_of_its_tables_with_rows_or_without(tmp_path: Path) -> None:
    ledger = Ledger(default_url(tmp_path))
    ledger.migrate()
    names = ("unit_key", "vendor_case_id", "client_contact_id", "linked_at")
    statement = sa.select(*(link.c[name] for name in names)).order_by(link.c.unit_key)
    none = ledger.frame(statement)
    row = {"vendor": "profiles", "vendor_case_id": None, "linked_at": dt.datetime(2026, 1, 2), "matched_by": "created"}
    for number, contact in ((1, 2**62 + 1), (2, None)):
        key = f"H{number}"
        ledger.save(link, [{**row, "unit_key": key, "vendor_client_id": key, "client_contact_id": contact}])
    some = ledger.frame(statement)
    assert some["client_contact_id"].tolist() == [2**62 + 1, pd.NA]
    assert some["linked_at"].tolist() == [pd.Timestamp("2026-01-02")] * 2
    for found in (none, some):
        assert found[list(names[:3])].dtypes.astype(str).to_dict() == dict(
            zip(names, ("str", "str", "Int64"), strict=False)
        )
