"""### Weeknight refresh

Every weeknight the households that changed in SmartOffice go to **Profiles** and **eMoney**, and every connected eMoney
client gets its values of the day. A household that breaks a critical rule is held, with the reason and the way to mend
it in the run's report; all others go.

| step | what it does |
|---|---|
| Read the CRM | parameters, CRM and scope are checked; the units that are due are staged, from one snapshot |
| Build documents | each shard's households become the vendors' documents |
| Check the data | Great Expectations over all documents; guards against a run that would change too much |
| Load Profiles / eMoney | what passed the check is created or updated, once; open cases are deferred |
| Report | books, findings and the stewards' worklist under `reports/<run id>/` |

A run that failed can be started again: nothing is lost and nothing is sent twice.
"""

from airflow.sdk import DAG, CronTriggerTimetable

from include.pipelines.refresh import tasks
from include.pipelines.refresh.graph import add_tasks
from include.runtime.forms import WEEKNIGHT_REFRESH
from include.runtime.run_page import RunPage
from include.runtime.schedule import cron_and_timezone
from include.runtime.task_boundary import RETRIES

cron, timezone = cron_and_timezone()

with DAG(
    "weeknight_refresh",
    schedule=CronTriggerTimetable(cron, timezone=timezone),
    catchup=False,
    max_active_runs=1,
    description="What changed in SmartOffice goes to Profiles and eMoney",
    doc_md=__doc__,
    dag_display_name="Weeknight refresh",
    tags=["planbridge"],
    default_args=RETRIES,
    params=WEEKNIGHT_REFRESH,
):
    report = add_tasks(tasks.report_run, "Report")
    report.operator.operator_extra_links = (RunPage(),)
