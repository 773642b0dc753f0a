"""The scheduler of `make up` loads the slow libraries before it forks, and nothing of ours."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import pytest

from include import ROOT
from include.plugins import warm_workers

pytestmark = [pytest.mark.airflow, pytest.mark.xdist_group("warm_workers")]

START_A_SCHEDULER = """
import sys
sys.path.insert(0, "include/plugins")
import warm_workers
sys.argv = ["airflow", "scheduler", "--skip-serve-logs"]
warm_workers.WarmWorkers().on_starting(component=None)
print(*(name for name in ("great_expectations", "pandas", "pyarrow.parquet", "jinja2") if name in sys.modules))
print(*(name for name in sys.modules if name.split(".")[0] in ("etl", "expectations")), "end")
"""


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A scheduler with local workers starts; says what is loaded, as often as it is."""
    loaded: list[str] = []
    monkeypatch.setattr(sys, "argv", ["airflow", "scheduler"])
    monkeypatch.setattr(warm_workers, "conf", SimpleNamespace(get=lambda *_: "LocalExecutor"))
    monkeypatch.setattr(warm_workers, "load_libraries", lambda: loaded.append("all"))
    return loaded


def start() -> None:
    warm_workers.WarmWorkers().on_starting(component=None)


def test_the_scheduler_loads_the_libraries_and_forgets_our_modules(airflow_environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", START_A_SCHEDULER],
        cwd=ROOT,
        env=airflow_environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    libraries, ours = done.stdout.splitlines()[-2:]
    assert libraries == "great_expectations pandas pyarrow.parquet jinja2"
    assert ours == "end"


def test_a_scheduler_with_local_workers_loads_once(loads: list[str]) -> None:
    start()
    assert loads == ["all"]


def test_no_other_component_loads_them(loads: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["airflow", "triggerer"])
    start()
    assert loads == []


def test_a_scheduler_whose_workers_are_not_its_forks_loads_nothing(
    loads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warm_workers, "conf", SimpleNamespace(get=lambda *_: "CeleryExecutor"))
    start()
    assert loads == []


def test_a_library_that_is_missing_stops_no_scheduler(loads: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ImportError("no_such_library")

    monkeypatch.setattr(warm_workers, "load_libraries", fail)
    start()
    assert loads == []
