"""The nights after the first one, over one CRM that people work in: each test is a night and builds on those before."""

from __future__ import annotations

import csv
import json
import os
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from include import ROOT
from tests.end_to_end.conftest import WAYS, WorldMaker, vendor_uri
from tests.end_to_end.crm import UNITS
from tests.end_to_end.world import API_KEY, LOGIN, PASSWORD, World

pytestmark = [pytest.mark.airflow, pytest.mark.xdist_group("terminal")]

NOT_AT_PROFILES = {"H3": "held", "H5": "held", "H8": "held"}
NOT_AT_EMONEY = {"H3": "held", "H7": "skipped", "H8": "held"}


@pytest.fixture(scope="module", params=WAYS)
def world(request: pytest.FixtureRequest, make_world: WorldMaker) -> World:
    made = make_world()
    made.way = request.param
    return made


def writes(world: World) -> dict[str, int]:
    return {vendor: sum(sandbox.writes().values()) for vendor, sandbox in world.vendors.items()}


def test_a_dry_run_says_what_would_be_and_sends_nothing(world: World) -> None:
    night = world.night(dry_run=True)
    assert night.status == 0, night.output[-4000:]
    assert writes(world) == {"profiles": 0, "emoney": 0}
    assert world.run_row(night)["dry_run"] == 1
    assert world.outcomes(night)["profiles"] == dict.fromkeys(UNITS, "created") | NOT_AT_PROFILES
    assert world.rows("SELECT * FROM link_v") == []
    assert "Dry run" in (world.report(night) / "worklist.html").read_text()


def test_one_vendor_alone_is_served_with_the_key_in_the_text_of_its_connection(
    world: World, key_pair: tuple[Path, Path]
) -> None:
    pem = key_pair[0].read_text()
    night = world.night(
        {"AIRFLOW_CONN_EMONEY": vendor_uri(world, "emoney", API_KEY, private_key=pem)}, vendors=["emoney"]
    )
    assert night.status == 0, night.output[-4000:]
    assert world.outcomes(night) == {"emoney": dict.fromkeys(UNITS, "created") | NOT_AT_EMONEY}
    assert writes(world)["profiles"] == 0


def test_units_that_are_named_go_alone(world: World) -> None:
    night = world.night(vendors=["profiles"], unit_keys=["H2", "C9"])
    assert night.status == 0, night.output[-4000:]
    assert world.outcomes(night) == {"profiles": {"H2": "created", "C9": "created"}}


def test_the_next_full_run_sends_what_is_not_there_yet_and_writes_nothing_a_second_time(world: World) -> None:
    before = writes(world)
    night = world.night(full=True)
    assert night.status == 0, night.output[-4000:]
    there = {"H2": "unchanged", "C9": "unchanged"}
    assert world.outcomes(night) == {
        "profiles": dict.fromkeys(UNITS, "created") | there | NOT_AT_PROFILES,
        "emoney": dict.fromkeys(UNITS, "unchanged") | NOT_AT_EMONEY,
    }
    assert writes(world)["emoney"] == before["emoney"]


def test_what_was_mended_in_the_crm_goes_and_what_was_changed_is_updated(world: World) -> None:
    world.change_crm(
        "UPDATE contact SET birth_date = '1970-01-31', modified_at = '2026-03-03T18:00:00' WHERE contact_id = 5",
        "UPDATE contact SET job_title = 'Owner', modified_at = '2026-03-03 18:00:01' WHERE contact_id = 1",
    )
    night = world.night(as_of="2026-03-03")
    assert night.status == 0, night.output[-4000:]
    outcomes = world.outcomes(night)
    changed = {"H1": "updated", "H3": "created", "H5": "held", "H8": "held"}
    assert {key: outcomes["profiles"][key] for key in changed} == changed
    assert {key: outcomes["emoney"][key] for key in ("H1", "H2", "H3")} == {
        "H1": "updated", "H2": "unchanged", "H3": "created",
    }  # fmt: skip
    mended = world.rows(
        "SELECT DISTINCT unit_key, rule_id FROM finding_v WHERE run_id = ? AND status = 'mended'", night.run_id
    )
    assert {"unit_key": "H3", "rule_id": "DEM-BIRTH-DATE"} in mended
    with (world.report(night) / "worklist.csv").open(encoding="utf-8-sig", newline="") as file:
        assert "H8" in {value for row in csv.reader(file) for value in row}


def test_a_night_with_nothing_to_do_is_green_and_says_so(world: World) -> None:
    world.change_crm("INSERT INTO contact_set (set_id, office_id, name) VALUES (1, 1, 'Nobody')")
    enroll = {f"PLANBRIDGE__{vendor}__ENROLL": "set:Nobody" for vendor in ("PROFILES", "EMONEY")}
    night = world.night(enroll, as_of="2026-03-04")
    assert night.status == 0, night.output[-4000:]
    assert world.outcomes(night) == {}
    assert world.run_row(night)["status"] == "success"
    assert (world.report(night) / "worklist.html").exists()


def test_without_a_date_the_run_is_as_of_the_offices_day(world: World) -> None:
    zone = "Pacific/Kiritimati"  # fourteen hours ahead: another day than UTC's for most of it
    before = datetime.now(ZoneInfo(zone)).date().isoformat()
    night = world.night({"PLANBRIDGE__REFRESH__TIMEZONE": zone}, as_of=None, vendors=["profiles"], unit_keys=["H2"])
    assert night.status == 0, night.output[-4000:]
    assert world.run_row(night)["as_of"] in (before, datetime.now(ZoneInfo(zone)).date().isoformat())


def test_connections_in_json_another_ledger_and_a_relative_folder_do_as_well(
    world: World, key_pair: tuple[Path, Path], tmp_path: Path
) -> None:
    ledger, folder = tmp_path / "other" / "ledger.sqlite", tmp_path / "a folder"
    key = {"private_key": key_pair[0].read_text()}
    before = len(world.vendors["profiles"].state()["households"])
    night = world.night(
        {
            "AIRFLOW_CONN_CRM": json.dumps({"conn_type": "sqlite", "host": str(world.crm)}),
            "AIRFLOW_CONN_LEDGER": f"sqlite:///{ledger}",
            "AIRFLOW_CONN_PROFILES": json.dumps(http_connection(world, "profiles", PASSWORD) | {"schema": "http"}),
            "AIRFLOW_CONN_EMONEY": json.dumps(http_connection(world, "emoney", API_KEY) | {"extra": json.dumps(key)}),
            "PLANBRIDGE__DATA__FOLDER": os.path.relpath(folder, ROOT),
        },
        unit_keys=["H2"],
    )
    assert night.status == 0, night.output[-4000:]
    assert (folder / "reports" / night.run_id / "worklist.html").exists()
    # This ledger knows no links: the client is found at the vendor again, not made a second time.
    links = world.rows("SELECT vendor, unit_key FROM link_v ORDER BY vendor", ledger=ledger)
    assert [tuple(row.values()) for row in links] == [("emoney", "H2"), ("profiles", "H2")]
    assert len(world.vendors["profiles"].state()["households"]) == before


def http_connection(world: World, vendor: str, password: str) -> dict[str, object]:
    log_in = {"login": LOGIN, "password": password}
    return {"conn_type": "http", "host": "127.0.0.1", "port": world.vendors[vendor].port, **log_in}
