"""A night by its tasks alone: the functions that Airflow would call, in the order of the DAG, with its few facts.

The settings, the connections and what ends a task are the real ones; there is no scheduler, no API and no database of
Airflow.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from include.pipelines.refresh import tasks
from include.runtime import task_boundary
from include.runtime.forms import WEEKNIGHT_REFRESH


class NightOfTasks:
    """A run of ``weeknight_refresh`` and the states of its tasks; ``context`` is what a task sees of Airflow."""

    def __init__(self, conf: Mapping[str, Any]) -> None:
        now = datetime.now(UTC)
        self.run_id = f"alone__{now.isoformat()}"
        self.states: dict[str, str] = {}
        run = SimpleNamespace(
            run_id=self.run_id, dag_id="weeknight_refresh", run_type="manual", conf=dict(conf), logical_date=now,
            run_after=now, triggering_user_name=task_boundary.AT_A_TERMINAL,
        )  # fmt: skip
        defaults = {name: param.value for name, param in WEEKNIGHT_REFRESH.items()}
        instance = SimpleNamespace(
            try_number=1, max_tries=0, get_task_states=lambda **_: {self.run_id: self.states},
            xcom_push=lambda key, value: None,
        )  # fmt: skip
        self.context = {
            "dag_run": run,
            "dag": SimpleNamespace(params=defaults),
            "params": {**defaults, **conf},
            "ti": instance,
        }

    def run(self) -> int:
        """All tasks: what comes after one that has failed is left out, and the report comes last in any case."""
        shards = self._do("extract_crm", tasks.extract_crm) or []
        self._do_all("transform_shard", [lambda one=one: tasks.transform_shard(**one) for one in shards])
        vendors = ("profiles", "emoney")
        self._do_all(
            "validate_documents", [lambda vendor=vendor: tasks.validate_documents(vendor) for vendor in vendors]
        )
        is_checked = "failed" not in self.states.values()
        for vendor in vendors if is_checked else ():
            loads = [lambda one=one, vendor=vendor: tasks.load_shard(vendor, **one) for one in shards]
            self._do_all(f"load_{vendor}", loads)
        self._do("report_run", tasks.report_run)
        return int("failed" in self.states.values())

    def _do_all(self, name: str, calls: list[Callable[[], Any]]) -> None:
        if "failed" in (state for before, state in self.states.items() if not before.startswith("load_")):
            return
        for number, call in enumerate(calls):
            self._do(f"{name}_{number}", call)

    def _do(self, name: str, call: Callable[[], Any]) -> Any:
        try:
            result = call()
        except task_boundary.Ended:
            self.states[name] = "failed"
            return None
        self.states[name] = "success"
        return result


def run_night(conf: Mapping[str, Any]) -> int:
    """Runs the night in this process, which is not used any more afterwards; gives its exit status."""
    night = NightOfTasks(conf)
    print(f"run_id={night.run_id}", flush=True)
    line = logging.StreamHandler(sys.stdout)
    line.setFormatter(logging.Formatter("[{levelname:8}] {message} [{name}]", style="{"))
    logging.addLevelName(logging.ERROR, "error")
    logging.getLogger().handlers[:] = [line]
    task_boundary.get_current_context = tasks.get_current_context = lambda: night.context
    return night.run()
