"""A transfer between the demo's offices in one go: requested, accepted over the REST API, moved, and shown."""

from __future__ import annotations

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
from include.local import demo, up
from include.local.api import ENDED, Visitor
from include.local.installation import Installation, Refused
from include.local.processes import python
from include.local.progress import console, show_finished

DAG = "office_transfer"
# Nobody is asked through a trigger: a task that waits for a person is parked by the scheduler itself.
SERVICES = ("api-server", "scheduler", "dag-processor")
QUESTION = "accept_transfer"
LONGEST_SECONDS = 300
# As a person would: Airflow can lose track of a task that is answered at the instant in which it asks.
THINKING_SECONDS = 3


@dataclass(frozen=True)
class Wish:
    """Which set is to go to which office; the first user of one office asks, that of the other accepts."""

    set_id: int
    contacts: int
    source_office_id: int
    target_office_id: int
    requested_by: str
    receiving_user: str


def run(installation: Installation, *, fresh: bool) -> int:
    """Move a set of the demo office. The exit status is 0 when it arrived as the manifest says."""
    port = _free_port()
    with demo.opened(installation, "make demo-transfer", port=port, fresh=fresh) as running:
        wish = find_wish(installation.crm)
        up.write_environment(installation, running.variables)
        up.start_services(running, port, SERVICES)
        run_id, state = _transfer(installation, f"http://127.0.0.1:{port}", wish)
        shown = subprocess.run(
            python("include.commands.cli", "transfer", "show", run_id), cwd=ROOT, env=running.variables, check=False
        ).returncode
        if state != "success":
            console.print(f"[red]The run failed.[/] Its logs: {installation.airflow_home / 'logs'}")
        else:
            console.print(f"To bring it back: make return TRANSFER={run_id}", markup=False, soft_wrap=True)
        return int(state != "success" or shown != 0)


def find_wish(crm: Path) -> Wish:
    """The next set that waits to be moved. Raises Refused when all have gone."""
    from include.demo.office import FULL_USERS, MOVING_SET

    waiting = (
        "SELECT s.set_id, count(*), s.office_id FROM contact_set s JOIN contact_set_member m USING (set_id) "
        "JOIN contact c USING (contact_id) WHERE s.name = ? AND c.office_id = s.office_id "
        "AND c.deleted_at IS NULL GROUP BY s.set_id, s.office_id ORDER BY s.set_id"
    )
    user_of = "SELECT user_name FROM crm_user WHERE office_id = ? AND status = 'Enabled' AND user_name LIKE ?"
    with closing(sqlite3.connect(crm)) as connection:
        found = connection.execute(waiting, [MOVING_SET]).fetchone()
        if found is None:
            raise Refused("Every set of the demo has moved already. make demo-transfer FRESH=1 starts over.")
        set_id, contacts, source = found
        offices = [row[0] for row in connection.execute("SELECT office_id FROM office ORDER BY office_id")]
        target = offices[(offices.index(source) + 1) % len(offices)]
        users = [
            connection.execute(user_of, [office, f"%.{FULL_USERS[0]}"]).fetchone()[0] for office in (source, target)
        ]
    return Wish(set_id, contacts, source, target, *users)


def _transfer(installation: Installation, base: str, wish: Wish) -> tuple[str, str]:
    """Trigger the run, answer its question, wait for its end; gives the run's id and state."""
    password = installation.secrets["users"]
    asking, receiving = (Visitor(base, name).log_in(password) for name in (wish.requested_by, wish.receiving_user))
    run_id = f"transfer__{datetime.now(UTC):%Y-%m-%dT%H-%M-%S}"
    conf = {name: value for name, value in vars(wish).items() if name != "contacts"}
    console.print(
        f"\n{wish.requested_by} asks {wish.receiving_user} to take {wish.contacts} contacts: "
        f"set {wish.set_id} of office {wish.source_office_id} to office {wish.target_office_id}",
        markup=False,
    )
    asking.wait_for_dag(DAG)
    asking.trigger(DAG, conf, run_id)
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


def _show(states: Mapping[str, str | None], began: dict[str, float], shown: set[str]) -> None:
    """Print one line for each task that has ended since the last look."""
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
