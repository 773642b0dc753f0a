"""The tasks of a night, for the DAGs that run them: the night itself, and its forecast."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from airflow.sdk import task

from include.pipelines.refresh import tasks


def add_tasks(last: Callable[[], Any], name: str) -> Any:
    """Adds the tasks of a night to the DAG that is being made; ``last``: its last task, and the task's name.

    Gives the last task.
    """
    shard = {"map_index_template": "shard {{ task.op_kwargs['shard'] + 1 }}"}
    shards = task(task_id="extract_crm", task_display_name="Read the CRM")(tasks.extract_crm)()
    documents = task(task_id="transform_shard", task_display_name="Build documents", **shard)(tasks.transform_shard)
    of_vendor = {"map_index_template": "{{ task.op_kwargs['vendor'] }}"}
    check = task(task_id="validate_documents", task_display_name="Check the data", **of_vendor)
    checked = check(tasks.validate_documents).expand(vendor=["profiles", "emoney"])
    report = task(task_id=last.__name__, task_display_name=name, trigger_rule="all_done")(last)()
    documents.expand_kwargs(shards) >> checked
    for vendor, words in (("profiles", "Load Profiles"), ("emoney", "Load eMoney")):
        load = task(task_id=f"load_{vendor}", task_display_name=words, **shard)(tasks.load_shard)
        checked >> load.partial(vendor=vendor).expand_kwargs(shards) >> report
    return report
