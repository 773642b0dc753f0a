"""Pages for people: templates that escape, headers that keep everything foreign out, forms only from our pages."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route, Router
from starlette.staticfiles import StaticFiles

from include.sandbox.common.api import declared
from include.sandbox.common.forms import as_text, controls, shown
from include.sandbox.common.records import Record
from include.sandbox.common.wire import Json, may_change

HERE = Path(__file__).parent
ROWS_ON_A_PAGE = 50
PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class CannotShow(Exception):
    """A page's way to end early: a message that says why, and a way back."""

    def __init__(self, title: str, text: str, status: int, back: str = "/") -> None:
        super().__init__(title)
        self.values = {"title": title, "text": text, "back": back}
        self.status = status


def see_other(path: str) -> Response:
    """After a form: look at the page (again)."""
    return RedirectResponse(path, 303, PAGE_HEADERS)


class Pages:
    """A vendor's pages: methods declared with `Call`. Those about one record get it from `find`.

    `folder` has the vendor's templates, which stand before those of both; `sections` are the links at the top (path ->
    label), and the first of them is the list of all records.
    """

    vendor: ClassVar[str]
    folder: ClassVar[Path]
    sections: ClassVar[Mapping[str, str]]

    def __init__(self) -> None:
        self._environment = Environment(
            loader=FileSystemLoader([self.folder, HERE / "templates"]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.home = next(iter(self.sections))
        self._environment.globals |= {
            "vendor": self.vendor,
            "sections": self.sections,
            "home": self.home,
            "shown": shown,
        }
        self._environment.filters["text"] = as_text

    def router(self) -> Router:
        pages = [Route(call.path, self._page(handler), methods=[call.method]) for call, handler in declared(self)]
        static = Mount("/static", StaticFiles(directory=HERE / "static"))
        return Router([static, Route("/", lambda request: see_other(self.home)), *pages])

    def _page(self, handler: Callable[..., Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        async def answer_page(request: Request) -> Response:
            try:
                if request.method == "POST" and not may_change(request):
                    raise CannotShow("Not allowed", "This form was not sent from a page of this sandbox.", 403)
                return await handler(request, *(self.find(request) if request.path_params else ()))
            except CannotShow as why:
                return self.show("message.html", why.status, **why.values)

        return answer_page

    def find(self, request: Request) -> tuple[Any, ...]:
        """What the page of one record is about; raises CannotShow."""
        raise NotImplementedError

    def show(self, template: str, status: int = 200, /, **values: Any) -> Response:
        body = self._environment.get_template(template).render({"here": self.home, **values})
        return HTMLResponse(body, status, PAGE_HEADERS)

    def show_list(self, request: Request, template: str, look: Callable[[str, int, int], list[Json]]) -> Response:
        """Records whose last name begins with what was asked for; `look` gives one row more than a page may hold."""
        asked = request.query_params.get("page", "1")
        page = max(1, int(asked)) if asked.isascii() and asked.isdigit() and len(asked) < 9 else 1
        text = request.query_params.get("q", "").strip()
        found = look(text, page, ROWS_ON_A_PAGE)
        rows, has_more = found[:ROWS_ON_A_PAGE], len(found) > ROWS_ON_A_PAGE
        return self.show(template, rows=rows, text=text, page=page, has_more=has_more)

    def show_question(self, title: str, name: str, back: str, hidden: Mapping[str, str]) -> Response:
        """Asks before something is deleted; the form is sent to the address of the question."""
        return self.show("confirm.html", title=title, name=name, back=back, hidden=hidden)

    def show_form(
        self,
        title: str,
        name: str,
        back: str,
        problems: Iterable[object] = (),
        *,
        model: type[Record] | None = None,
        record: Json | None = None,
        notes: str | None = None,
        hidden: Mapping[str, str] | None = None,
    ) -> Response:
        """The form over one record of the model, or over notes; a page with problems has status 400."""
        inputs = [one for one in controls(model, record or {}) if one.name != "externalSourceId"] if model else []
        head = {"title": title, "name": name, "back": back, "problems": list(problems), "hidden": hidden or {}}
        return self.show("edit.html", 400 if head["problems"] else 200, inputs=inputs, notes=notes, **head)
