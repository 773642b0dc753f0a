"""eMoney: the token, clients and spouses."""

import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from tests.sandbox.running import EmoneyCaller

CLIENTS = "/public/v1/clients"


def test_a_signed_assertion_gives_a_token(emoney: EmoneyCaller) -> None:
    response = emoney.ask_token(emoney.assertion())
    assert response.status_code == 200
    assert response.json()["token_type"] == "Bearer"
    assert set(response.json()) == {"access_token", "token_type", "expires_in"}


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "somebody"},
        {"sub": "somebody"},
        {"aud": "http://127.0.0.1:1/connect/token"},
        {"exp": int(time.time()) - 10},
        {"exp": int(time.time()) + 3600},
        {"jti": None},
        {"jti": ""},
        {"exp": None},
    ],
    ids=["issuer", "subject", "audience", "expired", "too long", "no jti", "empty jti", "no expiry"],
)
def test_an_assertion_with_a_wrong_claim_is_refused(emoney: EmoneyCaller, claims: dict[str, Any]) -> None:
    response = emoney.ask_token(emoney.assertion(**claims))
    assert response.status_code == 400
    assert response.json()["error"] == "invalid_client"
    assert response.json()["error_description"]


def test_an_assertion_of_another_key_is_refused(emoney: EmoneyCaller) -> None:
    claims = jwt.decode(emoney.assertion(), options={"verify_signature": False})
    forged = jwt.encode(claims, generate_private_key(65537, 2048), "RS256")
    assert emoney.ask_token(forged).json()["error"] == "invalid_client"


def test_an_assertion_without_a_signature_is_refused(emoney: EmoneyCaller) -> None:
    claims = jwt.decode(emoney.assertion(), options={"verify_signature": False})
    assert emoney.ask_token(jwt.encode(claims, None, "none")).json()["error"] == "invalid_client"


def test_a_jti_is_good_once(emoney: EmoneyCaller) -> None:
    assertion = emoney.assertion()
    assert emoney.ask_token(assertion).status_code == 200
    assert emoney.ask_token(assertion).status_code == 400


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"client_assertion_type": "x"}, "invalid_request"),
        ({"scope": "all"}, "invalid_scope"),
    ],
)
def test_a_token_request_of_another_kind_is_refused(emoney: EmoneyCaller, form: dict[str, str], error: str) -> None:
    assert emoney.ask_token(emoney.assertion(), **form).json()["error"] == error


@pytest.mark.parametrize("headers", [{"apikey": "wrong"}, {"Authorization": "Bearer wrong"}, {"Authorization": ""}])
def test_every_call_needs_both_key_and_token(emoney: EmoneyCaller, headers: dict[str, str]) -> None:
    response = emoney("GET", f"{CLIENTS}/em-1", headers=headers)
    assert response.status_code == 401
    assert response.json()["fault"]["faultstring"]


def test_a_new_client_is_found_by_name_owner_and_external_id(emoney: EmoneyCaller) -> None:
    client_id = emoney.add_client(externalId="contact:7", ownerId="o1", connected=False)
    expected = {
        "id": client_id,
        "firstName": "Ann",
        "lastName": "Lee",
        "dateOfBirth": "1970-01-02",
        "ownerId": "o1",
        "externalId": "contact:7",
    }
    for query in ("firstName=ANN&lastName=lee", "lastName=lee&ownerId=o1", "externalId=contact:7"):
        assert emoney("GET", f"{CLIENTS}?{query}").json() == {"clients": [expected]}
    for query in ("firstName=Bob&lastName=Lee", "ownerId=o2", "externalId=contact:70"):
        assert emoney("GET", f"{CLIENTS}?{query}").json() == {"clients": []}


def test_two_equal_posts_make_two_clients(emoney: EmoneyCaller) -> None:
    assert emoney.add_client(externalId="contact:7") != emoney.add_client(externalId="contact:7")
    assert len(emoney("GET", f"{CLIENTS}?externalId=contact:7").json()["clients"]) == 2


@pytest.mark.parametrize(
    ("field", "client"),
    [
        ("firstName", {"firstName": " ", "lastName": "Lee"}),
        ("lastName", {"firstName": "Ann"}),
        ("dateOfBirth", {"firstName": "Ann", "lastName": "Lee", "dateOfBirth": "02/01/1970"}),
        ("address.city", {"firstName": "Ann", "lastName": "Lee", "address": {"city": 1}}),
        ("job", {"firstName": "Ann", "lastName": "Lee", "job": "cook"}),
        ("externalId", {"firstName": "Ann", "lastName": "Lee", "externalId": "x" * 65}),
    ],
)
def test_an_invalid_client_is_400_and_names_the_field(emoney: EmoneyCaller, field: str, client: dict[str, Any]) -> None:
    response = emoney("POST", CLIENTS, json=client)
    assert response.status_code == 400
    assert response.json()["traceId"]
    errors = response.json()["errors"]
    assert [error["field"] for error in errors] == [field]
    assert set(errors[0]) == {"code", "message", "field"}


def test_a_client_comes_with_all_fields(emoney: EmoneyCaller) -> None:
    client_id = emoney.add_client()
    client = emoney("GET", f"{CLIENTS}/{client_id}").json()
    assert client["id"] == client_id
    assert client["address"] is None
    assert client["job"]["companyName"] is None


def test_a_patch_merges_and_unknown_fields_survive(emoney: EmoneyCaller) -> None:
    client_id = emoney.add_client(email="ann@example.com", risk={"level": 3}, job={"title": "Cook"})
    patch = {"email": None, "cellPhone": "555-0101", "job": {"companyName": "Acme"}}
    response = emoney("PATCH", f"{CLIENTS}/{client_id}", json=patch)
    assert response.status_code == 200
    client = emoney("GET", f"{CLIENTS}/{client_id}").json()
    assert client == response.json()
    assert client["email"] is None
    assert client["cellPhone"] == "555-0101"
    assert (client["job"]["companyName"], client["job"]["title"]) == ("Acme", "Cook")
    assert client["risk"] == {"level": 3}


def test_a_patch_may_not_make_a_client_invalid(emoney: EmoneyCaller) -> None:
    client_id = emoney.add_client()
    assert emoney("PATCH", f"{CLIENTS}/{client_id}", json={"lastName": None}).status_code == 400
    assert emoney("GET", f"{CLIENTS}/{client_id}").json()["lastName"] == "Lee"


def test_a_patched_name_is_searched_for(emoney: EmoneyCaller) -> None:
    client_id = emoney.add_client()
    emoney("PATCH", f"{CLIENTS}/{client_id}", json={"lastName": "Park", "id": "em-999"})
    assert [one["id"] for one in emoney("GET", f"{CLIENTS}?lastName=park").json()["clients"]] == [client_id]


def test_a_marriage_and_a_divorce_go_step_by_step(emoney: EmoneyCaller) -> None:
    path = f"{CLIENTS}/{emoney.add_client(maritalStatus='Single')}"
    spouse = {"firstName": "Bo", "lastName": "Lee", "externalId": "contact:8"}
    refused = emoney("PUT", f"{path}/spouse", json=spouse)
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["code"] == "spouse_not_allowed"
    assert emoney("GET", f"{path}/spouse").status_code == 404
    emoney("PATCH", path, json={"maritalStatus": "Married"})
    assert emoney("PUT", f"{path}/spouse", json=spouse).status_code == 200
    assert emoney("GET", f"{path}/spouse").json()["firstName"] == "Bo"
    emoney("PATCH", path, json={"maritalStatus": "Divorced", "previousMarriages": True})
    assert emoney("GET", path).json()["previousMarriages"] is True
    assert emoney("DELETE", f"{path}/spouse").status_code == 200
    assert emoney("DELETE", f"{path}/spouse").status_code == 404


def test_an_invalid_spouse_is_400(emoney: EmoneyCaller) -> None:
    path = f"{CLIENTS}/{emoney.add_client(maritalStatus='Married')}/spouse"
    assert emoney("PUT", path, json={"firstName": "Bo"}).json()["errors"][0]["field"] == "lastName"


def test_what_belongs_to_no_client_is_404(emoney: EmoneyCaller) -> None:
    calls = [("GET", ""), ("PATCH", ""), ("GET", "/spouse"), ("PUT", "/spouse"), ("DELETE", "/spouse"),
             ("GET", "/connections"), ("POST", "/connections"), ("GET", "/accounts"), ("POST", "/links")]  # fmt: skip
    for method, path in calls:
        for identifier in ("em-999", "999", "x"):
            response = emoney(method, f"{CLIENTS}/{identifier}{path}", json={})
            assert response.status_code == 404, (method, path)
            assert response.json()["errors"][0]["code"] == "not_found"


def test_search_needs_something_to_look_for(emoney: EmoneyCaller) -> None:
    assert emoney("GET", CLIENTS).status_code == 400


def test_a_new_client_may_not_be_found_for_a_while(emoney: EmoneyCaller) -> None:
    emoney.faults({"kind": "search_lag", "path": "/public/v1/clients", "method": "POST", "seconds": 0.4})
    emoney.add_client(externalId="contact:7")
    assert emoney("GET", f"{CLIENTS}?externalId=contact:7").json() == {"clients": []}
    time.sleep(0.45)
    assert len(emoney("GET", f"{CLIENTS}?externalId=contact:7").json()["clients"]) == 1
