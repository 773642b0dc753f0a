"""The one way into a vendor's API: find the call, count it, apply the limit and the faults, check the token, carry the
call out."""

import asyncio
import math
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from include.sandbox.common.api import Api, Call, Handler, declared
from include.sandbox.common.breakage import break_call
from include.sandbox.common.faults import Deck
from include.sandbox.common.limits import CallLimit, Limited
from include.sandbox.common.wire import Invalid, Json, Refused, TooLarge, Unreadable, answer

NO_ROUTE = "(no such route)"


class Counts:
    """Counts since the start or last reset, keyed `METHOD /route/{id}`; writes count even where the answer got lost."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self.calls: Counter[str] = Counter()
        self.writes: Counter[str] = Counter()
        self.statuses: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()

    def describe(self) -> Json:
        totals = {"callsTotal": self.calls.total(), "writesTotal": self.writes.total()}
        return {name: dict(counter) for name, counter in vars(self).items()} | totals


class Gate:
    """The API as an ASGI application. `load` gives the API with the first call; `revoke` makes all tokens void."""

    def __init__(self, load: Callable[[], Api], deck: Deck, limit: CallLimit, revoke: Callable[[], None]) -> None:
        self._load = load
        self.deck = deck
        self.limit = limit
        self._revoke = revoke
        self.counts = Counts()

    @cached_property
    def api(self) -> Api:
        return self._load()

    @cached_property
    def _calls(self) -> list[tuple[Call, Handler]]:
        return declared(self.api)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        for call, handler in self._calls:
            if call.method == scope["method"] and (found := call.pattern.match(scope["path"])):
                scope["path_params"] = found.groupdict()
                await self._admit(call, handler, request, send)
                return
        await self._no_route(request)(scope, receive, send)

    def _no_route(self, request: Request) -> Response:
        path = request.scope["path"]
        allowed = sorted(call.method for call, _ in self._calls if call.pattern.match(path))
        status = 405 if allowed else 404
        self.counts.calls[f"{request.method} {NO_ROUTE}"] += 1
        self.counts.statuses[f"{request.method} {NO_ROUTE} {status}"] += 1
        headers = {"Allow": ", ".join(allowed)} if allowed else {}
        message = "The method is not allowed here." if allowed else "There is nothing at this address."
        return answer(self.api.say(path, status, "no_such_route", message), status, headers)

    async def _admit(self, call: Call, handler: Handler, request: Request, send: Send) -> None:
        self.counts.calls[call.label] += 1
        key = self.api.limit_key(request)
        held: AbstractContextManager[None] = nullcontext() if key is None else self.limit.hold(key)
        try:
            with held:
                await self._pass(call, handler, request, send)
        except Limited as limited:
            wait = limited.retry_after
            headers = {} if wait is None else {"Retry-After": str(max(1, math.ceil(wait)))}
            body = self.api.say(request.scope["path"], 429, "too_many_requests", "Too many requests.")
            self.counts.statuses[f"{call.label} 429"] += 1
            await answer(body, 429, headers)(request.scope, request.receive, send)

    async def _pass(self, call: Call, handler: Handler, request: Request, send: Send) -> None:
        plan = self.deck.draw(call.method, request.scope["path"])
        for struck in (*plan.marks.values(), *([plan.breakage] if plan.breakage else [])):
            self.counts.faults[struck.kind] += 1
        request.state.marks = plan.marks
        if "slow" in plan.marks:
            await asyncio.sleep(plan.marks["slow"].params["seconds"])
        if plan.breakage is None:
            response = await self._carry_out(call, handler, request)
            await response(request.scope, request.receive, send)
            return
        if plan.breakage.kind == "unauthorized" and plan.breakage.params["revoke"]:
            self._revoke()
        await break_call(plan.breakage, lambda: self._carry_out(call, handler, request), self.api.say, request, send)

    async def _carry_out(self, call: Call, handler: Handler, request: Request) -> Response:
        """The honest answer, counted."""
        path = request.scope["path"]
        try:
            if call.needs_token:
                self.api.authorize(request)
            response = await handler(request)
        except Refused as refused:
            response = refused.response
        except Invalid as invalid:
            response = answer(self.api.say_invalid(invalid.problems), 400)
        except Unreadable as error:
            response = answer(self.api.say(path, 400, "unreadable", str(error)), 400)
        except TooLarge:
            response = answer(self.api.say(path, 413, "too_large", "The request is too large."), 413)
        self.counts.statuses[f"{call.label} {response.status_code}"] += 1
        if response.status_code == call.wrote:
            self.counts.writes[call.label] += 1
        return response
