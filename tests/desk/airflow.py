"""Airflow's REST API as far as the desk asks it: runs of DAGs, by who has logged in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, HTTPException, Request


@dataclass
class FakeAirflow:
    """The runs that were triggered, and how they go on. ``refuses``: the users who may trigger nothing."""

    runs: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    tasks: dict[str, list[tuple[str, str | None]]] = field(default_factory=dict)
    refuses: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.app = FastAPI()
        at = "/api/v2/dags/{dag_id}/dagRuns"
        self.app.post(at)(self._trigger)
        self.app.get(at + "/{run_id}")(self._run)
        self.app.get(at + "/{run_id}/taskInstances")(self._tasks)

    async def _trigger(self, request: Request, dag_id: str) -> dict[str, Any]:
        user, given = self._user(request), await request.json()
        if user in self.refuses:
            raise HTTPException(403)
        run_id = given["dag_run_id"]
        self.runs[dag_id, run_id] = {"conf": given["conf"], "by": user, "state": "queued", "note": None}
        return {"dag_run_id": run_id}

    async def _run(self, request: Request, dag_id: str, run_id: str) -> dict[str, Any]:
        self._user(request)
        if (dag_id, run_id) not in self.runs:
            raise HTTPException(404)
        return self.runs[dag_id, run_id]

    async def _tasks(self, request: Request, dag_id: str, run_id: str) -> dict[str, Any]:
        self._user(request)
        tasks = self.tasks.get(run_id, [])
        return {"task_instances": [{"task_display_name": name, "state": state} for name, state in tasks]}

    @staticmethod
    def _user(request: Request) -> str:
        """Who has logged in; nobody else is answered."""
        user = request.cookies.get("account")
        if user is None:
            raise HTTPException(401)
        return user
