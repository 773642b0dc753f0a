"""Sockets that keep a deadline of our own.

The timeouts of requests and urllib3 hold for one read: a server that drips a byte a second outlasts them, in the
headers as well as in the body. Here every send and every read gets what is left of the call's time, so that a call
ends in time, even if the other side never stops sending. The state of the running call is the thread's own.
"""

import http.client
import io
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import urllib3.connection
import urllib3.connectionpool


class DeadlinePassed(TimeoutError):
    """The call has used up its time."""


class _Running(threading.local):
    ends_at: float | None = None
    bytes_left: bool = False


_running = _Running()


@contextmanager
def deadline(seconds: float) -> Iterator[_Running]:
    """Bound all socket work of this thread; ``bytes_left`` of what is given says whether any byte was sent."""
    _running.ends_at, _running.bytes_left = time.monotonic() + seconds, False
    try:
        yield _running
    finally:
        _running.ends_at = None


def time_left() -> float | None:
    """Seconds until the deadline of this thread's call, None without one; DeadlinePassed when there are none."""
    if _running.ends_at is None:
        return None
    left = _running.ends_at - time.monotonic()
    if left <= 0:
        raise DeadlinePassed("the call has used up its time")
    return left


class _Reader(io.RawIOBase):
    """The read side of a socket; each read may take what is left of the call's time."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw = raw
        self._sock = sock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(time_left())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_Reader(self.fp.detach(), sock))


class _HTTPConnection(urllib3.connection.HTTPConnection):
    """Sends under the deadline and notes that bytes left."""

    response_class: type[http.client.HTTPResponse] = _Response
    sock: Any

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        _running.bytes_left = True
        self.sock.settimeout(time_left())
        super().send(data)


class _HTTPSConnection(_HTTPConnection, urllib3.connection.HTTPSConnection):
    """The same over TLS."""


class _HTTPPool(urllib3.connectionpool.HTTPConnectionPool):
    ConnectionCls = _HTTPConnection


class _HTTPSPool(urllib3.connectionpool.HTTPSConnectionPool):
    ConnectionCls = _HTTPSConnection


POOLS = {"http": _HTTPPool, "https": _HTTPSPool}
