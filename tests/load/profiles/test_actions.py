"""What a person has done at Profiles: each action once, for this unit alone, whoever else asks for the same."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from etl.errors import ParamsError
from etl.load.delivery import household_lock
from etl.load.job import ByHand, Delivered, Payload
from etl.load.ledger import answers
from etl.load.profiles.client import ProfilesClient
from etl.load.profiles.deliver import ProfilesDelivery
from etl.load.profiles.search import choose, describe, search
from tests.load.advisors import put_into
from tests.load.delivering import DAY, NEXT_DAY, Desk, deliver_one, household, make_desk
from tests.load.documents import asset, person
from tests.load.killing import boundaries, finish, run_and_kill, start
from tests.load.profiles.test_deliver import ON_UPDATE, add_household, token
from tests.run_book import Vendors

Json = dict[str, Any]
ON_NEW_CASE = {"method": "POST", "path": "/api/households/*/cases"}
RUNS = (f"by-hand-{number}" for number in count(1))


def by_hand(desk: Desk, payload: Payload, action: str = "auto", dry_run: bool = False, **wanted: Any) -> Delivered:
    """A run by hand; ``run_id`` where it is not a run of its own."""
    run_id = wanted.pop("run_id", None) or next(RUNS)
    job = replace(desk.job(wanted.pop("as_of", DAY), dry_run), run_id=run_id)
    asked = ByHand(action, asked_at=wanted.pop("asked_at", desk.ledger.now()), lock_wait_seconds=120, **wanted)
    return deliver_one(ProfilesDelivery(desk.profiles_client()), replace(job, by_hand=asked), payload)


def answered(desk: Desk, choice: str, household_id: str | None = None, case_id: str | None = None) -> str:
    """A run whose question somebody has answered; gives its id."""
    run_id = next(RUNS)
    answers.ask(desk.ledger, run_id, "profiles", "H1", {"match_type": "exact", "households": []})
    moment = desk.ledger.now()
    answers.give_answer(desk.ledger, run_id, "profiles", "H1", choice, household_id, case_id, "amy", moment)
    return run_id


def households(desk: Desk) -> dict[str, list[Json]]:
    """household id -> its cases."""
    return {one["householdId"]: one["cases"] for one in desk.vendors.profiles.state()["households"]}


def cases_of(desk: Desk, household_id: str) -> list[str]:
    return [case["caseId"] for case in households(desk)[household_id]]


def open_at_profiles(desk: Desk, case_id: str, who: str) -> None:
    headers = {"Authorization": f"Bearer {token(desk)}"}
    desk.vendors.profiles("POST", f"/api/cases/{case_id}/open", json={"openedBy": who}, headers=headers)


def add_case(desk: Desk, household_id: str, name: str, document: Json) -> None:
    headers = {"Authorization": f"Bearer {token(desk)}"}
    path = f"/api/households/{household_id}/cases"
    assert desk.vendors.profiles("POST", path, json={"name": name, **document}, headers=headers).status_code == 201


def writes(desk: Desk) -> dict[str, int]:
    return {call: number for call, number in desk.vendors.writes().items() if number and "login" not in call}


@pytest.fixture(autouse=True)
def _no_stray_writes(desk: Desk) -> Iterator[None]:
    """Whatever is done, no write is left in doubt."""
    yield
    assert desk.in_doubt("profiles") == []


class TestAuto:
    def test_updates_the_linked_case(self, desk: Desk) -> None:
        desk.to_profiles(household())
        assert by_hand(desk, household(clientA=person(fax="new"))).outcome.outcome == "updated"
        assert desk.link("profiles").matched_by == "CREATED"

    def test_looks_at_the_case_even_where_nothing_changed_here(self, desk: Desk) -> None:
        desk.to_profiles(household())
        before = writes(desk)
        assert by_hand(desk, household()).outcome.outcome == "unchanged"
        assert writes(desk) == before
        open_at_profiles(desk, str(desk.link("profiles").vendor_case_id), "amy")
        assert by_hand(desk, household()).outcome.outcome == "deferred"

    def test_adopts_the_one_exact_match_with_one_case(self, desk: Desk) -> None:
        theirs = add_household(desk, None)
        assert by_hand(desk, household()).outcome.vendor_id == theirs
        assert desk.link("profiles").matched_by == "MATCH-EXACT"
        assert len(households(desk)) == 1

    @pytest.mark.parametrize(
        ("cases", "client"), [(2, {}), (1, {"firstName": "Zoe"}), (0, {})], ids=["two cases", "a namesake", "nobody"]
    )
    def test_leaves_everything_else_to_somebody(self, desk: Desk, cases: int, client: Json) -> None:
        if cases:
            add_household(desk, None, cases, **client)
        before = writes(desk)
        delivered = by_hand(desk, household())
        assert delivered.outcome.outcome == "deferred"
        assert delivered.outcome.reason is not None
        assert "somebody has to choose" in delivered.outcome.reason
        assert "Lee" not in delivered.outcome.reason
        assert writes(desk) == before

    def test_takes_the_case_that_was_named_for_an_update(self, desk: Desk) -> None:
        theirs = add_household(desk, None, 2)
        second = cases_of(desk, theirs)[1]
        assert by_hand(desk, household(), case_id=second).outcome.outcome in ("updated", "unchanged")
        assert desk.link("profiles").vendor_case_id == second


class TestCreateNewClientAndCase:
    def test_never_looks_for_a_match(self, desk: Desk) -> None:
        theirs = add_household(desk, None)
        delivered = by_hand(desk, household(), "create_client_and_case")
        assert delivered.outcome.outcome == "created"
        assert delivered.outcome.vendor_id != theirs
        assert len(households(desk)) == 2

    def test_is_refused_in_words_where_the_unit_is_linked(self, desk: Desk) -> None:
        desk.to_profiles(household())
        asked_at = desk.ledger.now()
        with pytest.raises(ParamsError, match=r"H1 is linked at Profiles already: household \d+, case \d+"):
            by_hand(desk, household(), "create_client_and_case", asked_at=asked_at)
        assert len(households(desk)) == 1

    def test_is_merged_with_what_made_the_same_since_it_was_asked_for(self, desk: Desk) -> None:
        asked_at = desk.ledger.now()
        first = by_hand(desk, household(), "create_client_and_case", asked_at=asked_at, run_id="first")
        second = by_hand(desk, household(), "create_client_and_case", asked_at=asked_at)
        assert (first.outcome.outcome, second.outcome.outcome) == ("created", "unchanged")
        assert second.outcome.reason is not None
        assert "merged with run first" in second.outcome.reason
        assert len(households(desk)) == 1

    def test_merged_it_still_brings_what_changed_in_the_meantime(self, desk: Desk) -> None:
        asked_at = desk.ledger.now()
        by_hand(desk, household(), "create_client_and_case", asked_at=asked_at)
        changed = household(clientA=person(fax="new"))
        delivered = by_hand(desk, changed, "create_client_and_case", asked_at=asked_at)
        assert delivered.outcome.outcome == "updated"
        assert [one["document"]["clientA"]["fax"] for (one,) in households(desk).values()] == ["new"]

    def test_started_again_it_stays_what_it_was(self, desk: Desk) -> None:
        by_hand(desk, household(), "create_client_and_case", run_id="again", asked_at=desk.ledger.now())
        again = by_hand(desk, household(), "create_client_and_case", run_id="again", asked_at=desk.ledger.now())
        assert again.outcome.outcome == "created"
        assert len(households(desk)) == 1

    def test_whose_answer_is_lost_it_is_found_beside_an_older_client_under_our_key(self, desk: Desk) -> None:
        add_household(desk, "household:1", 1)
        desk.vendors.profiles.faults({"kind": "reset_after", "method": "POST", "path": "/api/households", "count": 1})
        delivered = by_hand(desk, household(), "create_client_and_case")
        assert delivered.outcome.outcome == "created"
        assert len(households(desk)) == 2

    def test_a_dry_run_makes_nothing(self, desk: Desk) -> None:
        delivered = by_hand(desk, household(), "create_client_and_case", dry_run=True)
        assert (delivered.outcome.outcome, delivered.outcome.reason) == ("created", "would be created")
        assert households(desk) == {}


class TestCreateNewCase:
    def test_makes_a_further_case_that_the_unit_goes_on_with(self, desk: Desk) -> None:
        made = desk.to_profiles(household()).outcome.vendor_id
        first = desk.link("profiles").vendor_case_id
        delivered = by_hand(desk, household(clientA=person(fax="new")), "create_case")
        assert delivered.outcome.outcome == "created"
        old, new = households(desk)[str(made)]
        assert old["caseId"] == first
        assert desk.link("profiles").vendor_case_id == new["caseId"]
        assert (old["document"]["clientA"]["fax"], new["document"]["clientA"]["fax"]) == (None, "new")
        assert desk.to_profiles(household(clientA=person(fax="newer")), NEXT_DAY).outcome.outcome == "updated"
        old, new = households(desk)[str(made)]
        assert (old["document"]["clientA"]["fax"], new["document"]["clientA"]["fax"]) == (None, "newer")

    def test_goes_into_the_chosen_household_and_links_it(self, desk: Desk) -> None:
        theirs = add_household(desk, None, 2)
        assert by_hand(desk, household(), "create_case", household_id=theirs).outcome.outcome == "created"
        link = desk.link("profiles")
        assert (link.vendor_client_id, link.matched_by) == (theirs, "CHOSEN")
        assert link.vendor_case_id == cases_of(desk, theirs)[2]

    def test_goes_into_the_only_exact_household(self, desk: Desk) -> None:
        theirs = add_household(desk, None, 2)
        assert by_hand(desk, household(), "create_case").outcome.vendor_id == theirs
        assert desk.link("profiles").matched_by == "MATCH-EXACT"

    def test_needs_a_household(self, desk: Desk) -> None:
        add_household(desk, None, firstName="Zoe")
        with pytest.raises(ParamsError, match="Give vendor_household_id"):
            by_hand(desk, household(), "create_case")

    def test_asked_for_twice_at_once_it_is_made_once(self, desk: Desk) -> None:
        made = str(desk.to_profiles(household()).outcome.vendor_id)
        asked_at = desk.ledger.now()
        outcomes = [by_hand(desk, household(), "create_case", asked_at=asked_at).outcome.outcome for _ in range(3)]
        assert outcomes == ["created", "unchanged", "unchanged"]
        assert len(cases_of(desk, made)) == 2

    def test_asked_for_again_later_it_is_made_again(self, desk: Desk) -> None:
        made = str(desk.to_profiles(household()).outcome.vendor_id)
        outcomes = [by_hand(desk, household(), "create_case").outcome.outcome for _ in range(2)]
        assert outcomes == ["created", "created"]
        assert len(cases_of(desk, made)) == 3

    @pytest.mark.parametrize("kind", ["reset_before", "reset_after", "truncated"])
    def test_whose_answer_is_lost_it_is_made_once(self, desk: Desk, kind: str) -> None:
        made = str(desk.to_profiles(household(assets=[asset(5)])).outcome.vendor_id)
        desk.vendors.profiles.faults({"kind": kind, "method": "POST", "path": "/api/households/*/cases", "count": 1})
        assert by_hand(desk, household(assets=[asset(5)]), "create_case").outcome.outcome == "created"
        assert len(cases_of(desk, made)) == 2
        assert desk.link("profiles").vendor_case_id == cases_of(desk, made)[-1]

    def test_whose_answer_is_lost_it_is_not_taken_for_an_advisors_new_case(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = str(desk.to_profiles(household()).outcome.vendor_id)
        create = ProfilesClient.create_case

        def create_after_an_advisor(client: ProfilesClient, household_id: str, name: str, document: Json) -> Any:
            add_case(desk, household_id, name, {"clientA": person(fax="by hand")})
            return create(client, household_id, name, document)

        monkeypatch.setattr(ProfilesClient, "create_case", create_after_an_advisor)
        desk.vendors.profiles.faults(
            {"kind": "reset_after", "method": "POST", "path": "/api/households/*/cases", "after": 1, "count": 1}
        )
        assert by_hand(desk, household(), "create_case").outcome.outcome == "created"
        ours = next(case for case in households(desk)[made] if case["caseId"] == desk.link("profiles").vendor_case_id)
        assert ours["document"]["clientA"]["fax"] is None
        assert len(cases_of(desk, made)) == 3


class TestUpdateCase:
    def test_takes_an_advisors_case_of_the_household_without_a_merge_base(self, desk: Desk) -> None:
        made = str(desk.to_profiles(household()).outcome.vendor_id)
        add_case(desk, made, "Theirs", {"clientA": person()})
        theirs = cases_of(desk, made)[1]
        ours = household(clientA=person(fax="new", firstName="Anna"))
        assert by_hand(desk, ours, "update_case", case_id=theirs).outcome.outcome == "updated"
        assert desk.link("profiles").vendor_case_id == theirs
        first, chosen = (case["document"]["clientA"] for case in households(desk)[made])
        assert (chosen["fax"], chosen["firstName"]) == ("new", "Ann")
        assert first["fax"] is None

    def test_a_case_that_was_ours_before_goes_on_from_what_was_last_written_into_it(self, desk: Desk) -> None:
        made = str(desk.to_profiles(household(clientA=person(fax="1"))).outcome.vendor_id)
        by_hand(desk, household(clientA=person(fax="2")), "create_case")
        first, second = cases_of(desk, made)

        def faxes() -> list[str]:
            return [case["document"]["clientA"]["fax"] for case in households(desk)[made]]

        back = by_hand(desk, household(clientA=person(fax="3")), "update_case", case_id=first)
        assert (back.outcome.outcome, faxes()) == ("updated", ["3", "2"])
        assert desk.to_profiles(household(clientA=person(fax="4")), NEXT_DAY).findings == ()
        assert faxes() == ["4", "2"]
        by_hand(desk, household(clientA=person(fax="5")), "update_case", case_id=second, as_of=NEXT_DAY)
        assert faxes() == ["4", "5"]

    def test_what_an_advisor_typed_into_a_case_that_was_ours_before_is_kept(self, desk: Desk) -> None:
        made = str(desk.to_profiles(household(clientA=person(fax="1", jobTitle="Cook"))).outcome.vendor_id)
        by_hand(desk, household(), "create_case")
        first = households(desk)[made][0]
        put_into(desk.vendors, first, {**first["document"], "clientA": person(fax="typed", jobTitle="Cook")})
        ours = household(clientA=person(fax="3", jobTitle="Chef"))
        back = by_hand(desk, ours, "update_case", case_id=first["caseId"])
        assert [(one.rule_id, one.field, one.detail) for one in back.findings] == [
            ("PROFILES-KEPT", "clientA.fax", "edited in Profiles")
        ]
        now = households(desk)[made][0]["document"]["clientA"]
        assert (now["fax"], now["jobTitle"]) == ("typed", "Chef")

    def test_reads_the_case_even_where_nothing_changed_here(self, desk: Desk) -> None:
        desk.to_profiles(household())
        calls = desk.vendors.calls().get("GET /api/cases/{case_id}", 0)
        assert by_hand(desk, household(), "update_case").outcome.outcome == "unchanged"
        assert desk.vendors.calls()["GET /api/cases/{case_id}"] == calls + 1

    def test_refuses_a_case_of_another_household(self, desk: Desk) -> None:
        desk.to_profiles(household())
        theirs = add_household(desk, None, firstName="Zoe", lastName="Fox")
        other = cases_of(desk, theirs)[0]
        with pytest.raises(ParamsError, match=f"Case {other} is not on the list"):
            by_hand(desk, household(), "update_case", case_id=other)
        with pytest.raises(ParamsError, match="is not on the list"):
            by_hand(desk, household("H2", 2, clientA=person(firstName="New")), "update_case", case_id=other)

    def test_refuses_another_household_than_the_linked_one(self, desk: Desk) -> None:
        desk.to_profiles(household())
        theirs = add_household(desk, None)
        with pytest.raises(ParamsError, match="linked at Profiles already"):
            by_hand(desk, household(), "update_case", household_id=theirs)

    def test_refuses_a_household_that_is_linked_to_another_unit(self, desk: Desk) -> None:
        taken = str(desk.to_profiles(household()).outcome.vendor_id)
        with pytest.raises(ParamsError, match=f"Household {taken} is linked to H1"):
            by_hand(desk, household("H2", 2), "update_case", household_id=taken)

    def test_an_open_case_is_deferred_with_who_has_it(self, desk: Desk) -> None:
        desk.to_profiles(household())
        open_at_profiles(desk, str(desk.link("profiles").vendor_case_id), "amy")
        delivered = by_hand(desk, household(clientA=person(fax="new")), "update_case")
        assert delivered.outcome.outcome == "deferred"
        assert "amy has it open since" in str(delivered.outcome.reason)


class TestOpenCase:
    def test_answers_with_the_address_and_writes_nothing(self, desk: Desk) -> None:
        desk.to_profiles(household())
        before, ledger_before = writes(desk), desk.sent("profiles")
        delivered = by_hand(desk, household(clientA=person(fax="new")), "open_case")
        case_id = desk.link("profiles").vendor_case_id
        assert delivered.outcome.outcome == "unchanged"
        assert f"{desk.vendors.profiles.url}/cases/{case_id}" in str(delivered.outcome.reason)
        assert (writes(desk), desk.sent("profiles")) == (before, ledger_before)

    def test_looking_at_a_case_links_nothing(self, desk: Desk) -> None:
        theirs = add_household(desk, None, 2)
        by_hand(desk, household(), "open_case", case_id=cases_of(desk, theirs)[1])
        with pytest.raises(AssertionError):
            desk.link("profiles")

    def test_needs_a_case(self, desk: Desk) -> None:
        with pytest.raises(ParamsError, match="Give case_id"):
            by_hand(desk, household(), "open_case")


class TestAnswers:
    def test_a_chosen_case_is_linked_and_updated(self, desk: Desk) -> None:
        theirs = add_household(desk, None, 2)
        second = cases_of(desk, theirs)[1]
        run_id = answered(desk, "update_case", theirs, second)
        delivered = by_hand(desk, household(assets=[asset(5)]), run_id=run_id)
        assert delivered.outcome.outcome == "updated"
        link = desk.link("profiles")
        assert (link.vendor_client_id, link.vendor_case_id, link.matched_by) == (theirs, second, "CHOSEN")

    def test_a_new_client_is_made_beside_the_namesake(self, desk: Desk) -> None:
        add_household(desk, None, firstName="Zoe")
        run_id = answered(desk, "create_client_and_case")
        assert by_hand(desk, household(), run_id=run_id).outcome.outcome == "created"
        assert len(households(desk)) == 2

    def test_nobody_answered_is_deferred_and_no_refusal(self, desk: Desk) -> None:
        run_id = next(RUNS)
        answers.ask(desk.ledger, run_id, "profiles", "H1", {"match_type": "none", "households": []})
        answers.time_out(desk.ledger, run_id, "profiles", "H1")
        delivered = by_hand(desk, household(), run_id=run_id)
        assert delivered.outcome.outcome == "deferred"
        assert str(delivered.outcome.reason).startswith("nobody answered")
        found = answers.find_answer(desk.ledger, run_id, "profiles", "H1")
        assert found is not None
        assert (found.status, found.choice, found.answered_by) == ("timed_out", None, None)

    def test_of_two_that_chose_a_new_client_the_second_finds_the_first_ones(self, desk: Desk) -> None:
        asked_at = desk.ledger.now() - timedelta(minutes=5)
        runs = [answered(desk, "create_client_and_case") for _ in range(2)]
        outcomes = [by_hand(desk, household(), run_id=run, asked_at=asked_at).outcome.outcome for run in runs]
        assert outcomes == ["created", "unchanged"]
        assert len(households(desk)) == 1


class TestSearchList:
    def test_names_no_household_of_another_unit_as_free(self, desk: Desk) -> None:
        taken = str(desk.to_profiles(household()).outcome.vendor_id)
        free = add_household(desk, None, firstName="Zoe")
        found = search(desk.profiles_client(), desk.job(), household("H2", 2, clientA=person(firstName="Kim")))
        listed = {one["household_id"]: one["linked_to"] for one in found.shown["households"]}
        assert listed == {taken: "H1", free: None}
        assert found.match_type == "lastName"
        assert "Lee" not in describe(found) + repr(found)


class TestAClientThatIsGone:
    def test_is_held_by_auto_and_replaced_by_a_new_one_only_where_that_is_said(self, desk: Desk) -> None:
        desk.to_profiles(household())
        desk.vendors.profiles.reset()
        held = by_hand(desk, household())
        assert held.outcome.outcome == "held"
        assert str(held.outcome.reason).startswith("MATCH-GONE")
        assert by_hand(desk, household(), "create_client_and_case").outcome.outcome == "created"
        ((case,),) = households(desk).values()
        assert desk.link("profiles").vendor_case_id == case["caseId"]

    @pytest.mark.parametrize(
        ("action", "by"),
        [("update_case", "household_id"), ("update_case", "case_id"), ("create_case", "household_id")],
    )
    def test_is_replaced_by_the_one_that_was_chosen(self, desk: Desk, action: str, by: str) -> None:
        first = str(desk.to_profiles(household()).outcome.vendor_id)
        desk.vendors.profiles.reset()
        add_household(desk, None, firstName="Zoe")
        theirs = add_household(desk, None, firstName="Zoe")
        assert theirs != first
        chosen = {by: theirs if by == "household_id" else cases_of(desk, theirs)[0]}
        delivered = by_hand(desk, household(assets=[asset(5)]), action, **chosen)
        assert delivered.outcome.outcome == ("updated" if action == "update_case" else "created")
        link = desk.link("profiles")
        assert link.vendor_client_id == theirs
        assert link.vendor_case_id == cases_of(desk, theirs)[-1]

    @pytest.mark.parametrize(("action", "step"), [("update_case", "replace_case"), ("create_case", "create_case")])
    def test_a_write_into_it_that_never_got_an_answer_is_settled_and_bars_no_way_out(
        self, desk: Desk, action: str, step: str
    ) -> None:
        lost = [{"kind": "reset_after", **call} for call in (ON_UPDATE, ON_NEW_CASE)]
        changed = household(clientA=person(fax="new"))

        def lose_answer_and_client(payload: Payload) -> None:
            desk.vendors.profiles.faults(*lost, {"kind": "unavailable", "method": "GET", "after": 1})
            assert by_hand(desk, payload, action).outcome.outcome == "deferred"
            assert desk.in_doubt("profiles") == [step]
            desk.vendors.profiles.reset()

        desk.to_profiles(household())
        lose_answer_and_client(changed)
        for payload in (changed, household()):
            held = desk.to_profiles(payload)
            assert (held.outcome.outcome, [one.rule_id for one in held.findings]) == ("held", ["MATCH-GONE"])
            assert desk.in_doubt("profiles") == []
        assert by_hand(desk, changed, "create_client_and_case").outcome.outcome == "created"
        lose_answer_and_client(household(clientA=person(fax="newer")))
        theirs = add_household(desk, None)
        assert by_hand(desk, changed, "update_case", household_id=theirs).outcome.outcome == "updated"


LIST: Json = {
    "match_type": "lastName",
    "households": [
        {"household_id": "7", "case_ids": ["11"], "linked_to": None},
        {"household_id": "8", "case_ids": ["12", "13"], "linked_to": None},
        {"household_id": "9", "case_ids": ["14"], "linked_to": "H3"},
    ],
}


@pytest.mark.parametrize(
    ("action", "household_id", "case_id", "words"),
    [
        ("update_case", None, None, "Say which household"),
        ("update_case", "8", None, "has the cases 12, 13: say which"),
        ("update_case", "7", "12", "Case 12 belongs to household 8, not 7"),
        ("update_case", None, "99", "Case 99 is not on the list"),
        ("open_case", "99", None, "Household 99 is not on the list"),
        ("update_case", "9", "14", "Household 9 is linked to H3"),
        ("create_case", "7", "11", "A new case has no id yet"),
        ("create_client_and_case", "7", None, "leave the ids empty"),
    ],
)
def test_a_choice_that_makes_no_sense_is_refused_in_words(
    action: str, household_id: str | None, case_id: str | None, words: str
) -> None:
    with pytest.raises(ParamsError, match=words):
        choose(LIST, action, household_id, case_id)


def test_an_id_may_be_left_out_where_only_one_can_be_meant() -> None:
    chosen = choose(LIST, "update_case", "7", None)
    assert (chosen.household_id, chosen.case_id) == ("7", "11")
    chosen = choose(LIST, "open_case", None, "13")
    assert (chosen.household_id, chosen.case_id) == ("8", "13")
    only = {**LIST, "households": LIST["households"][::2]}
    assert choose(only, "create_case", None, None).household_id == "7"


def hasty(folder: Path, vendors: Vendors) -> Desk:
    desk = make_desk(folder, vendors)
    desk.sleep = lambda seconds: time.sleep(min(seconds, 0.02))
    return desk


def test_a_run_waits_for_the_household_instead_of_giving_up(desk: Desk, tmp_path: Path) -> None:
    payload = household()
    with household_lock(desk.job(), "profiles", "H1"):
        waiting = start(lambda: _expect(by_hand(make_desk(tmp_path, desk.vendors), payload, "update_case"), "updated"))
        add_household(desk, None)
        time.sleep(0.6)
        assert desk.vendors.writes().get("PUT /api/cases/{case_id}", 0) == 0
    finish(waiting)
    assert desk.link("profiles").matched_by == "MATCH-EXACT"


def _expect(delivered: Delivered, kind: str) -> None:
    assert delivered.outcome.outcome in (kind, "unchanged"), delivered


@pytest.mark.parametrize("action", ["create_client_and_case", "create_case"])
def test_many_processes_that_ask_for_the_same_make_it_once(action: str, tmp_path: Path, vendors: Vendors) -> None:
    desk = hasty(tmp_path, vendors)
    if action == "create_case":
        desk.to_profiles(household())
    asked_at = desk.ledger.now()

    def ask(number: int) -> None:
        done = by_hand(hasty(tmp_path, vendors), household(), action, run_id=f"run {number}", asked_at=asked_at)
        assert done.outcome.outcome in ("created", "unchanged"), done

    processes = [start(partial(ask, number)) for number in range(8)]
    assert [finish(process) for process in processes] == [0] * 8
    ((*cases,),) = households(desk).values()
    assert len(cases) == (1 if action == "create_client_and_case" else 2)


@pytest.mark.parametrize("action", ["create_client_and_case", "create_case", "update_case"])
def test_killed_before_any_step_and_started_again_it_is_done_once(
    action: str, tmp_path: Path, vendors: Vendors
) -> None:
    for at_step in boundaries():
        vendors.reset()
        folder = tmp_path / str(at_step)
        folder.mkdir()
        desk = hasty(folder, vendors)
        if action != "create_client_and_case":
            desk.to_profiles(household())
        asked_at = desk.ledger.now()
        payload = household(assets=[asset(5)])

        def act(desk: Desk, payload: Payload = payload, asked_at: Any = asked_at) -> Delivered:
            return by_hand(desk, payload, action, run_id="killed", asked_at=asked_at)

        was_killed = run_and_kill(lambda folder=folder, act=act: act(hasty(folder, vendors)), at_step)
        done = act(hasty(folder, vendors))
        assert done.outcome.outcome in ("created", "updated", "unchanged"), (at_step, done)
        ((*cases,),) = households(desk).values()
        assert len(cases) == (2 if action == "create_case" else 1), f"killed before step {at_step}"
        assert [one["externalSourceId"] for one in cases[-1]["document"]["assets"]] == ["account:5"]
        if not was_killed:
            break
    assert at_step > 5
