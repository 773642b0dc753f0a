"""The runs on the desk: their list, a run's page, and the frozen files of its report."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from etl.load.ledger import runs
from etl.load.ledger.runs import Outcome
from include.report.run.writer import write_report
from include.runtime.context import reports_of
from tests.desk.office import Office, make_office
from tests.load.ledger.desk.desks import Nights, found, labelled
from tests.report.builders import a_busy_report

REASON = "DEM-NAME holds it."


def three_runs(office: Office) -> None:
    nights = Nights(office.ledger)
    office.ledger.now = nights.now
    labels = labelled(("H1", "Nightingale", 1, "main.morgan"), ("H2", "Castellan", 2, "lakeside.chen"))
    nights.run(found("H1"), found("H2"), units=("H1", "H2"), labels=labels)
    nights.count += 1
    runs.start_run(office.ledger, "run-2", "weeknight_refresh", nights.now().date(), None, False, {})
    for key in ("H1", "H2"):
        runs.save_outcomes(office.ledger, "run-2", [Outcome("profiles", key, "held", REASON)])
    nights.run(found("H2"), units=("H1", "H2"), dag_id="household_sync")


@pytest.fixture
def ran(tmp_path: Path) -> Iterator[Office]:
    office = make_office(tmp_path, three_runs)
    yield office
    office.ledger.engine.dispose()


def test_runs_are_listed_the_latest_first_and_by_kind(ran: Office) -> None:
    admin = ran.visitor("admin", is_admin=True)
    page = admin.read("/runs")
    assert "Runs: 3 runs" in page.words
    links = [link for link in page.values("href") if link.startswith("/runs/")]
    assert set(links) == {"/runs/run-1", "/runs/run-2", "/runs/run-3"}
    assert "Runs: 1 run of Household sync" in admin.read("/runs", kind="household_sync").words
    assert "No run is here yet" in admin.read("/runs", page="2").words


@pytest.mark.parametrize("page", ["0", "-1", "x", "9" * 40])
def test_a_page_that_no_list_has_is_a_sentence(ran: Office, page: str) -> None:
    answer = ran.visitor("main.morgan").get("/runs", page=page)
    assert answer.status_code == 422
    assert "cannot read this address" in answer.text


def test_a_run_says_what_it_held_in_my_offices(ran: Office) -> None:
    page = ran.visitor("lakeside.chen").read("/runs/run-2")
    assert "Castellan" in page.words
    assert REASON in page.words
    assert "Nightingale" not in page.words


def test_a_run_says_what_it_changed_on_the_work_list(ran: Office) -> None:
    morgan, chen = ran.visitor("main.morgan"), ran.visitor("lakeside.chen")
    assert "This run opened no item of your offices and mended none." in morgan.read("/runs/run-2").words
    assert "Items of your offices, by rule" in chen.read("/runs/run-1").words
    assert "This run opened no item of your offices and mended none." in chen.read("/runs/run-3").words


def test_a_run_leads_to_those_before_and_after_of_its_kind(ran: Office) -> None:
    page = ran.visitor("main.morgan").read("/runs/run-1")
    assert [one.get("href") for one in page.all("a") if one.get("rel")] == ["/runs/run-2"]


def test_the_latest_run_has_an_address_of_its_own(ran: Office) -> None:
    answer = ran.visitor("main.morgan").get("/runs/latest")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/runs/run-3"


def test_a_run_that_the_ledger_does_not_know_is_a_sentence(ran: Office) -> None:
    answer = ran.visitor("main.morgan").get("/runs/scheduled__2026-01-01T00:00:00+00:00")
    assert answer.status_code == 404
    assert "The ledger has no run scheduled__2026-01-01T00:00:00+00:00" in answer.text


def test_the_report_of_a_run_is_shown_as_it_was_written_to_who_may_see_all(ran: Office) -> None:
    folder = reports_of(ran.desk.settings, "run-1")
    write_report(folder, a_busy_report())
    admin, chen = ran.visitor("admin", is_admin=True), ran.visitor("lakeside.chen")
    assert "/runs/run-1/report/worklist.html" in admin.read("/runs/run-1").values("href")
    answer = admin.get("/runs/run-1/report/worklist.html")
    assert answer.content == (folder / "worklist.html").read_bytes()
    in_the_page = answer.text.split("style-src '")[1].split("'")[0]
    assert in_the_page in answer.headers["content-security-policy"]
    assert admin.get("/runs/run-1/report/worklist.csv").content == (folder / "worklist.csv").read_bytes()
    assert chen.get("/runs/run-1/report/worklist.html").status_code == 404
    assert "administrators open them" in chen.read("/runs/run-1").words


@pytest.mark.parametrize("name", ["run.json", "..%2F..%2Fcrm.db", "%2Fetc%2Fpasswd", "worklist.html%00", "no.html"])
def test_no_other_file_is_shown(ran: Office, name: str) -> None:
    folder = reports_of(ran.desk.settings, "run-1")
    write_report(folder, a_busy_report())
    assert ran.visitor("admin", is_admin=True).get(f"/runs/run-1/report/{name}").status_code == 404
