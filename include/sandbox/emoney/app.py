"""eMoney put together: its settings and its application."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import KW_ONLY, dataclass, field

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from starlette.types import ASGIApp

from include.sandbox.common.api import Api
from include.sandbox.common.app import Sandbox
from include.sandbox.common.faults import Deck
from include.sandbox.common.limits import CallLimit
from include.sandbox.common.server import CommonSettings
from include.sandbox.emoney.assertion import read_public_key
from include.sandbox.emoney.feeds import Refresher
from include.sandbox.emoney.store import Store


@dataclass(frozen=True)
class Settings(CommonSettings):
    """The sandbox of eMoney: clients, connections, the nightly feed and linked accounts."""

    public_key: RSAPublicKey = field(
        metadata={
            "help": "PEM public key or X.509 certificate that assertions are checked with",
            "read": read_public_key,
        }
    )
    _: KW_ONLY
    client_id: str = field(default="planbridge", metadata={"help": "iss and sub of assertions"})
    api_key: str = field(default="sandbox-key", metadata={"help": "value of the apikey header"})
    limit_per_minute: int = field(default=60, metadata={"help": "API calls in any 60 s before 429; 0 = no limit"})
    limit_in_flight: int = field(default=60, metadata={"help": "API calls at once before 429; 0 = no limit"})


class EmoneyApp(Sandbox):
    vendor = "eMoney"
    api_paths = ("/public/", "/connect/")

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.store = Store(settings.database, settings.search_lag)
        self.refresher = Refresher(self.store.feeds)
        limit = CallLimit(settings.limit_per_minute, settings.limit_in_flight)
        super().__init__(self.store, Deck(settings.seed), limit)

    def load_api(self) -> Api:
        from include.sandbox.emoney.api import EmoneyApi
        from include.sandbox.emoney.assertion import Assertions

        given = self.settings
        assertions = Assertions(given.client_id, given.public_key, self.store.use_assertion)
        return EmoneyApi(self.store, assertions, given.api_key, given.token_lifetime, self.refresher.wake)

    def load_pages(self) -> ASGIApp:
        from include.sandbox.emoney.pages import EmoneyPages

        return EmoneyPages(self.store).router()

    def faults_changed(self) -> None:
        """A feed that a fault held back goes on once no fault holds feeds back any more."""
        if not self.gate.deck.has("feed_stays_running"):
            self.store.feeds.release()
            self.refresher.wake()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        refresh = asyncio.create_task(self.refresher.run())
        yield
        refresh.cancel()
        with suppress(asyncio.CancelledError):
            await refresh
