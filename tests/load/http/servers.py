"""A real HTTP server for the tests that answers by script, byte for byte."""

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from include.sandbox.common.server import address, listen

LINGER_ZERO = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Request:
    """A request as it came in."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


# What to do about one request on its connection: send bytes, sleep, close, reset.
Step = Callable[[socket.socket, Request], None]


def raw(content: bytes) -> Step:
    return lambda connection, request: connection.sendall(content)


def reset(connection: socket.socket, request: Request) -> None:
    """Close with a reset instead of a tidy end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)


def reply(status: int, body: Any = None, headers: Mapping[str, str] | None = None) -> Step:
    """A complete answer; ``body`` is bytes as they are, or JSON."""
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(content)}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return raw("\r\n".join([*lines, "", ""]).encode() + content)


@dataclass
class Scripted:
    """Answers its requests with the steps of the script, in order; the last one again and again."""

    script: list[Step]
    url: str
    requests: list[Request] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    def handle(self, connection: socket.socket) -> None:
        with connection:
            request = read_request(connection)
            if request is None:
                return
            self.requests.append(request)
            step = self.script[min(len(self.requests), len(self.script)) - 1]
            try:
                step(connection, request)
            except OSError:
                return  # the client hung up, as it should when its time is over


def read_request(connection: socket.socket) -> Request | None:
    stream = connection.makefile("rb")
    first = stream.readline().decode()
    if not first:
        return None
    method, target, _ = first.split(" ", 2)
    headers: dict[str, str] = {}
    while line := stream.readline().decode().strip():
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return Request(method, target, headers, stream.read(int(headers.get("content-length", 0))))


@contextmanager
def scripted(*script: Step) -> Iterator[Scripted]:
    listener = listen(0)
    server = Scripted(list(script), address(listener))

    def accept() -> None:
        while not server.stopping.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=server.handle, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stopping.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)
