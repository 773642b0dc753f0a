"""Takes over an answer that came so early that Airflow loses the try which asked for it.

A task that asks somebody ends its process and waits. If the answer comes before the scheduler has heard of that end,
the scheduler takes the end for one of the task that goes on with the answer. It then kills that task and has it tried
again, which would ask a second time. With this plugin the next try goes on with the answer instead.
"""

from __future__ import annotations

from typing import Any, ClassVar

import airflow_internals
from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin

ASKING = ("household_sync", "office_transfer")


class ResumeAnswered:
    """Airflow's listener for a task that failed; in the task's own process there is nothing to do."""

    @hookimpl
    def on_task_instance_failed(self, task_instance: Any) -> None:
        from airflow.models.taskinstance import TaskInstance
        from sqlalchemy import inspect
        from sqlalchemy.orm import object_session

        session = object_session(task_instance) if isinstance(task_instance, TaskInstance) else None
        if session is not None and task_instance.dag_id in ASKING:
            before = inspect(task_instance).attrs.id.history.deleted
            airflow_internals.resume_answered(task_instance, [task_instance.id, *before], session)


class ResumeAnsweredPlugin(AirflowPlugin):
    """What Airflow looks for in the folder of plugins."""

    name = "planbridge_resume_answered"
    listeners: ClassVar[list[Any]] = [ResumeAnswered()]
