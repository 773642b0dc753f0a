"""The one way into a vendor's API: find the route, count the call, apply the limit and the faults, check the token,
carry the call out."""

import asyncio
import math
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from include.sandbox.common.breakage import Voice, break_call
from include.sandbox.common.faults import Deck, Fault
from include.sandbox.common.limits import CallLimit, Limited
from include.sandbox.common.wire import Refused, TooLarge, Unreadable, answer

Handler = Callable[[Request], Awaitable[Response]]
NO_ROUTE = "(no such route)"


@dataclass(frozen=True)
class ApiRoute:
    """One call of the API. `wrote`: the statuses that mean a write. `needs_token`: all but log-in."""

    method: str
    path: str
    handler: Handler
    wrote: frozenset[int] = frozenset()
    needs_token: bool = True

    @property
    def label(self) -> str:
        return f"{self.method} {self.path}"


class Calls:
    """Counts since the start or last reset, keyed `METHOD /route/{id}`; writes count even where the answer got lost."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self.calls: Counter[str] = Counter()
        self.writes: Counter[str] = Counter()
        self.statuses: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()

    def describe(self) -> dict[str, Any]:
        return {
            "calls": dict(self.calls),
            "writes": dict(self.writes),
            "statuses": dict(self.statuses),
            "faults": dict(self.faults),
            "callsTotal": self.calls.total(),
            "writesTotal": self.writes.total(),
        }


class Gate:
    """The API as an ASGI application.

    `authorize` raises Refused for a call without a good token; `revoke` makes all tokens void; `limit_key` names
    whose limit a call counts on (None: nobody's).
    """

    def __init__(
        self,
        routes: list[ApiRoute],
        deck: Deck,
        voice: Voice,
        authorize: Callable[[Request], None],
        revoke: Callable[[], None],
        limit: CallLimit | None = None,
        limit_key: Callable[[Request], str | None] = lambda request: None,
    ) -> None:
        self._table = [(_pattern(route.path), route) for route in routes]
        self.deck = deck
        self.calls = Calls()
        self._voice = voice
        self._authorize = authorize
        self._revoke = revoke
        self.limit = limit
        self._limit_key = limit_key

    def _find(self, method: str, path: str) -> tuple[ApiRoute | None, dict[str, str], list[str]]:
        allowed: list[str] = []
        for pattern, route in self._table:
            found = pattern.fullmatch(path)
            if found is None:
                continue
            if route.method == method:
                return route, found.groupdict(), []
            allowed.append(route.method)
        return None, {}, allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method, path = scope["method"], scope["path"]
        route, params, allowed = self._find(method, path)
        if route is None:
            response = self._no_route(method, path, allowed)
            await response(scope, receive, send)
            return
        self.calls.calls[route.label] += 1
        scope["path_params"] = params
        request = Request(scope, receive)
        try:
            with self._held(request):
                await self._pass(route, request, send)
        except Limited as limited:
            response = self._too_many(path, limited)
            self.calls.statuses[f"{route.label} 429"] += 1
            await response(scope, receive, send)

    def _no_route(self, method: str, path: str, allowed: list[str]) -> Response:
        status = 405 if allowed else 404
        self.calls.calls[f"{method} {NO_ROUTE}"] += 1
        self.calls.statuses[f"{method} {NO_ROUTE} {status}"] += 1
        headers = {"Allow": ", ".join(sorted(allowed))} if allowed else {}
        message = "The method is not allowed here." if allowed else "There is nothing at this address."
        return answer(self._voice(path, status, "no_such_route", message), status, headers)

    def _held(self, request: Request) -> AbstractContextManager[None]:
        key = self._limit_key(request) if self.limit is not None else None
        return nullcontext() if self.limit is None or key is None else self.limit.hold(key)

    def _too_many(self, path: str, limited: Limited) -> Response:
        headers = {} if limited.retry_after is None else {"Retry-After": str(max(1, math.ceil(limited.retry_after)))}
        return answer(self._voice(path, 429, "too_many_requests", "Too many requests."), 429, headers)

    async def _pass(self, route: ApiRoute, request: Request, send: Send) -> None:
        plan = self.deck.draw(route.method, request.scope["path"])
        for struck in (*plan.marks.values(), *([plan.breakage] if plan.breakage else [])):
            self.calls.faults[struck.kind] += 1
        request.state.marks = plan.marks
        if "slow" in plan.marks:
            await asyncio.sleep(plan.marks["slow"].params["seconds"])
        if plan.breakage is None:
            response = await self._carry_out(route, request)
            await response(request.scope, request.receive, send)
            return
        await self._break(plan.breakage, route, request, send)

    async def _break(self, fault: Fault, route: ApiRoute, request: Request, send: Send) -> None:
        if fault.kind == "unauthorized" and fault.params["revoke"]:
            self._revoke()
        await break_call(
            fault, lambda: self._carry_out(route, request), self._voice, request.scope, request.receive, send
        )

    async def _carry_out(self, route: ApiRoute, request: Request) -> Response:
        """The honest answer, counted."""
        path = request.scope["path"]
        try:
            if route.needs_token:
                self._authorize(request)
            response = await route.handler(request)
        except Refused as refused:
            response = refused.response
        except Unreadable as error:
            response = answer(self._voice(path, 400, "unreadable", str(error)), 400)
        except TooLarge:
            response = answer(self._voice(path, 413, "too_large", "The request is too large."), 413)
        self.calls.statuses[f"{route.label} {response.status_code}"] += 1
        if response.status_code in route.wrote:
            self.calls.writes[route.label] += 1
        return response


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path))
