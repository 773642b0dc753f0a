"""One outsider's world: an Airflow home, a data folder, two running sandboxes, a CRM; and what they show afterwards."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.airflow_home import run_dag
from tests.end_to_end.terminal import Terminal
from tests.sandbox.running import Caller

AS_OF = "2026-03-02"
LOGIN, PASSWORD, API_KEY = "planbridge", "p@ss/word", "k:ey"


@dataclass
class Night:
    """One `airflow dags test`: its exit status and all that it printed."""

    status: int
    output: str

    @property
    def run_id(self) -> str:
        return self.output.split("run_id=")[1].split()[0]

    def message(self, words: str) -> str:
        """The line of the output that has these words."""
        found = [line for line in self.output.splitlines() if words in line]
        assert found, self.output[-6000:]
        return found[0]


@dataclass
class World:
    """Everything a run needs, by environment variables; nothing of it is shared with another world."""

    folder: Path
    environment: dict[str, str]
    terminal: Terminal
    vendors: dict[str, Caller] = field(default_factory=dict)
    nights: int = 0
    # "airflow", or "tasks": the nights by their tasks alone
    way: str = "airflow"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def airflow_home(self) -> Path:
        return Path(self.environment["AIRFLOW_HOME"])

    @property
    def crm(self) -> Path:
        return self.folder / "crm.sqlite"

    def night(self, variables: Mapping[str, str | None] | None = None, **conf: Any) -> Night:
        """Runs `weeknight_refresh` once with this conf; a variable that is None is not set."""
        if self.way == "tasks":
            return self._run(["tasks", json.dumps({"as_of": AS_OF, **conf})], variables)
        return self.night_in_airflow(variables, **conf)

    def night_in_airflow(self, variables: Mapping[str, str | None] | None = None, **conf: Any) -> Night:
        """The same through Airflow in any case."""
        return self._test("weeknight_refresh", variables, conf)

    def by_hand(self, variables: Mapping[str, str | None] | None = None, **conf: Any) -> Night:
        """The same for `household_sync`."""
        return self._test("household_sync", variables, conf)

    def notices(self, variables: Mapping[str, str | None]) -> Night:
        """The same for `send_notices`, which takes no parameters."""
        return self._run(["dags", "test", "send_notices", "-B", "planbridge"], variables)

    def _test(self, dag_id: str, variables: Mapping[str, str | None] | None, conf: Mapping[str, Any]) -> Night:
        # Without the bundle's name all DAGs are read and stored once more.
        command = ["dags", "test", dag_id, "-B", "planbridge", "--conf", json.dumps({"as_of": AS_OF, **conf})]
        return self._run(command, variables)

    def _run(self, command: list[str], variables: Mapping[str, str | None] | None) -> Night:
        self.nights += 1
        output = self.folder / f"night_{self.nights}.log"
        status = self.terminal.run(command, self._variables(variables), output)
        return Night(status, output.read_text())

    def plain_night(self, **conf: Any) -> Night:
        """The same by a program of its own, from the first byte on."""
        done = run_dag("weeknight_refresh", {"as_of": AS_OF, **conf}, self.environment)
        return Night(done.returncode, done.stdout)

    def _variables(self, changed: Mapping[str, str | None] | None) -> dict[str, str]:
        together = {**self.environment, **(changed or {})}
        return {name: value for name, value in together.items() if value is not None}

    def rows(self, query: str, *values: Any, ledger: Path | None = None) -> list[dict[str, Any]]:
        """What plain SQL says of the ledger."""
        with closing(sqlite3.connect(ledger or self.data / "ledger.db")) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(query, values)]

    def outcomes(self, night: Night) -> dict[str, dict[str, str]]:
        """vendor -> unit -> outcome of a run."""
        found: dict[str, dict[str, str]] = {}
        for row in self.rows("SELECT vendor, unit_key, outcome FROM outcome_v WHERE run_id = ?", night.run_id):
            found.setdefault(row["vendor"], {})[row["unit_key"]] = row["outcome"]
        return found

    def run_row(self, night: Night) -> dict[str, Any]:
        [row] = self.rows("SELECT * FROM run_v WHERE run_id = ?", night.run_id)
        return row

    def report(self, night: Night) -> Path:
        return self.data / "reports" / night.run_id

    def change_crm(self, *statements: str) -> None:
        """As somebody at the CRM would."""
        with closing(sqlite3.connect(self.crm)) as connection:
            for statement in statements:
                connection.execute(statement)
            connection.commit()

    def airflow_rows(self, query: str) -> list[tuple[Any, ...]]:
        """What plain SQL says of Airflow's own database."""
        with closing(sqlite3.connect(self.airflow_home / "airflow.db")) as connection:
            return connection.execute(query).fetchall()


def files(folder: Path) -> list[Path]:
    return [Path(path, name) for path, _, names in os.walk(folder) for name in names]
