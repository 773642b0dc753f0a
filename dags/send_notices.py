"""### Notices

E-mails to stewards and operators: in the morning a digest of their work, and one message when something changes state
(a run failed, was stopped by a guard or is not through; a question waits). Nothing is sent when nothing changes.

It runs every quarter of an hour where `PLANBRIDGE__NOTICES__ADDRESSES_FILE` names the addresses, and is off otherwise.
A mail that the server does not take is sent with the next run.
"""

from airflow.sdk import DAG, CronTriggerTimetable, task

from include.pipelines.notices import tasks
from include.runtime.schedule import notices_cron_and_timezone
from include.runtime.task_boundary import RETRIES

cron, timezone = notices_cron_and_timezone()

with DAG(
    "send_notices",
    schedule=CronTriggerTimetable(cron, timezone=timezone) if cron else None,
    catchup=False,
    max_active_runs=1,
    description="E-mails to stewards and operators: what has changed, as counts and a link",
    doc_md=__doc__,
    dag_display_name="Notices",
    tags=["planbridge"],
    default_args=RETRIES,
):
    task(task_id="send_notices", task_display_name="Send")(tasks.send_notices)()
