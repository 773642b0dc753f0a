"""Airflow's REST API, asked by the desk in the name of who is logged in: so Airflow checks the right itself.

The desk is a part of Airflow's API server, and asks the application of that server within the process: there is no
address to know, and no other credential than the user's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from secrets import token_hex
from typing import Any
from urllib.parse import quote

import httpx
from fastapi import Request

from include.desk.context import Refused, desk_of

ENDED = ("success", "failed")
_SENT_ON = ("cookie", "authorization")


@dataclass(frozen=True)
class AirflowRun:
    """A run as Airflow has it: its state, what it was asked, and its tasks with their states, in order."""

    state: str
    conf: Mapping[str, Any]
    note: str
    tasks: tuple[tuple[str, str], ...] = ()

    @property
    def has_ended(self) -> bool:
        """Whether nothing more comes."""
        return self.state in ENDED


def new_run_id(word: str) -> str:
    """An id that no other run has."""
    return f"{word}__{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}-{token_hex(3)}"


async def trigger(request: Request, dag_id: str, run_id: str, conf: Mapping[str, Any]) -> None:
    """Starts a run. Raises `Refused` in words where Airflow does not."""
    body = {"conf": dict(conf), "dag_run_id": run_id, "logical_date": None}
    answer = await _ask(request, "POST", f"/dags/{quote(dag_id)}/dagRuns", body)
    if answer.status_code == 403:
        raise Refused(f"Airflow does not let you trigger {dag_id}. An Airflow administrator gives the right.")
    if answer.status_code >= 400:
        raise Refused(f"Airflow did not start {dag_id} (answer {answer.status_code}). Try again in a minute.", 502)


async def find_run(request: Request, dag_id: str, run_id: str) -> AirflowRun | None:
    """A run with its tasks; None where Airflow knows none of that id, or does not show it to this user."""
    path = f"/dags/{quote(dag_id)}/dagRuns/{quote(run_id, safe='')}"
    answer = await _ask(request, "GET", path)
    if answer.status_code in (403, 404):
        return None
    tasks = await _ask(request, "GET", f"{path}/taskInstances")
    if answer.status_code >= 400 or tasks.status_code >= 400:
        raise Refused(f"Airflow did not answer ({answer.status_code}). Try again in a minute.", 502)
    run = answer.json()
    states = [(one["task_display_name"], one["state"] or "waiting") for one in tasks.json()["task_instances"]]
    return AirflowRun(run["state"], run["conf"] or {}, run.get("note") or "", tuple(states))


async def _ask(request: Request, method: str, path: str, body: object = None) -> httpx.Response:
    sent_on = {name: request.headers[name] for name in _SENT_ON if name in request.headers}
    transport = httpx.ASGITransport(desk_of(request).airflow(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=30) as client:
        return await client.request(method, f"/api/v2{path}", json=body, headers=sent_on)
