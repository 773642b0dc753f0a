"""`/openapi.json`: what the load clients really send, checked against what the sandboxes say that they take."""

import gzip
import json
import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
import requests
from jsonschema import Draft202012Validator, ValidationError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from etl.load.emoney.client import EmoneyClient
from etl.load.emoney.responses import Link
from etl.load.http.transport import Transport
from etl.load.profiles.client import ProfilesClient
from include.sandbox.emoney.app import EmoneyApp
from include.sandbox.emoney.app import Settings as EmoneySettings
from include.sandbox.emoney.assertion import read_public_key
from include.sandbox.profiles.app import ProfilesApp, Settings
from tests.load.delivering import emoney_person, emoney_spouse, item
from tests.load.documents import address, asset, document, holding, person, policy
from tests.sandbox.running import Caller, EmoneyCaller, serve, wait_until

Json = dict[str, Any]


@dataclass
class Sent:
    """One request as it came in."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = b""


@dataclass
class Recorder:
    """Stands before an application and keeps what is sent to it."""

    application: ASGIApp
    sent: list[Sent] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.application(scope, receive, send)
            return
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        request = Sent(scope["method"], scope["path"], dict(parse_qsl(scope["query_string"].decode())), headers)
        self.sent.append(request)

        async def listen() -> Message:
            message = await receive()
            request.body += message.get("body", b"")
            return message

        await self.application(scope, listen, send)


def problems(api: Json, request: Sent) -> list[str]:
    """What the OpenAPI file does not allow in the request; fields that it does not name are among it."""
    found = [path for path in api["paths"] if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), request.path)]
    operation = api["paths"][found[0]].get(request.method.lower()) if found else None
    if operation is None:
        return [f"{request.method} {request.path} is not in the file"]
    places = {(one["in"], one["name"].lower()): one["required"] for one in operation["parameters"]}
    wrong = [f"query {name}" for name in request.query if ("query", name.lower()) not in places]
    wrong += [
        f"{place} {name} is missing"
        for (place, name), is_required in places.items()
        if place == "header" and is_required and name not in request.headers
    ]
    if "requestBody" not in operation:
        return wrong + (["a body"] if request.body else [])
    [(media, content)] = operation["requestBody"]["content"].items()
    if request.headers.get("content-type") != media:
        return [*wrong, f"Content-Type {request.headers.get('content-type')}"]
    schema = {**content["schema"], "components": {"schemas": closed(api["components"]["schemas"])}}
    return wrong + [
        f"{reason.json_path}: {reason.message}"
        for body in bodies(request, media)
        for error in Draft202012Validator(schema).iter_errors(body)
        for reason in reasons(error)
    ]


def reasons(error: ValidationError) -> Iterator[ValidationError]:
    """The error, or what is wrong with each form that the value may have."""
    if not error.context:
        yield error
    for inner in error.context or ():
        yield from reasons(inner)


def closed(schemas: Json) -> Json:
    """The schemas without the leave for fields that they do not name."""
    return deepcopy({name: {**schema, "additionalProperties": False} for name, schema in schemas.items()})


def bodies(request: Sent, media: str) -> list[Any]:
    """What the body holds: a form, JSON, or JSON line by line."""
    content = gzip.decompress(request.body) if request.headers.get("content-encoding") == "gzip" else request.body
    if media == "application/x-www-form-urlencoded":
        return [dict(parse_qsl(content.decode()))]
    return [json.loads(line) for line in (content.splitlines() if media == "application/x-ndjson" else [content])]


def use_profiles(client: ProfilesClient) -> None:
    """Every call that the load makes of Profiles."""
    whole = document(
        clientA=person(addressInfo=address(), income={"annualSalary": Decimal("50000.50")}),
        clientB=person(firstName="Bea"),
        dependents=[
            {"externalSourceId": "contact:8", "firstName": "Cid", "lastName": "Lee", "birthDate": "2010-02-28"}
        ],
        assets=[asset(5, holdings=[holding(9)], holdingsValue=Decimal("9999999999999999.99"))],
        insurancePolicies=[policy(3, beneficiaries=["clientB"], eliminationPeriod={"count": 90, "unit": "Days"})],
    )
    client.search("Ann", "Lee", "1970-01-31")
    client.find_by_external_id("household:1")
    created = client.create_household("household:1", "Lee", whole)
    client.household(created.household_id)
    client.create_case(created.household_id, "Lee", whole)
    client.replace_case(created.case_id, client.read_case(created.case_id).document, created.version)
    client.case_url(created.case_id)


def use_emoney(client: EmoneyClient) -> None:
    """Every call that the load makes of eMoney."""
    client.search("Ann", "Lee")
    client.find_by_external_id("contact:1")
    client_id = client.create_client(emoney_person())
    client.client(client_id)
    client.patch_client(client_id, {"maritalStatus": "Married", "email": None, "job": {"title": "Cook"}})
    client.put_spouse(client_id, emoney_spouse())
    client.spouse(client_id)
    client.patch_client(client_id, {"maritalStatus": "Divorced", "previousMarriages": True})
    client.delete_spouse(client_id)
    client.connect(client_id)
    client.connections(client_id)
    life = {"sourceKey": "policy:3", "kind": "policy", "policyName": "Term", "policyNumber": "***1234",
            "owner": "other", "currentDeathBenefits": 500000}  # fmt: skip
    items = [one | {"asOf": "2026-11-20"} for one in (item(), life)]
    line = json.dumps({"clientId": client_id, "asOf": "2026-11-20", "items": items}).encode()
    client.put_feed("f1", line + b"\n")
    wait_until(lambda: client.feed("f1").status, lambda status: status == "done")
    client.accounts(client_id, "available")
    client.link(client_id, [Link("account:5", "Cash", "client")])


@pytest.fixture
def profiles_calls(tmp_path: Path) -> tuple[Json, list[Sent]]:
    """The OpenAPI file of Profiles, and what its client sends."""
    recorder = Recorder(ProfilesApp(Settings(tmp_path / "p.db")))
    with serve(recorder) as url:
        use_profiles(ProfilesClient(Transport("profiles", url), "planbridge", "sandbox"))
        calls = recorder.sent.copy()
        return requests.get(f"{url}/openapi.json", timeout=10).json(), calls


@pytest.fixture
def emoney_calls(tmp_path: Path, keys: Path) -> tuple[Json, list[Sent]]:
    """The OpenAPI file of eMoney, and what its client sends."""
    recorder = Recorder(EmoneyApp(EmoneySettings(tmp_path / "e.db", read_public_key(keys / "certificate.pem"))))
    with serve(recorder) as url:
        private_key = (keys / "private.pem").read_text()
        use_emoney(EmoneyClient(Transport("emoney", url), "planbridge", "sandbox-key", private_key))
        calls = recorder.sent.copy()
        return requests.get(f"{url}/openapi.json", timeout=10).json(), calls


def called(api: Json, calls: list[Sent]) -> set[tuple[str, str]]:
    """The operations that the calls are of."""
    return {
        (call.method, path)
        for call in calls
        for path in api["paths"]
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), call.path)
    }


def listed(api: Json) -> set[tuple[str, str]]:
    return {(method.upper(), path) for path, operations in api["paths"].items() for method in operations}


def test_the_profiles_client_sends_only_what_the_file_allows(profiles_calls: tuple[Json, list[Sent]]) -> None:
    api, calls = profiles_calls
    assert {f"{call.method} {call.path}": problems(api, call) for call in calls if problems(api, call)} == {}
    by_advisors = {("POST", "/api/cases/{case_id}/open"), ("POST", "/api/cases/{case_id}/close")}
    assert called(api, calls) == listed(api) - by_advisors


def test_the_emoney_client_sends_only_what_the_file_allows(emoney_calls: tuple[Json, list[Sent]]) -> None:
    api, calls = emoney_calls
    assert {f"{call.method} {call.path}": problems(api, call) for call in calls if problems(api, call)} == {}
    never_called = {("DELETE", "/public/v1/clients/{client_id}/connections/{connection_id}")}
    assert called(api, calls) == listed(api) - never_called


# What makes a good request of the Profiles client a bad one: its method, a word of the problem, the change.
SPOILT: list[tuple[str, str, Callable[[Sent, Any], Any]]] = [
    ("POST", "'clientA' is a required property", lambda call, body: body["case"].pop("clientA")),
    ("POST", "None is not of type 'string'", lambda call, body: body["case"]["clientA"].update(lastName=None)),
    ("POST", "'colour' was unexpected", lambda call, body: body["case"]["assets"][0].update(colour="red")),
    ("POST", "'pet' is not one of", lambda call, body: body["case"]["insurancePolicies"][0].update(kind="pet")),
    ("POST", "is too long", lambda call, body: body["case"].update(name="x" * 50)),
    ("POST", "is less than the minimum", lambda call, body: body["case"]["assets"][0].update(holdingsValue=-1)),
    ("GET", "query maidenName", lambda call, body: call.query.update(maidenName="Park")),
    ("PUT", "header if-match is missing", lambda call, body: call.headers.pop("if-match")),
    ("PUT", "Content-Type text/plain", lambda call, body: call.headers.update({"content-type": "text/plain"})),
    ("PUT", "is not in the file", lambda call, body: setattr(call, "path", "/api/cases")),
]


def test_a_request_that_the_file_does_not_allow_is_found(profiles_calls: tuple[Json, list[Sent]]) -> None:
    api, calls = profiles_calls
    for method, word, change in SPOILT:
        call = deepcopy(next(one for one in calls if one.method == method and "log" not in one.path))
        body = json.loads(call.body or b"null")
        change(call, body)
        call.body = json.dumps(body).encode() if call.body else b""
        assert word in " ".join(problems(api, call)), (method, word)


@pytest.mark.parametrize("vendor", ["profiles", "emoney"])
def test_the_file_describes_every_call_and_every_body(request: pytest.FixtureRequest, vendor: str) -> None:
    caller: Caller | EmoneyCaller = request.getfixturevalue(vendor)
    api = caller("GET", "/openapi.json").json()
    assert api["openapi"].startswith("3.1")
    for path, method in ((path, method) for method, path in listed(api)):
        assert caller(method, re.sub(r"\{\w+\}", "1", path)).status_code != 405, (method, path)
        parameters = api["paths"][path][method.lower()]["parameters"]
        assert [one["name"] for one in parameters if one["in"] == "path"] == re.findall(r"\{(\w+)\}", path)
    for name, schema in api["components"]["schemas"].items():
        Draft202012Validator.check_schema(schema)
        assert schema["properties"], name
