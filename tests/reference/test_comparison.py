"""The two comparators of the benchmark agree with the reference model: persons, assets, liabilities."""

import json
from datetime import date

import pyarrow.parquet as pq
import pytest

from etl.extract.census import take_census
from etl.extract.shard import read_shard
from etl.extract.source import Snapshot
from tests.benchmarks.comparison import duckdb_documents, per_household
from tests.reference import nasty
from tests.reference.compare import compare_documents
from tests.reference.model import Model
from tests.reference.records import read_crm

AS_OF = date(2026, 1, 31)
PARTS = ("clientA", "clientB", "assets", "liabilities")


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    """A mostly sound office: its frames as Parquet, and what the model says."""
    folder = tmp_path_factory.mktemp("shard")
    url = f"sqlite:///{folder / 'crm.db'}"
    # No balance of this office falls on half a cent, where DuckDB's floating point would round the other way.
    nasty.build(url, seed=8, households=150, fault_rates=(0.0, 0.02))
    with Snapshot(url) as snapshot:
        census = take_census(snapshot)
        for name, frame in read_shard(snapshot, census, census.units.index).items():
            pq.write_table(frame, folder / f"{name}.parquet")
    model = Model(read_crm(url), AS_OF)
    verdicts = [model.profiles(unit_key) for unit_key in model.unit_keys()]
    return folder, {verdict.unit_key: verdict.document["document"] for verdict in verdicts if verdict.document}


@pytest.mark.parametrize(
    "comparator", [per_household, duckdb_documents], ids=lambda module: module.__name__.split(".")[-1]
)
def test_a_comparator_makes_the_documents_of_the_model(office, comparator):
    folder, expected = office
    made = {key: json.loads(document) for key, document in comparator.make_documents(folder, AS_OF).items()}
    assert made.keys() == expected.keys()
    differences = {key: compare_documents({part: expected[key][part] for part in PARTS}, made[key]) for key in expected}
    assert {key: found for key, found in differences.items() if found} == {}
    assert comparator.run(folder, AS_OF) == len(expected)
