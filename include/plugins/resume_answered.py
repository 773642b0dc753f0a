"""Takes over an answer that came so early that Airflow loses the try which asked for it.

A task that asks somebody ends its process and waits. If the answer comes before the scheduler has heard of that end,
the scheduler takes the end for one of the task that goes on with the answer, kills it and has the task tried again: it
would ask a second time. Here the next try goes on with the answer instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin

ASKING = ("household_sync", "office_transfer")


def resume_answered(instance: Any, ids: Sequence[Any], session: Any) -> None:
    """Lets the next try of a task instance that the scheduler gave up begin where the answer is taken.

    ``ids``: under which the question may stand; a task instance that ran gets a new one for its next try.
    """
    from airflow.models.hitl import HITLDetail
    from airflow.sdk.serde import serialize
    from sqlalchemy import select

    if instance.dag_id not in ASKING or instance.state != "up_for_retry":
        return
    detail = session.scalar(select(HITLDetail).where(HITLDetail.ti_id.in_(ids)))
    if detail is not None and detail.response_received and detail.responded_by:
        instance.next_method = "execute_complete"
        instance.next_kwargs = serialize({"event": detail.as_resume_event_payload()})


class ResumeAnswered:
    """Airflow's listener for a task that failed; in the task's own process there is nothing to do."""

    @hookimpl
    def on_task_instance_failed(self, task_instance: Any) -> None:
        from airflow.models.taskinstance import TaskInstance
        from sqlalchemy import inspect
        from sqlalchemy.orm import object_session

        session = object_session(task_instance) if isinstance(task_instance, TaskInstance) else None
        if session is not None:
            before = inspect(task_instance).attrs.id.history.deleted
            resume_answered(task_instance, [task_instance.id, *before], session)


class ResumeAnsweredPlugin(AirflowPlugin):
    """What Airflow looks for in the folder of plugins."""

    name = "planbridge_resume_answered"
    listeners: ClassVar[list[Any]] = [ResumeAnswered()]
