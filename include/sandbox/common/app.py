"""A vendor's sandbox put together as one ASGI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cached_property
from typing import ClassVar

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from include.sandbox.common.api import Api, declared
from include.sandbox.common.faults import Deck, FaultUnknown
from include.sandbox.common.gate import Gate
from include.sandbox.common.limits import CallLimit
from include.sandbox.common.store import VendorStore
from include.sandbox.common.wire import Unreadable, answer, is_from_elsewhere, parse


class Sandbox:
    """API calls go through the gate; everything else is a page or one of the sandbox's own calls.

    A vendor has none of the latter: look at the state under `/_sandbox`, empty it, order faults; `/openapi.json`.
    The API and the pages are loaded when they are first asked for: pydantic and Jinja take longer than all the rest
    of the start, and sandboxes are started very often.
    """

    vendor: ClassVar[str]
    api_paths: ClassVar[tuple[str, ...]]

    def __init__(self, store: VendorStore, deck: Deck, limit: CallLimit) -> None:
        self._store = store
        self.gate = Gate(self.load_api, deck, limit, store.end_sessions)
        own = [
            Route("/_sandbox/state", self.state),
            Route("/_sandbox/reset", self.reset, methods=["POST"]),
            Route("/_sandbox/faults", self.faults, methods=["POST"]),
            Route("/openapi.json", self.openapi),
            Mount("/", self._show_page),
        ]
        self.others = Starlette(routes=own, lifespan=self._lifespan)

    def load_api(self) -> Api:
        raise NotImplementedError

    def load_pages(self) -> ASGIApp:
        raise NotImplementedError

    def faults_changed(self) -> None:
        """A new list of faults is in force."""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Around the life of the application."""
        yield

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        async with self.running():
            yield
        self._store.database.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_call = scope["type"] == "http" and scope["path"].startswith(self.api_paths)
        await (self.gate if is_call else self.others)(scope, receive, send)

    @cached_property
    def _pages(self) -> ASGIApp:
        return self.load_pages()

    async def _show_page(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._pages(scope, receive, send)

    async def state(self, request: Request) -> Response:
        """Everything; `?only=counters` leaves the data out."""
        counters = self.gate.counts.describe() | {"peakInFlight": self.gate.limit.peak_in_flight}
        own = {"faults": self.gate.deck.describe(), "counters": counters}
        if request.query_params.get("only") == "counters":
            return answer(own)
        return answer({"vendor": self.vendor.lower(), **self._store.describe(), **own})

    async def reset(self, request: Request) -> Response:
        """No data, no faults, counters at zero; tokens and ids handed out stay used."""
        if is_from_elsewhere(request):
            return answer({"message": "A page from elsewhere may not do this."}, 403)
        self._store.reset()
        self.gate.deck.replace([])
        self.gate.counts.forget()
        self.gate.limit.forget()
        self.faults_changed()
        return answer({"reset": True})

    async def faults(self, request: Request) -> Response:
        if is_from_elsewhere(request):
            return answer({"message": "A page from elsewhere may not do this."}, 403)
        try:
            self.gate.deck.replace(parse(await request.body()))
        except (FaultUnknown, Unreadable) as error:
            return answer({"message": str(error)}, 400)
        self.faults_changed()
        return answer({"faults": self.gate.deck.describe()})

    async def openapi(self, request: Request) -> Response:
        from include.sandbox.common.openapi import describe  # with pydantic, so late as the API

        return answer(describe(self.vendor, declared(self.gate.api)))
