"""The pages of Profiles: households, and the case with all that is in it."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import orjson
from starlette.requests import Request
from starlette.responses import Response

from include.sandbox.common.api import Call
from include.sandbox.common.forms import taken, unknown
from include.sandbox.common.pages import CannotShow, Pages, see_other
from include.sandbox.common.records import Record, columns
from include.sandbox.common.store import number_in
from include.sandbox.common.wire import Invalid, Json, Unreadable, dump, parse, read_form
from include.sandbox.profiles.places import LISTS, PEOPLE, Place, find, find_end
from include.sandbox.profiles.records import Document, complete_document
from include.sandbox.profiles.store import Store, VersionMoved

CASE = "/cases/{case_id}"
NOTES = "notes"
# The columns of each list's table; an item is called by the first of them.
SHOWN = {
    "dependents": ("firstName", "lastName", "birthDate"),
    "assets": ("accountName", "accountType", "owner", "holdingsValue", "cashBalance"),
    "liabilities": ("liabilityName", "owner", "currentBalance", "remainingYears", "annualInterestRate",
                    "scheduledMonthlyPayment"),
    "insurancePolicies": ("insurancePolicy", "kind", "insured", "deathBenefit", "annualPremium", "beneficiaries"),
}  # fmt: skip
TABLES = [
    (one, [field for name in SHOWN[one.name] for field in columns(one.model) if field.name == name]) for one in LISTS
]


class ProfilesPages(Pages):
    vendor = "Profiles"
    folder = Path(__file__).parent / "templates"
    sections: ClassVar = {"/households": "Households"}

    def __init__(self, store: Store) -> None:
        super().__init__()
        self.store = store

    def find(self, request: Request) -> tuple[Json]:
        case = self.store.case(number_in(request.path_params["case_id"]))
        if case is None:
            raise CannotShow("No such case", "The case does not exist.", 404)
        return (case,)

    @Call("GET", "/households")
    async def households(self, request: Request) -> Response:
        return self.show_list(request, "households.html", self.store.page)

    @Call("GET", CASE)
    async def case(self, request: Request, case: Json) -> Response:
        document = parse(case["document"])
        others = dict(_others(Document, document, ""))
        others = others.pop("", {}) | others
        values = {"document": document, "notes": _as_note(document[NOTES]), "others": _as_note(others or None)}
        return self.show("case.html", case=case, people=PEOPLE, tables=TABLES, **values)

    @Call("POST", f"{CASE}/open")
    async def open(self, request: Request, case: Json) -> Response:
        opened_by = (await read_form(request)).get("openedBy", "").strip()
        if opened_by and case["state"] == "closed":
            self.store.set_open(case, opened_by)
        return see_other(_at(case))

    @Call("POST", f"{CASE}/close")
    async def close(self, request: Request, case: Json) -> Response:
        self.store.set_open(case, None)
        return see_other(_at(case))

    @Call("POST", f"{CASE}/delete")
    async def delete(self, request: Request, case: Json) -> Response:
        form, document = await read_form(request), parse(case["document"])
        at = form.get("at", "")
        self._place("edit", case, document, at if at != "clientA" else "").remove()
        try:
            return self._write(case, document, form)
        except Invalid as invalid:
            raise CannotShow("Cannot be deleted", " ".join(map(str, invalid.problems)), 400, _at(case)) from invalid

    @Call("GET", f"{CASE}/delete")
    async def ask_to_delete(self, request: Request, case: Json) -> Response:
        """Asks before it deletes a record of the document (`at` a place)."""
        at = request.query_params.get("at", "")
        place = self._place("edit", case, parse(case["document"]), at if at != "clientA" else "")
        hidden = {"at": at, "version": str(case["version"])}
        return self.show_question(f"Delete {place.title}?", case["name"], _at(case), hidden)

    @Call("GET", f"{CASE}/{{action}}")
    async def ask(self, request: Request, case: Json) -> Response:
        """The form over a record of the document (`edit`, `at` a place), or for a new one (`add`, `to` a place)."""
        action, document = request.path_params["action"], parse(case["document"])
        at = request.query_params.get("at" if action == "edit" else "to", "")
        form = {"at": at, "version": str(case["version"])}
        if (action, at) == ("edit", NOTES):
            return self._form(case, form, "Edit notes", notes=_as_note(document[NOTES]))
        place = self._place(action, case, document, at)
        return self._form(case, form, f"{action.title()} {place.title}", model=place.model, record=place.record)

    @Call("POST", f"{CASE}/{{action}}")
    async def save(self, request: Request, case: Json) -> Response:
        action, document, form = request.path_params["action"], parse(case["document"]), await read_form(request)
        if (action, form.get("at")) == ("edit", NOTES):
            return self._save_notes(case, document, form)
        place = self._place(action, case, document, form.get("at", ""))
        record = taken(place.model, place.record, form)
        place.put(record)
        try:
            return self._write(case, document, form)
        except Invalid as invalid:
            title = f"{action.title()} {place.title}"
            return self._form(case, form, title, invalid.problems, model=place.model, record=record)

    def _save_notes(self, case: Json, document: Json, form: dict[str, str]) -> Response:
        """Notes that were text (or nothing) stay text; notes of another shape are edited as JSON."""
        text = form.get("text", "").replace("\r\n", "\n")
        try:
            is_text = document[NOTES] is None or isinstance(document[NOTES], str)
            document[NOTES] = (text if is_text else parse(text.encode())) if text.strip() else None
        except Unreadable:
            return self._form(case, form, "Edit notes", ["These notes must be valid JSON."], notes=text)
        return self._write(case, document, form)

    def _place(self, action: str, case: Json, document: Json, at: str) -> Place:
        try:
            return {"edit": find, "add": find_end}[action](document, at)
        except LookupError as error:
            raise CannotShow("Not there", "The case has nothing at this place (any more).", 404, _at(case)) from error

    def _form(self, case: Json, form: Json, title: str, problems: Iterable[object] = (), **over: Any) -> Response:
        hidden = {name: form.get(name, "") for name in ("at", "version")}
        return self.show_form(title, case["name"], _at(case), problems, hidden=hidden, **over)

    def _write(self, case: Json, document: Json, form: Json) -> Response:
        """Raises Invalid."""
        try:
            self.store.replace(
                case, form.get("version", ""), complete_document(Document, document, "document"), even_open=True
            )
        except VersionMoved as moved:
            text = "Somebody changed the case in the meantime. Look at it again, then repeat the change."
            raise CannotShow("The case has changed", text, 409, _at(case)) from moved
        return see_other(_at(case))


def _at(case: Json) -> str:
    return f"/cases/{case['caseId']}"


def _as_note(value: Any) -> str:
    """Text as it is, nothing for null, and another shape as JSON that a person can read."""
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(orjson.loads(dump(value)), indent=2, ensure_ascii=False)


def _others(model: type[Record], record: Json, at: str) -> Iterator[tuple[str, Json]]:
    """(place, fields that the model does not know) of the record and all that is in it."""
    if more := unknown(model, record):
        yield at, more
    for column in columns(model):
        inner = record[column.name]
        if column.model is None or not inner:
            continue
        for place, one in enumerate(inner) if column.kind == "list" else [(None, inner)]:
            where = f"{column.name}[{place}]" if column.kind == "list" else column.name
            yield from _others(column.model, one, f"{at}.{where}" if at else where)
