"""Airflow finds all our plugins in their folder, as its processes load them."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from include import ROOT

pytestmark = pytest.mark.airflow

LOAD = """
from airflow.plugins_manager import get_import_errors, get_plugin_info
print(*sorted(one["name"] for one in get_plugin_info() if one["name"].startswith("planbridge_")))
print(*get_import_errors().items(), "end")
"""


def test_airflow_loads_every_plugin_without_the_checkout_on_its_path(airflow_environment: dict[str, str]) -> None:
    environment = airflow_environment | {
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "include" / "plugins"), "PYTHONPATH": os.devnull,
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", LOAD], cwd=airflow_environment["AIRFLOW_HOME"], env=environment, capture_output=True,
        text=True, check=True, timeout=300,
    )  # fmt: skip
    names, errors = done.stdout.splitlines()[-2:]
    assert names.split() == [
        "planbridge_note_stops", "planbridge_redact_prompts", "planbridge_resume_answered",
        "planbridge_serialize_sqlite_writes", "planbridge_stewards_desk", "planbridge_warm_workers",
    ]  # fmt: skip
    assert errors == "end"
