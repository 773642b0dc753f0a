"""What all tests share: a clean environment, no way to the network, and the fixtures of Airflow and PostgreSQL."""

from __future__ import annotations

import gc
import ipaddress
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import hypothesis
import pytest

pytest_plugins = ["tests.airflow_home", "tests.postgres", "tests.run_book", "tests.desk.office"]

# Settings and connections of the developer's shell would change what tests see.
for _name in [name for name in os.environ if name.startswith(("AIRFLOW", "_AIRFLOW", "PLANBRIDGE__"))]:
    del os.environ[_name]

# A test that imports Airflow by the way must not make ~/airflow.
_unused_home = tempfile.TemporaryDirectory(prefix="planbridge-airflow-")  # removed with this process
os.environ["AIRFLOW_HOME"] = _unused_home.name
os.environ["GX_ANALYTICS_ENABLED"] = "false"

# Tests make thousands of small databases, and wait for the disk at each commit: they lie in memory where there is room.
_memory = Path("/dev/shm")
if _memory.is_dir() and os.access(_memory, os.W_OK) and shutil.disk_usage(_memory).free > 4 * 2**30:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_memory))

# Two cores shared by several workers make single examples slow; slowness is measured by the benchmarks.
hypothesis.settings.register_profile("planbridge", deadline=None, derandomize=bool(os.environ.get("CI")))
hypothesis.settings.load_profile("planbridge")


# A tenth of a night's time went into looking for garbage.
gc.set_threshold(50_000, 20, 100)


@pytest.fixture(autouse=True, scope="module")
def _libraries_are_no_garbage() -> None:
    """Great Expectations, Airflow and pandas are a million objects: not to be looked through again and again."""
    gc.freeze()


def _stay_on_this_machine(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse every connection that leaves the loopback interface."""
    if event != "socket.connect" or not isinstance(address := arguments[1], tuple):
        return
    host = str(address[0])
    if host != "localhost" and not ipaddress.ip_address(host.split("%")[0]).is_loopback:
        raise PermissionError(f"Tests stay on this machine: connection to {host} refused")


sys.addaudithook(_stay_on_this_machine)
