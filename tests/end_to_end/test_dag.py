"""What Airflow makes of the DAG file: what people see of it, and when and how it runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from include import ROOT
from tests.airflow_home import make_home

pytestmark = [pytest.mark.airflow, pytest.mark.xdist_group("dags")]

LOOK = """
import hashlib, json
from airflow.dag_processing.dagbag import BundleDagBag
from airflow.serialization.serialized_objects import DagSerialization
bag = BundleDagBag(dag_folder=".", bundle_path=".", bundle_name="planbridge")
assert not bag.import_errors, bag.import_errors
seen = {}
for dag_id, dag in bag.dags.items():
    written = json.dumps(DagSerialization.to_dict(dag)["dag"], sort_keys=True, default=str).encode()
    seen[dag_id] = {
        "tasks": {
            name: [task.task_display_name, task.retries, task.retry_exponential_backoff]
            for name, task in dag.task_dict.items()
        },
        "dag": [dag.catchup, dag.max_active_runs, sorted(dag.tags), bool(dag.doc_md), dag.dag_display_name],
        "params": {
            name: [dag.params.get_param(name).schema.get("title"), dag.params.get_param(name).description]
            for name in dag.params
        },
        "schedule": repr(dag.timetable),
        "links": {
            name: [link.name for link in task.operator_extra_links]
            for name, task in dag.task_dict.items() if task.operator_extra_links
        },
        "leaves": [task.task_id for task in dag.task_dict.values() if not task.downstream_task_ids],
        "hash": hashlib.sha256(written).hexdigest(),
    }
print("\\n" + json.dumps(seen))
"""

SET_UP = {
    "PLANBRIDGE__REFRESH__SCHEDULE": "30 21 * * 1-5",
    "PLANBRIDGE__REFRESH__TIMEZONE": "America/Chicago",
    "PYTHONHASHSEED": "random",
}


def look(environment: dict[str, str]) -> dict[str, dict[str, Any]]:
    """What the DAG bag holds, by DAG, seen by a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", LOOK], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return make_home(tmp_path_factory.mktemp("airflow")) | SET_UP


@pytest.fixture(scope="module")
def dags(environment: dict[str, str]) -> dict[str, dict[str, Any]]:
    return look(environment)


def test_the_last_task_of_each_run_links_to_the_page_of_the_run(dags: dict[str, dict[str, Any]]) -> None:
    of_runs = ("weeknight_refresh", "household_sync", "office_transfer")
    assert {dag_id: dags[dag_id]["links"] for dag_id in of_runs} == {
        "weeknight_refresh": {"report_run": ["Run on the desk"]},
        "household_sync": {"report_run": ["Run on the desk"]},
        "office_transfer": {"report_transfer": ["Run on the desk"]},
    }


def test_the_nights_dag_speaks_to_people(dags: dict[str, dict[str, Any]]) -> None:
    seen = dags["weeknight_refresh"]
    assert seen["dag"] == [False, 1, ["planbridge"], True, "Weeknight refresh"]
    assert {name: title for name, (title, *_) in seen["tasks"].items()} == {
        "extract_crm": "Read the CRM",
        "transform_shard": "Build documents",
        "validate_documents": "Check the data",
        "load_profiles": "Load Profiles",
        "load_emoney": "Load eMoney",
        "report_run": "Report",
    }
    assert {tuple(rest) for _, *rest in seen["tasks"].values()} == {(3, 2)}
    assert all(title and description for title, description in seen["params"].values())
    assert set(seen["params"]) == {"as_of", "vendors", "unit_keys", "full", "dry_run", "release_guard"}
    assert "30 21 * * 1-5" in seen["schedule"]
    assert "America/Chicago" in seen["schedule"]
    assert seen["leaves"] == ["report_run"]


def test_the_dags_are_the_same_at_each_parse(environment: dict[str, str], dags: dict[str, dict[str, Any]]) -> None:
    assert {name: dag["hash"] for name, dag in look(environment).items()} == {
        name: dag["hash"] for name, dag in dags.items()
    }


def test_a_schedule_that_cannot_be_read_does_not_make_the_dag_vanish(environment: dict[str, str]) -> None:
    wrong = {"PLANBRIDGE__REFRESH__SCHEDULE": "at ten", "PLANBRIDGE__REFRESH__TIMEZONE": f"Mars{os.sep}Olympus"}
    seen = look(environment | wrong)["weeknight_refresh"]
    assert "0 22 * * 1-5" in seen["schedule"]
    assert "America/New_York" in seen["schedule"]


def test_a_run_by_hand_has_a_form_that_speaks_to_people(dags: dict[str, dict[str, Any]]) -> None:
    seen = dags["household_sync"]
    catchup, most_runs, tags, has_page, name = seen["dag"]
    assert (catchup, tags, has_page, name) == (False, ["planbridge"], True, "One household, by hand")
    assert most_runs >= 200  # those that wait for an answer are among them
    assert {name: title for name, (title, *_) in seen["tasks"].items()} == {
        "sync_household": "Read, check, load",
        "report_run": "Report",
    }
    assert all(title and description for title, description in seen["params"].values())
    assert {"household_id", "contact_id", "vendor", "action", "case_id", "links", "confirm_life_event"} < set(
        seen["params"]
    )
    assert {"requested_by", "dry_run", "as_of"} < set(seen["params"])
    assert seen["leaves"] == ["report_run"]


def test_forecast_has_the_nights_tasks_and_a_schedule_of_its_own(dags: dict[str, dict[str, Any]]) -> None:
    seen, night = dags["tonight_forecast"], dags["weeknight_refresh"]
    assert seen["dag"] == [False, 1, ["planbridge"], True, "Forecast of the night"]
    assert set(seen["tasks"]) ^ set(night["tasks"]) == {"keep_forecast", "report_run"}
    assert "0 16 * * 1-5" in seen["schedule"]
    assert seen["leaves"] == ["keep_forecast"]
    assert seen["params"] == {}


def test_check_of_a_household_is_one_task_and_its_report(dags: dict[str, dict[str, Any]]) -> None:
    seen = dags["household_check"]
    assert {name: title for name, (title, *_) in seen["tasks"].items()} == {
        "check_units": "Read, check, load",
        "report_run": "Report",
    }
    assert set(seen["params"]) == {"unit_keys"}
    assert seen["leaves"] == ["report_run"]
