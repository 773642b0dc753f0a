"""Airflow's home: what is written into it, and what the programs that use it do not see."""

from __future__ import annotations

import configparser
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from include.local import airflow_home
from include.plugins.airflow_internals import fail_lost_runs

SECRETS = {"jwt": "j" * 43, "session": "s" * 43, "admin": "a" * 16, "users": "u" * 16}


def written(home: Path) -> configparser.ConfigParser:
    airflow_home.write(home, SECRETS, port=8099)
    configuration = configparser.ConfigParser(interpolation=None)
    configuration.read(home / "airflow.cfg")
    return configuration


def test_everything_listens_on_the_loopback_address_only(tmp_path: Path) -> None:
    configuration = written(tmp_path)
    assert configuration["api"]["host"] == "127.0.0.1"
    assert configuration["api"]["base_url"] == "http://127.0.0.1:8099"
    assert configuration["core"]["execution_api_server_url"] == "http://127.0.0.1:8099/execution/"


def test_the_bundle_starts_at_the_root_of_the_repository(tmp_path: Path) -> None:
    [bundle] = json.loads(written(tmp_path)["dag_processor"]["dag_bundle_config_list"])
    assert (Path(bundle["kwargs"]["path"]) / "pyproject.toml").exists()


def test_only_the_owner_reads_configuration_and_passwords(tmp_path: Path) -> None:
    written(tmp_path)
    assert {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {
        "airflow.cfg": 0o600,
        "passwords.json": 0o600,
    }


def test_programs_see_no_airflow_variable_of_the_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_HOME", "/home/somebody/airflow")
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "postgresql://production/airflow")
    monkeypatch.setenv("AIRFLOW_CONN_CRM", "postgresql://production/crm")
    variables = airflow_home.environment(tmp_path)
    assert {name: value for name, value in variables.items() if name.startswith("AIRFLOW")} == {
        "AIRFLOW_HOME": str(tmp_path)
    }


@pytest.mark.airflow
def test_dags_are_found_in_their_folder_and_nowhere_else(tmp_path: Path) -> None:
    from airflow._shared.module_loading.file_discovery import find_path_from_directory

    root = Path(__file__).resolve().parents[2]
    (tmp_path / ".airflowignore").write_text((root / ".airflowignore").read_text())
    for file in ("dags/weeknight_refresh.py", "etl/load/a.py", "tests/test_dags.py", ".venv/lib/dag.py", "setup.py"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("# airflow dag")
    found = find_path_from_directory(tmp_path, ".airflowignore", "glob")
    assert list(found) == [str(tmp_path / "dags/weeknight_refresh.py")]


def test_a_stopped_demo_leaves_no_run_that_blocks_the_next(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "airflow.db")) as database, database:
        database.execute("CREATE TABLE dag_run (run_id, state, triggering_user_name, end_date)")
        database.execute("CREATE TABLE task_instance (run_id, state)")
        runs = [("stopped", "running", "dag_test"), ("done", "success", "dag_test"), ("asked for", "queued", "admin")]
        database.executemany("INSERT INTO dag_run (run_id, state, triggering_user_name) VALUES (?, ?, ?)", runs)
        tasks = [("stopped", "success"), ("stopped", "queued"), ("stopped", None), ("asked for", "scheduled")]
        database.executemany("INSERT INTO task_instance VALUES (?, ?)", tasks)
    fail_lost_runs(tmp_path)
    with closing(sqlite3.connect(tmp_path / "airflow.db")) as database:
        states = dict(database.execute("SELECT run_id, state FROM dag_run").fetchall())
        assert states == {"stopped": "failed", "done": "success", "asked for": "queued"}
        found = database.execute("SELECT run_id, state FROM task_instance ORDER BY run_id, state").fetchall()
        assert found == [
            ("asked for", "scheduled"),
            ("stopped", "failed"),
            ("stopped", "failed"),
            ("stopped", "success"),
        ]
