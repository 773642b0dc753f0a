"""The files for a deployment name only what there is: variables, paths, commands, pools, queues, packages."""

import importlib.util
import json
import re
import subprocess
import sys
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from include import ROOT
from include.runtime.settings import PREFIX, Settings

DEPLOY = ROOT / "deploy"
# Sections of Airflow's configuration that the provider of Celery brings, with the options that are used.
OF_CELERY = {
    "celery": {"worker_concurrency", "worker_prefetch_multiplier", "broker_url", "result_backend"},
    "celery_broker_transport_options": {"visibility_timeout"},
}
CONNECTIONS = {"CRM", "CRM_TARGET", "LEDGER", "PROFILES", "EMONEY"}
COMMANDS = {"api-server", "scheduler", "dag-processor", "triggerer", "db migrate", "pools import"}


def text_of(name: str) -> str:
    return (DEPLOY / name).read_text(encoding="utf-8")


@cache
def compose() -> dict[str, Any]:
    return dict(yaml.safe_load(text_of("compose.yaml")))


@cache
def values() -> dict[str, Any]:
    return dict(yaml.safe_load(text_of("values.yaml")))


def celery_env() -> dict[str, str]:
    lines = [line for line in text_of("celery.env").splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def workers() -> dict[str, dict[str, Any]]:
    return {name: one for name, one in compose()["services"].items() if name.startswith("worker")}


def test_every_variable_is_one_of_airflow_or_ours() -> None:
    import airflow

    template = Path(airflow.__file__).parent / "config_templates" / "config.yml"
    known = {
        section: set(about["options"])
        for section, about in yaml.safe_load(template.read_text(encoding="utf-8")).items()
    } | OF_CELERY
    ours = {f"{PREFIX}{name}__{option}".upper() for name, field in Settings.model_fields.items()
            for option in type(field.default).model_fields}  # fmt: skip
    used = {*celery_env(), *(one["name"] for one in values()["env"])}
    used |= {name for service in compose()["services"].values() for name in service.get("environment", ())}
    for name in used:
        if name.startswith("AIRFLOW__"):
            section, option = name.removeprefix("AIRFLOW__").lower().split("__")
            assert option in known[section], name
        elif name.startswith("AIRFLOW_CONN_"):
            assert name.removeprefix("AIRFLOW_CONN_") in CONNECTIONS, name
        else:
            assert name in ours | {"GX_ANALYTICS_ENABLED", "DUMB_INIT_SETSID"} or name.startswith("POSTGRES_"), name


def test_the_chart_has_the_settings_of_celery_env() -> None:
    of_the_chart = {
        "AIRFLOW__CORE__EXECUTOR",
        "AIRFLOW__CORE__LOAD_EXAMPLES",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL",
    }
    wanted = {name: value for name, value in celery_env().items() if name not in of_the_chart}
    assert {one["name"]: one["value"] for one in values()["env"]} == wanted


def test_each_setting_for_celery_has_its_reason() -> None:
    lines = text_of("celery.env").splitlines()
    assert not [line for before, line in pairwise(lines) if "=" in line and not before.startswith("# ")]


def test_the_image_installs_the_lock_with_its_hashes_and_is_not_root() -> None:
    dockerfile, lock = text_of("Dockerfile"), (ROOT / "requirements.txt").read_text(encoding="utf-8")
    installs = re.findall(r"pip install (.*)", dockerfile)
    assert installs == ["--no-cache-dir --require-hashes -r /opt/planbridge/requirements.txt"]
    pins = re.findall(r"^[a-z0-9_.-]+(?:\[[\w,-]+\])?==.*\\\n    --hash=sha256:", lock, re.MULTILINE)
    assert len(pins) == len(re.findall(r"^[a-z0-9]", lock, re.MULTILINE))
    assert "USER" not in re.sub(r"#.*", "", dockerfile)
    (version,) = re.findall(r"^apache-airflow==(\S+)", lock, re.MULTILINE)
    assert f"FROM apache/airflow:{version}-python3.12\n" in dockerfile
    assert values()["airflowVersion"] == version


def test_the_image_has_all_that_a_task_imports_and_nothing_that_is_not_there() -> None:
    copied = re.findall(r"^COPY --chown=airflow:0 (\S+) (\S+)$", text_of("Dockerfile"), re.MULTILINE)
    assert all((ROOT / source).exists() for source, _ in copied)
    assert {"dags", "etl", "expectations", "include", ".airflowignore"} <= {source for source, _ in copied}
    inside = {target for _, target in copied}
    assert celery_env()["AIRFLOW__CORE__PLUGINS_FOLDER"] == "/opt/planbridge/include/plugins"
    (bundle,) = json.loads(celery_env()["AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"])
    assert f"{bundle['kwargs']['path']}/dags" in inside
    for path in re.findall(r"/opt/planbridge/deploy/\S+?\.json", text_of("compose.yaml")):
        assert path in inside


def test_every_secret_is_asked_for_and_every_mounted_file_is_there() -> None:
    wanted = set(re.findall(r"\$\{(\w+)", text_of("compose.yaml")))
    given = {
        line.partition("=")[0] for line in text_of("example.env").splitlines() if line and not line.startswith("#")
    }
    assert wanted == given
    assert all(line.endswith("=") or line.startswith("#") for line in text_of("example.env").splitlines() if line)
    named = set(compose()["volumes"])
    for name, service in compose()["services"].items():
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            assert source in {*named, "./secrets"} or (DEPLOY / source).is_file(), (name, volume)
        assert set(service.get("depends_on", ())) <= set(compose()["services"])


def test_each_command_is_one_of_airflow() -> None:
    said = [
        compose()["services"][name]["command"] for name in ("api-server", "scheduler", "dag-processor", "triggerer")
    ]
    said += re.findall(r"airflow (\w+ \w+)", compose()["services"]["init"]["command"][0])
    assert set(said) == COMMANDS
    parse = (
        "from airflow.cli.cli_parser import get_parser; import sys; get_parser().parse_args([*sys.argv[1:], '--help'])"
    )
    for command in sorted(COMMANDS):
        done = subprocess.run(
            [sys.executable, "-c", parse, *command.split()], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-300:]
        assert "usage: " in done.stdout.lower()


def test_all_workers_share_one_folder_and_each_queue_has_one() -> None:
    folder = celery_env()["PLANBRIDGE__DATA__FOLDER"]
    assert len(workers()) == 3
    assert all(f"data:{folder}" in worker["volumes"] for worker in workers().values())
    queues = [worker["command"].rpartition(" ")[2] for worker in workers().values()]
    assert sorted(queues) == ["default", "default", "interactive"]
    (mount,) = values()["volumeMounts"]
    assert mount == {"name": values()["volumes"][0]["name"], "mountPath": folder}
    assert all("postgresql://" in worker["environment"]["AIRFLOW_CONN_LEDGER"] for worker in workers().values())


LOOK = """
import importlib.util
import json
from airflow.dag_processing.dagbag import DagBag
bag = DagBag("dags")
tasks = {f"{dag.dag_id}.{task.task_id}": [task.pool, task.queue] for dag in bag.dags.values() for task in dag.tasks}
print("answer " + json.dumps({"tasks": tasks, "errors": sorted({str(error) for error in bag.import_errors.values()})}))
"""


def dags_under_policies(environment: dict[str, str], folder: Path) -> dict[str, Any]:
    given = {**environment, "PYTHONPATH": f"{ROOT}:{DEPLOY}", "PLANBRIDGE__DATA__FOLDER": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", LOOK], cwd=ROOT, env=given, capture_output=True, text=True, check=False
    )
    answers = [line for line in done.stdout.splitlines() if line.startswith("answer ")]
    assert answers, done.stderr[-2000:]
    return dict(json.loads(answers[-1].removeprefix("answer ")))


@pytest.mark.airflow
def test_the_policies_give_loads_a_pool_and_runs_by_hand_a_queue(airflow_environment: dict[str, str]) -> None:
    seen = dags_under_policies(airflow_environment, Path("/proc"))  # a mount on every machine
    assert seen["errors"] == []
    pools = {pool for pool, _ in seen["tasks"].values()} - {"default_pool"}
    assert pools == set(json.loads(text_of("pools.json")))
    assert seen["tasks"]["weeknight_refresh.load_emoney"] == ["planbridge_emoney", "default"]
    assert seen["tasks"]["weeknight_refresh.load_profiles"] == ["planbridge_profiles", "default"]
    assert seen["tasks"]["weeknight_refresh.transform_shard"] == ["default_pool", "default"]
    assert {
        queue for name, (_, queue) in seen["tasks"].items() if name.startswith(("household_sync", "office_transfer"))
    } == {"interactive"}


@pytest.mark.airflow
def test_a_worker_without_the_shared_folder_refuses_the_dags_in_one_sentence(
    airflow_environment: dict[str, str], tmp_path: Path
) -> None:
    seen = dags_under_policies(airflow_environment, tmp_path)
    assert seen["tasks"] == {}
    assert seen["errors"]
    assert all("which is no mounted volume on this machine" in error for error in seen["errors"])


def test_the_policies_know_dags_of_others_and_leave_them_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.util.spec_from_file_location("policies", DEPLOY / "airflow_local_settings.py")
    assert spec is not None
    assert spec.loader is not None
    policies = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(policies)
    load = SimpleNamespace(dag_id="weeknight_refresh", task_id="load_emoney", pool="default_pool", queue="default")
    hand = SimpleNamespace(dag_id="household_sync", task_id="sync_household", pool="default_pool", queue="default")
    other = SimpleNamespace(dag_id="payroll", task_id="pay", pool="default_pool", queue="default")
    for task in (load, hand, other):
        policies.task_policy(task)
    assert (load.pool, load.queue) == ("planbridge_emoney", "default")
    assert (hand.pool, hand.queue) == ("default_pool", "interactive")
    assert (other.pool, other.queue) == ("default_pool", "default")
    policies.dag_policy(SimpleNamespace(dag_id="payroll", tags=set()))
    ours = SimpleNamespace(dag_id="weeknight_refresh", tags={"planbridge"})
    for folder in ("", str(tmp_path)):
        monkeypatch.setenv("PLANBRIDGE__DATA__FOLDER", folder)
        with pytest.raises(policies.AirflowClusterPolicyViolation, match="no mounted volume on this machine"):
            policies.dag_policy(ours)
    monkeypatch.setenv("PLANBRIDGE__DATA__FOLDER", "/proc")
    policies.dag_policy(ours)
