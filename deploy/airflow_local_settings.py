"""Airflow's policies for several workers: pools and queues for Planbridge's tasks, and a refusal of what cannot work.

The DAGs themselves know nothing of pools and queues: an installation on one machine needs neither.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from airflow.exceptions import AirflowClusterPolicyViolation

# Loads wait in Airflow for a slot of their vendor. In Celery's queue their token would expire while they wait.
POOLS = {"load_profiles": "planbridge_profiles", "load_emoney": "planbridge_emoney"}
# For these a person waits: they have a queue, and a worker, of their own.
BY_HAND = ("household_sync", "household_check", "office_transfer")
INTERACTIVE = "interactive"
FOLDER = "PLANBRIDGE__DATA__FOLDER"


def dag_policy(dag: Any) -> None:
    """Refuses a DAG of ours on a machine without the folder that all workers share: each worker asks for itself."""
    if "planbridge" not in dag.tags:
        return
    folder = os.environ.get(FOLDER, "")
    if not folder or not Path(folder).is_mount():
        raise AirflowClusterPolicyViolation(
            f"{FOLDER} is {folder or 'not set'}, which is no mounted volume on this machine. Several workers need one "
            "data folder: mount the same volume on each of them."
        )


def task_policy(task: Any) -> None:
    """Gives a task its pool and its queue."""
    if task.dag_id in BY_HAND:
        task.queue = INTERACTIVE
    elif task.task_id in POOLS:
        task.pool = POOLS[task.task_id]
