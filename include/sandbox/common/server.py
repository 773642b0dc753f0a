"""Start a sandbox from the command line: on the loopback address only, with the address printed once it answers.

The settings of a vendor are the options of its command line.
"""

import errno
import socket
import struct
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import KW_ONLY, MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from include.sandbox.common.breakage import ABORT
from include.sandbox.common.store import DatabaseUnusable

HOST = "127.0.0.1"
KEEP_ALIVE_SECONDS = 75
METAVARS = {int: "N", float: "SECONDS"}
# Linger for zero seconds: closing sends a reset instead of a tidy end.
LINGER_ZERO = struct.pack("ii", 1, 0)


class CannotStart(Exception):
    """One line that says what is wrong and what to do."""


@dataclass(frozen=True)
class CommonSettings:
    """The settings of both sandboxes. One without a default is a file; `read` makes the setting of it."""

    database: Path = field(metadata={"help": "SQLite file for the whole state; made if it does not exist"})
    _: KW_ONLY
    seed: int = field(default=1, metadata={"help": "seed for faults that strike by chance"})
    search_lag: float = field(default=0.0, metadata={"help": "how long a new record is not found by a search"})
    token_lifetime: float = field(default=1800.0, metadata={"help": "how long a token is good for"})


class AbortableProtocol(HttpToolsProtocol):
    """Lends the application a way to reset the caller's connection, which ASGI itself has not."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        # ASGI types extensions as data; this one is a function.
        self.scope["extensions"] = {ABORT: self.abort}  # type: ignore[dict-item]

    def abort(self) -> None:
        if self.cycle is not None:
            self.cycle.disconnected = True  # or the server would complain about an answer that never came
        connection = self.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
        self.transport.abort()


class AnnouncingServer(uvicorn.Server):
    """Calls back once the application answers."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._announce()


def listen(port: int) -> socket.socket:
    """A listening socket on the loopback address; port 0 takes a free one. Raises CannotStart."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(256)
    except (OSError, OverflowError) as error:
        listener.close()
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            why = f"Port {port} is in use. Stop what uses it, or name another with --port N (0 takes a free one)."
        else:
            why = f"Cannot listen on port {port}: {error}. Name another with --port N (0 takes a free one)."
        raise CannotStart(why) from error
    return listener


def address(listener: socket.socket) -> str:
    return f"http://{HOST}:{listener.getsockname()[1]}"


def make_server(application: ASGIApp, announce: Callable[[], None] = lambda: None) -> uvicorn.Server:
    """A server that is run with `server.serve(sockets=[listener])`; tests run it in a thread of their own."""
    config = uvicorn.Config(
        application,
        http=AbortableProtocol,
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=2,
    )
    return AnnouncingServer(config, announce)


def read_command_line(module: str, settings: type[CommonSettings], port: int, arguments: list[str] | None) -> Namespace:
    parser = ArgumentParser(prog=f"python -m {module}", description=f"{settings.__doc__} On the loopback address only.")
    about_port = f"port on {HOST}; 0 takes a free one (default %(default)s)"
    parser.add_argument("--port", type=int, default=port, metavar="N", help=about_port)
    for one in fields(settings):
        name, about = f"--{one.name.replace('_', '-')}", one.metadata["help"]
        if one.default is MISSING:
            parser.add_argument(name, type=Path, required=True, metavar="FILE", help=about)
        else:
            kind, metavar = type(one.default), METAVARS.get(type(one.default))
            about = f"{about} (default %(default)s)"
            parser.add_argument(name, type=kind, default=one.default, metavar=metavar, help=about)
    return parser.parse_args(arguments)


def start(
    module: str, build: Callable[[Any], ASGIApp], settings: type[CommonSettings], port: int, arguments: list[str] | None
) -> int:
    """Read the command line and serve until stopped; the exit status.

    What goes wrong at the start is one line on stderr and status 2.
    """
    given = vars(read_command_line(module, settings, port, arguments))
    try:
        with listen(given.pop("port")) as listener:
            for one in fields(settings):
                if "read" in one.metadata:
                    given[one.name] = one.metadata["read"](given[one.name])
            server = make_server(build(settings(**given)), lambda: print(address(listener), flush=True))
            server.run(sockets=[listener])
    except (CannotStart, DatabaseUnusable) as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 0
    return 0
