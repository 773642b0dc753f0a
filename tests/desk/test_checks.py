"""Check again: started in the steward's own name, with its progress and its result on one page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from etl.load.ledger import runs
from etl.load.ledger.desk import forecasts
from include.desk.security import form_token
from tests.desk.office import FROM_THE_DESK, SECRET, Office, Visitor, make_office
from tests.load.ledger.desk.desks import Nights, found, labelled, rows_of

DAG = "household_check"
LABELS = labelled(("H1", "Nightingale", 1, "main.morgan"), ("H2", "Castellan", 3, "harbor.reed"))


def one_night(office: Office) -> None:
    Nights(office.ledger).run(found("H1", "LIA-TERM", "liability:5"), found("H2", "DEM-NAME"), labels=LABELS)


@pytest.fixture
def checking(tmp_path: Path) -> Iterator[Office]:
    office = make_office(tmp_path, one_night)
    yield office
    office.ledger.engine.dispose()


@pytest.fixture
def morgan(checking: Office) -> Visitor:
    return checking.visitor("main.morgan")


def start(office: Office, visitor: Visitor) -> tuple[str, str]:
    """Presses the button; gives the page and the run's id."""
    answer = visitor.send("/household/H1/check")
    assert answer.status_code == 303, answer.text
    ((_, run_id),) = office.airflow.runs
    return str(answer.headers["location"]), run_id


def test_check_is_triggered_in_the_stewards_own_name_and_audited(checking: Office, morgan: Visitor) -> None:
    _, run_id = start(checking, morgan)
    run = checking.airflow.runs[DAG, run_id]
    assert (run["by"], run["conf"]) == ("main.morgan", {"unit_keys": ["H1"]})
    (entry,) = rows_of(checking.ledger, "SELECT actor, action, subject FROM audit_entry")
    assert tuple(entry.values()) == ("main.morgan", "check asked", "unit:H1")


def test_page_shows_the_tasks_and_looks_again_until_the_run_has_ended(checking: Office, morgan: Visitor) -> None:
    place, run_id = start(checking, morgan)
    checking.airflow.tasks[run_id] = [("Read, check, load", "running"), ("Report", None)]
    answer = morgan.get(place)
    assert answer.headers["refresh"] == "2"
    assert "Read, check, load: Running" in morgan.read(place).words


def test_result_names_what_was_mended_what_is_open_and_what_went(checking: Office, morgan: Visitor) -> None:
    place, run_id = start(checking, morgan)
    nights = Nights(checking.ledger, 1)
    nights.run(units=("H1",), dag_id=DAG)
    checking.airflow.runs[DAG, "run-2"] = checking.airflow.runs.pop((DAG, run_id)) | {"state": "success"}
    answer = morgan.get(place.replace(run_id, "run-2"))
    assert "refresh" not in answer.headers
    page = morgan.read("/checked/run-2").words
    assert "Mended: 1 item" in page
    assert "Still open: 0 items" in page
    assert "Unchanged" in page


def test_reason_why_the_run_stopped_stands_on_the_page(checking: Office, morgan: Visitor) -> None:
    place, run_id = start(checking, morgan)
    runs.stop_run(checking.ledger, run_id, "extract", "The CRM cannot be reached.")
    checking.airflow.runs[DAG, run_id]["state"] = "failed"
    page = morgan.read(place).words
    assert "Was stopped" in page
    assert "The CRM cannot be reached." in page


def test_airflow_decides_who_may_trigger(checking: Office, morgan: Visitor) -> None:
    checking.airflow.refuses.add("main.morgan")
    answer = morgan.send("/household/H1/check")
    assert (answer.status_code, "does not let you trigger" in answer.text) == (403, True)


def test_household_of_another_office_is_neither_checked_nor_shown(checking: Office, morgan: Visitor) -> None:
    assert morgan.send("/household/H2/check").status_code == 404
    assert morgan.send("/household/nobody/check").status_code == 404
    assert checking.airflow.runs == {}
    admin = checking.visitor("admin", is_admin=True)
    place = str(admin.send("/household/H2/check").headers["location"])
    assert morgan.get(place).status_code == 404
    assert admin.get(place).status_code == 200


def test_who_may_only_read_checks_nothing(checking: Office) -> None:
    reader = checking.visitor("harbor.reed", may_trigger=False)
    given = {"token": form_token(SECRET, "harbor.reed")}
    assert reader.client.post("/household/H2/check", data=given, headers=FROM_THE_DESK).status_code == 403
    assert checking.airflow.runs == {}


def test_household_without_an_item_is_checked_from_the_forecast(checking: Office, morgan: Visitor) -> None:
    outcomes = pd.DataFrame([("profiles", "H9", "held", "DEM-NAME", "DEM-NAME")])
    outcomes.columns = ["vendor", "unit_key", "outcome", "reason", "code"]
    labels = labelled(("H9", "Larkin", 1, "")).rename(columns={"advisor": "assigned_user"})
    forecasts.keep_forecast(checking.ledger, "f-1", Nights(checking.ledger).now().date(), outcomes, labels)
    checking.crm.insert("household", household_id=9, name="Larkin", office_id=1)
    assert morgan.send("/household/H9/check").status_code == 303
    page = morgan.read("/tonight").words
    assert "Larkin" in page
    assert "Check again H9" in page
