"""Who may see the desk, and what they may do there. Every route depends on `desk_user`, which fails closed.

The log-in is Airflow's; so are the rights to read and to trigger the weeknight run. The offices are those of the CRM
user of the same name. A form that changes something carries a token that belongs to its user, and has to come from a
page of the desk.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Depends, Path, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from include.desk.context import Account, Desk, NotLoggedIn, Refused, desk_of

# Reading and triggering this DAG are the rights that count.
DAG = "weeknight_refresh"
READ, WORK, DECIDE = "read", "work", "decide"
WHAT_IT_TAKES = {
    READ: f"It takes the right to read the DAG {DAG}.",
    WORK: f"It takes the right to trigger the DAG {DAG}.",
    DECIDE: "It takes a name in PLANBRIDGE__DESK__DECIDERS, or the right to edit Airflow's connections.",
}
SAFE_METHODS = ("GET", "HEAD")
FORM_SECONDS = 12 * 3600
TOKEN_FIELD = "token"

POLICY = "default-src 'none'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


def with_style(digest: str) -> dict[str, str]:
    """The policy of a page with the one style sheet of this hash."""
    return {"content-security-policy": f"{POLICY}; style-src 'sha256-{digest}'"}


@dataclass(frozen=True)
class DeskUser:
    """Who asks: their name in Airflow, the offices that they may see (None: all), and what they may do."""

    name: str
    offices: frozenset[int] | None
    rights: frozenset[str]

    def require(self, right: str) -> None:
        """Raises `Refused` without the right."""
        if right not in self.rights:
            raise Refused(
                f"{self.name} may not do that here. {WHAT_IT_TAKES[right]} An Airflow administrator gives it."
            )

    def require_office(self, office_id: int | None) -> None:
        """Raises `Refused` (404) for an office that the user may not see: not even that it is there."""
        if self.offices is not None and office_id not in self.offices:
            raise not_there()


def not_there() -> Refused:
    """What is not there, or not for this user."""
    return Refused("There is no such page, or it is about an office that you may not see.", 404)


async def desk_user(request: Request) -> DeskUser:
    """Who asks, with what they may see and do; a dependency of every route.

    Raises `NotLoggedIn`, and `Refused` for who may not read the desk or sends a form that is not their own.
    """
    desk = desk_of(request)
    account = await desk.log_in(request)
    if request.method not in SAFE_METHODS:
        await _require_own_form(request, account, desk.secret)
    user = await run_in_threadpool(_user, desk, account)
    request.state.desk_user = user
    return user


User = Annotated[DeskUser, Depends(desk_user)]
# Numbers of an address, which a database can take.
PageNumber = Annotated[int, Query(ge=1, le=1_000_000)]
SerialId = Annotated[int, Path(ge=1, lt=2**31)]
OfficeNumber = Annotated[int, Query(lt=2**63)]


def _user(desk: Desk, account: Account) -> DeskUser:
    if not account.may_read:
        raise Refused(f"{account.name} may not see the desk. {WHAT_IT_TAKES[READ]} An Airflow administrator gives it.")
    rights = {READ}
    if account.may_trigger:
        rights.add(WORK)
    if account.is_admin or account.name in desk.settings.desk.deciders:
        rights.add(DECIDE)
    return DeskUser(account.name, _offices(desk, account), frozenset(rights))


def _offices(desk: Desk, account: Account) -> frozenset[int] | None:
    if account.is_admin:
        return None
    known = desk.scopes.crm_user(account.name)
    if known is None:
        raise Refused(
            f"{account.name} is no user of the CRM, and the desk shows the offices that the CRM user of the same name "
            "may see. Log in to Airflow by the user name that you have in SmartOffice."
        )
    if not known.is_enabled:
        raise Refused(
            f"The CRM user {account.name} is not enabled, so there is no office to show. In SmartOffice: "
            "User Accounts › the user › User Account Status."
        )
    return known.offices


async def _require_own_form(request: Request, account: Account, secret: bytes) -> None:
    """Refuses a form of another site, and one without the token of this user."""
    if not _is_same_origin(request):
        raise Refused("This form does not come from a page of the desk. Open the desk by its https address.")
    form = await request.form()
    given = form.get(TOKEN_FIELD)
    if not isinstance(given, str) or not is_form_token(secret, account.name, given):
        raise Refused("This form is too old, or it was opened by another user. Go back, reload the page, try again.")
    request.state.desk_form = form


def form_of(request: Request) -> FormData:
    """The form that was sent; it is the user's own."""
    form: FormData = request.state.desk_form
    return form


def _is_same_origin(request: Request) -> bool:
    """By what the browser says of the request; one that says nothing is refused."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = urlsplit(request.headers.get("origin", ""))
    return bool(origin.netloc) and origin.netloc == request.headers.get("host")


def form_token(secret: bytes, name: str, at: float | None = None) -> str:
    """The token of a user's forms, good for some hours from ``at`` (seconds since 1970, by default now)."""
    made_at = f"{int(time.time() if at is None else at):x}"
    return f"{made_at}.{_mac(secret, name, made_at)}"


def is_form_token(secret: bytes, name: str, token: str) -> bool:
    """Whether `form_token` made the token for that user, not too long ago."""
    made_at, _, mac = token.partition(".")
    if not hmac.compare_digest(mac.encode(), _mac(secret, name, made_at).encode()):
        return False
    return 0 <= time.time() - int(made_at, 16) + 1 <= FORM_SECONDS


def _mac(secret: bytes, name: str, made_at: str) -> str:
    return hmac.new(secret, f"desk\x1f{name}\x1f{made_at}".encode(), hashlib.sha256).hexdigest()


class SecurityHeaders:
    """ASGI middleware: every answer has the headers; a page may set a policy of its own, for its style."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name.lower() for name, _ in message["headers"]}
                more = [(name.encode(), text.encode()) for name, text in HEADERS.items() if name.encode() not in given]
                message = {**message, "headers": [*message["headers"], *more]}
            await send(message)

        await self._app(scope, receive, send_with_headers)


async def airflow_account(request: Request) -> Account:
    """Who has logged in to Airflow, by its cookie or a token, and what its auth manager lets them do."""
    from airflow.api_fastapi.core_api.security import bearer_scheme, get_user
    from fastapi import HTTPException

    try:
        user = await get_user(request, None, await bearer_scheme(request))
    except HTTPException:
        raise NotLoggedIn from None
    return await run_in_threadpool(_account, user)


def _account(user: Any) -> Account:
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.models.resource_details import (
        ConnectionDetails,
        DagAccessEntity,
        DagDetails,
    )
    from airflow.models.dag import DagModel

    manager = get_auth_manager()
    dag = DagDetails(id=DAG, team_name=DagModel.get_team_name(DAG))
    crm = ConnectionDetails(conn_id="crm")
    return Account(
        user.get_name(),
        may_read=manager.is_authorized_dag(method="GET", details=dag, user=user),
        may_trigger=manager.is_authorized_dag(method="POST", access_entity=DagAccessEntity.RUN, details=dag, user=user),
        # Who may change the connection `crm` could read every office anyway.
        is_admin=manager.is_authorized_connection(method="PUT", details=crm, user=user),
    )
