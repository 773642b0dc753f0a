"""The same installation kept running: Airflow's web UI and services, both sandboxes, the demo office."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from urllib.error import URLError

from etl.files import write_whole
from include.local import airflow_home, demo
from include.local.installation import Installation, Refused
from include.local.processes import Programs
from include.local.progress import console, stage

# Servers that would listen on all addresses (log servers) are switched off: the web UI reads the log files itself.
SERVICES = {
    "api-server": ("api-server",),
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
    "triggerer": ("triggerer", "--skip-serve-logs"),
}
HEALTHY_WITHIN_SECONDS = 120


def read_port(text: str) -> int:
    """A port's number. Raises Refused for any other text."""
    if not re.fullmatch("[0-9]{1,5}", text) or not 0 < int(text) < 65536:
        raise Refused(f"PORT is a number from 1 to 65535, not {text!r}. For example: make up PORT=8080")
    return int(text)


def run(installation: Installation, *, port: int) -> int:
    """Keep everything running until Ctrl-C. The exit status is 1 when a service ends by itself."""
    try:
        with demo.opened(installation, "make up", port=port) as running:
            start(installation, running, port)
            return watch(running.programs)
    except KeyboardInterrupt:
        return 0


def start(installation: Installation, running: demo.Demo, port: int) -> None:
    """Start Airflow's services, wait until they are healthy, print all addresses."""
    env_file = write_environment(installation, running.variables)
    start_services(running, port, tuple(SERVICES))
    log_in = f"user [bold]admin[/], password [bold]{installation.secrets['admin']}[/]"
    as_users = f"{', '.join(demo.crm_users()[:2])} …, password [bold]{installation.secrets['users']}[/]"
    console.print(
        f"\nAirflow    http://127.0.0.1:{port}   {log_in}\n"
        f"Desk       http://127.0.0.1:{port}/desk/   admin and {demo.crm_users()[0]} may decide\n"
        f"By hand    http://127.0.0.1:{port}/dags/household_sync\n"
        f"CRM users  {as_users}\n"
        f"Profiles   {running.addresses['profiles']}\n"
        f"eMoney     {running.addresses['emoney']}\n"
        f"Demo CRM   {installation.crm}\n"
        f"Logs       {installation.logs}\n"
        f"For Airflow's command line in another window: . {env_file}\n\n"
        "Ctrl-C stops everything."
    )


def start_services(running: demo.Demo, port: int, names: tuple[str, ...]) -> None:
    """Start some of Airflow's services, the web UI first; wait until Airflow reports them as healthy."""
    left_out = {name.replace("-", "_") for name in SERVICES if name not in names}
    with stage("Airflow"):
        web_ui, *_ = [
            running.programs.start(name, airflow_home.command(*SERVICES[name]), running.variables) for name in names
        ]
        web_ui.wait_until(lambda: set(unhealthy(port)) <= left_out, HEALTHY_WITHIN_SECONDS)


def unhealthy(port: int) -> list[str]:
    """The services that Airflow does not report as healthy (all of them, while it does not answer)."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v2/monitor/health", timeout=5) as answer:
            health = json.load(answer)
    except (URLError, OSError, ValueError):
        return ["api_server"]
    wanted = ("metadatabase", "scheduler", "dag_processor", "triggerer")
    return [name for name in wanted if health.get(name, {}).get("status") != "healthy"]


def write_environment(installation: Installation, variables: Mapping[str, str]) -> str:
    """Write the variables that a shell needs to work with this installation; gives the file's path."""
    ours = ("AIRFLOW", "PLANBRIDGE__", "PYTHON", "GX_", "NO_PROXY", "no_proxy")
    given = {name: value for name, value in sorted(variables.items()) if name.startswith(ours)}
    lines = [f"export {name}={shlex.quote(value)}" for name, value in given.items()]
    lines.append(f'export PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"')
    file = installation.folder / "env"
    write_whole(file, "\n".join([*lines, ""]).encode())
    return os.path.relpath(file)


def watch(programs: Programs) -> int:
    """Wait until a program ends by itself, which none should."""
    while True:
        for program in programs.started:
            if not program.is_running:
                console.print(f"[red]{program.name} stopped by itself[/]; stopping the rest. Its log: {program.log}")
                console.print(program.last_lines(), markup=False)
                return 1
        time.sleep(0.5)
