"""``make why`` after runs without a result, and after a new case: the answers are about the linked case."""

import io
from datetime import date

import pytest
from rich.console import Console

from etl.errors import ParamsError
from etl.load.ledger import pins
from etl.load.ledger.pins import Pin
from include.commands.why_table import print_answers
from include.why.answers import Answer
from include.why.asking import ask
from tests.load.advisors import edit_person
from tests.pipelines.household.by_hand import run_by_hand
from tests.pipelines.undo.undoing import undo
from tests.run_book import Book, BookSnapshot, Restore, snapshot

LATER = "2026-11-24"


@snapshot
def sent_kept(book: Book) -> None:
    """H1, a couple with a phone number and an account, sent by run-1, and a new number by run-2."""
    book.couple(1)
    book.phone(9, 101, "555-0101")
    book.run("2026-11-20", vendors=("profiles",), report=True)
    book.crm.update("contact_phone", {"phone_id": 9}, number="555-0109")
    book.run("2026-11-23", vendors=("profiles",), report=True)


@pytest.fixture
def sent(sent_kept: BookSnapshot, restore: Restore) -> Book:
    return restore(sent_kept)


@pytest.fixture(scope="module")
def refused_kept(sent_kept: BookSnapshot, tmp_path_factory: pytest.TempPathFactory) -> BookSnapshot:
    """The same, and a run by hand that was refused."""
    book = sent_kept.restored_in(tmp_path_factory.mktemp("refused"))
    refused = run_by_hand(book, 1, action="create_client_and_case", as_of=LATER, report=True)
    assert refused.outcomes("profiles") == {"H1": "failed"}
    return BookSnapshot(book)


@pytest.fixture
def refused(refused_kept: BookSnapshot, restore: Restore) -> Book:
    return restore(refused_kept)


def why(book: Book, name: str) -> Answer:
    (told,) = ask(book.context().ledger, "H1", name, "profiles", None)
    (answer,) = told.answers
    return answer


def test_a_refused_run_does_not_hide_where_a_value_comes_from(
    refused: Book, refused_kept: BookSnapshot, sent_kept: BookSnapshot
) -> None:
    before, found = (why(book, "clientA.cellPhone") for book in (sent_kept.book, refused))
    assert (found.decision, found.rule_id, found.run_id) == ("written", "DEM-PICK", "run-2")
    assert (found.source, found.shape) == (before.source, before.shape)
    assert found.last_run.startswith("failed: H1 is linked at Profiles already")
    assert found.last_run.endswith(f"by {refused_kept.book.contexts[-1].request.run_id}")


@pytest.mark.parametrize("field", ["clientA.cellPhone", None])
def test_the_outcome_of_the_last_run_is_one_line(refused: Book, field: str | None) -> None:
    out = io.StringIO()
    print_answers(ask(refused.context().ledger, "H1", field, "profiles", None), Console(file=out, width=300))
    assert out.getvalue().count("failed: H1 is linked at Profiles already") == 1


def test_a_value_that_only_a_failed_run_had_is_reported_as_failed(sent: Book) -> None:
    sent.account(77, 101)
    run_by_hand(sent, 1, action="create_client_and_case", as_of=LATER, report=True)
    found = why(sent, "assets[account:77].holdingsValue")
    assert found.decision.startswith("failed: H1 is linked at Profiles already")
    assert (found.key, found.last_run) == ("77", "")
    assert why(sent, "assets[account:1].holdingsValue").decision == "written; unchanged since"


def test_a_column_is_explained_by_the_run_that_dealt_with_it(refused: Book) -> None:
    found = why(refused, "phone:9.number")
    assert (found.decision, found.run_id) == ("goes into clientA.cellPhone", "run-2")
    assert found.last_run.startswith("failed: ")


def test_a_unit_that_was_never_sent_is_explained_by_its_last_run(book: Book) -> None:
    book.couple(1)
    run_by_hand(book, 1, action="update_case", report=True)
    found = why(book, "clientA.firstName")
    assert found.decision.startswith("failed: H1 is not linked at Profiles")
    assert found.last_run == ""


def test_after_a_new_case_decisions_about_the_old_case_are_not_shown(sent: Book) -> None:
    undo(sent, "run-2")
    assert why(sent, "clientA.cellPhone").decision == "put back by an undo"
    edit_person(sent.vendors, firstName="Nick", jobTitle="Keeper")
    ledger = sent.context().ledger
    pins.change_pins(ledger, "H1", [Pin("clientA.firstName", "profiles", "as she says")], [], "ann", "hand")
    sent.crm.update("contact", {"contact_id": 101}, first_name="Nicholas", job_title="Owner")
    sent.run(LATER, vendors=("profiles",), report=True)
    assert why(sent, "clientA.firstName").decision == "kept: pinned to Profiles"
    assert why(sent, "clientA.jobTitle").decision.startswith("kept: somebody edited it")
    made = run_by_hand(sent, 1, action="create_case", as_of=LATER, report=True)
    assert made.outcomes("profiles") == {"H1": "created"}
    found = {name: why(sent, f"clientA.{name}") for name in ("jobTitle", "firstName", "cellPhone")}
    assert {one.run_id for one in found.values()} == {made.context.request.run_id}
    assert found["jobTitle"].decision == "written"
    assert found["firstName"].decision == "kept: pinned to Profiles"
    assert found["cellPhone"].decision.startswith("kept: ")


def test_an_undo_in_the_old_case_is_not_shown_for_the_new_case(sent: Book) -> None:
    made = run_by_hand(sent, 1, action="create_case", as_of=LATER, report=True)
    undone = undo(sent, "run-2")
    assert [one.outcome for one in undone.outcomes if one.vendor == "profiles"] == ["updated"]
    found = why(sent, "clientA.cellPhone")
    assert (found.decision, found.run_id) == ("written", made.context.request.run_id)


def test_an_undo_that_changes_nothing_is_not_shown(sent: Book) -> None:
    undo(sent, "run-2")
    before = why(sent, "clientA.cellPhone")
    again = undo(sent, "run-2")
    assert [one.outcome for one in again.outcomes if one.vendor == "profiles"] == ["unchanged"]
    assert why(sent, "clientA.cellPhone") == before


def test_a_later_decision_about_an_item_counts_for_its_fields(sent: Book) -> None:
    sent.crm.update("investment_account", {"account_id": 1}, account_value=2000, net_value=2000)
    sent.run(LATER, vendors=("profiles",), report=True)
    assert why(sent, "assets[account:1].holdingsValue").decision == "written"
    sent.crm.delete("investment_account", account_id=1)
    sent.run("2026-11-25", vendors=("profiles",), report=True)
    assert why(sent, "assets[account:1].holdingsValue").decision == "left: the CRM has it no longer"


def test_another_chosen_case_has_its_own_decisions(sent: Book) -> None:
    edit_person(sent.vendors, firstName="Ada")
    run_by_hand(sent, 1, action="update_case", as_of=LATER, report=True)
    assert why(sent, "clientA.firstName").decision.startswith("kept")
    (first,) = sent.vendors.profiles.state()["households"][0]["cases"]
    run_by_hand(sent, 1, action="create_case", as_of=LATER, report=True)
    back = run_by_hand(sent, 1, action="update_case", case_id=first["caseId"], as_of=LATER, report=True)
    again = run_by_hand(sent, 1, action="update_case", case_id=first["caseId"], as_of=LATER, report=True)
    found = why(sent, "clientA.cellPhone")
    assert found.run_id in {run.context.request.run_id for run in (back, again)}
    assert "run-2" not in found.decision + found.run_id
    # A run that comes to nothing afterwards tells all fields as they were, those of items that hold none, too.
    late = run_by_hand(sent, 1, as_of="2026-11-01", report=True)
    assert (late.stopped, late.outcomes("profiles")) == (None, {"H1": "skipped"})
    assert why(sent, "account:1.cashBalance").last_run.startswith("skipped: superseded")


def test_a_date_before_the_first_run_is_answered_with_the_first_day(sent: Book) -> None:
    with pytest.raises(ParamsError) as refused:
        ask(sent.context().ledger, "H1", None, None, date(2026, 11, 1))
    assert str(refused.value) == (
        "H1 was in no run up to 2026-11-01: its first was as of 2026-11-20. Ask for that day or later."
    )
    with pytest.raises(ParamsError, match=r"^H1 was in no run at eMoney; it was in scope at Profiles\.$"):
        ask(sent.context().ledger, "H1", None, "emoney", date(2026, 11, 1))
