"""Profiles: the session and the households."""

import time
from typing import Any

import pytest

from include.sandbox.profiles.app import ProfilesApp, Settings
from tests.sandbox.running import Caller, household, person, serve


def search(profiles: Caller, **query: str) -> dict[str, Any]:
    return profiles("GET", "/api/households", params=query).json()


def test_log_in_gives_a_token_and_how_long_it_lasts(profiles: Caller) -> None:
    response = profiles("POST", "/api/auth/login", json={"username": "planbridge", "password": "sandbox"})
    assert response.status_code == 200
    assert set(response.json()) == {"token", "expires_in"}
    assert response.json()["expires_in"] == 1800


@pytest.mark.parametrize("given", [{"username": "planbridge", "password": "wrong"}, {"username": "x"}, {}])
def test_log_in_with_bad_credentials_is_401(profiles: Caller, given: dict[str, str]) -> None:
    response = profiles("POST", "/api/auth/login", json=given)
    assert response.status_code == 401
    assert set(response.json()) == {"Message"}


@pytest.mark.parametrize("reason", ["password_expired", "eula_not_accepted"])
def test_log_in_may_need_an_operator(profiles: Caller, reason: str) -> None:
    profiles.faults({"kind": "forbidden", "path": "/api/auth/login", "reason": reason})
    response = profiles("POST", "/api/auth/login", json={"username": "planbridge", "password": "sandbox"})
    assert response.status_code == 403
    assert response.json()["reason"] == reason
    assert response.json()["Message"]


@pytest.mark.parametrize("header", ["", "Bearer nonsense", "Basic abc"])
def test_every_other_call_needs_a_token(profiles: Caller, header: str) -> None:
    response = profiles("GET", "/api/households?externalSourceId=x", headers={"Authorization": header})
    assert response.status_code == 401
    assert set(response.json()) == {"Message"}


def test_a_token_expires(tmp_path) -> None:
    with serve(ProfilesApp(Settings(tmp_path / "p.db", token_lifetime=0.05))) as url:
        caller = Caller(url)
        answer = caller("POST", "/api/auth/login", json={"username": "planbridge", "password": "sandbox"}).json()
        time.sleep(0.1)
        response = caller("GET", "/api/cases/1", headers={"Authorization": f"Bearer {answer['token']}"})
    assert response.status_code == 401


def test_a_new_household_has_a_client_and_a_case(profiles: Caller) -> None:
    response = profiles("POST", "/api/households", json=household())
    assert response.status_code == 201
    created = response.json()
    assert set(created) == {"householdId", "caseId", "version"}
    found = profiles("GET", f"/api/households/{created['householdId']}")
    assert found.status_code == 200
    assert found.json() == {
        "householdId": created["householdId"],
        "clientA": {"firstName": "Ann", "lastName": "Lee", "birthDate": "1970-01-02"},
        "externalSourceId": "household:1",
        "cases": [{"caseId": created["caseId"], "name": "Lee", "state": "closed", "version": 1}],
    }


def test_two_equal_posts_make_two_households(profiles: Caller) -> None:
    for _ in range(2):
        profiles("POST", "/api/households", json=household())
    found = search(profiles, externalSourceId="household:1")
    assert found["matchType"] == "exact"
    assert len({one["householdId"] for one in found["households"]}) == 2


def test_search_finds_all_three_equal_in_any_case(profiles: Caller) -> None:
    profiles("POST", "/api/households", json=household())
    profiles("POST", "/api/households", json=household("household:2", clientA=person(firstName="Bob")))
    found = search(profiles, lastName="LEE", firstName="ann", birthDate="1970-01-02")
    assert found["matchType"] == "exact"
    assert [one["externalSourceId"] for one in found["households"]] == ["household:1"]


def test_search_without_an_exact_match_gives_everybody_of_that_last_name(profiles: Caller) -> None:
    profiles("POST", "/api/households", json=household())
    profiles("POST", "/api/households", json=household("household:2", clientA=person(firstName="Bob")))
    found = search(profiles, lastName="lee", firstName="Ann", birthDate="1999-09-09")
    assert found["matchType"] == "lastName"
    assert [one["externalSourceId"] for one in found["households"]] == ["household:1", "household:2"]


@pytest.mark.parametrize("query", [{"lastName": "Nobody"}, {"externalSourceId": "household:404"}])
def test_search_may_find_nobody(profiles: Caller, query: dict[str, str]) -> None:
    assert search(profiles, **query) == {"matchType": "none", "households": []}


def test_search_needs_something_to_look_for(profiles: Caller) -> None:
    assert profiles("GET", "/api/households").status_code == 400


def test_a_household_that_does_not_exist_is_404(profiles: Caller) -> None:
    for identifier in ("999999", "abc", "9" * 40):
        assert profiles("GET", f"/api/households/{identifier}").status_code == 404


def test_a_second_case_joins_its_household(profiles: Caller) -> None:
    created = profiles("POST", "/api/households", json=household()).json()
    path = f"/api/households/{created['householdId']}/cases"
    response = profiles("POST", path, json={"name": "Second", "clientA": person()})
    assert response.status_code == 201
    assert response.json()["version"] == 1
    cases = profiles("GET", f"/api/households/{created['householdId']}").json()["cases"]
    assert [case["name"] for case in cases] == ["Lee", "Second"]


def test_a_case_for_a_household_that_does_not_exist_is_404(profiles: Caller) -> None:
    assert profiles("POST", "/api/households/999/cases", json={"name": "x", "clientA": person()}).status_code == 404


def test_a_new_household_may_not_be_found_for_a_while(profiles: Caller) -> None:
    profiles.faults({"kind": "search_lag", "method": "POST", "path": "/api/households", "seconds": 0.4})
    profiles("POST", "/api/households", json=household())
    assert search(profiles, externalSourceId="household:1")["matchType"] == "none"
    time.sleep(0.45)
    assert search(profiles, externalSourceId="household:1")["matchType"] == "exact"


def test_unknown_addresses_and_methods_are_refused_in_json(profiles: Caller) -> None:
    assert profiles("GET", "/api/nothing").status_code == 404
    response = profiles("DELETE", "/api/households")
    assert response.status_code == 405
    assert response.headers["Allow"] == "GET, POST"
    assert response.json()["Message"]
