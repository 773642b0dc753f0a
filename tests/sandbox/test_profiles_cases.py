"""Profiles: cases, their versions and their documents."""

from typing import Any

import pytest

from tests.sandbox.running import Caller, household, person


@pytest.fixture
def case(profiles: Caller) -> str:
    """The path of a fresh case."""
    created = profiles("POST", "/api/households", json=household(notes="by hand")).json()
    return f"/api/cases/{created['caseId']}"


def put(profiles: Caller, case: str, version: int = 1, **document: Any) -> Any:
    body = {"document": {"clientA": person(), **document}}
    return profiles("PUT", case, json=body, headers={"If-Match": f'"{version}"'})


def test_a_case_comes_whole_with_its_version_as_etag(profiles: Caller, case: str) -> None:
    response = profiles("GET", case)
    assert response.status_code == 200
    assert response.headers["ETag"] == '"1"'
    names = {"caseId", "householdId", "name", "state", "version", "openedBy", "openedAt", "document"}
    assert set(response.json()) == names
    document = response.json()["document"]
    assert document["clientA"]["homePhone"] is None
    assert document["clientA"]["income"] == {"annualSalary": None}
    assert document["clientB"] is None
    assert document["assets"] == []


def test_a_put_replaces_everything(profiles: Caller, case: str) -> None:
    put(profiles, case, myField={"a": 1}, liabilities=[{"liabilityName": "Loan"}])
    document = profiles("GET", case).json()["document"]
    assert document["notes"] is None
    assert document["myField"] == {"a": 1}
    assert document["liabilities"][0]["currentBalance"] is None
    put(profiles, case, version=2)
    assert "myField" not in profiles("GET", case).json()["document"]


def test_a_put_gives_the_new_version(profiles: Caller, case: str) -> None:
    response = put(profiles, case)
    assert response.status_code == 200
    assert response.json() == {"version": 2}
    assert response.headers["ETag"] == '"2"'


def test_unknown_fields_survive_inside_items_too(profiles: Caller, case: str) -> None:
    asset = {"accountName": "A", "colour": "red", "holdings": [{"ticker": "T", "mood": [1]}]}
    put(profiles, case, assets=[asset])
    kept = profiles("GET", case).json()["document"]["assets"][0]
    assert kept["colour"] == "red"
    assert kept["holdings"][0]["mood"] == [1]


def test_large_money_comes_back_to_the_cent(profiles: Caller, case: str) -> None:
    body = b'{"document":{"clientA":{"firstName":"A","lastName":"B","birthDate":"1970-01-01"},'
    body += b'"assets":[{"holdingsValue":9999999999999999.99,"cashBalance":-0.01}]}}'
    assert profiles("PUT", case, data=body, headers={"If-Match": '"1"'}).status_code == 200
    assert b'"holdingsValue":9999999999999999.99' in profiles("GET", case).content


def test_a_put_without_if_match_is_428(profiles: Caller, case: str) -> None:
    assert profiles("PUT", case, json={"document": {"clientA": person()}}).status_code == 428


@pytest.mark.parametrize("header", ['"7"', "1", '""', "*"])
def test_a_put_on_another_version_is_412(profiles: Caller, case: str, header: str) -> None:
    response = profiles("PUT", case, json={"document": {"clientA": person()}}, headers={"If-Match": header})
    assert response.status_code == 412
    assert response.json()["reason"] == "version_conflict"


def test_an_open_case_is_409_at_any_version(profiles: Caller, case: str) -> None:
    opened = profiles("POST", f"{case}/open", json={"openedBy": "dana"})
    assert opened.status_code == 200
    for version in (1, 7):
        response = put(profiles, case, version)
        assert response.status_code == 409
        refusal = response.json()
        assert refusal["reason"] == "case_open"
        assert refusal["openedBy"] == "dana"
        assert refusal["openedAt"] == profiles("GET", case).json()["openedAt"]
    assert profiles("GET", case).json()["version"] == 1


def test_a_closed_case_can_be_written_again(profiles: Caller, case: str) -> None:
    profiles("POST", f"{case}/open", json={"openedBy": "dana"})
    assert profiles("POST", f"{case}/close").status_code == 200
    assert profiles("GET", case).json()["openedBy"] is None
    assert put(profiles, case).status_code == 200


def test_opening_needs_a_name_and_a_case_that_nobody_else_has_open(profiles: Caller, case: str) -> None:
    assert profiles("POST", f"{case}/open", json={}).status_code == 400
    profiles("POST", f"{case}/open", json={"openedBy": "dana"})
    assert profiles("POST", f"{case}/open", json={"openedBy": "lou"}).status_code == 409
    assert profiles("POST", f"{case}/open", json={"openedBy": "dana"}).status_code == 200


def test_the_url_of_a_case_shows_its_page(profiles: Caller, case: str) -> None:
    url = profiles("GET", f"{case}/url").json()["url"]
    assert url.startswith(profiles.url)
    assert "Lee" in profiles.page(url.removeprefix(profiles.url))


def test_a_case_that_does_not_exist_is_404(profiles: Caller) -> None:
    for method, path in [("GET", ""), ("GET", "/url"), ("POST", "/close"), ("PUT", "")]:
        response = profiles(method, f"/api/cases/999{path}", json={"document": {"clientA": person()}})
        assert response.status_code == 404, (method, path)


def test_the_household_follows_the_name_of_client_a(profiles: Caller, case: str) -> None:
    put(profiles, case, clientA=person(lastName="Lee-Park"))
    found = profiles("GET", "/api/households?lastName=lee-park").json()
    assert found["households"][0]["clientA"]["lastName"] == "Lee-Park"


TWICE = [{"externalSourceId": "x:1"}, {"externalSourceId": "x:1"}]
REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("clientA", {"clientA": None}),
    ("clientA", {"clientA": "Ann"}),
    ("clientA.firstName", {"clientA": person(firstName="  ")}),
    ("clientA.lastName", {"clientA": person(lastName=None)}),
    ("clientA.birthDate", {"clientA": person(birthDate=None)}),
    ("clientA.birthDate", {"clientA": person(birthDate="1970-02-30")}),
    ("clientA.birthDate", {"clientA": person(birthDate=19700102)}),
    ("clientA.addressInfo.city", {"clientA": person(addressInfo={"city": 3})}),
    ("clientA.income.annualSalary", {"clientA": person(income={"annualSalary": "a lot"})}),
    ("clientB.birthDate", {"clientB": person(birthDate=None)}),
    ("dependents[0].birthDate", {"dependents": [{"firstName": "A", "lastName": "B"}]}),
    ("assets", {"assets": {"a": 1}}),
    ("assets[0]", {"assets": [1]}),
    ("assets[1].externalSourceId", {"assets": TWICE}),
    ("assets[0].externalSourceId", {"assets": [{"externalSourceId": "x" * 65}]}),
    ("assets[0].externalSourceId", {"assets": [{"externalSourceId": ["x:1"]}]}),
    ("assets[0].holdingsValue", {"assets": [{"holdingsValue": -0.01}]}),
    ("assets[0].holdingsValue", {"assets": [{"holdingsValue": True}]}),
    ("assets[0].owner", {"assets": [{"owner": "clientB"}]}),
    ("assets[0].owner", {"assets": [{"owner": "nobody"}]}),
    ("assets[0].holdings[1].externalSourceId", {"assets": [{"holdings": TWICE}]}),
    ("assets[0].holdings[0].holdingsValue", {"assets": [{"holdings": [{"holdingsValue": -1}]}]}),
    ("liabilities[0].annualInterestRate", {"liabilities": [{"annualInterestRate": 50.01}]}),
    ("liabilities[0].annualInterestRate", {"liabilities": [{"annualInterestRate": -1}]}),
    ("liabilities[0].owner", {"liabilities": [{"owner": "clientB"}]}),
    ("insurancePolicies[0].kind", {"insurancePolicies": [{"kind": "pet"}]}),
    ("insurancePolicies[0].insured", {"insurancePolicies": [{"kind": "life", "insured": "clientB"}]}),
    ("insurancePolicies[0].beneficiaries", {"insurancePolicies": [{"kind": "life", "beneficiaries": "clientA"}]}),
    (
        "insurancePolicies[0].eliminationPeriod.unit",
        {"insurancePolicies": [{"kind": "disability", "eliminationPeriod": {"count": 90, "unit": "Fortnights"}}]},
    ),
]


@pytest.mark.parametrize(
    ("path", "document"), REFUSED, ids=[f"{place}-{path}" for place, (path, _) in enumerate(REFUSED)]
)
def test_an_invalid_document_is_400_and_names_the_place(
    profiles: Caller, case: str, path: str, document: dict[str, Any]
) -> None:
    response = put(profiles, case, **document)
    assert response.status_code == 400
    assert response.json()["Message"] == "The request is invalid."
    assert list(response.json()["ModelState"]) == [path]
    assert profiles("POST", "/api/households", json=household(**document)).json()["ModelState"].keys() == {path}
    assert profiles("GET", case).json()["version"] == 1


def test_a_name_of_49_characters_is_taken_and_50_are_not(profiles: Caller) -> None:
    assert profiles("POST", "/api/households", json=household(name="x" * 49)).status_code == 201
    for name in ("x" * 50, " ", ""):
        refused = profiles("POST", "/api/households", json=household(name=name))
        assert refused.status_code == 400
        assert list(refused.json()["ModelState"]) == ["name"]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"document":{"clientA":NaN}}', b'{"document":12345678901234567890NaN}']
)
def test_a_body_that_is_no_json_object_is_400(profiles: Caller, case: str, body: bytes) -> None:
    response = profiles("PUT", case, data=body, headers={"If-Match": '"1"'})
    assert response.status_code == 400
    assert response.json()["Message"]
