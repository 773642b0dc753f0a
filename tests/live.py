"""Airflow as it runs in an office: a real API server, scheduler and DAG processor, and somebody who uses them.

    def test_something(live):
        run = live.trigger("household_sync", household_id=12, vendor="profiles")
        live.wait(run)

One Airflow for the session, with a small book of households and sandboxes of its own; each test uses households of its
own. Everything goes over Airflow's public REST API, as a browser or another program would do it.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests

from include.local import airflow_home
from include.local.processes import Programs
from include.local.up import SERVICES, unhealthy
from tests.airflow_home import SECRETS, make_home
from tests.run_book import Book, Vendors, closed_port, sandboxes, vendor_keys

# Human-in-the-loop tasks wait without the triggerer.
NEEDED = ("api-server", "scheduler", "dag-processor")
ENDED = ("success", "failed")


@dataclass(frozen=True)
class Run:
    """A DAG run, by its names."""

    dag_id: str
    run_id: str

    @property
    def path(self) -> str:
        return f"/api/v2/dags/{self.dag_id}/dagRuns/{quote(self.run_id)}"


@dataclass
class Live:
    """A running Airflow and its user; ``book`` is the CRM, ``vendors`` the sandboxes."""

    url: str
    home: Path
    book: Book
    vendors: Vendors
    session: requests.Session = field(default_factory=requests.Session)

    def log_in(self) -> None:
        answer = self.session.post(f"{self.url}/auth/token", json={"username": "admin", "password": SECRETS["admin"]})
        self.session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def call(self, method: str, path: str, **more: Any) -> Any:
        answer = self.session.request(method, f"{self.url}{path}", timeout=60, **more)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def trigger(self, dag_id: str, **conf: Any) -> Run:
        body = {"logical_date": None, "conf": conf}
        made = self.call("POST", f"/api/v2/dags/{dag_id}/dagRuns", json=body)
        return Run(dag_id, made["dag_run_id"])

    def state(self, run: Run) -> str:
        return str(self.call("GET", run.path)["state"])

    def tasks(self, run: Run) -> dict[str, str]:
        found = self.call("GET", f"{run.path}/taskInstances")["task_instances"]
        return {task["task_id"]: task["state"] for task in found}

    def wait(self, run: Run, seconds: float = 120) -> str:
        """Waits for the run's end; gives its state."""
        self.until(lambda: self.state(run) in ENDED, f"{run} to end", seconds)
        return self.state(run)

    def question(self, run: Run, task_id: str, seconds: float = 120) -> dict[str, Any]:
        """The required action of a task, as soon as it waits."""
        self.until(lambda: self.tasks(run).get(task_id) == "awaiting_input", f"{task_id} of {run} to ask", seconds)
        return self.call("GET", f"{run.path}/taskInstances/{task_id}/-1/hitlDetails")  # type: ignore[no-any-return]

    def answer(self, run: Run, task_id: str, button: str, **given: Any) -> None:
        body = {"chosen_options": [button], "params_input": given}
        self.call("PATCH", f"{run.path}/taskInstances/{task_id}/-1/hitlDetails", json=body)

    def let_the_time_run_out(self, run: Run) -> None:
        """As if nobody had answered for as long as the run waits."""
        with closing(sqlite3.connect(self.home / "airflow.db", timeout=60)) as connection, connection:
            late = "UPDATE task_instance SET trigger_timeout = '2001-01-01 00:00:00.000000' WHERE run_id = ?"
            connection.execute(f"{late} AND state = 'awaiting_input'", (run.run_id,))

    def until(self, is_so: Any, what: str, seconds: float = 120) -> None:
        give_up = time.monotonic() + seconds
        while not is_so():
            assert time.monotonic() < give_up, f"waited {seconds} s for {what}"
            time.sleep(0.3)

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """What plain SQL says of the ledger."""
        return _rows(self.book.folder / "data" / "ledger.db", query, *values)

    def airflow_rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """What plain SQL says of Airflow's own database."""
        return _rows(self.home / "airflow.db", query, *values)


def _rows(database: Path, query: str, *values: Any) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(database, timeout=60)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(query, values)]


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Airflow with all DAGs, ready for the first trigger."""
    folder = tmp_path_factory.mktemp("live")
    with ExitStack() as at_the_end:
        vendors = at_the_end.enter_context(sandboxes(folder))
        book = Book(folder, vendors)
        at_the_end.callback(book.close)
        home, port = folder / "airflow", closed_port()
        environment = make_home(home) | _environment(folder, book)
        airflow_home.write(home, SECRETS, port)
        programs = at_the_end.enter_context(Programs(folder))
        for name in NEEDED:
            programs.start(name, airflow_home.command(*SERVICES[name]), environment)
        user = Live(f"http://127.0.0.1:{port}", home, book, vendors)
        user.until(lambda: set(unhealthy(port)) <= {"triggerer"}, "Airflow", 180)
        user.log_in()
        user.until(lambda: user.call("GET", "/api/v2/dags")["total_entries"] >= len(_dag_files()), "the DAGs", 120)
        yield user


def _dag_files() -> list[Path]:
    return sorted((Path(__file__).parents[1] / "dags").glob("*.py"))


def _environment(folder: Path, book: Book) -> dict[str, str]:
    private_key = folder / "private.pem"
    private_key.touch(0o600)
    private_key.write_text(vendor_keys()[0])
    vendor = {"conn_type": "http", "schema": "http", "host": "127.0.0.1", "login": "planbridge"}
    extra = {"private_key_file": str(private_key)}
    ports = {
        name: access.port for name, access in book.connections.items() if access and name in ("profiles", "emoney")
    }
    return {
        "AIRFLOW_CONN_CRM": f"sqlite:///{folder / 'crm.db'}",
        "AIRFLOW_CONN_PROFILES": json.dumps({**vendor, "port": ports["profiles"], "password": "sandbox"}),
        "AIRFLOW_CONN_EMONEY": json.dumps(
            {**vendor, "port": ports["emoney"], "password": "sandbox-key", "extra": extra}
        ),
        "AIRFLOW__SCHEDULER__TRIGGER_TIMEOUT_CHECK_INTERVAL": "2",
        "PLANBRIDGE__DATA__FOLDER": str(folder / "data"),
        "PLANBRIDGE__PROFILES__ENROLL": "all",
        "PLANBRIDGE__PROFILES__SEARCH_LAG_SECONDS": "0.5",
        "PLANBRIDGE__EMONEY__ENROLL": "all",
        "PLANBRIDGE__EMONEY__CALLS_PER_MINUTE": "100000",
        "PATH": os.environ["PATH"],
    }
