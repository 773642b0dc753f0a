"""The API of eMoney: token, clients and spouses, connections, accounts and links, the feed."""

import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from include.sandbox.common.api import Api, Call
from include.sandbox.common.faults import Fault
from include.sandbox.common.records import complete
from include.sandbox.common.store import number_in
from include.sandbox.common.wire import Json, Problem, Refused, answer, parse, read_body, read_form, read_object
from include.sandbox.emoney.assertion import Assertions, TokenRefused
from include.sandbox.emoney.feeds import BYTES_AT_MOST, FOREVER, content_digest, unpack
from include.sandbox.emoney.records import (
    TOO_LONG,
    Client,
    ClientPatch,
    FeedLine,
    Institution,
    Links,
    Spouse,
    TokenRequest,
    complete_client,
    error_of,
    merge,
)
from include.sandbox.emoney.store import CLIENT_PREFIX, CONNECTION_PREFIX, INSTITUTION, SEARCHED, Store, as_client_id

TOKEN = "/connect/token"
CLIENTS = "/public/v1/clients"
CLIENT = CLIENTS + "/{client_id}"
FEED = "/public/v1/institutions/smartoffice/feeds/{feed_id}"
FORM, MERGE_PATCH, NDJSON = "application/x-www-form-urlencoded", "application/merge-patch+json", "application/x-ndjson"
GATEWAY_SPEAKS = (401, 405, 429, 503)
FEED_ID_AT_MOST = 128


def _errors(errors: list[Json], **more: Any) -> Json:
    """Errors as the application words them."""
    return {**more, "errors": errors, "traceId": secrets.token_hex(16)}


def _fault(code: str, message: str) -> Json:
    """An error as the gateway in front words it."""
    return {"fault": {"faultstring": message, "detail": {"errorcode": code}}}


def refuse(status: int, code: str, message: str, field: str | None = None, **more: Any) -> Refused:
    return Refused(answer(_errors([{"code": code, "message": message, "field": field}], **more), status))


def _unauthorized(code: str, message: str) -> Refused:
    return Refused(answer(_fault(code, message), 401, {"WWW-Authenticate": "Bearer"}))


@dataclass(frozen=True)
class EmoneyApi(Api):
    """`wake` tells the refresh that a feed has come."""

    store: Store
    assertions: Assertions
    api_key: str
    token_lifetime: float
    wake: Callable[[], None]

    def say(self, path: str, status: int, code: str, message: str) -> Json:
        """Three shapes: the token endpoint's, that of the gateway in front, and the application's."""
        if path == TOKEN:
            return {"error": "invalid_request" if status < 500 else code, "error_description": message}
        if status in GATEWAY_SPEAKS or code == "no_such_route":
            return _fault(code, message)
        return _errors([{"code": code, "message": message, "field": None}])

    def say_invalid(self, problems: list[Problem]) -> Json:
        too_long_last = sorted(problems, key=lambda problem: problem.code == TOO_LONG)
        return _errors([error_of(problem) for problem in too_long_last])

    def authorize(self, request: Request) -> None:
        key = request.headers.get("apikey", "")
        if not hmac.compare_digest(key.encode(), self.api_key.encode()):
            raise _unauthorized("invalid_apikey", "Invalid ApiKey")
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not self.store.has_session(token.strip()):
            raise _unauthorized("invalid_access_token", "Invalid Access Token")

    def limit_key(self, request: Request) -> str | None:
        return None if request.url.path == TOKEN else request.headers.get("apikey")

    @Call("POST", TOKEN, body=TokenRequest, media=FORM, needs_token=False)
    async def token(self, request: Request) -> Response:
        token_url = str(request.url.replace(query="", fragment=""))
        try:
            self.assertions.check(await read_form(request), token_url)
        except TokenRefused as refused:
            return answer({"error": refused.error, "error_description": refused.description}, 400)
        token = self.store.open_session(self.token_lifetime)
        return answer({"access_token": token, "token_type": "Bearer", "expires_in": int(self.token_lifetime)})

    @Call("GET", CLIENTS, query=tuple(SEARCHED))
    async def search(self, request: Request) -> Response:
        """Clients for whom all that is asked for holds."""
        wanted = {name: request.query_params[name] for name in SEARCHED if request.query_params.get(name)}
        if not wanted:
            raise refuse(400, "filter_required", f"Give one of {', '.join(SEARCHED)}.")
        return answer({"clients": self.store.search(wanted)})

    @Call("POST", CLIENTS, body=Client, wrote=201)
    async def create_client(self, request: Request) -> Response:
        """A new client; two equal calls make two."""
        client = complete_client(await read_object(request))
        lag = request.state.marks.get("search_lag")
        client_id = as_client_id(self.store.add_client(client, lag.params["seconds"] if lag else None))
        return answer({"id": client_id}, 201, {"Location": f"{CLIENTS}/{client_id}"})

    def _client(self, request: Request) -> tuple[int, bytes]:
        """(number, record) of the client in the path; raises Refused (404)."""
        number = number_in(request.path_params["client_id"], CLIENT_PREFIX)
        found = self.store.client_json(number)
        if found is None:
            raise refuse(404, "not_found", "The client does not exist.")
        return number, found

    @Call("GET", CLIENT)
    async def client(self, request: Request) -> Response:
        return answer(self._client(request)[1])

    @Call("PATCH", CLIENT, body=ClientPatch, media=MERGE_PATCH, wrote=200)
    async def patch_client(self, request: Request) -> Response:
        patch = await read_object(request)
        number, before = self._client(request)
        self.store.replace_client(number, complete_client(merge(parse(before), patch)))
        return answer(self.store.client_json(number))

    @Call("GET", CLIENT + "/spouse")
    async def spouse(self, request: Request) -> Response:
        found = self.store.spouse_json(self._client(request)[0])
        if found is None:
            raise refuse(404, "not_found", "The client has no spouse.")
        return answer(found)

    @Call("PUT", CLIENT + "/spouse", body=Spouse, wrote=200)
    async def put_spouse(self, request: Request) -> Response:
        spouse = await read_object(request)
        number, client = self._client(request)
        if parse(client).get("maritalStatus") != "Married":
            raise refuse(400, "spouse_not_allowed", "The client is not Married.", "maritalStatus")
        return answer(self.store.put_spouse(number, complete(Spouse, spouse)))

    @Call("DELETE", CLIENT + "/spouse", wrote=200)
    async def delete_spouse(self, request: Request) -> Response:
        if not self.store.delete_spouse(self._client(request)[0]):
            raise refuse(404, "not_found", "The client has no spouse.")
        return answer({"deleted": True})

    @Call("GET", CLIENT + "/connections")
    async def connections(self, request: Request) -> Response:
        found = self.store.connections(self._client(request)[0])
        return answer({"connections": [{name: one[name] for name in ("id", "institution", "status")} for one in found]})

    @Call("POST", CLIENT + "/connections", body=Institution, wrote=201)
    async def connect(self, request: Request) -> Response:
        body = await read_object(request)
        number, _ = self._client(request)
        if body.get("institution") != INSTITUTION:
            raise refuse(400, "unknown_institution", f"The institution must be {INSTITUTION}.", "institution")
        is_new = self.store.connect(number)
        connection = next(one["id"] for one in self.store.connections(number) if one["institution"] == INSTITUTION)
        if not is_new:
            raise refuse(409, "connection_exists", "The client has this connection.", id=connection)
        return answer({"id": connection}, 201)

    @Call("DELETE", CLIENT + "/connections/{connection_id}", wrote=200)
    async def disconnect(self, request: Request) -> Response:
        number, _ = self._client(request)
        if not self.store.disconnect(number, number_in(request.path_params["connection_id"], CONNECTION_PREFIX)):
            raise refuse(404, "not_found", "The connection does not exist.")
        return answer({"deleted": True})

    @Call("GET", CLIENT + "/accounts", query=("state",))
    async def accounts(self, request: Request) -> Response:
        number, _ = self._client(request)
        state = request.query_params.get("state")
        if state not in (None, "available", "linked"):
            raise refuse(400, "invalid", "The state must be available or linked.", "state")
        return answer({"accounts": self.store.accounts.of_client(number, state)})

    @Call("POST", CLIENT + "/links", body=Links, wrote=207)
    async def link(self, request: Request) -> Response:
        """Link and classify accounts, each on its own."""
        links = (await read_object(request)).get("links")
        number, _ = self._client(request)
        if not isinstance(links, list):
            raise refuse(400, "required", "The links field must be a list.", "links")
        return answer({"results": self.store.accounts.link(number, links)}, 207)

    @Call("GET", FEED)
    async def feed(self, request: Request) -> Response:
        state = self.store.feeds.state(request.path_params["feed_id"])
        if state is None:
            raise refuse(404, "not_found", "The feed does not exist.")
        return answer(state)

    @Call("PUT", FEED, body=FeedLine, media=NDJSON, wrote=202)
    async def receive_feed(self, request: Request) -> Response:
        """One line a client; the same feed again changes nothing."""
        feed_id = request.path_params["feed_id"]
        if len(feed_id) > FEED_ID_AT_MOST:
            raise refuse(400, "invalid", f"A feed id has at most {FEED_ID_AT_MOST} characters.")
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != NDJSON:
            raise refuse(415, "unsupported_media_type", f"The Content-Type must be {NDJSON}.")
        content = await read_body(request, BYTES_AT_MOST)
        plain = unpack(content, request.headers.get("content-encoding", "").strip().lower())
        before = self.store.feeds.digest(feed_id)
        if before is not None:
            if before != content_digest(plain):
                raise refuse(409, "feed_differs", "The feed id was used for other content.")
            return answer(self.store.feeds.state(feed_id))
        self._keep(request.state.marks, feed_id, plain)
        self.wake()
        return answer({"feedId": feed_id, "status": "queued"}, 202)

    def _keep(self, marks: dict[str, Fault], feed_id: str, plain: bytes) -> None:
        """Queue the feed, with what the faults in force do to it."""
        hold_until, rejects = 0.0, None
        if "feed_stays_running" in marks:
            seconds = marks["feed_stays_running"].params["seconds"]
            hold_until = FOREVER if seconds is None else time.time() + seconds
        if "feed_rejects" in marks:
            fault = marks["feed_rejects"]
            rejects = {**fault.params, "seed": fault.target["seed"]}
        status = "failed" if "feed_fails" in marks else "queued"
        self.store.feeds.receive(feed_id, plain, status, hold_until, rejects)
