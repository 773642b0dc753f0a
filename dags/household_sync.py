"""### One household, by hand

Name a household or a contact: seconds later the advisor has it in **Profiles** or **eMoney**, as the weeknight refresh
would have sent it.

Up to the load it is one task, because you wait for it; it stops on the way only where somebody has to choose.

| step | what it does |
|---|---|
| Read, check | the household or contact is found; its document is built and goes through the same gate |
| Choose the record | Profiles, `auto`: where neither a link nor one exact match is there, the Search list asks you |
| Load | the client is created or updated, once; an open case is deferred |
| Report | what was written, what was kept, what was held and how to mend it, under `reports/<run id>/` |
"""

from datetime import timedelta

from airflow.sdk import DAG, task

from include.pipelines.household import tasks
from include.pipelines.household.sync import SyncHousehold
from include.runtime.forms import HOUSEHOLD_SYNC
from include.runtime.run_page import RunPage
from include.runtime.task_boundary import RETRIES

with DAG(
    "household_sync",
    schedule=None,
    catchup=False,
    # Runs that wait for an answer count, too.
    max_active_runs=500,
    description="One household or contact to Profiles or eMoney, now",
    doc_md=__doc__,
    dag_display_name="One household, by hand",
    tags=["planbridge"],
    # Of many runs at once, one that has begun is brought to its end before the next begins.
    default_args={**RETRIES, "weight_rule": "upstream"},
    params=HOUSEHOLD_SYNC,
):
    synced = SyncHousehold(
        task_id="sync_household", task_display_name="Read, check, load",
        # A person waits: the first retry comes soon, and the last as late as that of any other task.
        retry_delay=timedelta(seconds=5), retries=6,
    )  # fmt: skip
    reported = task(task_id="report_run", task_display_name="Report", trigger_rule="all_done")(tasks.report_run)()
    reported.operator.operator_extra_links = (RunPage(),)
    synced >> reported
