"""Profiles put together: one ASGI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import Receive, Scope, Send

from include.sandbox.common.control import Control
from include.sandbox.common.faults import Deck
from include.sandbox.common.gate import Gate
from include.sandbox.common.limits import CallLimit
from include.sandbox.common.pages import static_files
from include.sandbox.profiles.api import Api, say
from include.sandbox.profiles.pages import Pages
from include.sandbox.profiles.store import Store


@dataclass(frozen=True)
class Settings:
    database: Path
    login: str = "planbridge"
    password: str = "sandbox"
    token_lifetime: float = 1800.0
    search_lag: float = 0.0
    limit_per_minute: int = 0
    seed: int = 1


class ProfilesApp:
    """API calls go through the gate, everything else is a page or the sandbox's own."""

    def __init__(self, settings: Settings) -> None:
        self.store = Store(settings.database, settings.search_lag)
        api = Api(self.store, settings.login, settings.password, settings.token_lifetime)
        self.gate = Gate(
            api.routes(),
            Deck(settings.seed),
            say,
            api.authorize,
            self.store.sessions.end_all,
            CallLimit(settings.limit_per_minute, 0),
            lambda request: "everybody",
        )
        control = Control(self.gate, self.store.describe, self.store.reset)
        routes = [*control.routes(), Mount("/static", static_files), *Pages(self.store).routes()]
        self.pages = Starlette(routes=routes, lifespan=self._lifespan)

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        yield
        self.store.database.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/api/"):
            await self.gate(scope, receive, send)
        else:
            await self.pages(scope, receive, send)
