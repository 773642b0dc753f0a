"""Makes a run by hand short: the scheduler loads the slow libraries once, before it forks its workers.

Most of a small run is imports: Great Expectations alone takes seconds, in every task that uses it. With the
LocalExecutor each task is a fork of a fork of the scheduler, and finds loaded what the scheduler has loaded. The gate
is the same one, with the same suites; nothing is skipped and no process is kept between tasks. Our own modules are not
loaded here: a task always runs the code that lies in the bundle. Other executors start as they always did.
"""

from __future__ import annotations

import gc
import importlib
import logging
import multiprocessing
import sys
from typing import Any, ClassVar

from airflow.configuration import conf
from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin

log = logging.getLogger(__name__)

LIBRARIES = (
    "adbc_driver_sqlite.dbapi",
    "cryptography.hazmat.primitives.serialization",
    "jinja2",
    "jwt",
    "orjson",
    "pandas",
    "pyarrow.compute",
    "pyarrow.parquet",
    "pydantic_settings",
    "requests",
    "sqlalchemy",
    "xlsxwriter",
)
OURS = ("etl", "expectations")


def load_libraries() -> None:
    """Imports what the tasks import, and forgets what is ours of it."""
    for library in LIBRARIES:
        importlib.import_module(library)
    from expectations.gx import open_context

    with open_context():
        pass
    for name in [name for name in sys.modules if name.split(".")[0] in OURS]:
        del sys.modules[name]
    gc.collect()
    # What is loaded stays loaded: no task's garbage collector visits it, which would copy the pages that forks share.
    gc.freeze()


class WarmWorkers:
    """Airflow's listener for a component that starts."""

    @hookimpl
    def on_starting(self, component: Any) -> None:
        """Before a scheduler with forking local workers makes them; a library that is missing stops no scheduler."""
        forks = multiprocessing.get_start_method() == "fork" and "LocalExecutor" in conf.get("core", "executor")
        if "scheduler" not in sys.argv[1:2] or not forks:  # the component does not know yet what it will be
            return
        try:
            load_libraries()
        except Exception as error:
            log.warning("The libraries of Planbridge's tasks are not loaded ahead: %s", type(error).__name__)


class WarmWorkersPlugin(AirflowPlugin):
    """What Airflow looks for in the folder of plugins."""

    name = "planbridge_warm_workers"
    listeners: ClassVar[list[Any]] = [WarmWorkers()]
