"""Everything that changes Airflow's own rows, as they are in one version of Airflow. No other module does.

Airflow has no public way for these changes. They use the names of its tables, columns and models, which another version
may change: read this module anew before Airflow is upgraded. The plugins beside it import it as Airflow imports them:
from the folder of plugins, which is on the path of every Airflow process.
"""

from __future__ import annotations

import importlib.metadata
import logging
import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

WRITTEN_FOR = "3.3.2"

# How Airflow names the user of a run by ``airflow dags test``.
DAG_TEST = "dag_test"

# The XCom in which a task leaves the sentence that ends its run (`include.runtime.task_boundary.STOP`).
STOP = "planbridge_stop"
# How our paragraph of a run's note begins; a note has so many characters at most.
STOPPED = "Stopped: "
_NOTE_CHARACTERS = 1000
_MARKUP = re.compile(r"([!-/:-@\[-`{-~])")


def redact_prompts(dag_run: Any) -> None:
    """Empties the text of a run's required actions, in the transaction that ends the run.

    The answer, its author and its time stay.
    """
    import sqlalchemy as sa
    from airflow.models.hitl import HITLDetail
    from airflow.models.hitl_history import HITLDetailHistory
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.taskinstancehistory import TaskInstanceHistory
    from sqlalchemy.orm import object_session

    warn_of_other_version()
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
        redact = sa.update(shown.class_).where(shown.in_(of_run)).values(body=None)
        session.execute(redact, execution_options={"synchronize_session": False})


def resume_answered(instance: Any, ids: Sequence[Any], session: Any) -> None:
    """Lets the next try of a task instance that the scheduler gave up begin where the answer is taken.

    ``ids``: under which the question may stand; a task instance that ran gets a new one for its next try.
    """
    from airflow.models.hitl import HITLDetail
    from airflow.sdk.serde import serialize
    from sqlalchemy import select

    warn_of_other_version()
    if instance.state != "up_for_retry":
        return
    detail = session.scalar(select(HITLDetail).where(HITLDetail.ti_id.in_(ids)))
    if detail is not None and detail.response_received and detail.responded_by:
        instance.next_method = "execute_complete"
        instance.next_kwargs = serialize({"event": detail.as_resume_event_payload()})


def note_stops(dag_run: Any) -> None:
    """Makes the sentences that its tasks have left the note of a run, in the transaction that ends the run.

    A run that was cleared and got through loses the sentences of its earlier end. Other paragraphs stay.
    """
    from airflow.models.xcom import XComModel
    from sqlalchemy import select
    from sqlalchemy.orm import object_session

    warn_of_other_version()
    session = object_session(dag_run)
    if session is None:
        log.warning("The note of %s cannot say why it ended: its log does.", dag_run.run_id)
        return
    of_run = XComModel.dag_id == dag_run.dag_id, XComModel.run_id == dag_run.run_id, XComModel.key == STOP
    left = session.scalars(select(XComModel.value).where(*of_run).order_by(XComModel.timestamp))
    written = [part for part in (dag_run.note or "").split("\n\n") if part and not part.startswith(STOPPED)]
    sentences = dict.fromkeys(STOPPED + _MARKUP.sub(r"\\\1", str(sentence)) for sentence in left)
    note = "\n\n".join([*written, *sentences])
    if note != (dag_run.note or ""):
        dag_run.note = note[:_NOTE_CHARACTERS]


def fail_lost_runs(home: Path) -> None:
    """Marks the runs of ``airflow dags test`` whose process was stopped as failed: they would block the next run.

    ``home``: Airflow's, with its database in SQLite.
    """
    warn_of_other_version()
    lost = f"SELECT run_id FROM dag_run WHERE state IN ('running', 'queued') AND triggering_user_name = '{DAG_TEST}'"
    with closing(sqlite3.connect(home / "airflow.db")) as connection, connection:
        connection.execute(
            "UPDATE task_instance SET state = 'failed' "
            f"WHERE run_id IN ({lost}) AND (state IS NULL OR state NOT IN ('success', 'skipped', 'failed'))"
        )
        connection.execute(
            f"UPDATE dag_run SET state = 'failed', end_date = CURRENT_TIMESTAMP WHERE run_id IN ({lost})"
        )


def warn_of_other_version() -> None:
    """Says in the log that the installed Airflow is not the one that this module was written for."""
    installed = importlib.metadata.version("apache-airflow")
    if installed != WRITTEN_FOR:
        log.warning(
            "Airflow %s is installed. The changes that Planbridge makes in Airflow's database were written for %s: "
            "check include/plugins/airflow_internals.py against this version.",
            installed,
            WRITTEN_FOR,
        )
