"""The pages of eMoney."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from include.sandbox.common.pages import see_other
from include.sandbox.emoney.store import Store


class Pages:
    def __init__(self, store: Store) -> None:
        self.store = store

    def routes(self) -> list[Route]:
        return [Route("/", self.home)]

    async def home(self, request: Request) -> Response:
        return see_other("/clients")
