"""The API of eMoney: token, clients, spouses."""

import hmac
import secrets
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from include.sandbox.common.fields import Field, Record
from include.sandbox.common.gate import ApiRoute
from include.sandbox.common.pages import read_form
from include.sandbox.common.wire import Refused, answer, parse, read_object
from include.sandbox.emoney.assertion import Assertions, TokenRefused
from include.sandbox.emoney.records import CLIENT, SPOUSE, merge, mistakes
from include.sandbox.emoney.schema import as_client_id, number_of
from include.sandbox.emoney.store import Store

TOKEN_PATH = "/connect/token"
SEARCHED = ("firstName", "lastName", "ownerId", "externalId")
GATEWAY_SPEAKS = (401, 405, 429, 503)


def say(path: str, status: int, code: str, message: str) -> dict[str, Any]:
    """An error in the shape of its place: the token endpoint, the gateway in front, or the application."""
    if path == TOKEN_PATH:
        return {"error": "invalid_request" if status < 500 else code, "error_description": message}
    if status in GATEWAY_SPEAKS or code == "no_such_route":
        return {"fault": {"faultstring": message, "detail": {"errorcode": code}}}
    return {"errors": [{"code": code, "message": message, "field": None}], "traceId": secrets.token_hex(16)}


def refuse(status: int, code: str, message: str, field: str | None = None, **more: Any) -> Refused:
    errors = [{"code": code, "message": message, "field": field}]
    return Refused(answer({**more, "errors": errors, "traceId": secrets.token_hex(16)}, status))


def check(fields: tuple[Field, ...], record: Record) -> None:
    errors = mistakes(fields, record)
    if errors:
        raise Refused(answer({"errors": errors, "traceId": secrets.token_hex(16)}, 400))


def client_number(request: Request, store: Store) -> int:
    """The client in the path; raises Refused (404)."""
    number = number_of(request.path_params["client_id"])
    if store.client_json(number) is None:
        raise refuse(404, "not_found", "The client does not exist.")
    return number


@dataclass(frozen=True)
class Api:
    store: Store
    assertions: Assertions
    api_key: str
    token_lifetime: float

    def routes(self) -> list[ApiRoute]:
        created, done = frozenset({201}), frozenset({200})
        client, spouse = "/public/v1/clients/{client_id}", "/public/v1/clients/{client_id}/spouse"
        return [
            ApiRoute("POST", TOKEN_PATH, self.token, needs_token=False),
            ApiRoute("GET", "/public/v1/clients", self.search),
            ApiRoute("POST", "/public/v1/clients", self.create_client, created),
            ApiRoute("GET", client, self.client),
            ApiRoute("PATCH", client, self.patch_client, done),
            ApiRoute("GET", spouse, self.spouse),
            ApiRoute("PUT", spouse, self.put_spouse, done),
            ApiRoute("DELETE", spouse, self.delete_spouse, done),
        ]

    def authorize(self, request: Request) -> None:
        key = request.headers.get("apikey", "")
        if not hmac.compare_digest(key.encode(), self.api_key.encode()):
            raise _unauthorized("invalid_apikey", "Invalid ApiKey")
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not self.store.sessions.is_open(token.strip()):
            raise _unauthorized("invalid_access_token", "Invalid Access Token")

    async def token(self, request: Request) -> Response:
        token_url = str(request.url.replace(query="", fragment=""))
        try:
            self.assertions.check(await read_form(request), token_url)
        except TokenRefused as refused:
            return answer({"error": refused.error, "error_description": refused.description}, 400)
        token = self.store.sessions.open(self.token_lifetime)
        return answer({"access_token": token, "token_type": "Bearer", "expires_in": int(self.token_lifetime)})

    async def search(self, request: Request) -> Response:
        wanted = {name: request.query_params[name] for name in SEARCHED if request.query_params.get(name)}
        if not wanted:
            raise refuse(400, "filter_required", f"Give one of {', '.join(SEARCHED)}.")
        return answer({"clients": self.store.search(wanted)})

    async def create_client(self, request: Request) -> Response:
        client = await read_object(request)
        check(CLIENT, client)
        lag = request.state.marks.get("search_lag")
        client_id = as_client_id(self.store.add_client(client, lag.params["seconds"] if lag else None))
        return answer({"id": client_id}, 201, {"Location": f"/public/v1/clients/{client_id}"})

    async def client(self, request: Request) -> Response:
        return answer(self.store.client_json(client_number(request, self.store)))

    async def patch_client(self, request: Request) -> Response:
        patch = await read_object(request)
        number = client_number(request, self.store)
        client = merge(self.store.client(number), patch)
        check(CLIENT, client)
        self.store.replace_client(number, client)
        return answer(self.store.client_json(number))

    async def spouse(self, request: Request) -> Response:
        found = self.store.spouse_json(client_number(request, self.store))
        if found is None:
            raise refuse(404, "not_found", "The client has no spouse.")
        return answer(found)

    async def put_spouse(self, request: Request) -> Response:
        spouse = await read_object(request)
        number = client_number(request, self.store)
        if parse(self.store.client_json(number) or b"{}").get("maritalStatus") != "Married":
            raise refuse(400, "spouse_not_allowed", "The client is not Married.", "maritalStatus")
        check(SPOUSE, spouse)
        return answer(self.store.put_spouse(number, spouse))

    async def delete_spouse(self, request: Request) -> Response:
        if not self.store.delete_spouse(client_number(request, self.store)):
            raise refuse(404, "not_found", "The client has no spouse.")
        return answer({"deleted": True})


def _unauthorized(code: str, message: str) -> Refused:
    body = {"fault": {"faultstring": message, "detail": {"errorcode": code}}}
    return Refused(answer(body, 401, {"WWW-Authenticate": "Bearer"}))
