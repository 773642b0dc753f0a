"""Profiles' verbs, against the sandbox and against answers that lie."""

import random
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests
from msgspec.structs import astuple

from etl.errors import (
    CaseOpen,
    CredentialsRefused,
    Gone,
    InDoubt,
    PlanbridgeError,
    Rejected,
    VendorUnavailable,
    VersionConflict,
)
from etl.load.http.request import TransportSettings
from etl.load.http.transport import Transport
from etl.load.profiles.client import ProfilesClient
from etl.load.profiles.merge import merge
from include.sandbox.profiles.app import ProfilesApp, Settings
from tests.load.documents import Document, address, asset, document, holding, person, policy
from tests.load.http.servers import Step, reply, scripted
from tests.sandbox.running import serve

FAST = TransportSettings(total_seconds=2.0, tries=4, breaker_failures=100)
LOGGED_IN = reply(200, {"token": "abc", "expires_in": 1800})


def connect(url: str, password: str = "sandbox") -> ProfilesClient:
    transport = Transport("Profiles", url, settings=FAST, sleep=lambda seconds: None, rng=random.Random(1))
    return ProfilesClient(transport, "planbridge", password)


@pytest.fixture
def vendor(tmp_path: Path) -> Iterator[str]:
    with serve(ProfilesApp(Settings(tmp_path / "profiles.db"))) as url:
        yield url


@pytest.fixture
def client(vendor: str) -> ProfilesClient:
    return connect(vendor)


def order(vendor: str, *faults: dict[str, Any]) -> None:
    requests.post(f"{vendor}/_sandbox/faults", json=list(faults), timeout=10).raise_for_status()


def act(vendor: str, case_id: str, what: str) -> None:
    """What an advisor's browser does."""
    token = requests.post(
        f"{vendor}/api/auth/login", json={"username": "planbridge", "password": "sandbox"}, timeout=10
    ).json()["token"]
    headers = {"Authorization": f"Bearer {token}"}
    body = {"openedBy": "a.advisor"}
    requests.post(f"{vendor}/api/cases/{case_id}/{what}", json=body, headers=headers, timeout=10).raise_for_status()


def households(vendor: str) -> int:
    state = requests.get(f"{vendor}/_sandbox/state?only=counters", timeout=10).json()
    return int(state["counters"]["writes"].get("POST /api/households", 0))


def rich() -> Document:
    return document(
        clientA=person(addressInfo=address(), income={"annualSalary": Decimal("50000.50")}),
        clientB=person(firstName="Bea"),
        dependents=[
            {"externalSourceId": "contact:8", "firstName": "Cid", "lastName": "Lee", "birthDate": "2010-02-28"}
        ],
        assets=[asset(5, holdings=[holding(9)], holdingsValue=Decimal("9999999999999999.99"))],
        insurancePolicies=[policy(3, beneficiaries=["clientB"], eliminationPeriod={"count": 90, "unit": "Days"})],
    )


def test_a_new_household_is_found_by_our_key_and_by_name_and_read_back(client: ProfilesClient) -> None:
    household_id, case_id, version = astuple(client.create_household("household:12", "The Lees", rich()))
    for found in (client.find_by_external_id("household:12"), client.search("ANN", "lee", "1970-01-31")):
        assert found.match_type == "exact"
        assert [(one.household_id, one.cases[0].case_id) for one in found.households] == [(household_id, case_id)]
    case = client.read_case(case_id)
    assert (case.household_id, case.name, case.state, case.version) == (household_id, "The Lees", "closed", version)
    assert case.document["assets"][0]["holdingsValue"] == Decimal("9999999999999999.99")
    assert not merge(rich(), case.document, rich()).changes
    assert client.household(household_id).external_source_id == "household:12"
    assert client.case_url(case_id).startswith("http")


def test_a_search_without_an_exact_match_gives_the_namesakes(client: ProfilesClient) -> None:
    assert client.search("Ann", "Lee", "1970-01-31").match_type == "none"
    client.create_household("household:12", "The Lees", document())
    found = client.search("Zoe", "Lee", "1970-01-31")
    assert (found.match_type, len(found.households)) == ("lastName", 1)
    assert client.find_by_external_id("household:13").match_type == "none"


def test_a_case_is_replaced_at_its_version(client: ProfilesClient) -> None:
    _, case_id, version = astuple(client.create_household("household:12", "The Lees", document()))
    changed = document(clientA=person(cellPhone="555-0101"))
    new_version = client.replace_case(case_id, changed, version)
    assert new_version != version
    assert client.read_case(case_id).document["clientA"]["cellPhone"] == "555-0101"
    with pytest.raises(VersionConflict):
        client.replace_case(case_id, changed, version)


def test_an_open_case_says_who_has_it(vendor: str, client: ProfilesClient) -> None:
    _, case_id, version = astuple(client.create_household("household:12", "The Lees", document()))
    act(vendor, case_id, "open")
    case = client.read_case(case_id)
    assert (case.state, case.opened_by) == ("open", "a.advisor")
    with pytest.raises(CaseOpen) as caught:
        client.replace_case(case_id, document(), version)
    assert (caught.value.opened_by, caught.value.opened_at) == (case.opened_by, case.opened_at)
    act(vendor, case_id, "close")
    client.replace_case(case_id, document(), client.read_case(case_id).version)


def test_a_further_case_is_made_in_a_household(client: ProfilesClient) -> None:
    household_id, first, _ = astuple(client.create_household("household:12", "The Lees", document()))
    _, second, _ = astuple(client.create_case(household_id, "Another plan", document()))
    assert [case.case_id for case in client.household(household_id).cases] == [first, second]


def test_what_does_not_exist_is_gone(client: ProfilesClient) -> None:
    asks: list[Callable[[], Any]] = [
        lambda: client.household("999"),
        lambda: client.read_case("999"),
        lambda: client.case_url("999"),
        lambda: client.replace_case("999", document(), "1"),
        lambda: client.create_case("999", "Plan", document()),
    ]
    for ask in asks:
        with pytest.raises(Gone):
            ask()


def test_a_refused_document_names_its_fields_and_no_values(client: ProfilesClient) -> None:
    with pytest.raises(Rejected) as caught:
        client.create_household("household:12", "The Lees", document(clientA=person(firstName=" ", birthDate="never")))
    assert caught.value.status == 400
    assert set(caught.value.fields) == {"clientA.firstName", "clientA.birthDate"}
    assert "never" not in str(caught.value)


def test_a_number_that_is_not_finite_is_never_sent(client: ProfilesClient) -> None:
    for wrong in (float("nan"), float("inf"), Decimal("NaN")):
        with pytest.raises(ValueError, match="not finite"):
            client.create_household("household:12", "The Lees", document(assets=[asset(5, holdingsValue=wrong)]))


def test_a_wrong_password_is_tried_once(vendor: str) -> None:
    client = connect(vendor, password="wrong")
    for _ in range(3):
        with pytest.raises(CredentialsRefused, match="user name or password"):
            client.find_by_external_id("household:12")
    state = requests.get(f"{vendor}/_sandbox/state?only=counters", timeout=10).json()
    assert state["counters"]["calls"] == {"POST /api/auth/login": 1}


@pytest.mark.parametrize(
    ("reason", "remedy"), [("password_expired", "set a new"), ("eula_not_accepted", "license agreement")]
)
def test_a_log_in_that_needs_an_operator_says_what_to_do(
    vendor: str, client: ProfilesClient, reason: str, remedy: str
) -> None:
    order(vendor, {"kind": "forbidden", "path": "/api/auth/login", "reason": reason})
    with pytest.raises(CredentialsRefused, match=remedy):
        client.find_by_external_id("household:12")


def test_a_token_that_is_void_in_mid_run_is_renewed_once(vendor: str, client: ProfilesClient) -> None:
    client.find_by_external_id("household:12")
    order(vendor, {"kind": "unauthorized", "method": "POST", "path": "/api/households", "revoke": True, "count": 1})
    client.create_household("household:12", "The Lees", document())
    assert households(vendor) == 1


@pytest.mark.parametrize(
    ("fault", "error", "made"),
    [
        ({"kind": "reset_before"}, InDoubt, 0),
        ({"kind": "reset_after"}, InDoubt, 1),
        ({"kind": "unavailable", "after_commit": True}, InDoubt, 1),
        ({"kind": "html"}, InDoubt, 0),
        ({"kind": "truncated"}, InDoubt, 1),
        ({"kind": "truncated", "announce_all": True}, InDoubt, 1),
        ({"kind": "drip"}, InDoubt, 1),
        ({"kind": "not_done"}, Rejected, 0),
        ({"kind": "error", "status": 500, "shape": "message"}, InDoubt, 0),
        ({"kind": "error", "status": 400, "shape": "gateway"}, Rejected, 0),
    ],
)
def test_a_creation_that_met_a_fault_is_never_sent_twice(
    vendor: str, client: ProfilesClient, fault: dict[str, Any], error: type[PlanbridgeError], made: int
) -> None:
    order(vendor, {**fault, "method": "POST", "path": "/api/households", "count": 1})
    with pytest.raises(error):
        client.create_household("household:12", "The Lees", document())
    assert households(vendor) == made
    assert len(client.find_by_external_id("household:12").households) == made


@pytest.mark.parametrize("form", ["seconds", "date", "none"])
def test_a_throttled_creation_is_sent_until_it_is_taken(vendor: str, client: ProfilesClient, form: str) -> None:
    order(vendor, {"kind": "too_many", "method": "POST", "path": "/api/households", "form": form, "count": 2})
    client.create_household("household:12", "The Lees", document())
    assert households(vendor) == 1


CASE = {"caseId": "7", "householdId": "1", "name": "Lee", "state": "closed", "version": 3, "openedBy": None}
GOOD_CASE = {**CASE, "openedAt": None, "document": document()}
LIES: dict[str, tuple[Any, dict[str, str]]] = {
    "another case": ({**GOOD_CASE, "caseId": "8"}, {}),
    "another version in the ETag": (GOOD_CASE, {"ETag": '"4"'}),
    "no document": ({**GOOD_CASE, "document": None}, {}),
    "a document that is a list": ({**GOOD_CASE, "document": []}, {}),
    "a person that is text": ({**GOOD_CASE, "document": document(clientA="Ann")}, {}),
    "an address that is text": ({**GOOD_CASE, "document": document(clientA=person(addressInfo="Elm St"))}, {}),
    "assets that are no list": ({**GOOD_CASE, "document": document(assets={"a": 1})}, {}),
    "an asset that is text": ({**GOOD_CASE, "document": document(assets=["account:5"])}, {}),
    "a holding that is null": ({**GOOD_CASE, "document": document(assets=[asset(5, holdings=[None])])}, {}),
    "beneficiaries that are text": (
        {**GOOD_CASE, "document": document(insurancePolicies=[policy(3, beneficiaries="clientB")])},
        {},
    ),
    "an unknown state": ({**GOOD_CASE, "state": "half open"}, {}),
    "a version that is true": ({**GOOD_CASE, "version": True}, {}),
    "a household id with a way out": ({**GOOD_CASE, "householdId": "../1"}, {}),
    "a list": ([GOOD_CASE], {}),
}


@pytest.mark.parametrize(("body", "headers"), LIES.values(), ids=LIES.keys())
def test_a_case_that_is_not_what_was_asked_for_is_not_believed(body: Any, headers: dict[str, str]) -> None:
    with scripted(LOGGED_IN, reply(200, body, headers)) as server, pytest.raises(VendorUnavailable):
        connect(server.url).read_case("7")


def test_the_honest_case_is_believed() -> None:
    with scripted(LOGGED_IN, reply(200, GOOD_CASE, {"ETag": 'W/"3"'})) as server:
        assert connect(server.url).read_case("7").document == document()


def found(first: str = "Ann", last: str = "Lee", birth_date: str = "1970-01-31", **given: Any) -> dict[str, Any]:
    who = {"firstName": first, "lastName": last, "birthDate": birth_date}
    return {"householdId": "1", "clientA": who, "externalSourceId": "household:12", "cases": [], **given}


@pytest.mark.parametrize(
    "body",
    [
        {"matchType": "exact", "households": [found(first="Eve")]},
        {"matchType": "exact", "households": [found(birth_date="1970-02-01")]},
        {"matchType": "lastName", "households": [found(last="Roe")]},
        {"matchType": "exact", "households": []},
        {"matchType": "none", "households": [found()]},
        {"matchType": "similar", "households": []},
        {"matchType": "none", "households": None},
        {"matchType": "exact", "households": [found(cases=None)]},
    ],
)
def test_a_search_answer_that_was_not_asked_for_is_not_believed(body: Any) -> None:
    with scripted(LOGGED_IN, reply(200, body)) as server, pytest.raises(VendorUnavailable):
        connect(server.url).search("Ann", "Lee", "1970-01-31")


def test_a_household_with_another_key_is_not_believed() -> None:
    body = {"matchType": "exact", "households": [found(externalSourceId="household:13")]}
    with scripted(LOGGED_IN, reply(200, body)) as server, pytest.raises(VendorUnavailable):
        connect(server.url).find_by_external_id("household:12")


@pytest.mark.parametrize(
    "answer",
    [
        reply(201, {"caseId": "7", "version": 1}),
        reply(201, {"householdId": None, "caseId": "7", "version": 1}),
        reply(200, {"householdId": "1", "caseId": "7", "version": 1}),
        reply(201, b""),
    ],
)
def test_a_creation_with_a_contradictory_answer_is_in_doubt(answer: Step) -> None:
    with scripted(LOGGED_IN, answer) as server, pytest.raises(InDoubt):
        connect(server.url).create_household("household:12", "The Lees", document())


@pytest.mark.parametrize("answer", [reply(200, {}), reply(200, {"version": 1}), reply(200, {"version": [2]})])
def test_a_replacement_with_a_contradictory_answer_is_in_doubt(answer: Step) -> None:
    with scripted(LOGGED_IN, answer) as server, pytest.raises(InDoubt):
        connect(server.url).replace_case("7", document(), "1")


def test_a_conflict_of_another_kind_is_a_refusal() -> None:
    refusal = reply(409, {"Message": "no", "reason": "archived"})
    with scripted(LOGGED_IN, refusal) as server, pytest.raises(Rejected, match="archived"):
        connect(server.url).replace_case("7", document(), "1")


@pytest.mark.parametrize("token", [None, 5, "", " ", "a\r\nX-Injected: 1", "tökén"])
def test_a_token_that_cannot_stand_in_a_header_is_not_used(token: Any) -> None:
    with scripted(reply(200, {"token": token, "expires_in": 5})) as server, pytest.raises(VendorUnavailable):
        connect(server.url).find_by_external_id("household:12")
