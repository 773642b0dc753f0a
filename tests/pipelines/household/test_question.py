"""What a person is shown where the pipeline may not decide, and what becomes of the answer."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import count
from typing import Any

import pytest

from etl.errors import ParamsError, StopRun
from etl.load.job import ByHand
from etl.load.ledger import answers
from etl.load.profiles.search import BUTTONS, buttons_for
from include.pipelines.household.prepare import prepare_unit
from include.pipelines.household.question import VENDOR, Question, answer_to, keep_answer, question_for
from include.pipelines.refresh.load import load_shard
from include.pipelines.refresh.report import report_run
from include.pipelines.run.context import HandRequest, RunContext
from tests.load.documents import person
from tests.pipelines.household.by_hand import as_prepared
from tests.run_book import Book, BookSnapshot, Restore, Vendors, snapshot

NUMBERS = count(1)


def sync(book: Book, action: str = "auto", dry_run: bool = False, household_id: int = 12, **chosen: Any) -> RunContext:
    """A run by hand, up to the gate."""
    what = ByHand(action, asked_at=datetime.now(UTC).replace(tzinfo=None), lock_wait_seconds=1, **chosen)
    context = book.context(
        run_id=f"by hand {next(NUMBERS)}",
        vendors=(VENDOR,),
        dry_run=dry_run,
        triggered_by="amy",
        by_hand=HandRequest(household_id, None, what),
    )
    prepare_unit(context)
    return context


def asked(context: RunContext) -> Question:
    question = question_for(context, True)
    assert question is not None
    return question


def event(button: str, **given: Any) -> dict[str, Any]:
    """As Airflow hands a person's answer over."""
    return {
        "chosen_options": [button],
        "params_input": given,
        "responded_at": datetime(2026, 11, 20, 12, tzinfo=timezone(timedelta(hours=-5))),
        "responded_by_user": {"id": "7", "name": "amy"},
        "timedout": False,
    }


def ended(context: RunContext) -> tuple[str, str]:
    """Loads and reports; how the household ended and why."""
    load_shard(context, VENDOR, 0)
    report_run(context)
    with context.ledger.read() as connection:
        query = "SELECT outcome, reason FROM outcome_v WHERE run_id = ?"
        (row,) = connection.exec_driver_sql(query, (context.request.run_id,)).all()
    return row[0], row[1] or ""


def add_household(vendors: Vendors, cases: int = 1, key: str | None = None, **client: Any) -> str:
    """A household that somebody typed in at Profiles."""
    log_in = {"username": "planbridge", "password": "sandbox"}
    token = vendors.profiles("POST", "/api/auth/login", json=log_in).json()["token"]
    headers = {"Authorization": f"Bearer {token}"}
    name = client.pop("case_name", "Typed in")
    body = {"externalSourceId": key, "case": {"name": name, "clientA": person(**client)}}
    made = str(vendors.profiles("POST", "/api/households", json=body, headers=headers).json()["householdId"])
    for number in range(1, cases):
        more = {"name": f"{name} {number}", "clientA": person(**client)}
        vendors.profiles("POST", f"/api/households/{made}/cases", json=more, headers=headers)
    return made


def cases_of(vendors: Vendors, household_id: str) -> list[str]:
    households = {one["householdId"]: one for one in vendors.profiles.state()["households"]}
    return [case["caseId"] for case in households[household_id]["cases"]]


EXACT = {"firstName": "Ann", "lastName": "Lee", "birthDate": "1970-05-01"}


@snapshot
def home_kept(book: Book) -> None:
    book.couple(12, first_name="Ann", last_name="Lee")
    sync(book)


@pytest.fixture
def book(home_kept: BookSnapshot, restore: Restore) -> Book:
    """Household 12 of Ann Lee, who was born on 1970-05-01; a run by hand has come up to the gate (`as_prepared`)."""
    return restore(home_kept)


@pytest.fixture
def vendors(book: Book) -> Vendors:
    return book.vendors


class TestNobodyIsAsked:
    def test_where_the_ledger_knows_the_record(self, book: Book) -> None:
        first = as_prepared(book, action="create_client_and_case")
        assert question_for(first, True) is None
        assert ended(first)[0] == "created"
        assert question_for(sync(book), True) is None

    def test_where_one_household_with_one_case_matches_exactly(self, book: Book, vendors: Vendors) -> None:
        add_household(vendors, **EXACT)
        assert question_for(as_prepared(book), True) is None

    def test_where_nobody_can_answer(self, book: Book) -> None:
        context = as_prepared(book)
        assert question_for(context, False) is None
        assert ended(context)[0] == "deferred"

    def test_in_a_dry_run_which_says_what_would_be_asked(self, book: Book, vendors: Vendors) -> None:
        theirs = add_household(vendors, 2, **EXACT)
        context = sync(book, dry_run=True)
        assert question_for(context, True) is None
        outcome, reason = ended(context)
        assert outcome == "deferred"
        assert f"somebody has to choose from the Search list: households that match exactly: {theirs}" in reason

    def test_where_the_gate_holds_the_household(self, book: Book) -> None:
        book.crm.update("contact", {"contact_id": 1201}, birth_date=None)
        context = sync(book)
        assert question_for(context, True) is None
        assert ended(context)[0] == "held"

    def test_where_the_vendor_is_down(self, book: Book, vendors: Vendors) -> None:
        book.set("profiles", call_seconds=1)
        vendors.profiles.faults({"kind": "unavailable", "path": "/api/households"})
        try:
            context = as_prepared(book)
            assert question_for(context, True) is None
        finally:
            vendors.profiles.faults()


class TestTheButtons:
    """Always SmartOffice's four; the body says what can be done, and another button is asked for again."""

    def test_all_four_have_something_to_do_where_a_case_can_be_chosen(self, book: Book, vendors: Vendors) -> None:
        add_household(vendors, 2, **EXACT)
        question = asked(as_prepared(book))
        assert question.buttons == tuple(BUTTONS)
        assert "other buttons" not in question.body

    def test_one_has_where_the_list_is_empty(self, book: Book) -> None:
        question = asked(as_prepared(book))
        assert question.buttons == tuple(BUTTONS)
        words = "**Create New Client and Case** makes a client of its own. The list leaves nothing to do for the other"
        assert words in question.body
        assert "Update Case" not in question.body

    def test_one_has_where_every_household_is_linked_to_another_unit(self, book: Book, vendors: Vendors) -> None:
        sync_other = sync(book, "create_client_and_case")
        assert ended(sync_other)[0] == "created"
        book.couple(13, first_name="Zoe", last_name="Lee")
        assert "The list leaves nothing to do for the other buttons." in asked(sync(book, household_id=13)).body

    def test_no_case_button_has_where_no_household_has_a_case(self) -> None:
        shown = {"households": [{"household_id": "1", "case_ids": [], "linked_to": None}]}
        assert buttons_for(shown) == ("Create New Case", "Create New Client and Case")

    def test_another_record_is_refused_in_words(self, book: Book) -> None:
        context = as_prepared(book)
        asked(context)
        with pytest.raises(ParamsError, match="no household to choose: answer Create New Client and Case"):
            keep_answer(context, event("Open Case"))


class TestTheList:
    def test_shows_the_exact_household_and_its_cases(self, book: Book, vendors: Vendors) -> None:
        theirs = add_household(vendors, 2, case_name="Retirement", **EXACT)
        add_household(vendors, lastName="Lee", firstName="Zoe")
        question = asked(as_prepared(book))
        first, second = cases_of(vendors, theirs)
        assert question.subject == "Which client of Profiles is household 12?"
        assert f"| **{theirs}** | Ann Lee | 1970\\-05\\-01 | {first} | Retirement | closed |" in question.body
        assert f"| **{theirs}** | Ann Lee | 1970\\-05\\-01 | {second} | Retirement 1 | closed |" in question.body
        assert "Zoe" not in question.body
        assert list(question.households) == [theirs]
        assert question.cases == {first: f"{first} (household {theirs})", second: f"{second} (household {theirs})"}
        assert {type(one) for ids in (question.households, question.cases) for one in ids} == {str}

    def test_says_that_a_household_of_another_name_is_matched_by_our_key(self, book: Book, vendors: Vendors) -> None:
        theirs = add_household(vendors, 2, key="household:12", firstName="Zoe", lastName="Fox")
        assert "Matched by our key in Profiles" in asked(as_prepared(book)).body
        _, reason = ended(sync(book, dry_run=True))
        assert f"Search list: households matched by our key: {theirs} (cases " in reason

    def test_of_a_dry_run_leaves_out_records_of_other_units(self, book: Book, vendors: Vendors) -> None:
        book.couple(13, first_name="Kim", last_name="Lee")
        ended(sync(book, "create_client_and_case", household_id=13))
        _, reason = ended(sync(book, dry_run=True))
        assert reason.endswith("every household of this client or last name in Profiles is linked to another unit")
        zoe = add_household(vendors, lastName="Lee", firstName="Zoe")
        (case_id,) = cases_of(vendors, zoe)
        _, reason = ended(sync(book, dry_run=True))
        assert reason.endswith(f"households of the same last name: {zoe} (cases {case_id})")

    def test_shows_all_of_the_same_last_name_where_nobody_matches(self, book: Book, vendors: Vendors) -> None:
        zoe = add_household(vendors, lastName="Lee", firstName="Zoe")
        kim = add_household(vendors, lastName="LEE", firstName="Kim")
        question = asked(as_prepared(book))
        assert "No exact match. 2 households in Profiles with the same last name" in question.body
        assert "Zoe Lee" in question.body
        assert "Kim LEE" in question.body
        assert list(question.households) == [zoe, kim]

    def test_says_which_case_is_open(self, book: Book, vendors: Vendors) -> None:
        theirs = add_household(vendors, 2, **EXACT)
        first, _ = cases_of(vendors, theirs)
        log_in = {"username": "planbridge", "password": "sandbox"}
        token = vendors.profiles("POST", "/api/auth/login", json=log_in).json()["token"]
        headers = {"Authorization": f"Bearer {token}"}
        vendors.profiles("POST", f"/api/cases/{first}/open", json={"openedBy": "amy"}, headers=headers)
        states = re.findall(r"\| (open|closed) \|", asked(as_prepared(book)).body)
        assert states == ["open", "closed"]

    def test_shows_another_units_household_and_offers_it_not(self, book: Book, vendors: Vendors) -> None:
        book.couple(13, first_name="Kim", last_name="Lee")
        other = sync(book, "create_client_and_case", household_id=13)
        ended(other)
        question = asked(as_prepared(book))
        assert "(linked to H13)" in question.body
        assert question.households == {}

    def test_is_empty_where_nobody_has_the_last_name(self, book: Book) -> None:
        question = asked(as_prepared(book))
        assert "Profiles has no household of this client or last name" in question.body
        assert question.households == {}

    def test_names_from_outside_are_shown_and_never_rendered(self, book: Book, vendors: Vendors) -> None:
        names = {
            "<img src=x>": r"\<img src\=x\>",
            "[press](here)": r"\[press\]\(here\)",
            "http://a.example.com": "`http://a.example.com`",
            "www.x `|` y": r"`www.x '\|' y`",
            "a | b": r"a \| b",
            "**bold**": r"\*\*bold\*\*",
            "x\u202ey\nz": r"x\\u202ey\\u000az",
        }
        for name in names:
            add_household(vendors, lastName="Lee", firstName=name)
        body = asked(as_prepared(book)).body
        assert [shown for shown in names.values() if f"** | {shown} Lee |" not in body] == []


@snapshot
def asked_kept(book: Book) -> None:
    """A run by hand has asked: a household of Profiles with two cases matches exactly."""
    book.couple(12, first_name="Ann", last_name="Lee")
    context = sync(book)
    add_household(book.vendors, 2, **EXACT)
    asked(context)


class TestTheAnswer:
    @pytest.fixture
    def book(self, asked_kept: BookSnapshot, restore: Restore) -> Book:
        return restore(asked_kept)

    @pytest.fixture
    def context(self, book: Book) -> RunContext:
        """The run that has asked."""
        return as_prepared(book)

    @pytest.fixture
    def theirs(self, vendors: Vendors) -> str:
        (household,) = vendors.profiles.state()["households"]
        return str(household["householdId"])

    def test_is_kept_with_author_and_time_and_applied(
        self, book: Book, vendors: Vendors, context: RunContext, theirs: str
    ) -> None:
        _, second = cases_of(vendors, theirs)
        assert keep_answer(context, event("Update Case", household_id=None, case_id=second)) == "update_case"
        with context.ledger.read() as connection:
            (row,) = connection.exec_driver_sql("SELECT * FROM answer_v").mappings().all()
        assert (row["status"], row["choice"], row["household_id"], row["case_id"]) == (
            "answered", "update_case", theirs, second,
        )  # fmt: skip
        assert row["answered_by"] == "amy"
        assert str(row["answered_at"]).startswith("2026-11-20 17:00")
        assert ended(context)[0] == "updated"
        link = book.links(VENDOR)["H12"]
        assert (link["vendor_client_id"], link["vendor_case_id"], link["matched_by"]) == (theirs, second, "CHOSEN")

    @pytest.mark.parametrize("number", [True, False], ids=["as a number", "as text"])
    def test_may_name_a_household_by_a_number_or_a_text(
        self, vendors: Vendors, context: RunContext, theirs: str, number: bool
    ) -> None:
        keep_answer(context, event("Create New Case", household_id=int(theirs) if number else f" {theirs} "))
        assert ended(context)[0] == "created"
        assert len(cases_of(vendors, theirs)) == 3

    def test_open_case_answers_with_the_address_and_links_nothing(
        self, book: Book, vendors: Vendors, context: RunContext, theirs: str
    ) -> None:
        first, _ = cases_of(vendors, theirs)
        keep_answer(context, event("Open Case", case_id=first))
        outcome, reason = ended(context)
        assert outcome == "unchanged"
        assert f"{vendors.profiles.url}/cases/{first}" in reason
        assert book.links(VENDOR) == {}

    def test_a_user_who_may_not_act_in_the_runs_name_does_not_answer(
        self, book: Book, context: RunContext, theirs: str
    ) -> None:
        given = event("Create New Client and Case")
        assert keep_answer(context, given | {"responded_by_user": {"id": "8", "name": "zoe"}}) is None
        found = answers.find_answer(context.ledger, context.request.run_id, VENDOR, "H12")
        assert found is not None
        assert (found.status, found.answered_by) == ("asked", None)
        may_act = context.settings.service.model_copy(update={"may_act_for_others": ("zoe",)})
        allowed = replace(context, settings=context.settings.model_copy(update={"service": may_act}))
        assert (
            keep_answer(allowed, given | {"responded_by_user": {"id": "8", "name": "zoe"}}) == "create_client_and_case"
        )

    def test_nobody_answers_in_time(self, context: RunContext) -> None:
        assert keep_answer(context, {"error": "late", "error_type": "timeout"}) == "timed_out"
        outcome, reason = ended(context)
        assert outcome == "deferred"
        assert reason.startswith("nobody answered")

    @pytest.mark.parametrize(
        ("button", "given", "words"),
        [
            ("Update Case", {"case_id": "999"}, "Case 999 is not on the list"),
            ("Create New Case", {"household_id": "999"}, "Household 999 is not on the list"),
            ("Create New Client and Case", {"household_id": "999"}, "leave the ids empty"),
            ("Update Case", {"name": "Lee"}, "Unknown field name in the answer"),
            ("Update Case", {"case_id": True}, "Case id is one of the ids"),
        ],
    )
    def test_that_makes_no_sense_is_refused_in_words_and_sends_nothing(
        self, vendors: Vendors, context: RunContext, button: str, given: dict[str, Any], words: str
    ) -> None:
        before = vendors.writes()
        with pytest.raises(ParamsError, match=f"^The answer .* was incomplete or not right: .*{words}"):
            keep_answer(context, event(button, **given))
        found = answers.find_answer(context.ledger, context.request.run_id, VENDOR, "H12")
        assert found is not None
        assert (found.status, found.answered_by) == ("mistaken", "amy")
        assert vendors.writes() == before

    def test_that_leaves_open_what_is_meant_is_asked_for_once_more(
        self, vendors: Vendors, context: RunContext, theirs: str
    ) -> None:
        before = vendors.writes()
        again = answer_to(context, event("Update Case"))
        assert isinstance(again, Question)
        assert again.body.startswith(f"**Please answer again.** Household {theirs} has the cases")
        assert "| Household | Client |" in again.body
        found = answers.find_answer(context.ledger, context.request.run_id, VENDOR, "H12")
        assert found is not None
        assert found.status == "asked"
        assert answer_to(context, event("Create New Client and Case", household_id=theirs)) is not None
        assert answer_to(context, event("Update Case", case_id=cases_of(vendors, theirs)[1])) == "update_case"
        assert vendors.writes() == before

    def test_of_a_question_that_was_never_put_is_refused(self, book: Book) -> None:
        with pytest.raises(StopRun, match="knows of no question"):
            keep_answer(sync(book), event("Update Case"))

    def test_that_airflow_could_not_take_over_stops_the_run(self, book: Book) -> None:
        with pytest.raises(StopRun, match="could not take the answer over"):
            keep_answer(as_prepared(book), {"error": "?", "error_type": "validation"})


class TestIdsGivenAtTheStart:
    def test_a_case_of_another_client_is_refused_before_anything_is_sent(self, book: Book, vendors: Vendors) -> None:
        theirs = add_household(vendors, lastName="Fox", firstName="Kit")
        (case_id,) = cases_of(vendors, theirs)
        with pytest.raises(ParamsError, match=f"Case {case_id} is not on the list of this unit"):
            question_for(as_prepared(book, action="update_case", case_id=case_id), True)

    def test_a_new_client_is_refused_where_the_household_is_linked(self, book: Book) -> None:
        ended(sync(book, "create_client_and_case"))
        with pytest.raises(ParamsError, match="H12 is linked at Profiles already"):
            question_for(sync(book, "create_client_and_case"), True)

    def test_a_case_of_the_exact_household_is_taken(self, book: Book, vendors: Vendors) -> None:
        theirs = add_household(vendors, 2, **EXACT)
        _, second = cases_of(vendors, theirs)
        context = as_prepared(book, case_id=second)
        assert question_for(context, True) is None
        assert ended(context)[0] == "updated"


def test_a_new_client_that_was_answered_is_made_beside_the_namesake(book: Book, vendors: Vendors) -> None:
    add_household(vendors, lastName="Lee", firstName="Zoe")
    context = as_prepared(book)
    asked(context)
    keep_answer(context, event("Create New Client and Case", household_id="", case_id=None))
    assert ended(context)[0] == "created"
    assert book.links(VENDOR)["H12"]["matched_by"] == "CREATED"


def test_no_name_or_birth_date_of_the_list_reaches_the_ledger(book: Book, vendors: Vendors) -> None:
    add_household(vendors, lastName="Lee", firstName="Zoraida", birthDate="1951-02-03")
    context = as_prepared(book)
    assert "Zoraida" in asked(context).body
    found = answers.find_answer(context.ledger, context.request.run_id, VENDOR, "H12")
    assert found is not None
    assert "Zoraida" not in repr(found) + repr(asked(context))
    assert "1951" not in repr(found.shown)
