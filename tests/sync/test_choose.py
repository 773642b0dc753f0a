"""The required action itself: what Airflow keeps of it, and what becomes of an answer that came too early."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

pytestmark = pytest.mark.airflow


@dataclass(frozen=True)
class Instance:
    """As much of a task instance as is looked at."""

    id: str = "a task instance"
    try_number: int = 2
    max_tries: int = 3


@dataclass(frozen=True)
class User:
    id: str = "7"
    name: str = "amy"


@dataclass(frozen=True)
class Detail:
    """What Airflow has of the question to an earlier try."""

    response_received: bool = True
    responded_by_user: User | None = User()
    responded_at: datetime = datetime(2026, 11, 20, tzinfo=UTC)
    chosen_options: tuple[str, ...] = ("Open Case",)
    params_input: Any = None


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """By task instance, what Airflow keeps; nothing is kept of others."""
    from airflow.sdk.exceptions import AirflowRuntimeError
    from airflow.sdk.execution_time.comms import ErrorResponse

    from include.sync import choose

    details: dict[str, Any] = {}

    def find(ti_id: str) -> Any:
        if ti_id not in details:
            raise AirflowRuntimeError(ErrorResponse())
        return details[ti_id]

    monkeypatch.setattr(choose, "get_hitl_detail_content_detail", find)
    return details


def taken_over(instance: Instance) -> Any:
    from include.sync.choose import ChooseRecord

    return ChooseRecord(task_id="choose_record", retries=3)._answered_before(instance)


def test_an_answer_that_came_before_airflow_noticed_the_question_counts(kept: dict[str, Any]) -> None:
    kept["a task instance"] = Detail()
    answer = taken_over(Instance())
    assert answer["chosen_options"] == ("Open Case",)
    assert answer["responded_by_user"] == {"id": "7", "name": "amy"}


@pytest.mark.parametrize(
    ("instance", "detail"),
    [
        (Instance(try_number=1), Detail()),
        (Instance(max_tries=4), Detail()),
        (Instance(), Detail(response_received=False)),
        (Instance(), Detail(responded_by_user=None)),
        (Instance(), None),
    ],
    ids=["a first try", "somebody cleared the task", "nobody has answered", "the time was up", "it never came to ask"],
)
def test_otherwise_somebody_is_asked(kept: dict[str, Any], instance: Instance, detail: Detail | None) -> None:
    if detail is not None:
        kept["a task instance"] = detail
    assert taken_over(instance) is None


def test_the_buttons_are_those_of_smartoffice() -> None:
    from etl.load.search_list import BUTTONS
    from include.sync.choose import ChooseRecord

    assert ChooseRecord(task_id="choose_record").options == list(BUTTONS)


def test_nothing_of_the_question_is_a_rendered_field() -> None:
    from include.sync.choose import ChooseRecord

    assert ChooseRecord.template_fields == ()
