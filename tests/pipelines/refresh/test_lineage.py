"""Lineage of a night: what is traced of a few units is what the whole shard would give for them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from etl.transform import lineage
from etl.values import Vendor
from include.pipelines.run.shards import of_units
from tests.reference.nasty import build
from tests.reference.production import read_frames


@pytest.mark.parametrize("vendor", ["profiles", "emoney"])
def test_a_few_units_are_traced_as_among_all_of_their_shard(vendor: Vendor, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'crm.db'}"
    build(url, 5, 100)
    frames, as_of = read_frames(url), date(2026, 1, 31)
    few = frames["units"]["unit_key"][::7]
    among_all = lineage.trace(frames, as_of, vendor)
    alone = lineage.trace(of_units(frames, few), as_of, vendor)
    for wanted, found in ((among_all.sources, alone.sources), (among_all.receipts, alone.receipts)):
        assert len(found)
        assert rows_of(found) == rows_of(wanted[wanted["unit_key"].isin(few)])


def rows_of(table: pd.DataFrame) -> list[str]:
    return sorted(map(str, table.astype("object").itertuples(index=False, name=None)))
