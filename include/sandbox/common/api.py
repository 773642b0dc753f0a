"""What a vendor's API is made of: calls declared on methods, the models of their bodies, and how errors are worded.

The declarations serve the gate, which finds and carries out a call, and `/openapi.json`, which describes them all.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import compile_path

from include.sandbox.common.wire import Json, Problem

JSON = "application/json"
Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Call:
    """One call of the API.

    `wrote` is the status that means a write. `body` is the pydantic model of the body, or of each line of an NDJSON
    body. `query` and `headers` name the parameters beyond those in the path.
    """

    method: str
    path: str
    body: Any = None
    media: str = JSON
    query: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    wrote: int | None = None
    needs_token: bool = True

    @property
    def label(self) -> str:
        return f"{self.method} {self.path}"

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        return compile_path(self.path)[0]

    def __call__(self, handler: Any) -> Any:
        """Declares a method of an `Api` as the handler of this call."""
        handler.call = self
        return handler


def declared(owner: object) -> list[tuple[Call, Handler]]:
    """Every call that the owner's class declares with its handler, in the order of the class."""
    members = vars(type(owner)).items()
    return [(member.call, getattr(owner, name)) for name, member in members if hasattr(member, "call")]


class Api:
    """The base of a vendor's API. Handlers raise Refused to end a call early, and Invalid for a record."""

    def say(self, path: str, status: int, code: str, message: str) -> Json:
        """The body of an error in the vendor's shape for that place."""
        raise NotImplementedError

    def say_invalid(self, problems: list[Problem]) -> Json:
        """The body of the error for a record that is refused."""
        raise NotImplementedError

    def authorize(self, request: Request) -> None:
        """Raises Refused for a call without a good token."""
        raise NotImplementedError

    def limit_key(self, request: Request) -> str | None:
        """Whose limit the call counts on; None: nobody's."""
        raise NotImplementedError
