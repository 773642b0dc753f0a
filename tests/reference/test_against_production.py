"""Production against the reference model, field by field: documents, spouses, findings, held units, licenses.

Each office is made of combinations that nobody would enter on purpose (`tests.reference.nasty`); what production does
with it is compared for every unit and both vendors with what the rule book says, read one household at a time.
"""

from datetime import date

import pandas as pd
import pytest

from etl.transform.assembly import assemble
from etl.values import VENDORS
from include.demo.build import TODAY, build_office
from tests.reference import nasty
from tests.reference.model import Model
from tests.reference.production import find_differences, produce, read_frames, read_shards
from tests.reference.records import read_crm
from tests.reference.tables import SEVERITY

DAYS = (date(2026, 1, 31), date(2024, 2, 29), date(2025, 11, 30), date(2026, 2, 28), date(2026, 3, 1))


def differences(url: str, as_of: date) -> list[str]:
    """Every difference between production and model over the whole CRM, ``vendor unit: …``."""
    model = Model(read_crm(url), as_of)
    frames = read_frames(url)
    assert sorted(frames["units"]["unit_key"]) == sorted(model.unit_keys())
    return [
        f"{vendor} {line}"
        for vendor in VENDORS
        for line in find_differences(model, vendor, produce(vendor, frames, as_of))
    ]


@pytest.mark.parametrize("seed", [*range(4), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(4, 10))])
def test_production_does_with_a_nasty_office_what_the_rule_book_says(tmp_path, seed):
    url = f"sqlite:///{tmp_path / 'crm.db'}"
    nasty.build(url, seed, households=120)
    assert differences(url, DAYS[seed % len(DAYS)]) == []


@pytest.mark.parametrize("clean", [False, True], ids=["with broken rules", "clean"])
def test_production_does_with_the_demo_office_what_the_rule_book_says(tmp_path, clean):
    url = f"sqlite:///{tmp_path / 'crm.db'}"
    build_office(url, households=300, clean=clean)
    assert differences(url, TODAY) == []


@pytest.mark.postgres
def test_production_reads_postgresql_as_it_reads_sqlite(postgres_url):
    url = postgres_url()
    nasty.build(url, seed=77, households=120)
    assert differences(url, DAYS[0]) == []


@pytest.mark.parametrize("vendor", VENDORS)
def test_SCP_5_a_unit_gets_the_same_bytes_in_any_shard(tmp_path, vendor):
    url = f"sqlite:///{tmp_path / 'crm.db'}"
    nasty.build(url, seed=5, households=16)
    whole, *parts = (
        pd.concat([assemble(vendor, shard, DAYS[0]).documents for shard in read_shards(url, size)])
        .set_index("unit_key")
        .sort_index()[["document", "payload_hash"]]
        for size in (1_000_000, 5, 1)
    )
    assert len(whole) > 12
    for part in parts:
        pd.testing.assert_frame_equal(part, whole)


def test_the_nasty_office_breaks_every_rule_and_still_has_sound_units(tmp_path):
    url = f"sqlite:///{tmp_path / 'crm.db'}"
    nasty.build(url, seed=1, households=500)
    model = Model(read_crm(url), DAYS[0])
    verdicts = [verdict for key in model.unit_keys() for verdict in (model.profiles(key), model.emoney(key))]
    broken = {found.rule_id for verdict in verdicts for found in verdict.findings}
    assert SEVERITY.keys() - broken == set()
    held = sum(verdict.is_held for verdict in verdicts)
    assert 0.2 < held / len(verdicts) < 0.6
