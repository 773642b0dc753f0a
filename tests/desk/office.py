"""The desk's application over a small CRM and a real ledger, without Airflow and without a browser.

    def test_something(office):
        morgan = office.visitor("main.morgan")
        page = morgan.read("/")
        assert page.headings() == [1, 2]

Offices: Main (1), Lakeside (2) below it, Harbor (3) alone. Each has a user: ``main.morgan``, ``lakeside.chen``,
``harbor.reed``. Who has logged in to Airflow, and with which rights, is what a test says (`Account`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI, Request
from httpx import Response
from starlette.testclient import TestClient

from etl.load.ledger.store import Ledger, default_url
from include.desk.app import create_app
from include.desk.context import Account, Desk, NotLoggedIn
from include.runtime.connections import Connections
from include.runtime.settings import Settings
from tests.desk.airflow import FakeAirflow
from tests.report.pages import Page, read_page
from tests.run_book import SmallCrm, access_to

SECRET = b"a secret of the tests"
OFFICES = {"main.morgan": 1, "lakeside.chen": 2, "harbor.reed": 3}
FROM_THE_DESK = {"sec-fetch-site": "same-origin"}


@dataclass
class Visitor:
    """Somebody who has logged in, with a browser that runs no script."""

    client: TestClient

    def get(self, path: str, **query: Any) -> Response:
        return self.client.get(path, params=query or None)

    def read(self, path: str, **query: Any) -> Page:
        """A page that is there."""
        answer = self.get(path, **query)
        assert answer.status_code == 200, answer.text
        return read_page(answer.text)

    def send(self, path: str, **given: Any) -> Response:
        """A form of the desk, with its token; the answer is not followed."""
        return self.client.post(path, data={"token": self.token(), **given}, headers=FROM_THE_DESK)

    def search(self, text: str) -> Page:
        """What the search field finds."""
        answer = self.send("/search", q=text)
        assert answer.status_code == 200, answer.text
        return read_page(answer.text)

    def token(self) -> str:
        """The token that the search field has on every page."""
        hidden = [one for one in self.read("/search").all("input") if one.get("name") == "token"]
        return str(hidden[0]["value"])


@dataclass
class Office:
    """The desk of a small office; ``accounts``: who has logged in, by the cookie ``account`` of a request."""

    folder: Path
    crm: SmallCrm
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    accounts: dict[str, Account] = field(default_factory=dict)
    airflow: FakeAirflow = field(default_factory=FakeAirflow)

    def __post_init__(self) -> None:
        connections = Connections({"crm": access_to(self.crm.url)}.get)
        settings = Settings(**{"data": {"folder": str(self.folder)}, **self.settings})
        self.desk = Desk(settings, connections, self._log_in, SECRET, lambda: self.airflow.app)
        self.app: FastAPI = create_app(self.desk)
        self.ledger = self.desk.ledger

    async def _log_in(self, request: Request) -> Account:
        account = self.accounts.get(request.cookies.get("account", ""))
        if account is None:
            raise NotLoggedIn
        return account

    def visitor(self, name: str, *, may_trigger: bool = True, is_admin: bool = False, **more: bool) -> Visitor:
        """Somebody who may read and work, unless the test says otherwise."""
        self.accounts[name] = Account(name, **{"may_read": True, **more}, may_trigger=may_trigger, is_admin=is_admin)
        return Visitor(TestClient(self.app, cookies={"account": name}, follow_redirects=False))

    def stranger(self, **cookies: str) -> TestClient:
        """Somebody who has not logged in."""
        return TestClient(self.app, cookies=cookies, follow_redirects=False)


Story = Callable[[Office], None]


@cache
def _template() -> tuple[bytes, bytes]:
    """The files of a CRM and of a ledger in which nothing has happened yet, made once a process."""
    with TemporaryDirectory() as folder:
        crm, ledger = SmallCrm(f"sqlite:///{folder}/crm.db"), Ledger(default_url(Path(folder)))
        crm.insert("office", office_id=2, name="Lakeside", parent_office_id=1, status="Active")
        crm.insert("office", office_id=3, name="Harbor", status="Active")
        for user_id, (name, office_id) in enumerate(OFFICES.items(), 11):
            crm.insert("crm_user", user_id=user_id, office_id=office_id, user_name=name, status="Enabled")
        ledger.migrate()
        crm.engine.dispose()
        ledger.engine.dispose()
        return Path(folder, "crm.db").read_bytes(), Path(folder, "ledger.db").read_bytes()


def make_office(folder: Path, tell: Story | None = None, **settings: dict[str, Any]) -> Office:
    """An office in a folder, with these settings; in which a story has happened, if there is one."""
    for name, content in zip(("crm.db", "ledger.db"), _told(tell) if tell else _template(), strict=True):
        (folder / name).write_bytes(content)
    return Office(folder, SmallCrm(f"sqlite:///{folder / 'crm.db'}", is_there=True), settings)


@cache
def _told(tell: Story) -> tuple[bytes, bytes]:
    """The same files after a story, which is told once a process."""
    with TemporaryDirectory() as folder:
        office = make_office(Path(folder))
        tell(office)
        office.ledger.engine.dispose()
        office.crm.engine.dispose()
        return Path(folder, "crm.db").read_bytes(), Path(folder, "ledger.db").read_bytes()


@contextmanager
def serving(office: Office) -> Iterator[str]:
    """The desk on a free port of this machine, for a browser; gives its address."""
    server = uvicorn.Server(uvicorn.Config(office.app, port=0, log_level="warning"))
    thread = Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = make_office(tmp_path)
    yield made
    made.ledger.engine.dispose()
