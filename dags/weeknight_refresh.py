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

import os
from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable, Param, task

from include import tasks

with DAG(
    "weeknight_refresh",
    schedule=CronTriggerTimetable(
        os.environ.get("PLANBRIDGE__REFRESH__SCHEDULE", "0 22 * * 1-5"),
        timezone=os.environ.get("PLANBRIDGE__REFRESH__TIMEZONE", "America/New_York"),
    ),
    catchup=False,
    max_active_runs=1,
    doc_md=__doc__,
    dag_display_name="Weeknight refresh",
    tags=["planbridge"],
    default_args={"retries": 3, "retry_delay": timedelta(seconds=30), "retry_exponential_backoff": True},
    params={
        "vendors": Param(["profiles", "emoney"], type=["array", "null"], items={"type": "string"}, title="Vendors"),
        "full": Param(False, type="boolean", title="All units", description="Take every enrolled unit, changed or not."),
        "dry_run": Param(False, type="boolean", title="Dry run", description="Send nothing; report what would be sent."),
        "as_of": Param(None, type=["string", "null"], format="date", title="As of", description="Default: the run's date."),
        "unit_keys": Param(
            None,
            type=["array", "null"],
            items={"type": "string"},
            title="Units",
            description="Only these, for example H12 (a household) or C7 (a contact). Default: what is due.",
        ),
    },
):
    shards = task(task_id="extract_crm", task_display_name="Read the CRM")(tasks.extract_crm)()
    documents = task(task_id="transform_shard", task_display_name="Build documents")(tasks.transform_shard)
    checked = task(task_id="validate_documents", task_display_name="Check the data")(tasks.validate_documents)()
    report = task(task_id="report_run", task_display_name="Report", trigger_rule="all_done")(tasks.report_run)()
    documents.expand_kwargs(shards) >> checked
    for vendor, name in (("profiles", "Load Profiles"), ("emoney", "Load eMoney")):
        load = task(task_id=f"load_{vendor}", task_display_name=name)(tasks.load_shard)
        checked >> load.partial(vendor=vendor).expand_kwargs(shards) >> report
