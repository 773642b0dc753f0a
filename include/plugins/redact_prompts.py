"""Removes the names and birth dates that a required action has shown, when its run by hand has ended.

Airflow keeps the text of a required action as long as the run. A task cannot change it. The process that ends the run
can: the scheduler, or the API server where somebody marks the run. The answer, its author and its time stay, in Airflow
and in the ledger.
"""

from __future__ import annotations

from typing import Any, ClassVar

import airflow_internals
from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin

SHOWS_CLIENTS = "household_sync"


class RedactPrompts:
    """Airflow's listener for a run that ends."""

    @hookimpl
    def on_dag_run_success(self, dag_run: Any) -> None:
        _redact(dag_run)

    @hookimpl
    def on_dag_run_failed(self, dag_run: Any) -> None:
        _redact(dag_run)


def _redact(dag_run: Any) -> None:
    # A run by ``airflow dags test`` asks nobody, and shows nothing.
    if dag_run.dag_id == SHOWS_CLIENTS and dag_run.triggering_user_name != airflow_internals.DAG_TEST:
        airflow_internals.redact_prompts(dag_run)


class RedactPromptsPlugin(AirflowPlugin):
    """What Airflow looks for in the folder of plugins."""

    name = "planbridge_redact_prompts"
    listeners: ClassVar[list[Any]] = [RedactPrompts()]
