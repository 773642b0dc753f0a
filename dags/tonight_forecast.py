"""### The forecast of the night

Every weekday afternoon: what the weeknight run would hold, create and change tonight, as the CRM is now. Nothing is
written at the vendors, and nothing changes for the night. The desk shows the result under *Tonight*.

| step | what it does |
|---|---|
| Read the CRM, build, check | as at night |
| Load Profiles / eMoney | looks what would be written, and writes nothing |
| Keep the forecast | the units that would not end unchanged, in place of the forecast before |

What is mended in SmartOffice and checked again afterwards is taken off the list.
"""

from airflow.sdk import DAG, CronTriggerTimetable

from include.pipelines.refresh import tasks
from include.pipelines.refresh.graph import add_tasks
from include.runtime.schedule import FORECAST, cron_and_timezone
from include.runtime.task_boundary import RETRIES

cron, timezone = cron_and_timezone("FORECAST_SCHEDULE", FORECAST)

with DAG(
    "tonight_forecast",
    schedule=CronTriggerTimetable(cron, timezone=timezone),
    catchup=False,
    max_active_runs=1,
    description="What the weeknight run would do tonight; writes nothing",
    doc_md=__doc__,
    dag_display_name="Forecast of the night",
    tags=["planbridge"],
    default_args=RETRIES,
):
    add_tasks(tasks.keep_forecast, "Keep the forecast")
