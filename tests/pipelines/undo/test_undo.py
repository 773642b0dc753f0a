"""An undo puts back at Profiles what a run wrote, where it still stands; it is a run, and can be undone."""

import hashlib
from datetime import date
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from etl.errors import ParamsError
from etl.load.job import Payload
from etl.load.ledger import changes, locks, runs
from etl.load.ledger.changes import Change
from etl.load.ledger.retention import Keep, remove_old
from etl.load.ledger.runs import Outcome
from include.commands.undo_table import print_undone
from include.pipelines.undo.undoing import Undone
from include.why.asking import ask
from tests.load.advisors import edit_person, put_document
from tests.load.delivering import household
from tests.load.documents import Document, asset, person
from tests.pipelines.undo.undoing import base, decided, documents, ended, send, undo, undo_context, view
from tests.run_book import Book

NEXT = "2026-11-23"


def home(number: int, phone: str, value: int, *more: Document) -> Payload:
    """The household with that number: a head with this phone, an account of this value, and more accounts."""
    assets = [asset(number, holdingsValue=value), *more]
    return household(f"H{number}", client=number * 100 + 1, clientA=person(cellPhone=phone), assets=assets)


@pytest.fixture
def changed(book: Book) -> Book:
    """Two households, sent by run-1; run-2 brought other phones and values, and H1 a new account."""
    send(book, "run-1", home(1, "555-0101", 1000), home(2, "555-0101", 1000))
    send(book, "run-2", home(1, "555-0102", 2000, asset(7)), home(2, "555-0102", 1000), as_of=NEXT)
    return book


def test_the_writes_of_a_run_are_reverted(book: Book) -> None:
    send(book, "run-1", home(1, "555-0101", 1000))
    before = documents(book)
    send(book, "run-2", home(1, "555-0102", 1000, asset(7)), as_of=NEXT)
    assert documents(book) != before
    undone = undo(book, "run-2")
    assert documents(book) == before
    assert ended(undone) == {"H1": "updated"}
    assert decided(undone) == {
        ("H1", "clientA.cellPhone", "written"),
        ("H1", "assets[account:7]", "taken_out"),
    }


def test_a_field_that_was_changed_since_stays_and_is_listed(changed: Book) -> None:
    edit_person(changed.vendors, cellPhone="edited")
    document = changed.vendors.cases()["household:1"]["document"]
    assets = [
        {**one, "cashBalance": 3} if one["externalSourceId"] == "account:7" else one for one in document["assets"]
    ]
    put_document(changed.vendors, "household:1", {**document, "assets": assets})
    undone = undo(changed, "run-2", "H1")
    assert ended(undone) == {"H1": "updated"}
    assert decided(undone) == {
        ("H1", "clientA.cellPhone", "conflict"),
        ("H1", "assets[account:7]", "conflict"),
        ("H1", "assets[account:1].holdingsValue", "written"),
    }
    case = changed.vendors.cases()["household:1"]["document"]
    assert case["clientA"]["cellPhone"] == "edited"
    assert [one.reason for one in undone.outcomes if one.vendor == "profiles"] == [
        "2 of what the run wrote stays as it is: changed since"
    ]


def test_one_unit_can_be_undone_alone(changed: Book) -> None:
    before = documents(changed)
    undo(changed, "run-2", "H2")
    after = documents(changed)
    assert after["household:1"] == before["household:1"]
    assert after["household:2"]["clientA"]["cellPhone"] == "555-0101"


def test_an_undo_is_a_run_in_the_ledger_with_outcomes_and_fields(changed: Book) -> None:
    undone = undo(changed, "run-2")
    (row,) = view(changed, "run_v", run_id=undone.run_id)
    assert (row["dag_id"], row["status"], row["requested_by"]) == ("undo", "success", "ann")
    assert row["triggered_by"] == "the command line"
    outcomes = {
        (one["vendor"], one["unit_key"]): one["outcome"] for one in view(changed, "outcome_v", run_id=undone.run_id)
    }
    assert outcomes[("profiles", "H1")] == outcomes[("profiles", "H2")] == "updated"
    fields = {one["field"]: one["decision"] for one in view(changed, "field_change", run_id=undone.run_id)}
    assert fields["clientA.cellPhone"] == "written"
    report = undo_context(changed).data_folder / "reports" / undone.run_id
    assert {"worklist.html", "worklist.xlsx", "run.json"} <= {file.name for file in report.iterdir()}


def test_the_next_night_keeps_reverted_values_like_an_advisors_edit(book: Book) -> None:
    book.couple(1)
    book.phone(1, 101, "555-0101")
    book.run()
    book.crm.update("contact_phone", {"phone_id": 1}, number="555-0102")
    book.account(7, 101)
    book.run(NEXT)
    assert ended(undo(book, "run-2"), "emoney") == {"H1": "skipped"}
    before = documents(book)
    ran = book.run("2026-11-24")
    assert documents(book) == before
    assert ran.outcomes("profiles") == {"H1": "unchanged"}
    kept = {row["field"] for row in ran.rows("finding_v", rule_id="PROFILES-KEPT")}
    assert kept == {"clientA.cellPhone", "assets[account:7]"}


def test_why_tells_that_a_value_was_put_back(changed: Book) -> None:
    undone = undo(changed, "run-2")
    (told,) = ask(changed.contexts[-1].ledger, "H2", "clientA.cellPhone", None, None)
    assert told.answers[0].decision == "put back by an undo"
    assert (told.answers[0].run_id, told.answers[0].by) == (
        undone.run_id, "ann (triggered by the command line)",
    )  # fmt: skip


def test_an_undo_can_be_undone_and_that_too(changed: Book) -> None:
    after_run, what_was_sent = documents(changed), base(changed, "H1")
    first = undo(changed, "run-2")
    undone = documents(changed)
    second = undo(changed, first.run_id)
    assert documents(changed) == after_run
    assert base(changed, "H1") == what_was_sent
    assert ended(second) == {"H1": "updated", "H2": "updated"}
    undo(changed, second.run_id)
    assert documents(changed) == undone


def test_the_same_undo_again_finds_nothing_left(changed: Book) -> None:
    undo(changed, "run-2")
    writes = changed.vendors.writes()
    again = undo(changed, "run-2")
    assert changed.vendors.writes() == writes
    assert ended(again) == {"H1": "unchanged", "H2": "unchanged"}
    assert decided(again) == set()


def printed(undone: Undone) -> str:
    console = Console(file=StringIO(), width=200)
    print_undone(undone, Path("worklist.html"), console)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_a_second_undo_names_the_first_and_offers_no_way_back(changed: Book) -> None:
    first = undo(changed, "run-2")
    assert f"To undo this undo: make undo RUN={first.run_id}" in printed(first)
    for unit_key in (None, "H1"):
        told = printed(undo(changed, "run-2", unit_key))
        assert f"run-2 is already undone by {first.run_id}." in told
        assert "To undo this undo" not in told


@pytest.mark.parametrize("outcome", ["updated", "unchanged"])
def test_an_undo_of_a_run_for_emoney_alone_says_that_there_is_none(changed: Book, outcome: str) -> None:
    ledger = changed.contexts[-1].ledger
    runs.start_run(ledger, "run-3", "household_sync", date(2026, 11, 24), None, False, {})
    runs.plan_vendor(ledger, "run-3", "emoney", None, 1)
    runs.save_outcomes(ledger, "run-3", [Outcome("emoney", "H1", outcome)])
    told = printed(undo(changed, "run-3"))
    assert "eMoney has no undo: correct it there" in told
    assert "To undo this undo" not in told


def test_new_clients_are_listed_and_stay(changed: Book) -> None:
    before = documents(changed)
    undone = undo(changed, "run-1")
    assert documents(changed) == before
    assert ended(undone) == {"H1": "skipped", "H2": "skipped"}
    assert {one.reason for one in undone.outcomes if one.vendor == "profiles"} == {
        "made by that run; nothing is deleted"
    }


def test_emoney_is_listed_as_without_undo(changed: Book) -> None:
    ledger = changed.contexts[-1].ledger
    runs.save_outcomes(ledger, "run-2", [Outcome("emoney", "H1", "updated"), Outcome("emoney", "H2", "unchanged")])
    changes.save_changes(ledger, "run-2", "emoney", [("H1", Change("cellPhone", "written", "1", "2"))])
    undone = undo(changed, "run-2")
    assert ended(undone, "emoney") == {"H1": "skipped"}
    (reason,) = {one.reason for one in undone.outcomes if one.vendor == "emoney"}
    assert reason is not None
    assert reason.startswith("eMoney has no undo")
    assert reason.endswith("(1 field written)")


def test_an_open_case_is_deferred_and_comes_with_the_next_undo(changed: Book) -> None:
    case_id = changed.vendors.cases()["household:1"]["caseId"]
    advisor = {"Authorization": f"Bearer {token(changed)}"}
    changed.vendors.profiles("POST", f"/api/cases/{case_id}/open", json={"openedBy": "Ann Advisor"}, headers=advisor)
    first = undo(changed, "run-2")
    assert ended(first) == {"H1": "deferred", "H2": "updated"}
    assert any("Ann Advisor" in (one.reason or "") for one in first.outcomes)
    changed.vendors.profiles("POST", f"/api/cases/{case_id}/close", headers=advisor)
    assert ended(undo(changed, "run-2")) == {"H1": "updated", "H2": "unchanged"}


def token(book: Book) -> str:
    log_in = {"username": "planbridge", "password": "sandbox"}
    text: str = book.vendors.profiles("POST", "/api/auth/login", json=log_in).json()["token"]
    return text


def test_a_dry_run_of_an_undo_reports_what_would_be_reverted_and_writes_nothing(changed: Book) -> None:
    before, writes, sent = documents(changed), changed.vendors.writes(), base(changed, "H1")
    undone = undo(changed, "run-2", dry_run=True)
    assert documents(changed) == before
    assert changed.vendors.writes() == writes
    assert base(changed, "H1") == sent
    assert ("H1", "clientA.cellPhone", "written") in decided(undone)
    real = undo(changed, "run-2")
    assert decided(real) == decided(undone)


def test_a_household_that_took_over_a_lone_clients_case_is_undone_as_itself(book: Book) -> None:
    for run_id, unit_key, phone in (("run-1", "C7", "1"), ("run-2", "C7", "2"), ("run-3", "H3", "2")):
        send(book, run_id, household(unit_key, client=7, clientA=person(cellPhone=phone)))
    for unit_key in ("C7", "H3"):
        assert ended(undo(book, "run-2", unit_key, dry_run=True)) == {"H3": "updated"}
    undo(book, "run-2")
    (case,) = book.vendors.cases().values()
    assert case["document"]["clientA"]["cellPhone"] == "1"


@pytest.mark.parametrize(
    ("run_id", "unit_key", "words"),
    [
        ("run-22", None, "There is no run run-22. Did you mean run-2"),
        ("nothing-like-it", None, "The latest is run-2"),
        ("run-2", "H9", "run-2 did not deal with H9. It dealt with 2, such as H1, H2."),
    ],
)
def test_an_undo_that_is_impossible_is_refused_in_words(
    changed: Book, run_id: str, unit_key: str | None, words: str
) -> None:
    with pytest.raises(ParamsError) as refused:
        undo(changed, run_id, unit_key)
    assert words in str(refused.value)


def test_a_dry_run_has_nothing_to_undo(changed: Book) -> None:
    ledger = changed.contexts[-1].ledger
    runs.start_run(ledger, "dry", "weeknight_refresh", date(2026, 11, 24), None, True, {})
    with pytest.raises(ParamsError, match="wrote nothing"):
        undo(changed, "dry")


def test_two_undos_of_the_same_do_not_run_at_once(changed: Book) -> None:
    what = hashlib.sha256(b"run-2\x1fNone").hexdigest()[:40]
    ledger = changed.contexts[-1].ledger
    with (
        locks.hold(ledger, "undo", what, locks.holder_name("other")),
        pytest.raises(ParamsError, match="at this moment"),
    ):
        undo(changed, "run-2")


def test_wrong_credentials_stop_the_undo_and_a_second_takes_it_up(changed: Book) -> None:
    before = documents(changed)
    way = changed.connections["profiles"]
    assert way is not None
    changed.connections["profiles"] = type(way)(way.conn_type, way.host, way.port, login="planbridge", password="no")
    undone = undo(changed, "run-2")
    assert undone.stopped is not None
    assert set(ended(undone).values()) == {"failed"}
    assert documents(changed) == before
    changed.connections["profiles"] = way
    assert set(ended(undo(changed, "run-2")).values()) == {"updated"}


def test_a_run_whose_values_were_removed_by_age_is_not_undone_and_says_why(changed: Book) -> None:
    remove_old(changed.contexts[-1].ledger, Keep(values_days=0))
    with pytest.raises(ParamsError, match=r"run-2 cannot be undone any more: .* after 90 days"):
        undo(changed, "run-2")
    assert {told.decision for told in ask(changed.contexts[-1].ledger, "H1", None, None, None)[0].answers}
