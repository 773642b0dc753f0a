"""The required action of a run by hand: a person chooses which record of Profiles the household is.

The list is made when the task runs, so that subject, body and ids are set then and rendered nowhere else. Where no
question is needed, the task ends at once; a question without an answer in time is no failure.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Param
from airflow.sdk.definitions.param import ParamsDict

from include.pipelines.household.tasks import household_context
from include.runtime.stops import Step
from include.runtime.task_boundary import is_at_a_terminal, staged

if TYPE_CHECKING:
    from include.pipelines.household.question import Question

STEP = Step("choose")


class ChooseRecord(HITLOperator):
    """Shows the Search list with the buttons of SmartOffice, and keeps the answer in the ledger."""

    # The texts are known only when the task runs, and may not be kept as rendered fields.
    template_fields = ()

    def __init__(self, **given: Any) -> None:
        options = ["Update Case", "Create New Case", "Open Case", "Create New Client and Case"]
        given = {**given, "retry_delay": timedelta(seconds=5)}  # a person is waiting for the question
        super().__init__(subject="Which client of Profiles is it?", options=options, **given)

    def execute(self, context: Any) -> Any:
        """Asks, or ends at once. Under ``airflow dags test`` nobody can answer: the load says what is to be chosen."""
        from include.pipelines.household.question import question_for

        question = staged(STEP, household_context, question_for, not is_at_a_terminal())
        return None if question is None else self._ask(question, context)

    def execute_complete(self, context: Any, event: dict[str, Any]) -> str | None:
        """The answer as the ledger has it now: an action, or ``timed_out``. One that does not count is ignored."""
        from include.pipelines.household.question import Question, answer_to

        answer = staged(STEP, household_context, answer_to, event)
        return self._ask(answer, context) if isinstance(answer, Question) else answer

    def _ask(self, question: Question, context: Any) -> Any:
        self.subject, self.body, self.options = question.subject, question.body, list(question.buttons)
        self.params = ParamsDict(
            {
                "household_id": _id("Household", "The household of the list that is meant.", question.households),
                "case_id": _id("Case", "The case of the list that is meant.", question.cases),
            }
            if question.households
            else {}
        )
        self.response_timeout = timedelta(seconds=question.seconds)
        return super().execute(context)


def _id(title: str, description: str, ids: Mapping[str, str]) -> Param:
    """A field with the ids to choose from; an answer by the REST API is checked afterwards."""
    return Param(
        None,
        type=["null", "string"],
        title=title,
        description=description,
        enum=list(ids),
        values_display=dict(ids),
        source="task",
    )
