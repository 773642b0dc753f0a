"""The desk's application, which Airflow's API server mounts (`include.plugins.stewards_desk`)."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from etl.defects import note_defect
from etl.errors import PlanbridgeError
from include.desk import kit
from include.desk.context import Desk, NotLoggedIn, Refused
from include.desk.pages import (
    cards,
    checks,
    conflicts,
    differences,
    guards,
    household,
    runs,
    search,
    tonight,
    trends,
    waivers,
    worklist,
)
from include.desk.security import SAFE_METHODS, SecurityHeaders, airflow_account, desk_user

# Where Airflow has the desk, under its own root.
MOUNTED_AT = "/desk"

# The groups of pages, in the order of the navigation: the words of the entry and where it leads; none for no entry.
GROUPS: tuple[tuple[str, str, APIRouter], ...] = (
    ("Work list", "/", worklist.router),
    ("Tonight", "/tonight", tonight.router),
    ("Conflicts", "/conflicts", conflicts.router),
    ("Waivers", "/waivers", waivers.router),
    ("Guards", "/guards", guards.router),
    ("Runs", "/runs", runs.router),
    ("", "", checks.router),
    ("Trends", "/trends", trends.router),
    ("Differences", "/differences", differences.router),
    ("Rules", "/checks", cards.router),
    ("", "", search.router),
    ("", "", household.router),
)


def create_app(desk: Desk) -> FastAPI:
    """The desk. Nobody is answered without a log-in: no route is without `desk_user`."""
    app = FastAPI(
        title="Planbridge desk",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        dependencies=[Depends(desk_user)],
        redirect_slashes=False,
    )
    app.state.desk = desk
    app.state.navigation = [(words, path) for words, path, _ in GROUPS if words]
    for _, _, router in GROUPS:
        app.include_router(router)
    app.add_exception_handler(NotLoggedIn, _to_log_in)
    for kind in (Refused, PlanbridgeError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, _in_words)
    app.add_middleware(Defects)
    app.add_middleware(SecurityHeaders)
    return app


def airflow_desk() -> Desk:
    """The desk of this Airflow: its connections, its log-in, its secret."""
    from airflow.api_fastapi.auth.tokens import get_signing_key

    from include.runtime.connections import Connections
    from include.runtime.settings import settings
    from include.runtime.task_boundary import find_connection

    secret = get_signing_key("api", "secret_key").encode()
    return Desk(settings(), Connections(find_connection), airflow_account, secret)


def _to_log_in(request: Request, error: Exception) -> Response:
    """Airflow's log-in, and back to the page; a form that was sent is not sent again."""
    if request.method not in SAFE_METHODS:
        sentence = "You are not logged in any more: nothing was changed. Open the desk again, log in, and try again."
        return kit.page(request, "sentence.html.j2", status=401, title="Not logged in", sentence=sentence)
    airflow = kit.address(request, "").removesuffix(MOUNTED_AT)
    asked = f"?{request.url.query}" if request.url.query else ""
    back = f"{kit.address(request, quote(kit.path_of(request)))}{asked}"
    return RedirectResponse(f"{airflow}/api/v2/auth/login?{urlencode({'next': back})}", 303)


def _in_words(request: Request, error: Exception) -> Response:
    """What stops a page, as a page."""
    if isinstance(error, Refused):
        return kit.page(request, "sentence.html.j2", status=error.status, title="Not here", sentence=str(error))
    if isinstance(error, PlanbridgeError):
        return kit.page(request, "sentence.html.j2", status=503, title="Not now", sentence=str(error))
    status = error.status_code if isinstance(error, HTTPException) else 422
    sentence = "There is no such page. The work list is the place to start." if status == 404 else (
        "The desk cannot read this address or this form. Go back to the work list and start from there."
    )  # fmt: skip
    return kit.page(request, "sentence.html.j2", status=status, title="Not found", sentence=sentence)


class Defects:
    """ASGI middleware: an error that nobody foresaw is a page and a line in the log, without its own words."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_begun = False

        async def note_beginning(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, note_beginning)
        except Exception as error:
            sentence = f"This page was stopped by {note_defect(error, 'the desk', scope['path'])}"
            if not has_begun:
                answer = kit.page(Request(scope), "sentence.html.j2", status=500, title="A defect", sentence=sentence)
                await answer(scope, receive, send)
