"""Laws of both builds: input untouched, twice the same, any order of rows, documents for usable clients only."""

import hashlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.transform.assembly import VendorBatch, assemble
from etl.transform.receipts.book import counted
from etl.values import VENDORS
from tests.builders import AS_OF, Office
from tests.transform.rich import rich_office

BOTH = pytest.mark.parametrize("vendor", VENDORS)


def assert_equal(one: VendorBatch, other: VendorBatch) -> None:
    pd.testing.assert_frame_equal(one.documents, other.documents)
    pd.testing.assert_frame_equal(one.users, other.users)
    pd.testing.assert_frame_equal(one.items, other.items)
    pd.testing.assert_frame_equal(one.receipts, other.receipts)
    assert one.facts.keys() == other.facts.keys()
    for name, facts in one.facts.items():
        pd.testing.assert_frame_equal(facts, other.facts[name])


@BOTH
def test_the_input_is_untouched(vendor):
    frames = rich_office()[0].frames()
    before = {name: frame.copy(deep=True) for name, frame in frames.items()}
    assemble(vendor, frames, AS_OF)
    for name, frame in frames.items():
        pd.testing.assert_frame_equal(frame, before[name])


@BOTH
def test_twice_gives_the_same(vendor):
    frames = rich_office()[0].frames()
    assert_equal(assemble(vendor, frames, AS_OF), assemble(vendor, frames, AS_OF))


@BOTH
@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_order_of_source_rows_does_not_matter(vendor, seed):
    frames = rich_office()[0].frames()
    random = np.random.default_rng(seed)
    shuffled = {
        name: frame.take(random.permutation(len(frame))).set_axis(random.permutation(len(frame)))
        for name, frame in frames.items()
    }
    assert_equal(assemble(vendor, frames, AS_OF), assemble(vendor, shuffled, AS_OF))


@BOTH
def test_a_unit_gets_the_same_document_alone_and_in_company(vendor):
    office, home = rich_office()
    frames = office.frames()
    alone = frames | {"units": frames["units"][frames["units"]["unit_key"] == home.unit_key]}
    together = assemble(vendor, frames, AS_OF).documents.set_index("unit_key")
    assert assemble(vendor, alone, AS_OF).documents["document"].tolist() == [together.loc[home.unit_key, "document"]]


@BOTH
def test_an_empty_shard_has_all_columns_and_no_rows(vendor):
    empty, full = assemble(vendor, Office().frames(), AS_OF), assemble(vendor, rich_office()[0].frames(), AS_OF)
    assert list(empty.documents.columns) == list(full.documents.columns)
    assert list(empty.receipts.columns) == list(full.receipts.columns)
    for name, facts in full.facts.items():
        assert list(empty.facts[name].columns) == list(facts.columns)
        assert empty.facts[name].dtypes.tolist() == facts.dtypes.tolist(), name
    assert len(empty.documents) == len(empty.receipts) == len(empty.users) == 0


@BOTH
def test_the_counts_of_receipts_are_those_of_each_unit(vendor):
    batch = assemble(vendor, rich_office()[0].frames(), AS_OF)
    counts = batch.book.counts()
    listed = batch.receipts.groupby(["unit_key", "rule_id", "entity"]).size()
    told = {
        (unit_key, rule_id, entity): number
        for unit_key, receipts in counts.itertuples(index=False)
        for rule_id, entity, number in counted(receipts)
    }
    assert told
    assert told == listed.to_dict()
    assert not counts["unit_key"].duplicated().any()


@BOTH
def test_an_empty_shard_counts_no_receipts(vendor):
    assert len(assemble(vendor, Office().frames(), AS_OF).book.counts()) == 0


@BOTH
def test_units_out_of_scope_leave_no_trace(vendor):
    office = Office()
    office.household(in_profiles=False, in_emoney=False)
    home = office.couple()
    result = assemble(vendor, office.frames(), AS_OF)
    assert result.documents["unit_key"].tolist() == [home.unit_key]
    assert result.facts["households"]["unit_key"].tolist() == [home.unit_key]


@BOTH
def test_a_unit_without_a_usable_client_has_facts_but_no_document(vendor):
    office = Office()
    home = office.household(head={"is_deleted": True}, wife={})
    office.account(home.head)
    result = assemble(vendor, office.frames(), AS_OF)
    assert len(result.documents) == 0
    assert result.facts["households"]["head_is_person"].tolist() == [False]
    assert len(result.facts["accounts"]) == len(result.facts["left_out"]) == 0
    assert set(result.receipts["rule_id"]) == {"HH-HEAD"}


@BOTH
def test_the_hash_is_the_sha256_of_the_document(vendor):
    documents = assemble(vendor, rich_office()[0].frames(), AS_OF).documents
    expected = [hashlib.sha256(document).hexdigest() for document in documents["document"]]
    assert documents["payload_hash"].tolist() == expected


@BOTH
def test_no_document_holds_nan_or_infinity(vendor):
    office = Office()
    home = office.couple(head={"annual_salary": float("nan")})
    account = office.account(home.head, account_value=float("inf"), loan_balance=float("nan"), net_value=float("nan"))
    office.position(account, market_value=float("nan"))
    office.liability(home.head, loan_balance=float("nan"), interest_rate=float("nan"))
    office.policy(home.head, annual_premium=float("nan"), total_death_benefit=float("nan"))
    text = assemble(vendor, office.frames(), AS_OF).documents["document"].iloc[0].decode()
    assert "NaN" not in text
    assert "Infinity" not in text
    assert "92233720368547758" not in text
