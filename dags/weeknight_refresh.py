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

from airflow.sdk import DAG, CronTriggerTimetable, task

from include.pipelines.refresh import tasks
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
    shard = {"map_index_template": "shard {{ task.op_kwargs['shard'] + 1 }}"}
    shards = task(task_id="extract_crm", task_display_name="Read the CRM")(tasks.extract_crm)()
    documents = task(task_id="transform_shard", task_display_name="Build documents", **shard)(tasks.transform_shard)
    of_vendor = {"map_index_template": "{{ task.op_kwargs['vendor'] }}"}
    check = task(task_id="validate_documents", task_display_name="Check the data", **of_vendor)
    checked = check(tasks.validate_documents).expand(vendor=["profiles", "emoney"])
    report = task(task_id="report_run", task_display_name="Report", trigger_rule="all_done")(tasks.report_run)()
    report.operator.operator_extra_links = (RunPage(),)
    documents.expand_kwargs(shards) >> checked
    for vendor, name in (("profiles", "Load Profiles"), ("emoney", "Load eMoney")):
        load = task(task_id=f"load_{vendor}", task_display_name=name, **shard)(tasks.load_shard)
        checked >> load.partial(vendor=vendor).expand_kwargs(shards) >> report
