"""An Airflow home of its own for each test that runs Airflow; the user's ``~/airflow`` is never touched.

Making Airflow's tables takes seconds, so it is done once for the checkout; every home starts as a copy of that::

    def test_something(airflow_environment):
        done = run_dag("weeknight_refresh", {"dry_run": True}, airflow_environment)
        assert done.returncode == 0, done.stdout
"""

from __future__ import annotations

import fcntl
import importlib.metadata
import json
import shutil
import sqlite3
import subprocess
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from include import ROOT
from include.local import airflow_home

# Whatever secrets: these homes live as long as a test.
SECRETS = {"jwt": "a" * 64, "session": "b" * 64, "admin": "admin", "users": "users"}
TEMPLATES = ROOT / ".planbridge" / "tests"


def make_home(folder: Path) -> dict[str, str]:
    """Make an Airflow home in a folder; the environment to call Airflow with."""
    airflow_home.write(folder, SECRETS)
    with closing(sqlite3.connect(_template())) as template, closing(sqlite3.connect(folder / "airflow.db")) as copy:
        template.backup(copy)
    return airflow_home.environment(folder)


def _template() -> Path:
    """A database with Airflow's tables and no rows, made once for each version of Airflow."""
    home = TEMPLATES / f"airflow-{importlib.metadata.version('apache-airflow')}"
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not airflow_home.is_migrated(home):
            (home / "airflow.db").unlink(missing_ok=True)
            airflow_home.write(home, SECRETS)
            airflow_home.migrate(home, home / "migrate.log")
            shutil.rmtree(home / "logs", ignore_errors=True)
    return home / "airflow.db"


def run_dag(dag_id: str, conf: Mapping[str, Any], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a DAG to its end with ``airflow dags test``; the log is in ``stdout``."""
    command = airflow_home.command("dags", "test", dag_id, "--conf", json.dumps(dict(conf)))
    return subprocess.run(
        command,
        cwd=ROOT,
        env=dict(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=600,
    )


@pytest.fixture
def airflow_environment(tmp_path: Path) -> dict[str, str]:
    """The environment of an Airflow home that only this test uses."""
    return make_home(tmp_path / "airflow")
