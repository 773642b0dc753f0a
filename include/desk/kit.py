"""How a page of the desk is made: the report's kit of templates, with navigation, forms and the policy of its style."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from jinja2 import Environment
from markupsafe import Markup
from starlette.responses import HTMLResponse, RedirectResponse

from include.desk.context import desk_of
from include.desk.security import form_token, with_style
from include.report.crm_links import record_url, unit_url
from include.report.html import environment_of, styled

_SAID = "planbridge_desk_said"


def page(request: Request, template: str, *, status: int = 200, **content: Any) -> HTMLResponse:
    """A page of the desk as an answer. What is not the template's own is escaped (`include.report.html`).

    Templates find beside ``content``: ``at`` (an address of the desk), ``user`` (`DeskUser` or None), ``token`` (for
    forms), ``said`` (the sentence about what was done last), ``navigation``, ``here``, and ``record_url`` and
    ``unit_url`` (addresses in the CRM, None in Airflow's frame, whose links open no other window).
    """
    style, digest = _style()
    user = getattr(request.state, "desk_user", None)
    desk = desk_of(request)
    is_framed = request.headers.get("sec-fetch-dest") == "iframe"
    pattern = None if is_framed else desk.settings.crm.record_url
    text = (
        _environment()
        .get_template(template)
        .render(
            style=style,
            user=user,
            at=lambda path, query=None: address(request, path, query),
            here=path_of(request),
            navigation=request.app.state.navigation,
            token=form_token(desk.secret, user.name) if user else "",
            said=_said(request, desk.secret),
            record_url=partial(record_url, pattern),
            unit_url=partial(unit_url, pattern),
            **content,
        )
    )
    answer = HTMLResponse(text, status, with_style(digest))
    if _SAID in request.cookies:
        answer.delete_cookie(_SAID, path=_cookie_path(request))
    return answer


def address(request: Request, path: str, query: Mapping[str, Any] | None = None) -> str:
    """The address of a path of the desk (``/runs``) under Airflow's own root, with a query without its blanks."""
    given = {name: value for name, value in (query or {}).items() if value not in (None, "", ())}
    asked = f"?{urlencode(given, doseq=True)}" if given else ""
    return f"{request.scope.get('root_path', '')}{path}{asked}"


def path_of(request: Request) -> str:
    """The path that is asked for, within the desk."""
    path: str = request.scope["path"]
    return path.removeprefix(request.scope.get("root_path", ""))


def done(request: Request, path: str, sentence: str, query: Mapping[str, Any] | None = None) -> RedirectResponse:
    """After a change: the browser goes on to a page, which says the sentence once."""
    answer = RedirectResponse(address(request, path, query), 303)
    signed = f"{_mac(desk_of(request).secret, sentence)}.{base64.urlsafe_b64encode(sentence.encode()).decode()}"
    answer.set_cookie(_SAID, signed, max_age=300, path=_cookie_path(request), httponly=True, samesite="strict")
    return answer


def _said(request: Request, secret: bytes) -> str:
    mac, _, encoded = request.cookies.get(_SAID, "").partition(".")
    try:
        sentence = base64.urlsafe_b64decode(encoded).decode()
    except ValueError:
        return ""
    return sentence if hmac.compare_digest(mac.encode(), _mac(secret, sentence).encode()) else ""


def _mac(secret: bytes, sentence: str) -> str:
    return hmac.new(secret, f"said\x1f{sentence}".encode(), hashlib.sha256).hexdigest()


def _cookie_path(request: Request) -> str:
    return request.scope.get("root_path", "") or "/"


@cache
def _environment() -> Environment:
    return environment_of(Path(__file__).parent / "templates")


@cache
def _style() -> tuple[Markup, str]:
    return styled(_environment().get_template("desk.css.j2").render(users=0))
