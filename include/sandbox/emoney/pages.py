"""The pages of eMoney: clients, one client with all that is known of it, and the feeds."""

from pathlib import Path
from typing import ClassVar

from starlette.requests import Request
from starlette.responses import Response

from include.sandbox.common.api import Call
from include.sandbox.common.forms import taken
from include.sandbox.common.pages import CannotShow, Pages, see_other
from include.sandbox.common.records import Record, read
from include.sandbox.common.store import number_in
from include.sandbox.common.wire import Invalid, Json, Problem, parse, read_form
from include.sandbox.emoney.accounts import OWNERS
from include.sandbox.emoney.feeds import COUNTS
from include.sandbox.emoney.records import CLASSIFICATIONS, Client, Spouse, complete_client, error_of
from include.sandbox.emoney.store import CLIENT_PREFIX, CONNECTION_PREFIX, Store

CLIENT = "/clients/{client_id}"
FEEDS_SHOWN = 100
NOT_MARRIED = Problem("maritalStatus", "invalid", "The client is not Married.")


class EmoneyPages(Pages):
    vendor = "eMoney"
    folder = Path(__file__).parent / "templates"
    sections: ClassVar = {"/clients": "Clients", "/feeds": "Feeds"}

    def __init__(self, store: Store) -> None:
        super().__init__()
        self.store = store

    def find(self, request: Request) -> tuple[int, Json]:
        number = number_in(request.path_params["client_id"], CLIENT_PREFIX)
        client = self.store.client(number)
        if client is None:
            raise CannotShow("No such client", "The client does not exist.", 404)
        return number, client

    @Call("GET", "/clients")
    async def clients(self, request: Request) -> Response:
        return self.show_list(request, "clients.html", self.store.page)

    @Call("GET", "/feeds")
    async def feeds(self, request: Request) -> Response:
        return self.show("feeds.html", feeds=self.store.feeds.latest(FEEDS_SHOWN), counts=COUNTS, here="/feeds")

    @Call("GET", CLIENT)
    async def client(self, request: Request, number: int, client: Json) -> Response:
        accounts = {state: self.store.accounts.of_client(number, state) for state in ("linked", "available")}
        return self.show(
            "client.html",
            client=client,
            spouse=self._spouse(number),
            models={"client": Client, "spouse": Spouse},
            connections=self.store.connections(number),
            missing=self.store.accounts.missing(number),
            classifications=CLASSIFICATIONS,
            owners=OWNERS,
            **accounts,
        )

    def _spouse(self, number: int) -> Json:
        """Empty where there is none."""
        spouse: Json = parse(self.store.spouse_json(number) or b"{}")
        return spouse

    @Call("GET", f"{CLIENT}/edit")
    async def edit(self, request: Request, number: int, client: Json) -> Response:
        return self._form(client, "Edit client", Client, client, [])

    @Call("POST", f"{CLIENT}/edit")
    async def save(self, request: Request, number: int, client: Json) -> Response:
        changed = taken(Client, client, await read_form(request))
        try:
            self.store.replace_client(number, complete_client(changed))
        except Invalid as invalid:
            return self._form(client, "Edit client", Client, changed, invalid.problems)
        return see_other(_at(client))

    @Call("GET", f"{CLIENT}/spouse")
    async def edit_spouse(self, request: Request, number: int, client: Json) -> Response:
        return self._form(client, "Spouse", Spouse, self._spouse(number), [])

    @Call("POST", f"{CLIENT}/spouse")
    async def save_spouse(self, request: Request, number: int, client: Json) -> Response:
        changed = taken(Spouse, self._spouse(number), await read_form(request))
        whole, problems = read(Spouse, changed)
        if client["maritalStatus"] != "Married":
            problems.append(NOT_MARRIED)
        if problems:
            return self._form(client, "Spouse", Spouse, changed, problems)
        self.store.put_spouse(number, whole)
        return see_other(_at(client))

    def _form(self, client: Json, title: str, model: type[Record], record: Json, problems: list[Problem]) -> Response:
        name = f"{client['firstName']} {client['lastName']}"
        problems_shown = [f"{one['field']}: {one['message']}" for one in map(error_of, problems)]
        return self.show_form(title, name, _at(client), problems_shown, model=model, record=record)

    @Call("GET", f"{CLIENT}/spouse/delete")
    async def ask_to_delete_spouse(self, request: Request, number: int, client: Json) -> Response:
        """Asks before it deletes the spouse."""
        return self.show_question("Delete the spouse?", f"{client['firstName']} {client['lastName']}", _at(client), {})

    @Call("POST", f"{CLIENT}/spouse/delete")
    async def delete_spouse(self, request: Request, number: int, client: Json) -> Response:
        self.store.delete_spouse(number)
        return see_other(_at(client))

    @Call("POST", f"{CLIENT}/links")
    async def link(self, request: Request, number: int, client: Json) -> Response:
        form = await read_form(request)
        link = {name: form.get(name) for name in ("sourceKey", "classification", "owner")}
        result = self.store.accounts.link(number, [link])[0]
        if result["status"] != 201:
            text = f"The account could not be linked: {result['code'].replace('_', ' ')}."
            raise CannotShow("Not linked", text, result["status"], _at(client))
        return see_other(_at(client))

    @Call("POST", f"{CLIENT}/connections")
    async def connect(self, request: Request, number: int, client: Json) -> Response:
        if not self.store.connect(number):
            raise CannotShow("Connected before", "The client has this connection.", 409, _at(client))
        return see_other(_at(client))

    @Call("POST", f"{CLIENT}/connections/{{connection_id}}")
    async def set_status(self, request: Request, number: int, client: Json) -> Response:
        status = (await read_form(request)).get("status")
        connection = number_in(request.path_params["connection_id"], CONNECTION_PREFIX)
        if status in ("active", "needs_attention"):
            self.store.set_connection_status(number, connection, status)
        return see_other(_at(client))


def _at(client: Json) -> str:
    return f"/clients/{client['id']}"
