"""The pages of eMoney: clients, one client with all that is known of it, and the feeds."""

import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from include.sandbox.common.fields import Field, Record, as_text, inputs, shown, taken
from include.sandbox.common.pages import ROWS_ON_A_PAGE, Templates, may_change, page_number, read_form, see_other
from include.sandbox.common.wire import parse
from include.sandbox.emoney.feeds import COUNTS, Feeds
from include.sandbox.emoney.records import ACCOUNT_OWNERS, CLASSIFICATIONS, CLIENT, INSTITUTION, SPOUSE, mistakes
from include.sandbox.emoney.schema import CONNECTION_PREFIX, as_client_id, number_of
from include.sandbox.emoney.store import Store

ClientPage = Callable[[Request, int, Record], Awaitable[Response]]
FEEDS_SHOWN = 100


class Pages:
    def __init__(self, store: Store, feeds: Feeds) -> None:
        self.store = store
        self.feeds = feeds
        self.templates = Templates(Path(__file__).parent / "templates", "eMoney")

    def routes(self) -> list[Route]:
        client = "/clients/{client_id}"
        return [
            Route("/", self.home),
            Route("/clients", self.clients),
            Route("/feeds", self.list_feeds),
            Route(client, self._on_client(self.client)),
            Route(f"{client}/edit", self._on_client(self.edit)),
            Route(f"{client}/edit", self._on_client(self.save), methods=["POST"]),
            Route(f"{client}/spouse", self._on_client(self.edit_spouse)),
            Route(f"{client}/spouse", self._on_client(self.save_spouse), methods=["POST"]),
            Route(f"{client}/spouse/delete", self._on_client(self.delete_spouse), methods=["POST"]),
            Route(f"{client}/links", self._on_client(self.link), methods=["POST"]),
            Route(f"{client}/connections", self._on_client(self.connect), methods=["POST"]),
            Route(f"{client}/connections/{{connection_id}}", self._on_client(self.set_status), methods=["POST"]),
        ]

    def _on_client(self, page: ClientPage) -> Callable[[Request], Awaitable[Response]]:
        """The page with its client; forms from elsewhere and clients that do not exist get a message."""

        async def answer_page(request: Request) -> Response:
            if request.method == "POST" and not may_change(request):
                return self.templates.message("Not allowed", "This form was not sent from a page of this sandbox.", 403)
            number = number_of(request.path_params["client_id"])
            client = self.store.client(number)
            if client is None:
                return self.templates.message("No such client", "The client does not exist.", 404)
            return await page(request, number, client)

        return answer_page

    async def home(self, request: Request) -> Response:
        return see_other("/clients")

    async def clients(self, request: Request) -> Response:
        text, page = request.query_params.get("q", "").strip(), page_number(request)
        found = self.store.page_of_clients(text, page, ROWS_ON_A_PAGE)
        shown_clients, has_more = found[:ROWS_ON_A_PAGE], len(found) > ROWS_ON_A_PAGE
        return self.templates.page("clients.html", clients=shown_clients, text=text, page=page, has_more=has_more)

    async def list_feeds(self, request: Request) -> Response:
        return self.templates.page("feeds.html", feeds=self.feeds.latest(FEEDS_SHOWN), counts=COUNTS, here="feeds")

    async def client(self, request: Request, number: int, client: Record) -> Response:
        spouse = self.store.spouse_json(number)
        missing = self.store.accounts.missing(number)
        accounts = {
            state: [_account(one, missing) for one in self.store.accounts.of_client(number, state)]
            for state in ("linked", "available")
        }
        return self.templates.page(
            "client.html",
            client=client,
            name=_name(client),
            client_rows=shown(CLIENT, client),
            spouse_rows=shown(SPOUSE, parse(spouse)) if spouse else [],
            connections=self.store.connections(number),
            classifications=CLASSIFICATIONS,
            owners=ACCOUNT_OWNERS,
            **accounts,
        )

    def _form(
        self, client: Record, title: str, fields: tuple[Field, ...], record: Record, problems: list[str]
    ) -> Response:
        values: dict[str, Any] = {
            "title": title,
            "name": _name(client),
            "back": f"/clients/{client['id']}",
            "inputs": inputs(fields, record),
            "problems": problems,
        }
        return self.templates.page("edit.html", 400 if problems else 200, **values)

    async def edit(self, request: Request, number: int, client: Record) -> Response:
        return self._form(client, "Edit client", CLIENT, client, [])

    async def save(self, request: Request, number: int, client: Record) -> Response:
        changed = taken(CLIENT, client, await read_form(request))
        problems = _told(CLIENT, changed)
        if problems:
            return self._form(client, "Edit client", CLIENT, changed, problems)
        self.store.replace_client(number, changed)
        return see_other(f"/clients/{client['id']}")

    async def edit_spouse(self, request: Request, number: int, client: Record) -> Response:
        spouse = self.store.spouse_json(number)
        return self._form(client, "Spouse", SPOUSE, parse(spouse) if spouse else {}, [])

    async def save_spouse(self, request: Request, number: int, client: Record) -> Response:
        before = self.store.spouse_json(number)
        changed = taken(SPOUSE, parse(before) if before else {}, await read_form(request))
        problems = _told(SPOUSE, changed)
        if client.get("maritalStatus") != "Married":
            problems.append("maritalStatus: The client is not Married.")
        if problems:
            return self._form(client, "Spouse", SPOUSE, changed, problems)
        self.store.put_spouse(number, changed)
        return see_other(f"/clients/{client['id']}")

    async def delete_spouse(self, request: Request, number: int, client: Record) -> Response:
        self.store.delete_spouse(number)
        return see_other(f"/clients/{client['id']}")

    async def link(self, request: Request, number: int, client: Record) -> Response:
        form = await read_form(request)
        link = {name: form.get(name) for name in ("sourceKey", "classification", "owner")}
        result = self.store.accounts.link(number, [link])[0]
        back = f"/clients/{as_client_id(number)}"
        if result["status"] != 201:
            text = f"The account could not be linked: {result['code'].replace('_', ' ')}."
            return self.templates.message("Not linked", text, result["status"], back)
        return see_other(back)

    async def connect(self, request: Request, number: int, client: Record) -> Response:
        try:
            self.store.connect(number, INSTITUTION)
        except sqlite3.IntegrityError:
            text = "The client has this connection."
            return self.templates.message("Connected before", text, 409, f"/clients/{client['id']}")
        return see_other(f"/clients/{client['id']}")

    async def set_status(self, request: Request, number: int, client: Record) -> Response:
        status = (await read_form(request)).get("status")
        connection = number_of(request.path_params["connection_id"], CONNECTION_PREFIX)
        if status in ("active", "needs_attention"):
            self.store.set_connection_status(number, connection, status)
        return see_other(f"/clients/{client['id']}")


def _name(client: Record) -> str:
    return f"{client['firstName']} {client['lastName']}"


def _told(fields: tuple[Field, ...], record: Record) -> list[str]:
    return [f"{mistake['field']}: {mistake['message']}" for mistake in mistakes(fields, record)]


def _account(account: Record, missing: set[str]) -> dict[str, Any]:
    """An account made ready for its row."""
    is_policy = account["kind"] == "policy"
    value = account.get("currentDeathBenefits") if is_policy else account.get("totalValue")
    return {
        "key": account["sourceKey"],
        "name": account["name"] or account["sourceKey"],
        "detail": account.get("policyNumber") or "",
        "classification": account["classification"],
        "owner": account.get("owner"),
        "value": as_text("money", value),
        "refreshed": account["lastRefreshedAt"],
        "is_missing": account["sourceKey"] in missing,
    }
