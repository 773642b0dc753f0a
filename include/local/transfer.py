"""A transfer between the demo's offices in one go: asked for, accepted over the REST API, moved, and shown."""

from __future__ import annotations

import shutil
import socket
import sqlite3
import subprocess
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from include import ROOT
from include.local import airflow_home, demo, up, vendors
from include.local.api import ENDED, TooLong, Visitor
from include.local.installation import Installation, Refused
from include.local.processes import Programs, interruptible, python
from include.local.progress import console, show_finished, stage

DAG = "office_transfer"
# Nobody is asked through a trigger: a task that waits for a person is parked by the scheduler itself.
SERVICES = ("api-server", "scheduler", "dag-processor")
QUESTION = "accept_transfer"
LONGEST_SECONDS = 300
# As a person would: Airflow can lose track of a task that is answered in the instant in which it asks.
THINKING_SECONDS = 3


@dataclass(frozen=True)
class Wish:
    """Whose contacts are to go where; the first user of each office asks and accepts."""

    set_id: int
    contacts: int
    source_office_id: int
    target_office_id: int
    requested_by: str
    receiving_user: str


def run(installation: Installation, *, fresh: bool) -> int:
    """Move a set of the demo office. The exit status is 0 when it arrived as the manifest says."""
    with interruptible(), installation.in_use("make demo-transfer"), Programs(installation.folder) as programs:
        if fresh:
            shutil.rmtree(installation.data, ignore_errors=True)
        port = _free_port()
        demo.prepare(installation, port)
        wish = find_wish(installation.crm)
        with stage("Vendor sandboxes"):
            addresses = vendors.start(installation, programs, airflow_home.environment(installation.airflow_home))
        variables = demo.environment(installation, addresses)
        up.write_environment(installation, variables)
        with stage("Airflow"):
            services = [programs.start(name, airflow_home.command(*up.SERVICES[name]), variables) for name in SERVICES]
            services[0].wait_until(lambda: set(up.unhealthy(port)) <= {"triggerer"}, up.HEALTHY_WITHIN_SECONDS)
        run_id, state = _transfer(installation, f"http://127.0.0.1:{port}", wish)
        shown = subprocess.run(
            python("include.commands.transfer", "show", run_id), cwd=ROOT, env=dict(variables), check=False
        ).returncode
        if state != "success":
            console.print(f"[red]The run failed.[/] Its logs: {installation.airflow_home / 'logs'}")
        else:
            console.print(f"To bring it back: make return TRANSFER={run_id}", markup=False, soft_wrap=True)
        return int(state != "success" or shown != 0)


def find_wish(crm: Path) -> Wish:
    """The next set that waits to be moved. Raises Refused when all have gone."""
    waiting = (
        "SELECT s.set_id, count(*), s.office_id FROM contact_set s JOIN contact_set_member m USING (set_id) "
        "JOIN contact c USING (contact_id) WHERE s.name = 'Moving to another office' AND c.office_id = s.office_id "
        "AND c.deleted_at IS NULL GROUP BY s.set_id, s.office_id ORDER BY s.set_id"
    )
    users = (
        "SELECT min(user_id), user_name FROM crm_user WHERE office_id = ? AND status = 'Enabled' "
        "AND user_name LIKE '%.morgan'"
    )
    with closing(sqlite3.connect(crm)) as connection:
        found = connection.execute(waiting).fetchone()
        if found is None:
            raise Refused("Every set of the demo has moved already. make demo-transfer FRESH=1 starts over.")
        set_id, contacts, source = found
        offices = [row[0] for row in connection.execute("SELECT office_id FROM office ORDER BY office_id")]
        target = offices[(offices.index(source) + 1) % len(offices)]
        names = [connection.execute(users, [office]).fetchone()[1] for office in (source, target)]
    return Wish(set_id, contacts, source, target, names[0], names[1])


def _transfer(installation: Installation, base: str, wish: Wish) -> tuple[str, str]:
    """Trigger, answer, wait; gives the run's id and state."""
    password = installation.secrets["users"]
    asking, receiving = (Visitor(base, name).log_in(password) for name in (wish.requested_by, wish.receiving_user))
    run_id = f"transfer__{datetime.now(UTC):%Y-%m-%dT%H-%M-%S}"
    conf = {name: value for name, value in vars(wish).items() if name != "contacts"}
    console.print(
        f"\n{wish.requested_by} asks {wish.receiving_user} to take {wish.contacts} contacts: "
        f"set {wish.set_id} of office {wish.source_office_id} to office {wish.target_office_id}",
        markup=False,
    )
    _trigger(asking, conf, run_id)
    began: dict[str, float] = {}
    shown: set[str] = set()
    is_answered = False
    give_up = time.monotonic() + LONGEST_SECONDS
    while (state := asking.run_state(DAG, run_id)) not in ENDED:
        if time.monotonic() > give_up:
            raise Refused(f"The transfer did not end within {LONGEST_SECONDS} s; see {installation.logs}.")
        states = asking.task_states(DAG, run_id)
        _show(states, began, shown)
        if states.get(QUESTION) == "awaiting_input" and not is_answered:
            time.sleep(THINKING_SECONDS)
            receiving.answer(DAG, run_id, QUESTION, "Accept")
            is_answered = True
        time.sleep(0.3)
    _show(asking.task_states(DAG, run_id), began, shown)
    return run_id, state


def _trigger(asking: Visitor, conf: Mapping[str, object], run_id: str) -> None:
    """As soon as the DAG has been read."""
    try:
        asking.wait_for_dag(DAG)
    except TooLong as error:
        raise Refused(f"Airflow has not read the DAG {DAG}: {error}") from None
    asking.trigger(DAG, conf, run_id)


def _show(states: Mapping[str, str | None], began: dict[str, float], shown: set[str]) -> None:
    """One line for each task that has ended since the last look."""
    for task, state in states.items():
        if state == "running":
            began.setdefault(task, time.monotonic())
        elif state in ("success", "failed", "skipped") and task not in shown:
            shown.add(task)
            show_finished(task, time.monotonic() - began.get(task, time.monotonic()), ok=state != "failed")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
