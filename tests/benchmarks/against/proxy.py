"""Counts round trips to a PostgreSQL server: how often a client has to wait for the server before it goes on."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Counter:
    """``trips``: changes from the client's bytes to the server's, over all connections."""

    def __init__(self) -> None:
        self.trips = 0
        self.lock = threading.Lock()

    def add(self) -> None:
        """One more."""
        with self.lock:
            self.trips += 1


@contextmanager
def counting(host: str, port: int) -> Iterator[tuple[int, Counter]]:
    """A port of this machine that leads to the server, and the counter of what goes through."""
    counter = Counter()
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_accept, args=(server, (host, port), counter), daemon=True).start()
        yield server.getsockname()[1], counter


def _accept(server: socket.socket, target: tuple[str, int], counter: Counter) -> None:
    with suppress(OSError):  # the server is closed at the end
        while True:
            client, _ = server.accept()
            threading.Thread(target=_serve, args=(client, target, counter), daemon=True).start()


def _serve(client: socket.socket, target: tuple[str, int], counter: Counter) -> None:
    with client, suppress(OSError), socket.create_connection(target) as upstream:
        is_asked = threading.Event()
        back = threading.Thread(target=_answers, args=(upstream, client, is_asked, counter), daemon=True)
        back.start()
        while data := client.recv(65536):
            is_asked.set()
            upstream.sendall(data)
        upstream.shutdown(socket.SHUT_WR)
        back.join()


def _answers(upstream: socket.socket, client: socket.socket, is_asked: threading.Event, counter: Counter) -> None:
    with suppress(OSError):
        while data := upstream.recv(65536):
            if is_asked.is_set():
                is_asked.clear()
                counter.add()
            client.sendall(data)
