"""What the pages work with: settings, the ledger, the CRM, and who has logged in to Airflow."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, date
from functools import cached_property
from threading import Lock
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.types import ASGIApp

from etl.extract.source import Snapshot
from etl.load.ledger.store import Ledger
from include.desk.scope import Scopes
from include.runtime.connections import Connections
from include.runtime.context import ledger_of
from include.runtime.settings import Settings


@dataclass(frozen=True)
class Account:
    """Somebody who has logged in to Airflow: ``name``, what they may do there, and whether they administer it."""

    name: str
    may_read: bool = False
    may_trigger: bool = False
    is_admin: bool = False


def airflow_app() -> ASGIApp:
    """The application of the API server that this process is, as `airflow.api_fastapi.main` makes it."""
    from airflow.api_fastapi.app import cached_app

    return cached_app(apps=os.environ.get("AIRFLOW_API_APPS", "all"))


class NotLoggedIn(Exception):
    """Nobody has logged in, or Airflow does not take the log-in."""


class Refused(Exception):
    """Somebody may not do what they asked for; the message says so in words. ``status``: of HTTP."""

    def __init__(self, sentence: str, status: int = 403) -> None:
        super().__init__(sentence)
        self.status = status


@dataclass(frozen=True)
class Desk:
    """One for the life of the application.

    ``log_in``: who asks, or `NotLoggedIn`. ``secret``: signs the tokens of forms. ``airflow``: its REST API.
    """

    settings: Settings
    connections: Connections = field(repr=False)
    log_in: Callable[[Request], Awaitable[Account]]
    secret: bytes = field(repr=False)
    airflow: Callable[[], ASGIApp] = airflow_app
    _opening: Lock = field(default_factory=Lock, init=False, repr=False)
    _opened: dict[str, Ledger] = field(default_factory=dict, init=False, repr=False)

    @property
    def ledger(self) -> Ledger:
        """The ledger that the connection names now. Raises `LedgerUnavailable`, `LedgerTooNew`."""
        with self._opening:
            place = self.connections.ledger or ""
            if place not in self._opened:
                for left in self._opened.values():
                    left.engine.dispose()
                self._opened.clear()
                self._opened[place] = ledger_of(self.settings, self.connections)
            return self._opened[place]

    @property
    def today(self) -> date:
        """The day by the office's clock."""
        return self.ledger.now().replace(tzinfo=UTC).astimezone(ZoneInfo(self.settings.refresh.timezone)).date()

    @cached_property
    def scopes(self) -> Scopes:
        """Which offices a user may see."""
        return Scopes(self.crm)

    def crm(self) -> Snapshot:
        """One state of the CRM, for a ``with``. Raises `SourceUnavailable`."""
        return Snapshot(self.connections.crm, readers=1)


def desk_of(request: Request) -> Desk:
    """The desk of the application that is asked."""
    desk: Desk = request.app.state.desk
    return desk
