"""Pages for people: templates that escape, headers that keep everything foreign out, forms only from our pages."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles

HERE = Path(__file__).parent
ROWS_ON_A_PAGE = 50
FORM_FIELDS_AT_MOST = 300
LOOPBACK_NAMES = {"127.0.0.1", "localhost", "::1"}
PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}

static_files = StaticFiles(directory=HERE / "static")


def is_from_elsewhere(request: Request) -> bool:
    """Whether a browser says that another site's page sent this."""
    said = request.headers.get("origin") or request.headers.get("referer")
    return said is not None and urlsplit(said).netloc != request.headers.get("host")


def may_change(request: Request) -> bool:
    """Whether a form may be taken: it must say that our own page sent it, to a loopback name."""
    says = request.headers.get("origin") or request.headers.get("referer")
    return says is not None and not is_from_elsewhere(request) and request.url.hostname in LOOPBACK_NAMES


async def read_form(request: Request) -> dict[str, str]:
    """What a form of ours was filled in with (of a name that occurs twice the last value)."""
    body = await request.body()
    pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=FORM_FIELDS_AT_MOST)
    return dict(pairs)


def see_other(path: str) -> Response:
    """After a form: look at the page (again)."""
    return RedirectResponse(path, 303, PAGE_HEADERS)


class Templates:
    """The vendor's templates, over the ones both vendors share."""

    def __init__(self, folder: Path, vendor: str) -> None:
        self._environment = Environment(
            loader=FileSystemLoader([folder, HERE / "templates"]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals["vendor"] = vendor

    def page(self, template: str, status: int = 200, /, **values: Any) -> Response:
        body = self._environment.get_template(template).render(values)
        return HTMLResponse(body, status, PAGE_HEADERS)

    def message(self, title: str, text: str, status: int, back: str = "/") -> Response:
        """A page that says why something cannot be done and leads back."""
        return self.page("message.html", status, title=title, text=text, back=back)


def page_number(request: Request) -> int:
    """The page asked for, from 1."""
    asked = request.query_params.get("page", "1")
    return max(1, int(asked)) if asked.isascii() and asked.isdigit() and len(asked) < 9 else 1
