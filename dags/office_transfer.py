"""### Moving contacts to another office

The contacts of a set go from one office to another, with everything that the rules let move. Nothing is changed before
the **receiving user** accepts; nothing is lost, nothing exists twice, and both offices can see what moved, what did
not, and why.

| step | what it does |
|---|---|
| Check and plan | rights of both users, both offices, every contact and record; the manifest says what would move |
| Accept | waits for the receiving user, and nobody else: all, some, or none of the contacts |
| Import | each group of related contacts in one transaction, verified record by record; then the source is retired |
| Report | the manifest beside what happened, the archive of what may not move, the worklist: `reports/<run id>/` |

A rejection, or no answer in time, ends the transfer with nothing changed. A run that failed can be started again.
"""

from datetime import timedelta

from airflow.sdk import DAG, task

from include.pipelines.transfer import tasks
from include.pipelines.transfer.accept import AcceptTransfer
from include.runtime.forms import OFFICE_TRANSFER
from include.runtime.run_page import RunPage
from include.runtime.task_boundary import RETRIES

with DAG(
    "office_transfer",
    schedule=None,
    catchup=False,
    # Runs that wait for an answer count, too.
    max_active_runs=500,
    description="Contacts of one office go to another",
    doc_md=__doc__,
    dag_display_name="Moving contacts to another office",
    tags=["planbridge"],
    default_args=RETRIES,
    params=OFFICE_TRANSFER,
):
    planned = task(task_id="plan_transfer", task_display_name="Check and plan")(tasks.plan_transfer)()
    accepted = AcceptTransfer(task_id="accept_transfer", task_display_name="Accept", retry_delay=timedelta(seconds=5))
    imported = task(task_id="import_transfer", task_display_name="Import")(tasks.import_transfer)()
    reported = task(task_id="report_transfer", task_display_name="Report", trigger_rule="all_done")(
        tasks.report_transfer
    )()
    reported.operator.operator_extra_links = (RunPage(),)
    planned >> accepted >> imported >> reported
