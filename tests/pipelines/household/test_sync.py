"""The required action itself: what Airflow keeps of it, and what becomes of an answer that came too early."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

pytestmark = pytest.mark.airflow

TASK = UUID(int=7)


@dataclass
class Instance:
    """As much of a task instance as is looked at."""

    id: UUID = TASK
    dag_id: str = "household_sync"
    state: str = "up_for_retry"
    next_method: str | None = None
    next_kwargs: Any = None


@pytest.fixture
def airflow_session() -> Iterator[Session]:
    """Airflow's tables, empty."""
    from airflow.models import import_all_models
    from airflow.models.base import Base

    import_all_models()
    engine = sa.create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        yield session
    engine.dispose()


def ask(session: Session, **answer: Any) -> None:
    from airflow.models.hitl import HITLDetail

    session.add(HITLDetail(ti_id=TASK, options=["Open Case"], subject="Which?", **answer))
    session.flush()


def resumed(session: Session, **given: Any) -> Instance:
    from include.plugins.airflow_internals import resume_answered

    instance = Instance(**given)
    resume_answered(instance, [instance.id, UUID(int=9)], session)
    return instance


ANSWER: dict[str, Any] = {
    "responded_at": datetime(2026, 11, 20, tzinfo=UTC),
    "responded_by": {"id": "7", "name": "amy"},
    "chosen_options": ["Open Case"],
    "params_input": {"case_id": "11"},
}


def test_an_answer_that_airflow_would_lose_is_taken_by_the_next_try(airflow_session: Session) -> None:
    from airflow.sdk.serde import deserialize

    ask(airflow_session, **ANSWER)
    instance = resumed(airflow_session)
    assert instance.next_method == "execute_complete"
    event = deserialize(instance.next_kwargs)["event"]
    assert event["chosen_options"] == ["Open Case"]
    assert event["params_input"] == {"case_id": "11"}
    assert event["responded_by_user"] == {"id": "7", "name": "amy"}
    assert event["responded_at"] == datetime(2026, 11, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("dag_id", "begins_at"),
    [("household_sync", "execute_complete"), ("office_transfer", "execute_complete"), ("another", None)],
)
def test_the_answer_is_found_though_the_task_got_another_id_for_its_next_try(
    airflow_session: Session, dag_id: str, begins_at: str | None
) -> None:
    from airflow.models.taskinstance import TaskInstance

    from include.plugins.resume_answered import ResumeAnswered

    sa.orm.configure_mappers()
    instance = TaskInstance.__new__(TaskInstance)
    sa.inspect(TaskInstance).class_manager.setup_instance(instance)
    sa.orm.attributes.set_committed_value(instance, "id", TASK)
    sa.orm.attributes.set_committed_value(instance, "dag_id", dag_id)
    instance.state, instance.id = "up_for_retry", UUID(int=8)
    ask(airflow_session, **ANSWER)
    with airflow_session.no_autoflush:
        airflow_session.add(instance)
        ResumeAnswered().on_task_instance_failed(instance)
        assert instance.next_method == begins_at
        airflow_session.expunge(instance)


@pytest.mark.parametrize("given", [{"state": "failed"}, {"id": UUID(int=8)}])
def test_another_task_is_left_alone(airflow_session: Session, given: dict[str, Any]) -> None:
    ask(airflow_session, **ANSWER)
    assert resumed(airflow_session, **given).next_method is None


@pytest.mark.parametrize("answer", [{}, {**ANSWER, "responded_by": None}], ids=["nobody has answered", "timed out"])
def test_a_question_without_an_answer_is_asked_again(airflow_session: Session, answer: dict[str, Any]) -> None:
    ask(airflow_session, **answer)
    assert resumed(airflow_session).next_method is None


def test_the_buttons_are_those_of_smartoffice() -> None:
    from etl.load.profiles.search import BUTTONS
    from include.pipelines.household.sync import SyncHousehold

    assert SyncHousehold(task_id="sync_household").options == list(BUTTONS)


def test_nothing_of_the_question_is_a_rendered_field() -> None:
    from include.pipelines.household.sync import SyncHousehold

    assert SyncHousehold.template_fields == ()


def test_a_run_that_cannot_ask_does_not_mention_a_list(caplog: pytest.LogCaptureFixture) -> None:
    from airflow.models.dagrun import DagRun

    from include.plugins.redact_prompts import RedactPrompts

    RedactPrompts().on_dag_run_success(DagRun(dag_id="household_sync", run_id="one", triggering_user_name="dag_test"))
    RedactPrompts().on_dag_run_success(DagRun(dag_id="weeknight_refresh", run_id="x", triggering_user_name="amy"))
    assert caplog.text == ""
    RedactPrompts().on_dag_run_failed(DagRun(dag_id="household_sync", run_id="two", triggering_user_name="amy"))
    assert "If a required action of two was shown" in caplog.text
