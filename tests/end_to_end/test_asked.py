"""Runs that ask somebody, through a real scheduler and API server: the Search list, the answers, and their traces."""

from __future__ import annotations

import time
from dataclasses import dataclass

import pytest

from include.local.api import ApiError
from tests.end_to_end.live import DAG, Live
from tests.pipelines.household.test_question import add_household, cases_of

pytestmark = [pytest.mark.airflow, pytest.mark.xdist_group("live")]

BUTTONS = ["Update Case", "Create New Case", "Open Case", "Create New Client and Case"]


@dataclass
class Asked:
    """Runs that were triggered together; ``theirs`` are the households that Profiles had before."""

    runs: dict[str, str]
    theirs: dict[str, str]


@pytest.fixture(scope="module")
def asked(live: Live) -> Asked:
    """One run for each answer, all waiting at once: household 1 has two cases, 2 a namesake, 3 nobody, …"""
    names = {"exact": "Quill", "namesake": "Rook", "silent": "Sable", "wrong": "Thorn", "look": "Umber"}
    runs: dict[str, str] = {}
    theirs: dict[str, str] = {}
    for number, (story, last_name) in enumerate(names.items(), 1):
        live.book.couple(number, first_name="Ada", last_name=last_name)
        if story in ("exact", "wrong", "look"):
            client = {"firstName": "ADA", "lastName": last_name, "birthDate": "1970-05-01"}
            theirs[story] = add_household(live.vendors, 2, case_name="Typed in", **client)
        elif story == "namesake":
            theirs[story] = add_household(live.vendors, firstName="Zoraida", lastName=last_name)
        runs[story] = live.sync(household_id=number, vendor="profiles")
    return Asked(runs, theirs)


def test_the_exact_household_is_shown_and_the_chosen_case_updated(live: Live, asked: Asked) -> None:
    run, theirs = asked.runs["exact"], asked.theirs["exact"]
    question = live.question(run)
    assert question["options"] == BUTTONS
    assert question["subject"] == "Which client of Profiles is household 1?"
    assert f"| **{theirs}** | ADA Quill |" in question["body"]
    first, second = cases_of(live.vendors, theirs)
    assert question["params"]["case_id"]["schema"]["enum"] == [first, second]
    live.answer(run, "Update Case", case_id=second)
    assert live.end(run) == "success"
    assert live.outcome(run)[0] == "updated"
    (link,) = live.rows("SELECT * FROM link_v WHERE unit_key = 'H1'")
    assert (link["vendor_client_id"], link["vendor_case_id"], link["matched_by"]) == (theirs, second, "CHOSEN")


def test_a_new_client_is_made_where_only_the_last_name_is_the_same(live: Live, asked: Asked) -> None:
    run = asked.runs["namesake"]
    assert "Zoraida Rook" in live.question(run)["body"]
    live.answer(run, "Create New Client and Case", household_id=None, case_id=None)
    assert live.end(run) == "success"
    assert live.outcome(run)[0] == "created"
    (link,) = live.rows("SELECT * FROM link_v WHERE unit_key = 'H2'")
    assert link["vendor_client_id"] != asked.theirs["namesake"]


def test_open_case_answers_with_the_address(live: Live, asked: Asked) -> None:
    run = asked.runs["look"]
    live.question(run)
    case_id = cases_of(live.vendors, asked.theirs["look"])[0]
    live.answer(run, "Open Case", case_id=int(case_id))
    assert live.end(run) == "success"
    assert live.outcome(run) == ("unchanged", f"case {case_id} opens at {live.vendors.profiles.url}/cases/{case_id}")
    assert live.rows("SELECT * FROM link_v WHERE unit_key = 'H5'") == []
    path = f"/api/v2/dags/{DAG}/dagRuns/{run}/taskInstances/report_run/xcomEntries/answer"
    assert live.user.call("GET", path)["value"] == live.outcome(run)[1]


def test_an_answer_that_makes_no_sense_fails_the_run_in_words(live: Live, asked: Asked) -> None:
    run = asked.runs["wrong"]
    live.question(run)
    live.answer(run, "Update Case", case_id="424242")
    assert live.end(run) == "failed"
    kind, reason = live.outcome(run)
    assert kind == "failed"
    assert "Case 424242 is not on the list of this unit" in reason


def is_answered(live: Live, run: str) -> bool:
    """Answers, if the question is there."""
    try:
        live.answer(run, "Create New Client and Case")
    except ApiError as refusal:
        if refusal.status != 404:
            raise
        return False
    return True


def test_nobody_runs_in_a_colleagues_name_without_the_right_to(live: Live, asked: Asked) -> None:
    zoe = live.services.visitor("zoe")
    run = zoe.trigger(DAG, {"household_id": 1, "vendor": "profiles", "requested_by": "service"}, "in-a-name")
    assert live.end(run) == "failed"
    (row,) = live.rows("SELECT requested_by, triggered_by FROM run_v WHERE run_id = ?", run)
    assert row == {"requested_by": "zoe", "triggered_by": "zoe"}
    (stop,) = live.rows("SELECT why FROM run_stop WHERE run_id = ?", run)
    assert stop["why"].startswith("“In the name of” (requested_by): zoe may not act for service (LIC-ACTING).")
    note = live.user.call("GET", f"/api/v2/dags/{DAG}/dagRuns/{run}")["note"]
    assert note.replace("\\", "") == f"Stopped: {stop['why']}"


def test_however_early_the_answer_comes_it_counts(live: Live) -> None:
    runs = []
    for number in (6, 7):
        live.book.couple(number, first_name="Ada", last_name=f"Vale{number}")
        runs.append(live.sync(household_id=number, vendor="profiles"))
    waiting = list(runs)
    while waiting:
        waiting = [run for run in waiting if not is_answered(live, run)]
        time.sleep(0.1)
    assert [live.end(run) for run in runs] == ["success"] * 2
    assert [live.outcome(run)[0] for run in runs] == ["created"] * 2


def test_the_ledger_knows_who_answered_what_and_when(live: Live, asked: Asked) -> None:
    run = asked.runs["exact"]
    (row,) = live.rows("SELECT * FROM answer_v WHERE run_id = ?", run)
    assert (row["status"], row["choice"], row["answered_by"]) == ("answered", "update_case", "admin")
    assert row["asked_at"] < row["answered_at"]


def test_nobody_answers_in_time_which_is_no_refusal(live: Live, asked: Asked) -> None:
    run = asked.runs["silent"]
    live.question(run)
    live.let_the_time_run_out(run)
    assert live.end(run) == "success"
    kind, reason = live.outcome(run)
    assert kind == "deferred"
    assert reason.startswith("nobody answered")
    (row,) = live.rows("SELECT * FROM answer_v WHERE run_id = ?", run)
    assert (row["status"], row["choice"], row["answered_by"]) == ("timed_out", None, None)


def test_nothing_that_was_shown_stays_in_airflow(live: Live, asked: Asked) -> None:
    assert {live.end(run) for run in asked.runs.values()} == {"success", "failed"}
    shown = live.airflow_rows("SELECT body, chosen_options FROM hitl_detail")
    assert len(shown) >= len(asked.runs)
    assert [row for row in shown if row["body"] is not None] == []
    names = ("Zoraida", "Quill", "Rook", "Sable", "Thorn", "1970-05-01", "1970-01-31")
    written = [path for path in (live.home / "logs").rglob("*.log") if any(name in path.read_text() for name in names)]
    assert written == []
    tables = [row["name"] for row in live.airflow_rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
    cells = (str(row) for table in tables for row in live.airflow_rows(f"SELECT * FROM {table}"))
    assert [cell for cell in cells if any(name in cell for name in names)] == []
