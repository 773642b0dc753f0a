"""Airflow as it runs for an office: scheduler, DAG processor and API server, spoken to over its REST API.

`Services` starts them in a home of their own and stops them; `Visitor` is somebody who has logged in.
"""

from __future__ import annotations

import json
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from include.local import airflow_home
from include.local.processes import Programs
from include.local.up import SERVICES
from tests.airflow_home import SECRETS, make_home

# Nobody is asked through a trigger: a task that waits for a person is parked by the scheduler itself.
STARTED = ("api-server", "scheduler", "dag-processor")
PATIENCE_SECONDS = 120


class Refusal(Exception):
    """The API refused a call."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(f"{status}: {words}")
        self.status = status


@dataclass
class Visitor:
    """A user of Airflow, logged in: calls of the REST API, and the words for what a test wants of it."""

    base: str
    name: str
    token: str = field(default="", repr=False)

    def log_in(self, password: str) -> Visitor:
        self.token = self.call("POST", "/auth/token", {"username": self.name, "password": password})["access_token"]
        return self

    def call(self, method: str, path: str, body: object = None) -> Any:
        """One call; raises `Refusal`."""
        request = urllib.request.Request(f"{self.base}{path}", method=method)
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise Refusal(error.code, error.read().decode(errors="replace")[:500]) from None

    def trigger(self, dag_id: str, conf: Mapping[str, Any], run_id: str) -> str:
        """Starts a run as the form does; gives its id."""
        body = {"conf": dict(conf), "dag_run_id": run_id, "logical_date": None}
        return str(self.call("POST", f"/api/v2/dags/{dag_id}/dagRuns", body)["dag_run_id"])

    def run_state(self, dag_id: str, run_id: str) -> str:
        return str(self.call("GET", f"/api/v2/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}")["state"])

    def task_states(self, dag_id: str, run_id: str) -> dict[str, str | None]:
        path = f"/api/v2/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}/taskInstances"
        return {task["task_id"]: task["state"] for task in self.call("GET", path)["task_instances"]}

    def question(self, dag_id: str, run_id: str, task_id: str) -> dict[str, Any]:
        """The required action of a task: subject, body, options, params, assigned users."""
        return dict(self.call("GET", self._action(dag_id, run_id, task_id)))

    def answer(self, dag_id: str, run_id: str, task_id: str, option: str, **params: Any) -> None:
        """Answers a required action; raises `Refusal`."""
        body = {"chosen_options": [option], "params_input": params}
        self.call("PATCH", self._action(dag_id, run_id, task_id), body)

    def wait_for_task(self, dag_id: str, run_id: str, task_id: str, state: str) -> None:
        wait_until(lambda: self.task_states(dag_id, run_id).get(task_id) == state, f"{task_id} of {run_id} is {state}")

    def wait_for_end(self, dag_id: str, run_id: str) -> str:
        """How the run ends."""
        wait_until(lambda: self.run_state(dag_id, run_id) in ("success", "failed"), f"{run_id} has ended")
        return self.run_state(dag_id, run_id)

    def _action(self, dag_id: str, run_id: str, task_id: str) -> str:
        return f"/api/v2/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}/taskInstances/{task_id}/-1/hitlDetails"


def wait_until(is_so: Callable[[], bool], what: str, seconds: float = PATIENCE_SECONDS) -> None:
    """Waits for something; fails in words."""
    give_up = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < give_up, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.2)


class Services:
    """A running Airflow; use it in a ``with``. ``variables`` are what the tasks find in their environment."""

    def __init__(self, folder: Path, variables: Mapping[str, str], users: Sequence[str] = ()) -> None:
        self.folder = folder
        self.port = _free_port()
        self.environment = make_home(folder / "airflow") | dict(variables)
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

    def wait_for_dag(self, dag_id: str) -> None:
        """Until the DAG has been read and can be triggered."""
        admin = self.visitor()

        def is_there() -> bool:
            try:
                return bool(admin.call("GET", f"/api/v2/dags/{dag_id}/details"))
            except Refusal:
                return False

        wait_until(is_there, f"{dag_id} is there")

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
