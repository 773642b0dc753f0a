"""The main job in one go: demo office, sandboxes, one weeknight refresh through Airflow, and its result."""

from __future__ import annotations

import getpass
import json
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import quote
from zoneinfo import ZoneInfo

from include.local import airflow_home, vendors
from include.local.installation import Installation, Refused
from include.local.processes import Program, Programs, interruptible, refuse_port_in_use
from include.local.progress import RunLog, Task, console, show_finished, stage
from include.plugins.airflow_internals import fail_lost_runs
from include.runtime.report_names import LATEST

HOUSEHOLDS = 400
OFFICE_ZONE = ZoneInfo("America/New_York")


@dataclass(frozen=True)
class Demo:
    """The demo while a command runs: its programs, the sandboxes' addresses by vendor, the variables for Airflow."""

    programs: Programs
    addresses: dict[str, str]
    variables: dict[str, str]


@contextmanager
def opened(installation: Installation, command: str, *, port: int | None = None, fresh: bool = False) -> Iterator[Demo]:
    """Hold the installation for a command, make what is missing in it, and start the sandboxes.

    ``port`` is the one of Airflow's web UI, where the command starts it. Raises Refused when the port is in use, and
    when another command holds the installation.
    """
    address = f"http://127.0.0.1:{port}" if port else ""
    with interruptible(), installation.in_use(command, address), Programs(installation.folder) as programs:
        if port:
            refuse_port_in_use(port)
        if fresh:
            shutil.rmtree(installation.data, ignore_errors=True)
        _prepare(installation, port or 8080)
        with stage("Vendor sandboxes"):
            addresses = vendors.start(installation, programs, airflow_home.environment(installation.airflow_home))
        yield Demo(programs, addresses, environment(installation, addresses))


def _prepare(installation: Installation, port: int) -> None:
    """Make Airflow's home and the demo office, where one of them is missing."""
    airflow_home.write(installation.airflow_home, installation.secrets, port, crm_users())
    if not airflow_home.is_migrated(installation.airflow_home):
        with stage("Airflow's database"):
            airflow_home.migrate(installation.airflow_home, installation.logs / "airflow_migrate.log")
    fail_lost_runs(installation.airflow_home)
    if not installation.crm.exists():
        with stage(f"Demo office of {HOUSEHOLDS} households"):
            _make_office(installation)


def crm_users() -> list[str]:
    """The users of the demo office who may also log in to Airflow."""
    from include.demo.office import FULL_USERS, OFFICES

    return [f"{prefix}.{name}" for _, prefix in OFFICES for name in FULL_USERS]


def _make_office(installation: Installation) -> None:
    """Build the demo CRM as of today; it appears under its name when it is complete."""
    from include.demo import build_office

    installation.data.mkdir(parents=True, exist_ok=True)
    today = datetime.now(OFFICE_ZONE).date()
    unfinished = installation.crm.with_suffix(".unfinished")
    breaks = installation.crm.with_suffix(".breaks.json")
    build_office(f"sqlite:///{quote(str(unfinished))}", HOUSEHOLDS, today=today, overwrite=True, breaks_path=breaks)
    installation.office_day.write_text(today.isoformat())
    unfinished.replace(installation.crm)


def environment(installation: Installation, addresses: Mapping[str, str]) -> dict[str, str]:
    """The variables that Airflow and the pipeline need to work on the demo office and the sandboxes.

    A ``PLANBRIDGE__`` setting of the shell wins over the demo's, the data folder excepted.
    """
    inherited = airflow_home.environment(installation.airflow_home)
    demo_settings = {
        "PLANBRIDGE__PROFILES__ENROLL": "all",
        "PLANBRIDGE__EMONEY__ENROLL": "all",
        "PLANBRIDGE__EMONEY__CALLS_PER_MINUTE": str(vendors.CALLS_PER_MINUTE),
        # Those who run the demo, in the browser and with Airflow's command line in another window.
        "PLANBRIDGE__SERVICE__MAY_ACT_FOR_OTHERS": f"admin,{getpass.getuser()}",
        # A second person beside the administrator: a critical waiver takes two.
        "PLANBRIDGE__DESK__DECIDERS": crm_users()[0],
    }
    return (
        demo_settings
        | inherited
        | {"PLANBRIDGE__DATA__FOLDER": str(installation.data)}
        | vendors.connections(installation, addresses)
    )


def run(installation: Installation, *, fresh: bool) -> int:
    """Run the demo. The exit status is 0 when the run succeeded and its books balance."""
    with opened(installation, "make demo", fresh=fresh) as running:
        # The office's day, not the clock's: the demo run again on another day finds nothing to send.
        conf = json.dumps({"as_of": installation.office_day.read_text()})
        command = airflow_home.command("dags", "test", "weeknight_refresh", "--conf", conf)
        program = running.programs.start("weeknight_refresh", command, running.variables)
        log = follow(program)
        succeeded = program.process.wait() == 0
    if not succeeded:
        explain_failure(program, log)
    balanced = report(installation.data / "reports" / log.run_id / "run.json")
    return 0 if succeeded and balanced else 1


def report(file: Path) -> bool:
    """Print what the run did; gives whether its summary is there and its books balance."""
    from include.commands import run_summary
    from include.commands.terminal import print_path

    if not file.exists():
        return False
    is_balanced = run_summary.show(file) == 0
    latest = file.parents[2] / "runs" / LATEST / "worklist.html"
    if latest.exists():
        print_path(console, "The same, as you can type it:", latest)
    return is_balanced


def follow(program: Program) -> RunLog:
    """Show the stages of ``airflow dags test`` until it ends."""
    log = RunLog()
    with console.status("weeknight_refresh …") as status, program.log.open(errors="replace") as lines:
        unfinished = ""
        while True:
            is_over = not program.is_running
            for piece in lines:
                unfinished += piece
                if not unfinished.endswith("\n"):
                    continue
                ended = log.read(unfinished, time.monotonic())
                unfinished = ""
                if isinstance(ended, Task):
                    show_finished(ended.name, ended.seconds, ok=ended.ok)
            status.update(f"{log.current or 'weeknight_refresh'} …")
            if is_over:
                return log
            time.sleep(0.1)


def explain_failure(program: Program, log: RunLog) -> None:
    """Say which tasks failed, why, and where to read more. Raises Refused when not even one task ran."""
    if not log.tasks:
        raise Refused(f"weeknight_refresh did not start:\n{program.last_lines()}\n(all of it: {program.log})")
    console.print("\n[red]The run failed.[/]")
    for failed in (task for task in log.tasks if not task.ok):
        console.print(f"  {failed.name}: {failed.failure}", markup=False)
    console.print(f"Its log: {program.log}")
