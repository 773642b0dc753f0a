"""Airflow's REST API as a user who has logged in: trigger runs, answer required actions, wait."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import quote

from include.local.installation import Refused

PATIENCE_SECONDS = 120
ENDED = ("success", "failed")


class TooLong(Refused):
    """What a call waited for did not happen in time."""


class ApiError(Refused):
    """The API refused a call."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(f"Airflow's REST API answered {status}: {words}")
        self.status = status


@dataclass
class Visitor:
    """A user of Airflow: calls of the REST API, and what people do with them."""

    base: str
    name: str
    token: str = field(default="", repr=False)

    def log_in(self, password: str) -> Self:
        self.token = self.call("POST", "/auth/token", {"username": self.name, "password": password})["access_token"]
        return self

    def call(self, method: str, path: str, body: object = None) -> Any:
        """One call; gives its JSON. Raises `ApiError`."""
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
            raise ApiError(error.code, error.read().decode(errors="replace")[:500]) from None

    def trigger(self, dag_id: str, conf: Mapping[str, Any], run_id: str) -> str:
        """Start a run as the form does; gives its id."""
        body = {"conf": dict(conf), "dag_run_id": run_id, "logical_date": None}
        return str(self.call("POST", f"/api/v2/dags/{dag_id}/dagRuns", body)["dag_run_id"])

    def wait_for_dag(self, dag_id: str) -> None:
        """Wait until Airflow has read the DAG and can trigger it. Raises `TooLong`."""

        def is_there() -> bool:
            try:
                return bool(self.call("GET", f"/api/v2/dags/{dag_id}/details"))
            except ApiError:
                return False

        wait_until(is_there, f"Airflow has read the DAG {dag_id}")

    def run_state(self, dag_id: str, run_id: str) -> str:
        return str(self.call("GET", f"/api/v2/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}")["state"])

    def task_states(self, dag_id: str, run_id: str) -> dict[str, str | None]:
        path = f"/api/v2/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}/taskInstances"
        return {task["task_id"]: task["state"] for task in self.call("GET", path)["task_instances"]}

    def answer(self, dag_id: str, run_id: str, task_id: str, option: str, **params: Any) -> None:
        """Answer a required action. Raises `ApiError`."""
        body = {"chosen_options": [option], "params_input": params}
        self.call("PATCH", self.action(dag_id, run_id, task_id), body)

    def action(self, dag_id: str, run_id: str, task_id: str) -> str:
        """The path of a task's required action."""
        return f"/api/v2/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}/taskInstances/{task_id}/-1/hitlDetails"


def wait_until(is_so: Callable[[], bool], what: str, seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until something is so. Raises `TooLong`, which names it."""
    give_up = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > give_up:
            raise TooLong(f"Not within {seconds:.0f} s: {what}.")
        time.sleep(0.5)
