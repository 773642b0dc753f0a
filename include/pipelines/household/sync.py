"""The one task of a run by hand before its report: reads, builds, checks, asks where a person has to choose, loads.

One task, because each costs a process of its own, and a person waits. The list of the required action is made when the
task runs, so that subject, body and ids are set then and rendered nowhere else. The answer starts the task again where
it left off; a question without an answer in time is no failure.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Param
from airflow.sdk.definitions.param import ParamsDict

from include.pipelines.household.tasks import household_context
from include.runtime.stops import Step
from include.runtime.task_boundary import is_at_a_terminal, staged

if TYPE_CHECKING:
    from include.pipelines.household.question import Question

CHOOSE = Step("choose")


class SyncHousehold(HITLOperator):
    """Brings the unit to its vendor; where nobody may decide but a person, shows the Search list first."""

    # The texts are known only when the task runs, and may not be kept as rendered fields.
    template_fields = ()

    def __init__(self, **given: Any) -> None:
        options = ["Update Case", "Create New Case", "Open Case", "Create New Client and Case"]
        super().__init__(subject="Which client of Profiles is it?", options=options, **given)

    def execute(self, context: Any) -> Any:
        """Gate before load. Under ``airflow dags test`` nobody can answer: the load says what is to be chosen."""
        from include.pipelines.household.prepare import prepare_unit
        from include.pipelines.household.question import question_for
        from include.pipelines.refresh.load import load_shard

        make_context = cache(household_context)
        staged(Step("extract"), make_context, prepare_unit)
        question = staged(CHOOSE, make_context, question_for, not is_at_a_terminal())
        if question is not None:
            return self._ask(question, context)
        vendor = make_context().request.vendor
        return staged(Step("load", vendor, 0), make_context, load_shard, vendor)

    def execute_complete(self, context: Any, event: dict[str, Any]) -> Any:
        """Loads by the answer as the ledger has it now. An answer that does not count is asked for once more."""
        from include.pipelines.household.question import Question, answer_to
        from include.pipelines.refresh.load import load_shard

        make_context = cache(household_context)
        answer = staged(CHOOSE, make_context, answer_to, event)
        if isinstance(answer, Question):
            return self._ask(answer, context)
        vendor = make_context().request.vendor
        return staged(Step("load", vendor, 0), make_context, load_shard, vendor)

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
