"""Where Airflow meets the pipeline, with an Airflow that is a few lines long."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from etl.errors import CredentialsRefused, SourceUnavailable, StopRun
from etl.load.ledger import guards, runs
from include.pipelines.refresh import tasks
from include.plugins import airflow_internals
from include.runtime import settings, task_boundary
from include.runtime.stops import Step

pytestmark = pytest.mark.airflow

PARAMS = {
    "as_of": None, "vendors": ["profiles", "emoney"], "unit_keys": None, "full": False, "dry_run": False,
    "release_guard": None,
}  # fmt: skip


class Airflow:
    """The context of one task instance; ``states`` are those of its run's tasks."""

    def __init__(self, **run: Any) -> None:
        night = {"run_id": "night", "dag_id": "weeknight_refresh", "run_type": "scheduled", "conf": {}}
        moment = datetime(2026, 3, 3, 3, 0, tzinfo=UTC)  # ten in the evening of the day before, in the office
        run = {**night, "logical_date": moment, "run_after": moment, "triggering_user_name": None, **run}
        self.states: dict[str, str] = {}
        self.left: dict[str, str] = {}
        self.context = {
            "dag_run": SimpleNamespace(**run),
            "dag": SimpleNamespace(params=PARAMS),
            "params": {**PARAMS, **run["conf"]},
            "ti": SimpleNamespace(
                try_number=1, max_tries=3, get_task_states=self.get_task_states, xcom_push=self.leave
            ),
        }

    def leave(self, key: str, value: str) -> None:
        self.left[key] = value

    def get_task_states(self, dag_id: str, run_ids: list[str]) -> dict[str, dict[str, str]]:
        return {run_ids[0]: self.states}

    def is_at_its_last_try(self) -> None:
        self.context["ti"].try_number = 4


@pytest.fixture
def airflow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Airflow:
    return begin(monkeypatch, tmp_path)


def begin(monkeypatch: pytest.MonkeyPatch, folder: Path, **run: Any) -> Airflow:
    airflow = Airflow(**run)
    monkeypatch.setenv("PLANBRIDGE__DATA__FOLDER", str(folder))
    monkeypatch.setenv("PLANBRIDGE__REFRESH__HOLIDAYS", "2026-03-02")
    monkeypatch.setattr(task_boundary, "get_current_context", lambda: airflow.context)
    monkeypatch.setattr(tasks, "find_connection", lambda conn_id: None)
    settings.settings.cache_clear()
    return airflow


@pytest.fixture(autouse=True)
def forgotten_settings() -> Any:
    yield
    settings.settings.cache_clear()


def start(context: Any) -> None:
    request = context.request
    runs.start_run(context.ledger, request.run_id, request.dag_id, request.as_of, None, False, {})


def why_stopped(folder: Path) -> str | None:
    with closing(sqlite3.connect(folder / "ledger.db")) as connection:
        found = connection.execute("SELECT why FROM run_stop").fetchone()
    return found[0] if found else None


def run_step(error: Exception) -> type[BaseException]:
    def step(context: Any) -> None:
        start(context)
        raise error

    with pytest.raises(task_boundary.Ended) as ended:
        task_boundary.staged(Step("extract"), tasks.refresh_context, step)
    return ended.type


def test_a_run_is_as_of_the_offices_day(airflow: Airflow) -> None:
    assert tasks.refresh_context().request.as_of.isoformat() == "2026-03-02"


@pytest.mark.parametrize(("run_type", "is_holiday"), [("scheduled", True), ("manual", False)])
def test_only_a_scheduled_run_keeps_the_holidays(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, run_type: str, is_holiday: bool
) -> None:
    from airflow.sdk.api.datamodels._generated import DagRunType

    begin(monkeypatch, tmp_path, run_type=DagRunType(run_type))
    assert tasks.refresh_context().request.is_holiday is is_holiday


def test_a_release_is_as_of_the_day_of_the_stopped_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    begin(monkeypatch, tmp_path, conf={"release_guard": " checked "}, triggering_user_name="ann")
    guards.save_stop(
        tasks.refresh_context().ledger, guards.Stopped("emoney", "night", date(2026, 2, 27), ("4 × state",), "", {})
    )
    request = tasks.refresh_context().request
    assert (request.as_of, request.release_guard) == (date(2026, 2, 27), "checked")


@pytest.mark.parametrize(
    ("at", "night", "is_holiday"),
    [
        (datetime(2026, 3, 3, 21, 0, tzinfo=UTC), date(2026, 3, 3), False),
        (datetime(2026, 3, 2, 21, 0, tzinfo=UTC), date(2026, 3, 2), True),
        (datetime(2026, 3, 7, 21, 0, tzinfo=UTC), date(2026, 3, 9), False),  # on a Saturday
    ],
)
def test_a_forecast_is_a_dry_run_as_of_the_next_night(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, at: datetime, night: date, is_holiday: bool
) -> None:
    begin(
        monkeypatch, tmp_path, dag_id="tonight_forecast", run_type="manual", logical_date=at, run_after=at,
        conf={"dry_run": False},
    )  # fmt: skip
    request = tasks.refresh_context().request
    assert (request.as_of, request.dry_run, request.is_holiday) == (night, True, is_holiday)


def test_a_check_names_its_units(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    named = {"dag_id": "household_check", "run_type": "manual", "triggering_user_name": "ann"}
    begin(monkeypatch, tmp_path, **named)
    assert "name the households to check" in (tasks.refresh_context().request.mistake or "")
    begin(monkeypatch, tmp_path, **named, conf={"unit_keys": ["H12"]})
    request = tasks.refresh_context().request
    assert (request.mistake, request.unit_keys, request.triggered_by) == (None, ("H12",), "ann")


def test_a_vendor_that_stops_a_check_does_not_stop_the_other_one(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    loaded: list[str] = []

    def load(context: Any, vendor: str, shard: int) -> dict[str, int]:
        loaded.append(vendor)
        if vendor == "profiles":
            raise CredentialsRefused("Profiles refuses the log-in.")
        return {"created": 1}

    def plan(context: Any) -> list[int]:
        start(context)
        return [0]

    stages = "include.pipelines.refresh"
    monkeypatch.setattr(f"{stages}.plan.plan_and_extract", plan)
    monkeypatch.setattr(f"{stages}.transform.transform_shard", lambda context, shard: 1)
    monkeypatch.setattr(f"{stages}.validate.validate_vendor", lambda context, vendor: 1)
    monkeypatch.setattr(f"{stages}.load.load_shard", load)
    with pytest.raises(task_boundary.EndedForGood):
        tasks.check_units()
    assert loaded == ["profiles", "emoney"]
    assert why_stopped(tmp_path) == "Profiles refuses the log-in."


def test_an_error_that_a_person_has_to_mend_ends_a_task_for_good_and_is_noted(airflow: Airflow, tmp_path: Path) -> None:
    assert run_step(StopRun("Mend it.")) is task_boundary.EndedForGood
    assert why_stopped(tmp_path) == "Mend it."


@pytest.mark.parametrize(
    "task",
    [
        tasks.extract_crm,
        lambda: tasks.transform_shard(0),
        lambda: tasks.validate_documents("emoney"),
        lambda: tasks.load_shard("profiles", 0),
        tasks.report_run,
    ],
)
def test_a_wrong_setting_ends_whichever_task_in_words_and_without_a_retry(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, task: Callable[[], Any]
) -> None:
    monkeypatch.setenv("PLANBRIDGE__REFRESH__SCHEDULE", "0 22 31 2 *")
    settings.settings.cache_clear()
    with caplog.at_level(logging.ERROR), pytest.raises(task_boundary.EndedForGood):
        task()
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("A setting is not valid. PLANBRIDGE__REFRESH__SCHEDULE: '0 22 31 2 *' is no cron expression")


@pytest.mark.parametrize(("ahead", "is_refused"), [("P0D", True), ("P1D", False)])
def test_a_run_is_not_as_of_a_future_day_unless_the_setting_allows_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ahead: str, is_refused: bool
) -> None:
    monkeypatch.setenv("PLANBRIDGE__REFRESH__AS_OF_AHEAD", ahead)
    tomorrow = datetime.now(ZoneInfo("America/New_York")).date() + timedelta(days=1)
    begin(monkeypatch, tmp_path, run_type="manual", conf={"as_of": tomorrow.isoformat()})
    mistake = tasks.refresh_context().request.mistake
    assert (mistake is not None and f"(as_of): {tomorrow} is ahead" in mistake) is is_refused


def test_a_logical_date_ahead_makes_no_run_as_of_that_day(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    begin(monkeypatch, tmp_path, run_type="manual", logical_date=datetime(2062, 3, 3, 12, tzinfo=UTC))
    assert "(as_of): 2062-03-03 is ahead" in str(tasks.refresh_context().request.mistake)


def test_an_error_that_may_pass_is_tried_again_and_not_noted(airflow: Airflow, tmp_path: Path) -> None:
    assert run_step(SourceUnavailable("The CRM is down.")) is task_boundary.Ended
    assert why_stopped(tmp_path) is None
    assert airflow.left == {}


def test_a_task_leaves_the_sentence_that_ends_its_run_where_the_note_is_made(airflow: Airflow) -> None:
    run_step(StopRun("Mend it."))
    assert airflow.left == {airflow_internals.STOP: "Mend it."}


def test_the_last_try_ends_the_run_with_its_reason(airflow: Airflow, tmp_path: Path) -> None:
    airflow.is_at_its_last_try()
    assert run_step(SourceUnavailable("The CRM is down.")) is task_boundary.EndedForGood
    assert why_stopped(tmp_path) == "The CRM is down."


def test_a_step_that_succeeds_at_last_forgets_its_stop(airflow: Airflow, tmp_path: Path) -> None:
    def stop(context: Any) -> None:
        start(context)
        raise StopRun("Mend it.")

    with pytest.raises(task_boundary.EndedForGood):
        task_boundary.staged(Step("load", "profiles", 0), tasks.refresh_context, stop)
    assert why_stopped(tmp_path) == "Mend it."
    task_boundary.staged(Step("load", "profiles", 0), tasks.refresh_context, lambda context: None)
    assert why_stopped(tmp_path) is None


def test_a_run_at_a_terminal_is_not_retried(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    begin(monkeypatch, tmp_path, run_type="manual", triggering_user_name="dag_test")
    assert run_step(SourceUnavailable("The CRM is down.")) is task_boundary.EndedForGood


def test_a_defect_shows_its_place_and_never_its_message(
    airflow: Airflow, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    airflow.is_at_its_last_try()
    with caplog.at_level(logging.INFO):
        assert run_step(KeyError("Zephyrine Castellan")) is task_boundary.EndedForGood
    assert "test_tasks.py" in caplog.text
    assert "Castellan" not in caplog.text
    why = str(why_stopped(tmp_path))
    assert why.startswith("The task was stopped by an unexpected KeyError at test_tasks.py:")
    assert why.split()[-1].rstrip(".") in caplog.text


def test_a_folder_that_cannot_be_written_is_named_and_no_defect(airflow: Airflow, tmp_path: Path) -> None:
    assert run_step(PermissionError(13, "Permission denied", "/data/reports")) is task_boundary.EndedForGood
    why = str(why_stopped(tmp_path))
    assert why.startswith("/data/reports cannot be written or read (Permission denied). Make it writable")
    assert "PLANBRIDGE__DATA__FOLDER" in why


def test_a_task_that_was_killed_leaves_the_run_stopped(airflow: Airflow, tmp_path: Path) -> None:
    start(tasks.refresh_context())
    airflow.states = {"extract_crm": "success", "load_emoney_0": "failed", "report_run": "running"}
    with pytest.raises(task_boundary.EndedForGood):
        tasks.report_run()
    assert '"status": "failed"' in (tmp_path / "reports" / "night" / "run.json").read_text()
    assert (tmp_path / "reports" / "night" / "worklist.html").exists()
