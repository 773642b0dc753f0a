"""What a user sees who set something wrong: one line that says what to do, no traceback, a red run."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end import crm
from tests.end_to_end.conftest import WAYS, WorldMaker, vendor_uri
from tests.end_to_end.crm import UNITS
from tests.end_to_end.world import Night, World

pytestmark = [pytest.mark.airflow, pytest.mark.xdist_group("terminal")]

ERROR = re.compile(r"\[error *\] (.+?) +\[include\.runtime\.task_boundary\]")


@pytest.fixture(scope="module", params=WAYS)
def world(request: pytest.FixtureRequest, make_world: WorldMaker) -> World:
    made = make_world()
    made.way = request.param
    return made


def refused(night: Night) -> set[str]:
    """What the tasks of a red run said, each thing once."""
    assert night.status != 0, night.output[-4000:]
    assert "Traceback" not in night.output, night.output[-6000:]
    assert "tried again" not in night.output
    said = set(ERROR.findall(night.output))
    assert said, night.output[-4000:]
    return said


def test_an_unreachable_crm_ends_the_run_at_once_with_a_report(world: World, tmp_path: Path) -> None:
    night = world.night({"AIRFLOW_CONN_CRM": f"sqlite:///{tmp_path}/none.sqlite"})
    [said] = refused(night)
    assert f"{tmp_path}/none.sqlite" in said
    assert "connection `crm`" in said
    assert world.run_row(night)["status"] == "failed"
    assert (world.report(night) / "worklist.html").exists()
    assert [row["why"] for row in world.rows("SELECT why FROM run_stop WHERE run_id = ?", night.run_id)] == [said]


def test_a_crm_of_another_shape_is_refused_by_its_columns_before_anything_is_sent(world: World, tmp_path: Path) -> None:
    other = tmp_path / "other.sqlite"
    crm.write_sqlite(other)
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("ALTER TABLE policy RENAME COLUMN annual_premium TO annual_prem")
        connection.execute("ALTER TABLE contact DROP COLUMN birth_date")
        connection.execute("ALTER TABLE contact ADD COLUMN birth_date NUMERIC(8, 0)")
        connection.execute("DROP TABLE policy_beneficiary")
    before = {vendor: sandbox.calls() for vendor, sandbox in world.vendors.items()}
    [said] = refused(world.night({"AIRFLOW_CONN_CRM": f"sqlite:///{other}"}))
    assert "column policy.annual_premium is missing" in said
    assert "column contact.birth_date is NUMERIC(8, 0), expected date" in said
    assert "table policy_beneficiary is missing" in said
    assert {vendor: sandbox.calls() for vendor, sandbox in world.vendors.items()} == before


# What is set wrong -> the words that must be in the one message.
SETTINGS: dict[str, tuple[dict[str, str | None], list[str]]] = {
    "no connection": ({"AIRFLOW_CONN_CRM": None}, ["connection `crm` is missing", "AIRFLOW_CONN_CRM"]),
    "no vendor": (
        {"AIRFLOW_CONN_PROFILES": None},
        ["connection `profiles` is missing", "AIRFLOW_CONN_PROFILES", "run for eMoney alone"],
    ),
    "an unreadable connection": ({"AIRFLOW_CONN_CRM": "{not json"}, ["AIRFLOW_CONN_CRM", "neither a URI nor JSON"]),
    "another kind of database": ({"AIRFLOW_CONN_CRM": "mysql://u:secret@h/n"}, ["`crm`", "sqlite or postgres"]),
    "an unwritable ledger": ({"AIRFLOW_CONN_LEDGER": "sqlite:////proc/none/ledger.db"}, ["/proc/none", "ledger"]),
    "a misspelt setting": ({"PLANBRIDGE__EMONEY__CALLS": "6"}, ["PLANBRIDGE__EMONEY__CALLS", "did you mean"]),
    "settings out of range or unreadable": (
        {
            "PLANBRIDGE__GUARD__MAX_CHANGED_PERCENT": "200",
            "PLANBRIDGE__EMONEY__ENROLL": "some",
            "PLANBRIDGE__REFRESH__SCHEDULE": "at ten",
            "PLANBRIDGE__REFRESH__TIMEZONE": "Mars/Olympus",
        },
        [
            "PLANBRIDGE__GUARD__MAX_CHANGED_PERCENT",
            "PLANBRIDGE__EMONEY__ENROLL",
            "linked",
            "PLANBRIDGE__REFRESH__SCHEDULE",
            "PLANBRIDGE__REFRESH__TIMEZONE",
            "America/New_York",
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("variables", "words"), SETTINGS.values(), ids=SETTINGS)
def test_a_wrong_setting_is_reported_in_words(world: World, variables: dict[str, str | None], words: list[str]) -> None:
    [said] = refused(world.night(variables))
    assert [word for word in words if word not in said] == []
    assert "secret" not in said


def test_a_missing_private_key_file_is_named(world: World) -> None:
    connection = vendor_uri(world, "emoney", "key", private_key_file="/nowhere/key.pem")
    [said] = refused(world.night({"AIRFLOW_CONN_EMONEY": connection}))
    assert "/nowhere/key.pem" in said


CONFS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "an unknown parameter": ({"fulll": True}, ["fulll", "Known", "unit_keys"]),
    "an unknown vendor": ({"vendors": ["profile"]}, ["profile", "profiles and emoney"]),
    "an unknown unit": ({"unit_keys": ["H2", "H404", "C404"]}, ["C404, H404", "H<household id>"]),
    "a misspelt unit": ({"unit_keys": ["12"]}, ["unit_keys", "H12"]),
}


@pytest.mark.parametrize(("conf", "words"), CONFS.values(), ids=CONFS)
def test_a_wrong_parameter_is_reported_in_words(world: World, conf: dict[str, Any], words: list[str]) -> None:
    [said] = refused(world.night(**conf))
    assert [word for word in words if word not in said] == []


def test_a_date_that_is_none_is_refused_when_the_run_is_made(world: World) -> None:
    night = world.night_in_airflow(as_of="31.03.2026")
    assert night.status != 0
    assert "Invalid input for param as_of: '31.03.2026' is not a 'date'" in night.output
    assert "[DAG TEST] starting" not in night.output


def test_wrong_credentials_at_one_vendor_stop_that_vendor_alone(world: World) -> None:
    night = world.night({"AIRFLOW_CONN_PROFILES": vendor_uri(world, "profiles", "wrong")})
    [said] = refused(night)
    assert "profiles" in said.lower()
    outcomes = world.outcomes(night)
    assert {outcomes["profiles"][key] for key in ("C9", "H1", "H2", "H7")} == {"failed"}
    assert {outcomes["emoney"][key] for key in ("C9", "H1", "H2", "H5")} == {"created"}
    assert set(outcomes["profiles"]) == set(outcomes["emoney"]) == set(UNITS)
    assert world.run_row(night)["status"] == "failed"
    summary = json.loads((world.report(night) / "run.json").read_text())
    assert all(book["balanced"] for book in summary["books"].values())


def test_a_vendor_that_is_down_defers_its_units_and_the_run_is_green(world: World) -> None:
    world.vendors["profiles"].faults({"kind": "error", "status": 503})
    night = world.night()
    world.vendors["profiles"].faults()
    assert night.status == 0, night.output[-4000:]
    outcomes = world.outcomes(night)
    assert {outcomes["profiles"][key] for key in ("C9", "H1", "H2", "H7")} == {"deferred"}
    assert {outcomes["emoney"][key] for key in ("C9", "H1", "H2", "H5")} == {"unchanged"}
