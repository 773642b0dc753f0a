"""The required action ``accept_transfer``: asks the receiving user, and nobody else.

The transfer's plan says who is asked, what about and until when; the DAG file does not know it. The ledger keeps the
answer, and the import goes by the ledger: a task that is marked as success is no acceptance. A waiting action looks at
the ledger from time to time, because a transfer can be cancelled there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Param
from airflow.sdk.definitions.param import ParamsDict
from airflow.sdk.exceptions import AirflowRuntimeError, TaskAwaitingInput
from airflow.sdk.execution_time.hitl import get_hitl_detail_content_detail

from include.pipelines.transfer import tasks

ACCEPT, REJECT = "Accept", "Reject"
ONLY = "only_contact_ids"

_ONLY_FIELD = Param(
    None,
    type=["null", "array", "string"],
    items={"type": ["integer", "string"]},
    title="Only these contacts",
    description="Their numbers in SmartOffice, one a line. Empty: all that the manifest lists as moving.",
    source="task",
)


class AcceptTransfer(HITLOperator):
    """Waits for the receiving user's Accept or Reject; ends at once where there is nobody to be asked."""

    template_fields = ()

    def __init__(self, **options: Any) -> None:
        super().__init__(subject="Accept the transfer", options=[ACCEPT, REJECT], **options)

    def execute(self, context: Any) -> Any:
        """Asks; Airflow goes on with `execute_complete`. An answer that an earlier try could not keep is kept first."""
        instance = context["ti"]
        if instance.try_number > 1 and (given := _lost_answer(instance.id)) is not None:
            answer = tasks.take_answer(given)
            if answer is not None:
                return {"answer": answer}
        return self._ask(context)

    def _ask(self, context: Any) -> Any:
        question = tasks.ask()
        if question is None:
            return {"answer": "nobody was asked"}
        self.subject = question.subject
        self.body = question.body
        self.assigned_users = [{"id": question.receiving_user, "name": question.receiving_user}]
        self.params = ParamsDict({ONLY: _ONLY_FIELD})
        self.response_timeout = question.patience
        return super().execute(context)

    def execute_complete(self, context: Any, event: dict[str, Any]) -> Any:
        """Keeps the answer; asks again after an answer that does not count, until the time is over."""
        given = event_words(event)
        if given["choice"] == "timeout" and (patience := tasks.patience()) is not None:
            # The question stays as it is: an answer that is given at this moment counts.
            raise TaskAwaitingInput(method_name="execute_complete", timeout=patience)
        answer = tasks.take_answer(given)
        return self._ask(context) if answer is None else {"answer": answer}


def _lost_answer(instance_id: Any) -> dict[str, Any] | None:
    """An answer that came so early that Airflow lost track of the task: the question still holds it."""
    try:
        found = get_hitl_detail_content_detail(ti_id=instance_id)
    except AirflowRuntimeError:
        return None
    if not found.response_received or found.responded_by_user is None:
        return None
    user = {"id": found.responded_by_user.id, "name": found.responded_by_user.name}
    event = {"chosen_options": found.chosen_options, "params_input": found.params_input, "responded_by_user": user}
    return event_words(event)


def event_words(event: Mapping[str, Any]) -> dict[str, Any]:
    """An answer as Airflow reports it: ``choice`` (Accept, Reject, timeout or error), ``user``, ``only``."""
    if "error" in event:
        return {"choice": str(event.get("error_type")), "user": None, "only": None}
    user = event.get("responded_by_user") or {}
    chosen = list(event.get("chosen_options") or ())
    only = (event.get("params_input") or {}).get(ONLY)
    return {"choice": chosen[0] if len(chosen) == 1 else "nothing", "user": user.get("id"), "only": only}
