"""Airflow's settings that a night depends on. Run as a program it prints its lines as JSON: Airflow logs as it likes.

A process of its own also keeps Airflow's libraries and the plugins' effects out of the process that checks.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from include import ROOT
from include.commands.check.lines import Line, failed, ok, warning

NAME = "Airflow"
# Marks the answer among the lines that Airflow logs.
MARK = "planbridge-check "
PLUGINS = ROOT / "include" / "plugins"
# Executors that run a task on the machine of the scheduler.
ON_ONE_MACHINE = ("LocalExecutor", "SequentialExecutor")


def check_airflow(ledger_is_shared: bool, seconds: float) -> Iterator[Line]:
    """Airflow's lines, by a process that is stopped after ``seconds``. ``ledger_is_shared``: it is PostgreSQL."""
    command = [sys.executable, "-m", "include.commands.check.airflow_settings", "1" if ledger_is_shared else "0"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        yield failed(NAME, f"did not start within {seconds:.0f} s", "Check Airflow's database and the machine's load.")
        return
    answer = [line.removeprefix(MARK) for line in done.stdout.splitlines() if line.startswith(MARK)]
    if not answer:
        yield failed(NAME, f"cannot be imported (exit status {done.returncode})", "Run `airflow info`: it says why.")
        return
    yield from (Line(**line) for line in json.loads(answer[-1]))


def look(ledger_is_shared: bool) -> Iterator[Line]:
    """The same lines in this process."""
    from airflow.configuration import conf

    executor, zone = conf.get("core", "executor"), conf.get("core", "default_timezone")
    yield _executor(executor, ledger_is_shared)
    yield ok("Airflow time zone", f"{zone}; the schedule has its own (PLANBRIDGE__REFRESH__TIMEZONE)")
    yield _plugins()
    yield _secrets(conf.get("secrets", "backend", fallback=""))


def _executor(executor: str, ledger_is_shared: bool) -> Line:
    name = "Airflow executor"
    if all(one.strip().rpartition(":")[2] in ON_ONE_MACHINE for one in executor.split(",")):
        return ok(name, executor)
    if not ledger_is_shared:
        to_do = "Name a PostgreSQL database in the connection `ledger`: workers of other machines cannot use a file."
        return failed(name, f"{executor}, and the ledger is a SQLite file", to_do)
    to_do = "Mount one data folder for all workers: without it the first step on another worker ends the run."
    return warning(name, f"{executor}: all workers must have the same data folder", to_do)


def _plugins() -> Line:
    from airflow import plugins_manager

    wanted = {path.stem for path in PLUGINS.glob("*.py") if "AirflowPlugin" in path.read_text(encoding="utf-8")}
    plugins_manager.ensure_plugins_loaded()
    files = {Path(path).stem for path in plugins_manager.get_import_errors()}
    loaded = {one["source"] for one in plugins_manager.get_plugin_info(["source"])}
    missing = {name for name in wanted if not any(f"{name}.py" in str(source) for source in loaded)}
    if missing:
        broken = f", of which {', '.join(sorted(files & missing))} cannot be imported" if files & missing else ""
        to_do = f"Set [core] plugins_folder to {PLUGINS}, then `airflow plugins` shows them."
        return failed("Airflow plugins", f"not loaded: {', '.join(sorted(missing))}{broken}", to_do)
    return ok("Airflow plugins", f"{len(wanted)} loaded")


def _secrets(backend: str) -> Line:
    name = "Airflow secrets"
    if not backend:
        return ok(name, "from the environment and Airflow's database")
    from airflow.configuration import get_custom_secret_backend

    kind = backend.rpartition(".")[2]
    to_do = "Check [secrets] backend and backend_kwargs, and whether the backend can be reached."
    try:
        made = get_custom_secret_backend()
        if made is None:
            return failed(name, f"{kind} cannot be made", to_do)
        made.get_connection("crm")
    except Exception as error:  # whichever the backend's library raises; its text may hold an address with a token
        return failed(name, f"{kind} cannot be asked ({type(error).__name__})", to_do)
    return ok(name, f"{kind} answers")


if __name__ == "__main__":
    sys.stdout.write(f"\n{MARK}{json.dumps([asdict(line) for line in look(sys.argv[1:] == ['1'])])}\n")
