"""A transfer as its tasks carry it out: checked, asked for, answered, moved, reported."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from etl.errors import ParamsError, StopRun
from etl.load.ledger import runs
from etl.load.ledger.transfers import transfers
from include.pipelines.transfer import answer, plan
from include.pipelines.transfer.request import TransferContext
from tests.pipelines.transfer.books import ELSEWHERE, TARGET, TwoOffices
from tests.pipelines.transfer.moving import Database, kept_folder
from tests.pipelines.transfer.staging_area import Area, book_with_rights, make_area

# What is made for several of them is made by one worker.
pytestmark = pytest.mark.xdist_group("stages")

STAYED, MOVED = [(1, False)], [(1, True), (2, False)]


def couple(book: TwoOffices) -> tuple[int, int]:
    """Ann and Eve, who move together."""
    ann, eve = book.contact(first_name="Ann"), book.contact(first_name="Eve", last_name="Hill", birth_date="1972-02-02")
    book.relate(ann, eve, relation="Spouse")
    book.home(ann, wife=eve)
    return ann, eve


@pytest.fixture
def book() -> TwoOffices:
    return book_with_rights()


# Who is in the transfer that waits: Ann and Eve, who move together, and Bob.
ANN, EVE, BOB, DAN = 1, 2, 3, 4
ALL = {"contact_ids": [ANN, EVE, BOB]}


@pytest.fixture(scope="module")
def waiting_once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Area, Callable[[], None]]:
    book = book_with_rights()
    assert couple(book) == (ANN, EVE)
    assert book.contact(first_name="Bob", last_name="Lake") == BOB
    assert book.contact(first_name="Dan", last_name="Moor") == DAN
    folder = tmp_path_factory.mktemp("waiting") / "area"
    folder.mkdir()
    area = make_area(folder, book)
    area.plan("t1", **ALL)
    return area, kept_folder(folder)


@pytest.fixture
def waiting(waiting_once: tuple[Area, Callable[[], None]]) -> Area:
    """The transfer ``t1`` of Ann, Eve and Bob was planned and waits for its answer; Dan is in the same office."""
    area, put_back = waiting_once
    put_back()
    return area


def test_what_was_accepted_moves_and_the_manifest_says_that_it_happened_as_planned(
    tmp_path: Path, book: TwoOffices
) -> None:
    ann, eve = couple(book)
    book.add("smartpad_note", contact_id=ann, body="Called.")
    book.add("event_invitation", contact_id=ann, event_name="Dinner")
    area = make_area(tmp_path, book)
    area.plan("t1", contact_ids=[ann, eve])
    waiting = (area.reports("t1") / "worklist.html").read_text()
    assert "Answer the required action: accept all, accept some contacts, or reject." in waiting
    assert "Outcomes by vendor" not in waiting
    assert "not known" not in waiting
    done = area.transfer("t1", contact_ids=[ann, eve])
    assert done["status"] == "closed"
    assert "Outcomes by vendor" in (area.reports("t1") / "worklist.html").read_text()
    assert (area.offices_of(ann), area.offices_of(eve)) == (MOVED, MOVED)
    new = {one["first_name"]: str(one["contact_id"]) for one in area.crm.rows("contact", office_id=TARGET)}
    assert area.outcomes("t1") == {f"C{ann}": ("created", None), f"C{eve}": ("created", None)}
    summary = json.loads((area.reports("t1") / "manifest.json").read_text())
    assert (summary["status"], summary["agrees"]) == ("closed", True)
    archived = (tmp_path / "archive" / "t1" / f"contact {ann}.txt").read_text()
    assert f"There it is contact {new['Ann']}." in archived
    assert "event_name: Dinner" in archived
    assert not (tmp_path / "transfers" / "staging" / "t1").exists()
    assert area.report("t1", contact_ids=[ann, eve])["status"] == "closed"  # a task that is started again


@pytest.mark.parametrize(
    ("changes", "rule_id", "words"),
    [
        (["DELETE FROM user_right WHERE right_name = 'Data Export'"], "LIC-EXPORT", ": Data Export is missing"),
        (
            [
                "DELETE FROM user_right WHERE right_name LIKE 'Export contacts%'",
                "UPDATE crm_user SET status = 'Disabled', office_id = 3 WHERE user_id = 1",
            ],
            "LIC-EXPORT",
            "an account in the office, the status Enabled, Export contacts to another office - Button is missing",
        ),
        (
            ["DELETE FROM user_right WHERE user_id = 2", "UPDATE crm_user SET office_id = 1 WHERE user_id = 2"],
            "LIC-IMPORT",
            "an account in the office, Data Import is missing",
        ),
        (
            ["UPDATE crm_user SET user_name = 'other' WHERE user_id = 2"],
            "LIC-IMPORT",
            "the user account is missing",
        ),
        (["UPDATE office SET status = 'Disabled' WHERE office_id = 2"], "XFR-OFFICE", "cannot receive"),
    ],
    ids=["no right", "no account there", "no right to receive", "no user", "a closed office"],
)
def test_a_transfer_is_refused_by_name_before_anybody_is_asked(
    tmp_path: Path, book: TwoOffices, changes: list[str], rule_id: str, words: str
) -> None:
    ann = book.contact()
    area = make_area(tmp_path, book)
    for change in changes:
        area.crm.run(change)
    with pytest.raises(StopRun) as refused:
        area.plan("t1", contact_ids=[ann])
    assert f"{rule_id}: " in str(refused.value)
    assert words in str(refused.value)
    assert area.found("t1").status == "cancelled"
    assert answer.make_question(area.context("t1", contact_ids=[ann])) is None
    with pytest.raises(StopRun):
        area.report("t1", ["plan_transfer"], contact_ids=[ann])
    assert area.rules("t1") == {("transfer", rule_id)}
    assert not (tmp_path / "transfers" / "staging" / "t1").exists()
    assert area.offices_of(ann) == STAYED


def test_a_refused_transfer_leaves_its_contacts_to_the_next(tmp_path: Path, book: TwoOffices) -> None:
    ann = book.contact()
    area = make_area(tmp_path, book)
    with pytest.raises(StopRun):
        area.plan("t1", contact_ids=[ann], receiving_user="nobody")
    planned = area.plan("t2", contact_ids=[ann])
    assert (planned["contacts"], planned["held"]) == (1, 0)


@pytest.mark.parametrize(
    "asked", [{"target_office_id": 9}, {"source_office_id": 9}, {"set_id": 9, "contact_ids": None}]
)
def test_an_office_or_set_that_does_not_exist_is_named(tmp_path: Path, book: TwoOffices, asked: dict[str, Any]) -> None:
    area = make_area(tmp_path, book)
    with pytest.raises(ParamsError, match="9"):
        area.plan("t1", **{"contact_ids": [1], **asked})


def test_the_office_itself_is_no_target(tmp_path: Path, book: TwoOffices) -> None:
    ann = book.contact()
    area = make_area(tmp_path, book)
    with pytest.raises(StopRun, match="XFR-OFFICE"):
        area.plan("t1", contact_ids=[ann], target_office_id=1)


@pytest.mark.parametrize("user", ["bystander", "mover", "admin", None])
def test_nobody_elses_acceptance_counts(waiting: Area, user: str | None) -> None:
    assert waiting.answer("t1", "Accept", user, **ALL) is None
    assert waiting.found("t1").status == "planned"


def test_a_task_that_somebody_marked_as_success_is_no_acceptance(waiting: Area) -> None:
    with pytest.raises(StopRun, match="Nobody has accepted"):
        waiting.move("t1", **ALL)
    assert waiting.report("t1", **ALL)["status"] == "cancelled"
    assert waiting.offices_of(ANN) == STAYED


def test_rejection_and_timeout_change_nothing_and_have_different_statuses(tmp_path: Path, book: TwoOffices) -> None:
    ann, eve = couple(book)
    area = make_area(tmp_path, book)
    before = area.crm.everything()
    for run_id, choice, status, words in (
        ("t1", "Reject", "rejected", "receiver rejected it"),
        ("t2", "timeout", "timed_out", "nobody answered in time"),
    ):
        area.plan(run_id, contact_ids=[ann, eve])
        assert area.answer(run_id, choice, contact_ids=[ann, eve]) == status
        assert area.move(run_id, contact_ids=[ann, eve]) is None
        assert area.report(run_id, contact_ids=[ann, eve])["status"] == status
        assert area.outcomes(run_id) == {f"C{one}": ("skipped", words) for one in (ann, eve)}
        assert area.crm.everything() == before
    assert area.transfer("t3", contact_ids=[ann, eve])["status"] == "closed"


def test_some_of_the_contacts_can_be_accepted(waiting: Area) -> None:
    assert waiting.answer("t1", "Accept", only=f"{EVE}, {BOB}", **ALL) == "accepted"
    waiting.move("t1", **ALL)
    assert waiting.report("t1", **ALL)["status"] == "closed"
    assert [waiting.offices_of(one) for one in (ANN, EVE, BOB)] == [STAYED, MOVED, MOVED]
    assert waiting.outcomes("t1")[f"C{ANN}"] == ("held", "XFR-ACCEPT: the receiving user did not accept it")
    assert waiting.crm.rows("key_relation", contact_id=ANN) == waiting.crm.rows("key_relation")


@pytest.mark.parametrize("only", ["99", [99], "Ann"])
def test_an_acceptance_of_somebody_who_does_not_move_is_asked_again(waiting: Area, only: Any) -> None:
    assert waiting.answer("t1", "Accept", only=only, **ALL) is None
    assert waiting.found("t1").status == "planned"


def test_a_transfer_can_be_cancelled_up_to_its_acceptance(waiting: Area) -> None:
    ledger = waiting.context("t1", **ALL).ledger
    transfers.answer(ledger, "t1", "cancelled", None, "the operator cancelled it")
    assert answer.read_patience(waiting.context("t1", **ALL)) is None
    assert waiting.answer("t1", "Accept", **ALL) == "cancelled"
    assert waiting.move("t1", **ALL) is None
    assert waiting.report("t1", **ALL)["status"] == "cancelled"
    assert waiting.offices_of(ANN) == STAYED
    waiting.plan("t2", **ALL)
    waiting.answer("t2", "Accept", **ALL)
    with pytest.raises(ParamsError, match="cannot be cancelled now"):
        transfers.answer(ledger, "t2", "cancelled", None)


def test_a_dry_run_writes_the_manifest_and_asks_nobody(tmp_path: Path, book: TwoOffices) -> None:
    ann, eve = couple(book)
    area = make_area(tmp_path, book)
    before = area.crm.everything()
    asked = {"contact_ids": [ann, eve], "dry_run": True}
    area.plan("t1", **asked)
    assert answer.make_question(area.context("t1", **asked)) is None
    assert area.move("t1", **asked) is None
    assert area.report("t1", **asked)["status"] == "dry run"
    assert area.report("t1", **asked)["status"] == "dry run"  # a task that is started again
    reported = runs.find_run(area.context("t1", **asked).ledger, "t1")
    assert reported is not None
    assert reported["status"] == "success"
    assert "nobody was asked" in (area.reports("t1") / "manifest.html").read_text()
    assert area.crm.everything() == before
    planned = area.plan("t2", contact_ids=[ann, eve])
    assert (planned["contacts"], planned["held"]) == (2, 0)


@pytest.mark.parametrize("asked", [{"set_id": 1}, {"contact_ids": [404]}])
def test_where_there_is_nobody_to_move_nobody_is_asked(tmp_path: Path, book: TwoOffices, asked: dict[str, Any]) -> None:
    book.add("contact_set", name="Empty")
    area = make_area(tmp_path, book)
    area.plan("t1", **asked)
    assert answer.make_question(area.context("t1", **asked)) is None
    assert area.report("t1", **asked)["status"] == "cancelled"


def test_a_contact_that_is_in_the_target_already_is_held_with_all_contacts_tied_to_it(
    tmp_path: Path, book: TwoOffices
) -> None:
    ann, eve = couple(book)
    bob = book.contact(first_name="Bob", last_name="Lake")
    twin = book.twin_in_target(ann, last_name="HARBOR")
    area = make_area(tmp_path, book)
    area.transfer("t1", contact_ids=[ann, eve, bob])
    assert area.outcomes("t1") == {
        f"C{ann}": ("held", "XFR-PRESENT"),
        f"C{eve}": ("held", f"XFR-PRESENT: it moves only together with contact {ann}, which is held back"),
        f"C{bob}": ("created", None),
    }
    assert (f"C{ann}", "XFR-PRESENT") in area.rules("t1")
    assert f"contact {twin}" in (area.reports("t1") / "manifest.html").read_text()


def test_two_transfers_cannot_have_the_same_contact(waiting: Area) -> None:
    waiting.transfer("t2", contact_ids=[BOB, DAN])
    assert waiting.outcomes("t2") == {f"C{BOB}": ("held", "XFR-BUSY"), f"C{DAN}": ("created", None)}
    waiting.answer("t1", "Accept", **ALL)
    waiting.move("t1", **ALL)
    assert waiting.report("t1", **ALL)["status"] == "closed"
    assert waiting.offices_of(BOB) == MOVED


def test_a_record_that_is_no_contact_of_the_source_office_is_held(tmp_path: Path, book: TwoOffices) -> None:
    records = ({"office_id": ELSEWHERE}, {"deleted_at": "2026-01-01 00:00:00"}, {"subsystem_type": "Advisor"})
    strangers = [book.contact(first_name=f"Ann{number}", **record) for number, record in enumerate(records)]
    eve = book.contact(first_name="Eve")
    area = make_area(tmp_path, book)
    area.transfer("t1", contact_ids=[*strangers, eve])
    assert area.outcomes("t1") == {
        **{f"C{one}": ("held", "XFR-SET") for one in strangers},
        f"C{eve}": ("created", None),
    }


def test_the_closure_list_is_reported_and_can_be_added(tmp_path: Path, book: TwoOffices) -> None:
    ann, eve = couple(book)
    area = make_area(tmp_path, book)
    area.plan("t1", contact_ids=[ann], dry_run=True)
    area.report("t1", contact_ids=[ann], dry_run=True)
    page = (area.reports("t1") / "manifest.html").read_text()
    assert f"contact {ann} names them" in page
    assert {("C1", "XFR-RELATIONS"), ("C1", "XFR-HOUSEHOLD")} <= area.rules("t1")
    area.transfer("t2", contact_ids=[ann], add_related=True)
    assert area.outcomes("t2") == {f"C{ann}": ("created", None), f"C{eve}": ("created", None)}
    assert [row["head_contact_id"] is not None for row in area.crm.rows("household", office_id=TARGET)] == [True]


def test_an_edit_between_the_manifest_and_the_move_stops_that_group_alone(waiting: Area) -> None:
    waiting.answer("t1", "Accept", **ALL)
    waiting.crm.run("UPDATE contact SET last_name = 'Married' WHERE first_name = 'Bob'")
    waiting.move("t1", **ALL)
    assert waiting.report("t1", **ALL)["status"] == "closed"
    assert [waiting.offices_of(one) for one in (ANN, EVE, BOB)] == [MOVED, MOVED, STAYED]
    assert waiting.outcomes("t1")[f"C{BOB}"][0] == "failed"
    summary = json.loads((waiting.reports("t1") / "manifest.json").read_text())
    assert summary["agrees"] is True
    assert {row["entity"]: row["failed"] for row in summary["by_table"] if row["failed"]} == {"contact": 1}
    stopped = [row for row in summary["by_rule"] if row["decision"] == "failed"]
    assert stopped == [{"rule_id": "XFR-EDITED", "decision": "failed", "records": 1, "contacts": 1}]


def test_a_transfer_that_moves_nothing_after_all_fails(waiting: Area) -> None:
    waiting.answer("t1", "Accept", **ALL)
    waiting.crm.run("UPDATE contact SET last_name = 'Married'")
    waiting.move("t1", **ALL)
    with pytest.raises(StopRun, match="No group could be moved"):
        waiting.report("t1", **ALL)
    assert waiting.offices_of(ANN) == STAYED


def test_a_run_is_one_transfer(waiting: Area) -> None:
    waiting.plan("t1", **ALL)  # a retry
    waiting.answer("t1", "Accept", **ALL)
    with pytest.raises(StopRun, match="accepted already"):
        waiting.plan("t1", **ALL)


def test_the_question_holds_counts_and_keys_and_no_name(tmp_path: Path, book: TwoOffices) -> None:
    ann, eve = couple(book)
    area = make_area(tmp_path, book)
    area.plan("t1", contact_ids=[ann], accept_within=1)
    question = answer.make_question(area.context("t1", contact_ids=[ann], accept_within=1))
    assert question is not None
    assert question.receiving_user == "receiver"
    assert question.subject == "Accept 1 contact from Source (office 1)"
    assert "| Contacts | 1 | 0 |" in question.body
    assert f"came along: {eve}" in question.body
    assert "Harbor" not in question.body
    assert question.patience == answer.LOOK_AGAIN


def test_in_a_run_at_a_terminal_nobody_can_accept(waiting: Area) -> None:
    assert answer.make_question(waiting.context("t1", **ALL), can_be_answered=False) is None
    assert waiting.found("t1").why == "nobody can accept in a run at a terminal"


def test_a_user_whom_the_crm_does_not_know_is_refused_with_the_way_out(tmp_path: Path, book: TwoOffices) -> None:
    area = make_area(tmp_path, book)
    context = area.context("t1", contact_ids=[book.contact()])
    asked = replace(context.request, requested_by="admin", triggered_by="admin")
    with pytest.raises(ParamsError, match=r"admin has triggered the run and is no user of the CRM \(LIC-ACTING\)"):
        plan.plan_transfer(TransferContext(asked, context.settings, context.connections))


def test_the_user_who_triggered_a_transfer_for_another_is_kept_and_shown(tmp_path: Path, book: TwoOffices) -> None:
    ann = book.contact()
    area = make_area(tmp_path, book)
    area.plan("t1", contact_ids=[ann])
    found = area.found("t1")
    assert (found.requested_by, found.triggered_by) == ("mover", "the command line")
    assert "mover (triggered by the command line)" in (area.reports("t1") / "manifest.html").read_text()


def test_an_office_in_the_same_database_by_another_spelling_is_planned_and_moved_in_one(
    tmp_path: Path, book: TwoOffices
) -> None:
    ann = book.contact()
    area = make_area(tmp_path, book)
    crm = Path(sa.make_url(area.crm.url).database or "")
    (tmp_path / "link.db").symlink_to(crm)
    area.target = Database(f"sqlite:///{tmp_path / 'link.db'}")
    assert area.transfer("t1", contact_ids=[ann])["status"] == "closed"
    found = area.found("t1")
    assert found.source_database == found.target_database
    groups = transfers.read_groups(area.context("t1", contact_ids=[ann]).ledger, "t1")
    assert (groups["status"].tolist(), groups["written_at"].isna().all()) == (["retired"], True)
