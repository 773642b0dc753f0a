"""A sandbox that runs as a program of its own, or served in a thread of this one; and who calls it."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import jwt
import orjson
import requests
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from starlette.types import ASGIApp

from include import ROOT
from include.sandbox.common.server import address, listen, make_server

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
FEEDS = "/public/v1/institutions/smartoffice/feeds/"


@contextmanager
def running_sandbox(vendor: str, database: Path, *options: str) -> Iterator[Caller]:
    """``python -m include.sandbox.<vendor>`` on a free port, for as long as it is wanted."""
    command = [sys.executable, "-m", f"include.sandbox.{vendor}", "--port", "0", "--database", str(database), *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            url = process.stdout.readline().strip()
            assert url.startswith("http://127.0.0.1:"), url
            yield Caller(url)
        finally:
            process.terminate()


@contextmanager
def serve(application: ASGIApp) -> Iterator[str]:
    """The address of an application that a test has made, for as long as a thread serves it."""
    ready = threading.Event()
    listener = listen(0)
    server = make_server(application, ready.set)
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    assert ready.wait(10)
    try:
        yield address(listener)
    finally:
        server.should_exit = True
        thread.join(10)


@dataclass
class Caller:
    """Calls one vendor; `headers` go with every call, retries never happen."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)
    session: requests.Session = field(default_factory=requests.Session)

    def __call__(self, method: str, path: str, **more: Any) -> requests.Response:
        headers = {**self.headers, **more.pop("headers", {})}
        more.setdefault("timeout", 10)
        return self.session.request(method, self.url + path, headers=headers, allow_redirects=False, **more)

    def page(self, path: str) -> str:
        response = self.session.get(self.url + path, timeout=10)
        assert response.status_code == 200, response.text
        return response.text

    def send_form(self, path: str, **form: str) -> requests.Response:
        """As a browser sends it from a page of the sandbox."""
        return self("POST", path, data=form, headers={"Origin": self.url})

    def faults(self, *faults: dict[str, Any]) -> None:
        response = self("POST", "/_sandbox/faults", json=list(faults))
        assert response.status_code == 200, response.text

    def state(self) -> dict[str, Any]:
        return self("GET", "/_sandbox/state").json()

    def calls(self) -> dict[str, int]:
        """How often each call of the API was answered since the last reset."""
        return self._counters()["calls"]

    def writes(self) -> dict[str, int]:
        """The same of the calls that write."""
        return self._counters()["writes"]

    def _counters(self) -> dict[str, dict[str, int]]:
        return self("GET", "/_sandbox/state?only=counters").json()["counters"]

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    def reset(self) -> None:
        assert self("POST", "/_sandbox/reset").status_code == 200


@dataclass
class EmoneyCaller(Caller):
    private_key: Any = None

    def assertion(self, **claims: Any) -> str:
        now = int(time.time())
        good = {"iss": "planbridge", "sub": "planbridge", "aud": f"{self.url}/connect/token", "exp": now + 300}
        whole = {**good, "jti": uuid.uuid4().hex, **claims}
        return jwt.encode(
            {name: value for name, value in whole.items() if value is not None}, self.private_key, "RS256"
        )

    def ask_token(self, assertion: str, **form: str) -> requests.Response:
        good = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE, "scope": "API"}
        return self("POST", "/connect/token", data={**good, "client_assertion": assertion, **form})

    def log_in(self) -> None:
        token = self.ask_token(self.assertion()).json()["access_token"]
        self.headers = {"Authorization": f"Bearer {token}", "apikey": "sandbox-key"}

    def add_client(self, *, connected: bool = True, **fields: Any) -> str:
        client = {"firstName": "Ann", "lastName": "Lee", "dateOfBirth": "1970-01-02", **fields}
        client_id = self("POST", "/public/v1/clients", json=client).json()["id"]
        if connected:
            institution = {"institution": "SmartOffice (Ebix CRM)"}
            assert self("POST", f"/public/v1/clients/{client_id}/connections", json=institution).status_code == 201
        return client_id

    def put_feed(self, feed_id: str, *lines: Any, **more: Any) -> requests.Response:
        content = more.pop("content", None)
        if content is None:
            content = b"\n".join(line if isinstance(line, bytes) else orjson.dumps(line) for line in lines)
        headers = {"Content-Type": "application/x-ndjson", **more.pop("headers", {})}
        return self("PUT", FEEDS + feed_id, data=content, headers=headers, **more)

    def feed(self, feed_id: str) -> dict[str, Any]:
        return self("GET", FEEDS + feed_id).json()

    def finished(self, feed_id: str) -> dict[str, Any]:
        return wait_until(lambda: self.feed(feed_id), lambda state: state["status"] in ("done", "failed"))

    def deliver(self, feed_id: str, *lines: Any) -> dict[str, Any]:
        assert self.put_feed(feed_id, *lines).status_code == 202
        return self.finished(feed_id)

    def accounts(self, client_id: str, state: str = "") -> dict[str, dict[str, Any]]:
        query = f"?state={state}" if state else ""
        found = self("GET", f"/public/v1/clients/{client_id}/accounts{query}").json()["accounts"]
        return {account["sourceKey"]: account for account in found}

    def link(self, client_id: str, *links: dict[str, Any]) -> requests.Response:
        return self("POST", f"/public/v1/clients/{client_id}/links", json={"links": list(links)})


def wait_until(look: Callable[[], Any], is_there: Callable[[Any], bool], seconds: float = 5.0) -> Any:
    """What is seen once it is as wanted; fails when it does not come about in time."""
    deadline = time.monotonic() + seconds
    while not is_there(seen := look()):
        assert time.monotonic() < deadline, seen
        time.sleep(0.02)
    return seen


def person(**fields: Any) -> dict[str, Any]:
    return {"firstName": "Ann", "lastName": "Lee", "birthDate": "1970-01-02", **fields}


def household(key: str = "household:1", name: str = "Lee", **document: Any) -> dict[str, Any]:
    return {"externalSourceId": key, "case": {"name": name, "clientA": person(), **document}}


def investment(key: str = "account:5", **fields: Any) -> dict[str, Any]:
    values = {"assetName": "Brokerage", "holdingsValue": 100.5, "cashBalance": 1, "totalValue": 101.5}
    return {"sourceKey": key, "kind": "investment", "asOf": "2026-03-02", **values, "owner": "client", **fields}


def policy(key: str = "policy:3", **fields: Any) -> dict[str, Any]:
    values = {"policyName": "Term 20", "policyNumber": "***1234", "currentDeathBenefits": 500000}
    return {"sourceKey": key, "kind": "policy", "asOf": "2026-03-02", **values, "owner": "client", **fields}


def line(client_id: str, *items: Any, as_of: str = "2026-03-02") -> dict[str, Any]:
    return {"clientId": client_id, "asOf": as_of, "items": list(items)}


@cache
def private_key_of(folder: Path) -> Any:
    """The RSA key in the folder; reading one takes longer than most tests."""
    return load_pem_private_key((folder / "private.pem").read_bytes(), None)
