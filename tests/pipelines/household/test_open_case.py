"""Open Case of a household whose data are not right: it is held, and its case can be looked at all the same."""

import re
from types import SimpleNamespace

import pytest

from include.pipelines.household.tasks import result_of
from tests.pipelines.household.by_hand import run_by_hand
from tests.run_book import Book, Ran


@pytest.fixture
def held(sent: Book) -> Book:
    """H1 was sent; its head has no birth date any more."""
    sent.crm.update("contact", {"contact_id": 101}, birth_date=None)
    return sent


def opened(book: Book, **asked: str) -> Ran:
    before = book.vendors.writes()
    ran = run_by_hand(book, 1, vendor="profiles", action="open_case", **asked)
    assert book.vendors.writes() == before
    return ran


@pytest.mark.parametrize("is_named", [False, True], ids=["the linked case", "a case that is named"])
def test_a_household_that_is_held_gives_its_cases_address(held: Book, is_named: bool) -> None:
    case_id = held.vendors.cases()["household:1"]["caseId"]
    ran = opened(held, **({"case_id": case_id} if is_named else {}), report=True)
    assert ran.outcomes("profiles") == {"H1": "held"}
    reason = ran.reason("profiles", "H1")
    assert re.fullmatch(rf"DEM-BIRTH-DATE; case {case_id} opens at http://\S+/{case_id}\S*", reason)
    address = reason.rpartition(" ")[2]
    assert address in (ran.context.reports / "worklist.html").read_text()


def test_a_case_of_another_household_is_refused_as_ever(held: Book) -> None:
    stopped = opened(held, case_id="999").stopped
    assert "Case 999 is not on the list" in str(stopped)


def test_a_household_that_profiles_does_not_have_is_held_and_nothing_more(held: Book) -> None:
    held.couple(2, birth_date=None)
    ran = run_by_hand(held, 2, vendor="profiles", action="open_case")
    assert ran.reason("profiles", "H2") == "DEM-BIRTH-DATE"


def test_the_result_of_two_units_is_given_by_unit() -> None:
    two = [SimpleNamespace(unit_key=key, outcome="created", reason=why) for key, why in (("H1", "new"), ("C2", ""))]
    told = {"outcomes": {"H1": "created", "C2": "created"}, "answers": {"H1": "new"}}
    assert result_of("auto", two, []) == told


@pytest.mark.parametrize(("action", "is_told"), [("open_case", True), ("update_case", False)])
def test_the_runs_result_has_the_address(action: str, is_told: bool) -> None:
    ended = SimpleNamespace(unit_key="H1", outcome="held", reason="DEM-NAME; case 7 opens at http://here/7")
    answer = {"answer": ended.reason} if is_told else {}
    assert result_of(action, [ended], []) == {"outcome": "held", **answer}
