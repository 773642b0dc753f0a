"""Profiles put together: its settings and its application."""

from dataclasses import KW_ONLY, dataclass, field

from starlette.types import ASGIApp

from include.sandbox.common.api import Api
from include.sandbox.common.app import Sandbox
from include.sandbox.common.faults import Deck
from include.sandbox.common.limits import CallLimit
from include.sandbox.common.server import CommonSettings
from include.sandbox.profiles.store import Store


@dataclass(frozen=True)
class Settings(CommonSettings):
    """The sandbox of Profiles: households, cases and their documents."""

    _: KW_ONLY
    login: str = field(default="planbridge", metadata={"help": "user name of the API"})
    password: str = field(default="sandbox", metadata={"help": "password of the API"})
    limit_per_minute: int = field(default=0, metadata={"help": "API calls in any 60 s before 429; 0 = no limit"})


class ProfilesApp(Sandbox):
    vendor = "Profiles"
    api_paths = ("/api/",)

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.store = Store(settings.database, settings.search_lag)
        super().__init__(self.store, Deck(settings.seed), CallLimit(settings.limit_per_minute, 0))

    def load_api(self) -> Api:
        from include.sandbox.profiles.api import ProfilesApi

        given = self.settings
        return ProfilesApi(self.store, given.login, given.password, given.token_lifetime)

    def load_pages(self) -> ASGIApp:
        from include.sandbox.profiles.pages import ProfilesPages

        return ProfilesPages(self.store).router()
