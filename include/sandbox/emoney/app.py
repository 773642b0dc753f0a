"""eMoney put together: one ASGI application."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import Receive, Scope, Send

from include.sandbox.common.control import Control
from include.sandbox.common.faults import Deck
from include.sandbox.common.gate import Gate
from include.sandbox.common.limits import CallLimit
from include.sandbox.common.pages import static_files
from include.sandbox.emoney.account_api import AccountApi
from include.sandbox.emoney.api import TOKEN_PATH, Api, say
from include.sandbox.emoney.assertion import Assertions
from include.sandbox.emoney.feeds import Feeds
from include.sandbox.emoney.pages import Pages
from include.sandbox.emoney.refresh import Refresher
from include.sandbox.emoney.schema import ALL_BUT_LOG_IN
from include.sandbox.emoney.store import Store


@dataclass(frozen=True)
class Settings:
    database: Path
    public_key: RSAPublicKey
    client_id: str = "planbridge"
    api_key: str = "sandbox-key"
    token_lifetime: float = 1800.0
    search_lag: float = 0.0
    limit_per_minute: int = 60
    limit_in_flight: int = 60
    seed: int = 1


class EmoneyApp:
    """API calls go through the gate, everything else is a page or the sandbox's own."""

    def __init__(self, settings: Settings) -> None:
        self.store = Store(settings.database, settings.search_lag)
        self.feeds = Feeds(self.store.database)
        self.refresher = Refresher(self.feeds)
        assertions = Assertions(settings.client_id, settings.public_key, self.store.use_assertion)
        api = Api(self.store, assertions, settings.api_key, settings.token_lifetime)
        accounts = AccountApi(self.store, self.feeds, self.refresher.wake)
        self.gate = Gate(
            [*api.routes(), *accounts.routes()],
            Deck(settings.seed),
            say,
            api.authorize,
            self.store.sessions.end_all,
            CallLimit(settings.limit_per_minute, settings.limit_in_flight),
            lambda request: None if request.url.path == TOKEN_PATH else request.headers.get("apikey"),
        )
        control = Control(self.gate, self._describe, self._reset, self._faults_changed)
        routes = [*control.routes(), Mount("/static", static_files), *Pages(self.store, self.feeds).routes()]
        self.pages = Starlette(routes=routes, lifespan=self._lifespan)

    def _describe(self) -> dict[str, Any]:
        return {"vendor": "emoney", "clients": self.store.describe(), "feeds": self.feeds.describe()}

    def _reset(self) -> None:
        self.store.database.empty(*ALL_BUT_LOG_IN)

    def _faults_changed(self) -> None:
        """A feed that a fault held back goes on once no fault holds feeds back any more."""
        if not self.gate.deck.has("feed_stays_running"):
            self.feeds.release()
            self.refresher.wake()

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        refresh = asyncio.create_task(self.refresher.run())
        yield
        refresh.cancel()
        with suppress(asyncio.CancelledError):
            await refresh
        self.store.database.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(("/public/", "/connect/")):
            await self.gate(scope, receive, send)
        else:
            await self.pages(scope, receive, send)
