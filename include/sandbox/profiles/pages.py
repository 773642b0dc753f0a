"""The pages of Profiles: households, and the case with all that is in it."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from include.sandbox.common.fields import Record, inputs, taken
from include.sandbox.common.pages import ROWS_ON_A_PAGE, Templates, may_change, page_number, read_form, see_other
from include.sandbox.common.wire import Unreadable, parse
from include.sandbox.profiles.api import as_id
from include.sandbox.profiles.document import refusals
from include.sandbox.profiles.places import NoSuchPlace, Place, find, find_end
from include.sandbox.profiles.store import Case, Store, VersionMoved
from include.sandbox.profiles.view import as_note, view

Form = dict[str, str]
CasePage = Callable[[Request, Case], Awaitable[Response]]
NOTES = "notes"


class Pages:
    def __init__(self, store: Store) -> None:
        self.store = store
        self.templates = Templates(Path(__file__).parent / "templates", "Profiles")

    def routes(self) -> list[Route]:
        case = "/cases/{case_id}"
        return [
            Route("/", self.home),
            Route("/households", self.households),
            Route(case, self._on_case(self.case)),
            Route(f"{case}/open", self._on_case(self.open), methods=["POST"]),
            Route(f"{case}/close", self._on_case(self.close), methods=["POST"]),
            Route(f"{case}/edit", self._on_case(self.edit)),
            Route(f"{case}/edit", self._on_case(self.save), methods=["POST"]),
            Route(f"{case}/add", self._on_case(self.new)),
            Route(f"{case}/add", self._on_case(self.save_new), methods=["POST"]),
            Route(f"{case}/delete", self._on_case(self.delete), methods=["POST"]),
        ]

    def _on_case(self, page: CasePage) -> Callable[[Request], Awaitable[Response]]:
        """The page with its case; forms from elsewhere and cases or places that do not exist get a message."""

        async def answer_page(request: Request) -> Response:
            if request.method == "POST" and not may_change(request):
                return self.templates.message("Not allowed", "This form was not sent from a page of this sandbox.", 403)
            case = self.store.case(as_id(request.path_params["case_id"]))
            if case is None:
                return self.templates.message("No such case", "The case does not exist.", 404)
            back = f"/cases/{case.case_id}"
            try:
                return await page(request, case)
            except NoSuchPlace:
                text = "The case has nothing at this place (any more)."
                return self.templates.message("Not there", text, 404, back)
            except VersionMoved:
                text = "Somebody changed the case in the meantime. Look at it again, then repeat the change."
                return self.templates.message("The case has changed", text, 409, back)

        return answer_page

    async def home(self, request: Request) -> Response:
        return see_other("/households")

    async def households(self, request: Request) -> Response:
        text, page = request.query_params.get("q", "").strip(), page_number(request)
        found = self.store.page_of_households(text, page, ROWS_ON_A_PAGE)
        shown, has_more = found[:ROWS_ON_A_PAGE], len(found) > ROWS_ON_A_PAGE
        return self.templates.page("households.html", households=shown, text=text, page=page, has_more=has_more)

    async def case(self, request: Request, case: Case) -> Response:
        return self.templates.page("case.html", case=case, **view(parse(case.document)))

    async def open(self, request: Request, case: Case) -> Response:
        opened_by = (await read_form(request)).get("openedBy", "").strip()
        if opened_by and case.state == "closed":
            self.store.set_open(case.case_id, opened_by)
        return see_other(f"/cases/{case.case_id}")

    async def close(self, request: Request, case: Case) -> Response:
        self.store.set_open(case.case_id, None)
        return see_other(f"/cases/{case.case_id}")

    async def edit(self, request: Request, case: Case) -> Response:
        at = request.query_params.get("at", "")
        document = parse(case.document)
        if at == NOTES:
            return self._notes_form(case, as_note(document["notes"]), str(case.version))
        place = find(document, at)
        return self._form(case, f"Edit {place.title}", "edit", at, place.record, place)

    async def save(self, request: Request, case: Case) -> Response:
        form = await read_form(request)
        if form.get("at") == NOTES:
            return self._save_notes(case, form)
        document = parse(case.document)
        place = find(document, form.get("at", ""))
        record = taken(place.fields, place.record, form)
        return self._save(case, document, place, record, form, f"Edit {place.title}", "edit")

    async def new(self, request: Request, case: Case) -> Response:
        to = request.query_params.get("to", "")
        place = find_end(parse(case.document), to)
        return self._form(case, f"Add {place.title}", "add", to, {}, place)

    async def save_new(self, request: Request, case: Case) -> Response:
        form = await read_form(request)
        document = parse(case.document)
        place = find_end(document, form.get("at", ""))
        record = taken(place.fields, {}, form)
        return self._save(case, document, place, record, form, f"Add {place.title}", "add")

    async def delete(self, request: Request, case: Case) -> Response:
        form = await read_form(request)
        document = parse(case.document)
        if form.get("at") == "clientA":
            raise NoSuchPlace
        find(document, form.get("at", "")).remove()
        problems = refusals(document)
        if problems:
            text = " ".join(_told(problems))
            return self.templates.message("Cannot be deleted", text, 400, f"/cases/{case.case_id}")
        return self._write(case, document, form)

    def _write(self, case: Case, document: Record, form: Form) -> Response:
        self.store.replace(case, form.get("version", ""), document, even_open=True)
        return see_other(f"/cases/{case.case_id}")

    def _save(
        self, case: Case, document: Record, place: Place, record: Record, form: Form, title: str, action: str
    ) -> Response:
        place.put(record)
        problems = refusals(document)
        if problems:
            told = _told(problems)
            return self._form(case, title, action, form.get("at", ""), record, place, told, form.get("version", ""))
        return self._write(case, document, form)

    def _form(
        self,
        case: Case,
        title: str,
        action: str,
        at: str,
        record: Record,
        place: Place,
        problems: list[str] | None = None,
        version: str | None = None,
    ) -> Response:
        values: dict[str, Any] = {
            "case": case,
            "title": title,
            "action": f"/cases/{case.case_id}/{action}",
            "at": at,
            "version": case.version if version is None else version,
            "inputs": [one for one in inputs(place.fields, record) if one.name != "externalSourceId"],
            "text": None,
            "problems": problems or [],
        }
        return self.templates.page("edit.html", 400 if problems else 200, **values)

    def _notes_form(self, case: Case, text: str, version: str, problems: list[str] | None = None) -> Response:
        values = {"case": case, "title": "Edit notes", "action": f"/cases/{case.case_id}/edit", "at": NOTES,
                  "version": version, "inputs": [], "text": text, "problems": problems or []}  # fmt: skip
        return self.templates.page("edit.html", 400 if problems else 200, **values)

    def _save_notes(self, case: Case, form: Form) -> Response:
        """Notes that were text (or nothing) stay text; notes of another shape are edited as JSON."""
        document = parse(case.document)
        text = form.get("text", "").replace("\r\n", "\n")
        if document["notes"] is None or isinstance(document["notes"], str):
            document["notes"] = text or None
            return self._write(case, document, form)
        try:
            document["notes"] = parse(text.encode()) if text.strip() else None
        except Unreadable:
            return self._notes_form(case, text, form.get("version", ""), ["These notes must be valid JSON."])
        return self._write(case, document, form)


def _told(problems: dict[str, list[str]]) -> list[str]:
    return [f"{path}: {message}" for path, messages in problems.items() for message in messages]
