"""Forgets, when a run by hand has ended, the names and birth dates that its required action has shown.

Airflow keeps the text of a required action as long as the run. A task cannot change it; whoever ends the run can: the
scheduler, or the API server where somebody marks the run. The answer, who gave it and when stay, in Airflow and in the
ledger.
"""

from __future__ import annotations

import logging
from typing import Any, ClassVar

from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin

log = logging.getLogger(__name__)

SHOWS_CLIENTS = "household_sync"
# Whom Airflow names for a run by ``airflow dags test``: such a run asks nobody, and shows nothing.
ASKS_NOBODY = "dag_test"


def forget_shown(dag_run: Any) -> None:
    """Empties the text of the run's required actions, in the transaction that ends the run."""
    if dag_run.dag_id != SHOWS_CLIENTS or dag_run.triggering_user_name == ASKS_NOBODY:
        return
    import sqlalchemy as sa
    from airflow.models.hitl import HITLDetail
    from airflow.models.hitl_history import HITLDetailHistory
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.taskinstancehistory import TaskInstanceHistory
    from sqlalchemy.orm import object_session

    session = object_session(dag_run)
    if session is None:
        log.warning("If a required action of %s was shown, its text is still in Airflow's database.", dag_run.run_id)
        return
    pairs = (
        (HITLDetail.ti_id, TaskInstance.id),
        (HITLDetailHistory.ti_history_id, TaskInstanceHistory.task_instance_id),
    )
    for shown, tried in pairs:
        of_run = sa.select(tried).where(tried.class_.dag_id == dag_run.dag_id, tried.class_.run_id == dag_run.run_id)
        forget = sa.update(shown.class_).where(shown.in_(of_run)).values(body=None)
        session.execute(forget, execution_options={"synchronize_session": False})


class ForgetShown:
    """Airflow's listener for a run that ends."""

    @hookimpl
    def on_dag_run_success(self, dag_run: Any) -> None:
        forget_shown(dag_run)

    @hookimpl
    def on_dag_run_failed(self, dag_run: Any) -> None:
        forget_shown(dag_run)


class ForgetShownPlugin(AirflowPlugin):
    """What Airflow looks for in the folder of plugins."""

    name = "planbridge_forget_shown"
    listeners: ClassVar[list[Any]] = [ForgetShown()]
