"""Airflow as it runs for an office: scheduler, DAG processor and API server, spoken to over its REST API.

`Services` starts them in a home of their own and stops them; `Visitor` is somebody who has logged in.
"""

from __future__ import annotations

import json
import socket
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from include.local import airflow_home, api
from include.local.api import ENDED, wait_until
from include.local.processes import Programs
from include.local.up import SERVICES
from tests.airflow_home import SECRETS, make_home

# Nobody is asked through a trigger: a task that waits for a person is parked by the scheduler itself.
STARTED = ("api-server", "scheduler", "dag-processor")
# No DAG changes while its tests run.
READ_ONCE = {"AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3600"}


class Visitor(api.Visitor):
    """Somebody who has logged in, reads what is asked, and waits."""

    def question(self, dag_id: str, run_id: str, task_id: str) -> dict[str, Any]:
        """The required action of a task: subject, body, options, params, assigned users."""
        return dict(self.call("GET", self.action(dag_id, run_id, task_id)))

    def wait_for_task(self, dag_id: str, run_id: str, task_id: str, state: str) -> None:
        wait_until(lambda: self.task_states(dag_id, run_id).get(task_id) == state, f"{task_id} of {run_id} is {state}")

    def wait_for_end(self, dag_id: str, run_id: str) -> str:
        """Wait for the end of the run; gives its state. Raises `TooLong`."""
        wait_until(lambda: self.run_state(dag_id, run_id) in ENDED, f"{run_id} has ended")
        return self.run_state(dag_id, run_id)


class Services:
    """A running Airflow; use it in a ``with``. ``variables`` are what the tasks find in their environment."""

    def __init__(self, folder: Path, variables: Mapping[str, str], users: Sequence[str] = ()) -> None:
        self.folder = folder
        self.port = _free_port()
        self.environment = make_home(folder / "airflow") | READ_ONCE | dict(variables)
        airflow_home.write(folder / "airflow", SECRETS, self.port, users)
        self._stack = ExitStack()

    def __enter__(self) -> Services:
        programs = self._stack.enter_context(Programs(self.folder))
        for name in STARTED:
            programs.start(name, airflow_home.command(*SERVICES[name]), self.environment)
        wait_until(lambda: _is_healthy(self.base), "Airflow is healthy")
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def visitor(self, name: str = "admin") -> Visitor:
        """Somebody logs in: the administrator, or one of the users."""
        return Visitor(self.base, name).log_in(SECRETS["admin" if name == "admin" else "users"])

    def log(self, dag_id: str, run_id: str, task_id: str) -> str:
        """All that a task has logged."""
        folder = self.folder / "airflow" / "logs" / f"dag_id={dag_id}" / f"run_id={run_id}" / f"task_id={task_id}"
        return "\n".join(path.read_text() for path in sorted(folder.glob("*.log")))


def _is_healthy(base: str) -> bool:
    try:
        with urllib.request.urlopen(f"{base}/api/v2/monitor/health", timeout=5) as answer:
            health = json.load(answer)
    except (OSError, ValueError):
        return False
    return all(health.get(name, {}).get("status") == "healthy" for name in ("scheduler", "dag_processor"))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
