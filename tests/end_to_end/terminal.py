"""A terminal in which ``airflow`` has been typed before: its libraries are loaded once, each command is a fork.

Loading Airflow, pandas and Great Expectations takes longer than most runs. A command sees its own environment, prints
to its own file and ends with its own exit status, as it would without the terminal; `tests.airflow_home.run_dag` is the
plain way, and the first night goes by it.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import os
import subprocess
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy.orm import configure_mappers

from include import ROOT

LIBRARIES = (
    "airflow.cli.cli_parser",
    "airflow.cli.commands.dag_command",
    "airflow.dag_processing.dagbag",
    "airflow.api_fastapi.execution_api.app",
    "airflow.sdk.execution_time.supervisor",
    "airflow.sdk.execution_time.task_runner",
    "airflow.providers.standard.decorators.python",
    "alembic",
    "great_expectations",
    "pandas",
    "pyarrow.parquet",
    "adbc_driver_sqlite.dbapi",
    "xlsxwriter",
    # The stages: they read what is set when a run begins, and not when they are loaded.
    "include.pipelines.refresh.plan",
    "include.pipelines.refresh.transform",
    "include.pipelines.refresh.validate",
    "include.pipelines.refresh.load",
    "include.pipelines.refresh.report",
    "include.pipelines.household.prepare",
    "etl.transform.profiles",
    "etl.transform.emoney",
)


class Terminal:
    """Runs commands in one Airflow home, one after the other."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            cwd=ROOT,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, arguments: list[str], environment: Mapping[str, str], output: Path) -> int:
        """Runs ``airflow <arguments>`` with exactly this environment; gives its exit status.

        ``tasks <conf>`` runs the tasks of a night without Airflow around them.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {"arguments": arguments, "environment": dict(environment), "output": str(output)}
        print(json.dumps(order), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        assert answer, "the terminal has ended"
        return int(answer)

    def close(self) -> None:
        self._process.communicate(timeout=30)


def _serve() -> None:
    answers = os.fdopen(os.dup(1), "w")
    screen, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)  # what libraries say while they are loaded is nobody's news
    for library in LIBRARIES:
        importlib.import_module(library)
    configure_mappers()
    _build_api()
    gc.freeze()  # what is loaded is no garbage of any command
    os.dup2(screen, 2)
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if not child:
            _obey(order)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), file=answers, flush=True)


def _build_api() -> None:
    """The server that tasks talk to, without a thread: most of a short command. It builds itself when it is called."""
    import httpx
    from airflow.sdk.execution_time.supervisor import in_process_api_server

    async def call() -> None:
        transport = httpx.ASGITransport(in_process_api_server().app)
        async with httpx.AsyncClient(transport=transport, base_url="http://airflow") as client:
            await client.get("/")

    asyncio.run(call())


def _obey(order: dict[str, object]) -> None:
    """In the child: run the command and end."""
    from airflow.__main__ import main

    from tests.end_to_end.tasks_alone import run_night

    output = os.open(str(order["output"]), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.clear()
    os.environ.update(order["environment"])
    sys.argv = ["airflow", *order["arguments"]]
    status = 0
    try:
        if sys.argv[1] == "tasks":
            sys.exit(run_night(json.loads(sys.argv[2])))
        main()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    _serve()
