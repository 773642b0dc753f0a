"""How many functions lie between a task and the vendor: few enough to be read one after another."""

from __future__ import annotations

import http.client
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from include import ROOT
from include.pipelines.household import sync as household
from include.pipelines.refresh import tasks as refresh
from tests.pipelines.household.by_hand import context_of
from tests.run_book import Book

OWN = tuple(str(ROOT / folder) + "/" for folder in ("dags", "etl", "expectations", "include"))
# Own frames: the DAG file is the first to the socket, the task the first to the delivery.
FROM_DAG_TO_SOCKET = 14
FROM_TASK_TO_DELIVERY = 4


# No functions: from Python 3.12 on they have no frames either.
COMPREHENSIONS = {"<listcomp>", "<dictcomp>", "<setcomp>"}


def own_frames(frame: FrameType | None) -> list[str]:
    """The functions of the project on a thread's stack, the outermost first."""
    found: list[str] = []
    while frame is not None:
        if frame.f_code.co_filename.startswith(OWN) and frame.f_code.co_name not in COMPREHENSIONS:
            found.insert(0, f"{Path(frame.f_code.co_filename).relative_to(ROOT)}:{frame.f_code.co_name}")
        frame = frame.f_back
    return found


@dataclass
class Wire:
    """The way of each request to the socket; what a pool's thread sends continues the way of the thread that waits."""

    ways: dict[str, list[str]] = field(default_factory=dict)
    main: int = field(default_factory=threading.get_ident)

    def send(self, connection: http.client.HTTPConnection, data: Any) -> None:
        head = bytes(data).split(b"\r\n", 1)[0].decode(errors="replace").split(" ")
        if len(head) == 3 and head[2].startswith("HTTP/"):
            waits = threading.get_ident() != self.main
            way = own_frames(sys._current_frames()[self.main]) if waits else []
            way += own_frames(sys._getframe(1))
            key = f"{head[0]} {head[1].partition('?')[0]}"
            self.ways[key] = max(self.ways.get(key, []), way, key=len)
        SEND(connection, data)

    def way(self, method: str, part: str) -> list[str]:
        """The longest way of a request."""
        found = [way for key, way in self.ways.items() if key.startswith(method) and part in key]
        assert found, sorted(self.ways)
        return max(found, key=len)


SEND = http.client.HTTPConnection.send


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    wire = Wire()
    monkeypatch.setattr(http.client.HTTPConnection, "send", lambda connection, data: wire.send(connection, data))
    return wire


def load_at_night(book: Book, monkeypatch: pytest.MonkeyPatch, vendor: str) -> None:
    context = book.context()
    book.prepare(context)
    monkeypatch.setattr(refresh, "refresh_context", lambda: context)
    refresh.load_shard(vendor, 0)


def load_by_hand(book: Book, monkeypatch: pytest.MonkeyPatch, vendor: str) -> None:
    context = context_of(book, 1, vendor=vendor)
    monkeypatch.setattr(household, "household_context", lambda: context)
    monkeypatch.setattr(household, "is_at_a_terminal", lambda: False)
    household.SyncHousehold(task_id="sync_household").execute({})


@pytest.mark.parametrize(
    ("load", "vendor", "method", "part"),
    [
        pytest.param(load_at_night, "profiles", "PUT", "/cases/", id="an update of a case"),
        pytest.param(load_at_night, "emoney", "PATCH", "/clients/", id="a write of a client"),
        pytest.param(load_at_night, "emoney", "PUT", "/feeds/", id="a feed"),
        pytest.param(load_by_hand, "profiles", "PUT", "/cases/", id="a household by hand"),
    ],
)
def test_few_functions_lie_between_a_task_and_the_socket(
    sent: Book,
    monkeypatch: pytest.MonkeyPatch,
    wire: Wire,
    load: Callable[[Book, pytest.MonkeyPatch, str], None],
    vendor: str,
    method: str,
    part: str,
) -> None:
    sent.crm.update("contact", {"contact_id": 101}, job_title="Pilot")
    sent.crm.update("investment_account", {"account_id": 1}, account_value=2000)
    load(sent, monkeypatch, vendor)
    way = ["the DAG file", *wire.way(method, part)]
    assert len(way) <= FROM_DAG_TO_SOCKET, "\n".join(way)
    delivery = next((place for place, name in enumerate(way) if name.endswith((":deliver", ":send_feeds"))), len(way))
    assert delivery - 1 <= FROM_TASK_TO_DELIVERY, "\n".join(way)
