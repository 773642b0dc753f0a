"""Which vendor record is the unit: the MATCH rules."""

import pytest

from etl.load.emoney.client import FoundClient
from etl.load.emoney.deliver import decide_emoney
from etl.load.matching import Adopt, Ambiguous, CreateNew, Place, Twin, decide_twins
from etl.load.profiles.client import FoundHousehold, SearchResult
from etl.load.profiles.responses import FoundCase, FoundPerson
from etl.load.profiles.search import decide_profiles

NOBODY: frozenset[str] = frozenset()


def household(household_id: str, *case_ids: str) -> FoundHousehold:
    cases = tuple(FoundCase(case_id, "closed", "1") for case_id in case_ids)
    return FoundHousehold(household_id, FoundPerson(), cases)


def client(client_id: str, birth_date: str | None = "1970-01-31") -> FoundClient:
    return FoundClient(client_id, birth_date=birth_date)


NOTHING = SearchResult("none", ())


def exact(*households: FoundHousehold) -> SearchResult:
    return SearchResult("exact", households)


def namesakes(*households: FoundHousehold) -> SearchResult:
    return SearchResult("lastName", households)


def test_match_stored_takes_the_household_with_our_external_id() -> None:
    decision = decide_profiles(exact(household("1", "10")), None, NOBODY)
    assert decision == Adopt("1", "10", "MATCH-STORED")


def test_match_stored_comes_before_the_exact_search() -> None:
    decision = decide_profiles(exact(household("1", "10")), exact(household("2", "20")), NOBODY)
    assert decision == Adopt("1", "10", "MATCH-STORED")


def test_match_exact_takes_the_one_household_with_its_one_case() -> None:
    assert decide_profiles(NOTHING, exact(household("2", "20")), NOBODY) == Adopt("2", "20", "MATCH-EXACT")


@pytest.mark.parametrize(
    ("households", "candidates"),
    [
        ((household("1", "10", "11"),), ("1", "10", "11")),
        ((household("1", "10"), household("2", "20")), ("1", "2", "10", "20")),
        ((household("1"),), ("1",)),
    ],
    ids=["several cases", "several households", "no case"],
)
def test_match_ambiguous_never_picks(households: tuple[FoundHousehold, ...], candidates: tuple[str, ...]) -> None:
    assert decide_profiles(exact(*households), None, NOBODY) == Ambiguous(candidates)
    assert decide_profiles(NOTHING, exact(*households), NOBODY) == Ambiguous(candidates)


def test_match_exact_passes_over_households_that_are_linked_to_other_units() -> None:
    both = exact(household("1", "10"), household("2", "20"))
    assert decide_profiles(NOTHING, both, {"1"}) == Adopt("2", "20", "MATCH-EXACT")
    assert decide_profiles(NOTHING, both, {"1", "2"}) == CreateNew("MATCH-EXACT")
    assert decide_profiles(exact(household("1", "10")), exact(household("2", "20")), {"1"}) == Adopt(
        "2", "20", "MATCH-EXACT"
    )


def test_match_last_name_creates_a_new_client_and_names_the_namesakes() -> None:
    decision = decide_profiles(NOTHING, namesakes(household("1", "10"), household("2")), NOBODY)
    assert decision == CreateNew("MATCH-LAST-NAME", ("1", "2"))


def test_nobody_of_that_name_is_a_new_client() -> None:
    assert decide_profiles(NOTHING, NOTHING, NOBODY) == CreateNew("MATCH-EXACT")
    assert decide_emoney([], [], "1970-01-31", NOBODY) == CreateNew("MATCH-EXACT")


def test_match_stored_takes_the_emoney_client_with_our_external_id() -> None:
    assert decide_emoney([client("a")], [client("b")], "1970-01-31", NOBODY) == Adopt("a", None, "MATCH-STORED")


def test_match_exact_at_emoney_needs_the_same_birth_date() -> None:
    found = [client("a", "1970-02-01"), client("b"), client("c", None)]
    assert decide_emoney([], found, "1970-01-31", NOBODY) == Adopt("b", None, "MATCH-EXACT")
    assert decide_emoney([], found, "1970-03-01", NOBODY) == CreateNew("MATCH-LAST-NAME", ("a", "b", "c"))


def test_match_ambiguous_at_emoney_lists_the_candidates() -> None:
    twice = [client("a"), client("b")]
    assert decide_emoney([], twice, "1970-01-31", NOBODY) == Ambiguous(("a", "b"))
    assert decide_emoney(twice, [], "1970-01-31", NOBODY) == Ambiguous(("a", "b"))


def test_match_exact_at_emoney_passes_over_clients_that_are_linked_to_other_units() -> None:
    assert decide_emoney([], [client("a"), client("b")], "1970-01-31", {"a"}) == Adopt("b", None, "MATCH-EXACT")
    assert decide_emoney([client("a")], [], "1970-01-31", {"a"}) == CreateNew("MATCH-EXACT")


def test_match_twice_lets_the_couple_go_before_the_primary_household_of_the_spouse_alone() -> None:
    alone, couple = Place("H1", 7, is_client=True), Place("H2", 8, is_client=False)
    (twin,) = decide_twins([alone, couple], "tax id", linked=NOBODY, primary={"H1"}, apart=())
    assert twin == Twin(second=alone, first=couple, matched_by="tax id", are_linked=False)
