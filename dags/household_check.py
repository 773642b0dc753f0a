"""### Check a household again

After a steward has mended a household in SmartOffice: it is read and checked as at night, for the vendors at which it
is enrolled. If nothing holds it any more, it is released and loaded; the desk shows the result some seconds later.

| step | what it does |
|---|---|
| Read, check, load | all stages of a night for the units that are named, in one task, because a person waits |
| Report | what was mended, what is still open, what was loaded, under `reports/<run id>/` |

It goes in the name of the user to whom the client is assigned, as at night. It runs beside the night: each household is
written by one run at a time.
"""

from datetime import timedelta

from airflow.sdk import DAG, task

from include.pipelines.refresh import tasks
from include.runtime.forms import HOUSEHOLD_CHECK
from include.runtime.run_page import RunPage
from include.runtime.task_boundary import RETRIES

with DAG(
    "household_check",
    schedule=None,
    catchup=False,
    max_active_runs=16,
    description="A household that was mended: checked again, and loaded if it is clean",
    doc_md=__doc__,
    dag_display_name="Check a household again",
    tags=["planbridge"],
    # Of many runs at once, one that has begun is brought to its end before the next begins.
    default_args={**RETRIES, "weight_rule": "upstream"},
    params=HOUSEHOLD_CHECK,
):
    # A person waits: the first retry comes soon, and the last as late as that of any other task.
    soon = {"retry_delay": timedelta(seconds=5), "retries": 6}
    checked = task(task_id="check_units", task_display_name="Read, check, load", **soon)(tasks.check_units)()
    reported = task(task_id="report_run", task_display_name="Report", trigger_rule="all_done")(tasks.report_run)()
    reported.operator.operator_extra_links = (RunPage(),)
    checked >> reported
