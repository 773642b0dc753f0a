"""Says in a run's note why it stopped, or what its form has wrong: a person finds it in Airflow's list of runs.

The task that ends the run leaves its sentence (`include.runtime.task_boundary`). The process that ends the run, the
scheduler or ``airflow dags test``, makes it the note. What a person has written into the note stays.
"""

from __future__ import annotations

from typing import Any, ClassVar

import airflow_internals
from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin


class NoteStops:
    """Airflow's listener for a run that ends."""

    @hookimpl
    def on_dag_run_success(self, dag_run: Any) -> None:
        airflow_internals.note_stops(dag_run)

    @hookimpl
    def on_dag_run_failed(self, dag_run: Any) -> None:
        airflow_internals.note_stops(dag_run)


class NoteStopsPlugin(AirflowPlugin):
    """What Airflow looks for in the folder of plugins."""

    name = "planbridge_note_stops"
    listeners: ClassVar[list[Any]] = [NoteStops()]
