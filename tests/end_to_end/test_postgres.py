"""The same night with the CRM and the ledger in PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from tests.end_to_end import crm
from tests.end_to_end.conftest import WorldMaker
from tests.end_to_end.crm import UNITS

# tests/pipelines/refresh has the same without Airflow.
pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.postgres, pytest.mark.xdist_group("terminal")]


def test_a_crm_and_a_ledger_in_postgresql_give_the_same_outcomes(
    make_world: WorldMaker, postgres_url: Callable[[], str]
) -> None:
    world = make_world()
    office, ledger = postgres_url(), postgres_url()
    crm.write_postgres(office)  # whose account 13 is worth NaN
    night = world.night({"AIRFLOW_CONN_CRM": office, "AIRFLOW_CONN_LEDGER": ledger})
    assert night.status == 0, night.output[-4000:]
    with psycopg.connect(ledger) as connection:
        rows = connection.execute("SELECT vendor, unit_key, outcome FROM outcome_v").fetchall()
        amounts = connection.execute(
            "SELECT vendor, unit_key, entity_id FROM finding_v WHERE rule_id = 'ACC-MONEY' ORDER BY 1"
        ).fetchall()
        [run] = connection.execute("SELECT status, dry_run FROM run_v").fetchall()
    held = {"H3": "held", "H8": "held"}
    assert {key: outcome for vendor, key, outcome in rows if vendor == "profiles"} == (
        dict.fromkeys(UNITS, "created") | held | {"H5": "held"}
    )
    assert {key: outcome for vendor, key, outcome in rows if vendor == "emoney"} == (
        dict.fromkeys(UNITS, "created") | held | {"H7": "skipped"}
    )
    assert amounts == [("emoney", "H8", "13"), ("profiles", "H8", "13")]
    assert run == ("success", False)
    assert "postgres:secret" not in night.output
