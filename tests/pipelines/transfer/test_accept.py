"""The required action: the user whom it asks, its time, and what follows from each answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from include.pipelines.transfer.answer import Question

pytestmark = pytest.mark.airflow

QUESTION = Question("Accept 2 contacts", "| Contacts | 2 |", "receiver", timedelta(minutes=3))


class Asked(Exception):
    """The task is parked."""


@pytest.fixture
def action(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The operator without a scheduler: what it sends to Airflow is kept, and a question parks it."""
    from include.pipelines.transfer import accept

    sent: list[dict[str, Any]] = []
    told: list[dict[str, Any]] = []
    answers: list[str | None] = []

    def upsert(**request: Any) -> None:
        sent.append(request)

    def take(given: dict[str, Any]) -> str | None:
        told.append(given)
        return answers.pop(0)

    monkeypatch.setattr("airflow.providers.standard.operators.hitl.upsert_hitl_detail", upsert)
    monkeypatch.setattr(accept.tasks, "ask", lambda: QUESTION)
    monkeypatch.setattr(accept.tasks, "take_answer", take)
    monkeypatch.setattr(accept.tasks, "patience", lambda: None)
    operator = accept.AcceptTransfer(task_id="accept_transfer")
    return SimpleNamespace(operator=operator, sent=sent, told=told, answers=answers, module=accept, patch=monkeypatch)


def context(try_number: int = 1) -> dict[str, Any]:
    instance = SimpleNamespace(id="0", try_number=try_number)
    return {"ti": instance, "task_instance": instance}


def event(option: str = "Accept", user: str | None = "receiver", **params: Any) -> dict[str, Any]:
    who = {"id": user, "name": user} if user else None
    return {
        "chosen_options": [option],
        "params_input": params,
        "responded_by_user": who,
        "responded_at": datetime(2026, 11, 21, tzinfo=UTC),
    }


def parked(action: Any, run: Any) -> timedelta | None:
    """How long the task waits after what is run."""
    from airflow.sdk.exceptions import TaskAwaitingInput

    with pytest.raises(TaskAwaitingInput) as waiting:
        run()
    return waiting.value.timeout


def test_only_the_receiving_user_is_asked_with_the_words_of_the_plan(action: Any) -> None:
    assert parked(action, lambda: action.operator.execute(context())) == QUESTION.patience
    [request] = action.sent
    assert request["assigned_users"] == [{"id": "receiver", "name": "receiver"}]
    assert (request["subject"], request["body"]) == (QUESTION.subject, QUESTION.body)
    assert request["options"] == ["Accept", "Reject"]
    assert list(request["params"]) == ["only_contact_ids"]


def test_the_task_ends_at_once_where_nobody_is_asked(action: Any) -> None:
    action.patch.setattr(action.module.tasks, "ask", lambda: None)
    assert action.operator.execute(context()) == {"answer": "nobody was asked"}
    assert action.sent == []


def test_an_answer_comes_with_the_user_who_gave_it(action: Any) -> None:
    action.answers.append("accepted")
    done = action.operator.execute_complete(context(), event(only_contact_ids=[7]))
    assert done == {"answer": "accepted"}
    assert action.told == [{"choice": "Accept", "user": "receiver", "only": [7]}]


def test_an_answer_that_does_not_count_is_asked_for_again(action: Any) -> None:
    action.answers.append(None)
    parked(action, lambda: action.operator.execute_complete(context(), event(user="bystander")))
    assert len(action.sent) == 1


def test_a_timeout_counts_as_a_timeout(action: Any) -> None:
    action.answers.append("timed_out")
    late = {"error": "too late", "error_type": "timeout"}
    assert action.operator.execute_complete(context(), late) == {"answer": "timed_out"}
    assert action.told == [{"choice": "timeout", "user": None, "only": None}]


def test_a_look_at_the_ledger_does_not_ask_again_while_there_is_time(action: Any) -> None:
    action.patch.setattr(action.module.tasks, "patience", lambda: timedelta(minutes=10))
    late = {"error": "look again", "error_type": "timeout"}
    assert parked(action, lambda: action.operator.execute_complete(context(), late)) == timedelta(minutes=10)
    assert (action.sent, action.told) == ([], [])


def test_the_next_try_keeps_an_answer_that_an_earlier_try_lost(action: Any) -> None:
    lost = SimpleNamespace(
        response_received=True,
        chosen_options=["Accept"],
        params_input={},
        responded_by_user=SimpleNamespace(id="receiver", name="receiver"),
    )
    action.patch.setattr(action.module, "get_hitl_detail_content_detail", lambda ti_id: lost)
    action.answers.append("accepted")
    assert action.operator.execute(context(try_number=2)) == {"answer": "accepted"}
    assert action.sent == []
