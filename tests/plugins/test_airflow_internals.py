"""What is changed in Airflow's own database fits the installed version of Airflow."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from include.plugins import airflow_internals


def test_airflow_is_the_version_that_the_changes_in_its_database_were_written_for() -> None:
    """With another version: check each statement of the module against Airflow's models, then set `WRITTEN_FOR`."""
    assert importlib.metadata.version("apache-airflow") == airflow_internals.WRITTEN_FOR


def test_another_version_of_airflow_is_reported_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    airflow_internals.warn_of_other_version()
    assert caplog.text == ""
    monkeypatch.setattr(airflow_internals, "WRITTEN_FOR", "3.0.0")
    airflow_internals.warn_of_other_version()
    assert "were written for 3.0.0: check include/plugins/airflow_internals.py" in caplog.text


@pytest.fixture
def run(airflow_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A run of Airflow in a database of its own, with the columns that a note and what is left for it need."""
    import sqlalchemy as sa
    from airflow.models import DagRun
    from airflow.models.dagrun import DagRunNote
    from airflow.models.tasklog import LogTemplate
    from airflow.models.xcom import XComModel
    from sqlalchemy.orm import Session

    engine = sa.create_engine("sqlite://")
    for model in (LogTemplate, DagRun, DagRunNote, XComModel):
        model.__table__.create(engine)
    with Session(engine) as session:
        one = DagRun(dag_id="weeknight_refresh", run_id="night", run_type="manual", run_after=datetime.now(UTC))
        session.add(one)
        session.flush()
        yield one


def leave(run: Any, task_id: str, sentence: str) -> None:
    from airflow.models.xcom import XComModel
    from sqlalchemy.orm import object_session

    session = object_session(run)
    assert session is not None
    session.add(
        XComModel(
            dag_run_id=run.id, task_id=task_id, map_index=-1, key=airflow_internals.STOP, dag_id=run.dag_id,
            run_id=run.run_id, value=sentence, timestamp=datetime.now(UTC),
        )
    )  # fmt: skip
    session.flush()


def forget(run: Any) -> None:
    from airflow.models.xcom import XComModel
    from sqlalchemy import delete
    from sqlalchemy.orm import object_session

    session = object_session(run)
    assert session is not None
    session.execute(delete(XComModel))


@pytest.mark.airflow
def test_the_note_of_a_run_has_each_sentence_once_as_text(run: Any) -> None:
    leave(run, "extract_crm", "unit_keys is a list, not [a](http://example.com).")
    leave(run, "report_run", "unit_keys is a list, not [a](http://example.com).")
    airflow_internals.note_stops(run)
    assert run.note == r"Stopped: unit\_keys is a list\, not \[a\]\(http\:\/\/example\.com\)\."


@pytest.mark.airflow
def test_a_persons_note_stays_and_a_run_that_gets_through_loses_our_sentence(run: Any) -> None:
    run.note = "Asked for by Ann"
    leave(run, "extract_crm", "Mend it")
    airflow_internals.note_stops(run)
    airflow_internals.note_stops(run)
    assert run.note == "Asked for by Ann\n\nStopped: Mend it"
    forget(run)
    airflow_internals.note_stops(run)
    assert run.note == "Asked for by Ann"


@pytest.mark.airflow
def test_a_run_without_a_stop_gets_no_note(run: Any) -> None:
    airflow_internals.note_stops(run)
    assert run.note is None


@pytest.mark.airflow
def test_a_long_sentence_fits_into_the_note(run: Any) -> None:
    leave(run, "extract_crm", "x" * 3000)
    airflow_internals.note_stops(run)
    assert len(run.note) == 1000
