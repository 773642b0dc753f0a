"""The API of eMoney: connections, accounts and links, the feed."""

import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from include.sandbox.common.gate import ApiRoute
from include.sandbox.common.wire import answer, read_body, read_object
from include.sandbox.emoney.api import client_number, refuse
from include.sandbox.emoney.feeds import BYTES_AT_MOST, FOREVER, Feeds, content_digest, unpack
from include.sandbox.emoney.records import INSTITUTION
from include.sandbox.emoney.schema import CONNECTION_PREFIX, number_of
from include.sandbox.emoney.store import Store

FEED_ID_AT_MOST = 128
NDJSON = "application/x-ndjson"


@dataclass(frozen=True)
class AccountApi:
    """`wake` tells the refresh that a feed has come."""

    store: Store
    feeds: Feeds
    wake: Callable[[], None]
    clock: Callable[[], float] = time.time

    def routes(self) -> list[ApiRoute]:
        client, feed = "/public/v1/clients/{client_id}", "/public/v1/institutions/smartoffice/feeds/{feed_id}"
        return [
            ApiRoute("GET", f"{client}/connections", self.connections),
            ApiRoute("POST", f"{client}/connections", self.connect, frozenset({201})),
            ApiRoute("DELETE", f"{client}/connections/{{connection_id}}", self.disconnect, frozenset({200})),
            ApiRoute("GET", f"{client}/accounts", self.accounts),
            ApiRoute("POST", f"{client}/links", self.link, frozenset({207})),
            ApiRoute("GET", feed, self.feed),
            ApiRoute("PUT", feed, self.receive_feed, frozenset({202})),
        ]

    async def connections(self, request: Request) -> Response:
        found = self.store.connections(client_number(request, self.store))
        return answer({"connections": [{name: one[name] for name in ("id", "institution", "status")} for one in found]})

    async def connect(self, request: Request) -> Response:
        body = await read_object(request)
        number = client_number(request, self.store)
        if body.get("institution") != INSTITUTION:
            raise refuse(400, "unknown_institution", f"The institution must be {INSTITUTION}.", "institution")
        try:
            return answer({"id": self.store.connect(number, INSTITUTION)}, 201)
        except sqlite3.IntegrityError as error:
            existing = next(one["id"] for one in self.store.connections(number) if one["institution"] == INSTITUTION)
            raise refuse(409, "connection_exists", "The client has this connection.", id=existing) from error

    async def disconnect(self, request: Request) -> Response:
        number = client_number(request, self.store)
        connection = number_of(request.path_params["connection_id"], CONNECTION_PREFIX)
        if not self.store.disconnect(number, connection):
            raise refuse(404, "not_found", "The connection does not exist.")
        return answer({"deleted": True})

    async def accounts(self, request: Request) -> Response:
        number = client_number(request, self.store)
        state = request.query_params.get("state")
        if state not in (None, "available", "linked"):
            raise refuse(400, "invalid", "The state must be available or linked.", "state")
        return answer({"accounts": self.store.accounts.of_client(number, state)})

    async def link(self, request: Request) -> Response:
        links = (await read_object(request)).get("links")
        number = client_number(request, self.store)
        if not isinstance(links, list):
            raise refuse(400, "required", "The links field must be a list.", "links")
        return answer({"results": self.store.accounts.link(number, links)}, 207)

    async def feed(self, request: Request) -> Response:
        state = self.feeds.state(request.path_params["feed_id"])
        if state is None:
            raise refuse(404, "not_found", "The feed does not exist.")
        return answer(state)

    async def receive_feed(self, request: Request) -> Response:
        feed_id = request.path_params["feed_id"]
        if len(feed_id) > FEED_ID_AT_MOST:
            raise refuse(400, "invalid", f"A feed id has at most {FEED_ID_AT_MOST} characters.")
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != NDJSON:
            raise refuse(415, "unsupported_media_type", f"The Content-Type must be {NDJSON}.")
        content = await read_body(request, BYTES_AT_MOST)
        plain = unpack(content, request.headers.get("content-encoding", "").strip().lower())
        before = self.feeds.digest(feed_id)
        if before is not None:
            if before != content_digest(plain):
                raise refuse(409, "feed_differs", "The feed id was used for other content.")
            return answer(self.feeds.state(feed_id))
        self._keep(request, feed_id, plain)
        self.wake()
        return answer({"feedId": feed_id, "status": "queued"}, 202)

    def _keep(self, request: Request, feed_id: str, plain: bytes) -> None:
        """Queue the feed, with what the faults in force do to it."""
        marks = request.state.marks
        hold_until = 0.0
        if "feed_stays_running" in marks:
            seconds = marks["feed_stays_running"].params["seconds"]
            hold_until = FOREVER if seconds is None else self.clock() + seconds
        rejects = None
        if "feed_rejects" in marks:
            fault = marks["feed_rejects"]
            rejects = {**fault.params, "seed": fault.target["seed"]}
        status = "failed" if "feed_fails" in marks else "queued"
        self.feeds.receive(feed_id, plain, status, hold_until, rejects)
