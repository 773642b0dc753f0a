"""A run by hand beside as many empty tasks, in an Airflow that runs and is warm. Prints its figures as JSON.

Both are triggered over the REST API, in turn; the time is from the trigger to the end of a task, by Airflow's own
clock. The argument is the number of households of the office.
"""

from __future__ import annotations

import json
import shutil
import statistics
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from etl.load.ledger.runs import read_outcomes
from etl.load.ledger.store import Ledger, default_url
from include import ROOT
from include.demo import build_office
from include.local import airflow_home, demo, vendors
from include.local.installation import Installation
from include.local.processes import Programs
from tests.benchmarks.harness import AS_OF, FOLDER
from tests.end_to_end.services import Services, Visitor

ROUNDS = 5
# Those before are the warming: each worker has run a task of each DAG.
WARMING = 4
EMPTY = """
from airflow.sdk import DAG, task

with DAG("empty", schedule=None):
    before = None
    for name in {tasks}:
        now = task(task_id=name)(lambda: None)()
        if before is not None:
            before >> now
        before = now
"""
TASKS = ["sync_household", "report_run"]


def main(households: int) -> dict[str, float]:
    """Seconds from the trigger to the end of each kind of run, medians of some rounds."""
    folder = FOLDER / "by_hand"
    shutil.rmtree(folder, ignore_errors=True)
    with running(folder, households) as admin:
        ledger = Ledger(default_url(Installation(folder / "office").data))
        empty, loaded, reported = [], [], []
        for number in range(WARMING + ROUNDS):
            empty.append(seconds(admin, "empty", {}, f"empty-{number}", TASKS[-1]))
            conf = {"household_id": number + 1, "vendor": "profiles", "action": "create_client_and_case"}
            conf["as_of"] = AS_OF.isoformat()
            loaded.append(seconds(admin, "household_sync", conf, f"hand-{number}", TASKS[0]))
            reported.append(seconds(admin, "household_sync", None, f"hand-{number}", "report_run"))
            require_created(ledger, f"hand-{number}")
    of_empty, of_hand = statistics.median(empty[WARMING:]), statistics.median(loaded[WARMING:])
    return {
        "empty_seconds": of_empty,
        "loaded_seconds": of_hand,
        "reported_seconds": statistics.median(reported[WARMING:]),
        "allowed_seconds": 1.5 * of_empty + 3,
    }


@contextmanager
def running(folder: Path, households: int) -> Iterator[Visitor]:
    """Airflow, both sandboxes and an office, with a DAG of empty tasks beside ours; gives their user."""
    office = Installation(folder / "office")
    (folder / "empty" / "dags").mkdir(parents=True)
    (folder / "empty" / "dags" / "empty.py").write_text(EMPTY.format(tasks=TASKS))
    bundles = [_bundle("planbridge", ROOT), _bundle("empty", folder / "empty")]
    office.data.mkdir(parents=True)
    build_office(f"sqlite:///{office.crm}", households, today=AS_OF, overwrite=True)
    with Programs(folder / "vendors") as programs:  # beside Airflow's own: each of them ends what it finds left over
        addresses = vendors.start(office, programs, airflow_home.environment(office.airflow_home))
        ours = ("PLANBRIDGE__", "AIRFLOW_CONN_")
        variables = {
            name: value for name, value in demo.environment(office, addresses).items() if name.startswith(ours)
        }
        variables["AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"] = json.dumps(bundles)
        with Services(folder, variables) as services:
            admin = services.visitor()
            for dag_id in ("empty", "household_sync"):
                admin.wait_for_dag(dag_id)
            yield admin


def _bundle(name: str, path: Path) -> dict[str, object]:
    return {
        "name": name,
        "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
        "kwargs": {"path": str(path)},
    }


def seconds(admin: Visitor, dag_id: str, conf: dict[str, object] | None, run_id: str, task_id: str) -> float:
    """From the trigger to the end of a task; without ``conf`` of a run that has ended."""
    if conf is not None:
        admin.trigger(dag_id, conf, run_id)
        state = admin.wait_for_end(dag_id, run_id)
        if state != "success":
            raise SystemExit(f"{dag_id} {run_id} has failed; its log is under {FOLDER / 'by_hand'}")
    run = f"/api/v2/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}"
    queued = datetime.fromisoformat(admin.call("GET", run)["queued_at"])
    tasks = {task["task_id"]: task for task in admin.call("GET", f"{run}/taskInstances")["task_instances"]}
    return (datetime.fromisoformat(tasks[task_id]["end_date"]) - queued).total_seconds()


def require_created(ledger: Ledger, run_id: str) -> None:
    """What was timed was loaded: a run whose unit is held or deferred is a success, too."""
    told = read_outcomes(ledger, run_id)[["unit_key", "outcome", "reason"]].to_dict("records")
    if [one["outcome"] for one in told] != ["created"]:
        raise SystemExit(f"household_sync {run_id} loaded nothing: {told}")


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]))))
