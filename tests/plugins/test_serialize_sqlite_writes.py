"""Calls that write take turns at an Airflow whose database is SQLite."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from include.plugins.serialize_sqlite_writes import SerializeWrites

pytestmark = pytest.mark.airflow


class Server:
    """An ASGI application that counts how many calls are under way at once, and how many were at most."""

    def __init__(self) -> None:
        self.now = self.most = self.answered = 0

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0.005)
        self.now -= 1
        self.answered += 1
        if scope.get("path") == "/defect":
            raise RuntimeError


def call(server: Server, *methods: str, path: str = "/") -> list[Any]:
    async def all_at_once() -> list[Any]:
        app = SerializeWrites(server)
        calls = [app({"type": "http", "method": method, "path": path}, None, None) for method in methods]
        return await asyncio.gather(*calls, return_exceptions=True)

    return asyncio.run(all_at_once())


def test_calls_that_write_come_one_after_the_other() -> None:
    server = Server()
    call(server, *["POST", "PATCH", "DELETE", "PUT"] * 5)
    assert (server.most, server.answered) == (1, 20)


def test_calls_that_read_wait_for_nobody() -> None:
    server = Server()
    call(server, *["GET"] * 20)
    assert (server.most, server.answered) == (20, 20)


def test_a_call_that_fails_gives_its_turn_back() -> None:
    server = Server()
    failed = call(server, "POST", "POST", path="/defect")
    assert [type(error) for error in failed] == [RuntimeError, RuntimeError]
    assert server.most == 1


def test_a_call_within_a_call_goes_in_its_turn() -> None:
    answered: list[str] = []

    async def desk(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["path"] == "/desk":
            await app({**scope, "path": "/api"}, receive, send)
        answered.append(scope["path"])

    app = SerializeWrites(desk)
    asyncio.run(asyncio.wait_for(app({"type": "http", "method": "POST", "path": "/desk"}, None, None), 5))
    assert answered == ["/api", "/desk"]
