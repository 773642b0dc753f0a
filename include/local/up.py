"""The same installation kept running: Airflow's web UI and services, both sandboxes, the demo office."""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from urllib.error import URLError

from include.local import airflow_home, demo, vendors
from include.local.installation import Installation, write_private
from include.local.processes import Programs, interruptible, refuse_port_in_use
from include.local.progress import console, stage

# Servers that would listen on all addresses (log servers) are switched off: the web UI reads the log files itself.
SERVICES = {
    "api-server": ("api-server",),
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
    "triggerer": ("triggerer", "--skip-serve-logs"),
}
HEALTHY_WITHIN_SECONDS = 120


def run(installation: Installation, *, port: int) -> int:
    """Keep everything running until Ctrl-C. The exit status is 1 when a service ends by itself."""
    address = f"http://127.0.0.1:{port}"
    try:
        with interruptible(), installation.in_use("make up", address), Programs(installation.folder) as programs:
            refuse_port_in_use(port)
            start(installation, programs, port)
            return watch(programs)
    except KeyboardInterrupt:
        return 0


def start(installation: Installation, programs: Programs, port: int) -> None:
    """Start sandboxes and services, wait until they are healthy, say where everything is."""
    demo.prepare(installation, port)
    with stage("Vendor sandboxes"):
        addresses = vendors.start(installation, programs, airflow_home.environment(installation.airflow_home))
    variables = demo.environment(installation, addresses)
    env_file = write_environment(installation, variables)
    with stage("Airflow"):
        services = {
            name: programs.start(name, airflow_home.command(*command), variables) for name, command in SERVICES.items()
        }
        services["api-server"].wait_until(lambda: unhealthy(port) == [], HEALTHY_WITHIN_SECONDS)
    log_in = f"user [bold]admin[/], password [bold]{installation.secrets['admin']}[/]"
    as_users = f"{', '.join(demo.crm_users()[:2])} …, password [bold]{installation.secrets['users']}[/]"
    console.print(
        f"\nAirflow    http://127.0.0.1:{port}   {log_in}\n"
        f"By hand    http://127.0.0.1:{port}/dags/household_sync\n"
        f"CRM users  {as_users}\n"
        f"Profiles   {addresses['profiles']}\n"
        f"eMoney     {addresses['emoney']}\n"
        f"Demo CRM   {installation.crm}\n"
        f"Logs       {installation.logs}\n"
        f"For Airflow's command line in another window: . {env_file}\n\n"
        "Ctrl-C stops everything."
    )


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
    """Write the variables that a shell needs to work with this installation; the file's path."""
    ours = ("AIRFLOW", "PLANBRIDGE__", "PYTHON", "GX_", "NO_PROXY", "no_proxy")
    given = {name: value for name, value in sorted(variables.items()) if name.startswith(ours)}
    lines = [f"export {name}={shlex.quote(value)}" for name, value in given.items()]
    lines.append(f'export PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"')
    file = installation.folder / "env"
    write_private(file, "\n".join([*lines, ""]))
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
