"""What a vendor's client tells the transport, and what it gets back. No socket is needed to make or to read one."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, Protocol, TypeVar

from etl.load.http.error_body import Fault, read_fault

T = TypeVar("T")


class Limiter(Protocol):
    """Grants places for calls; ``place`` waits as long as it takes."""

    def place(self) -> AbstractContextManager[None]: ...


@dataclass(frozen=True)
class TransportSettings:
    """Seconds, bytes and numbers of tries; the wait that ``Retry-After`` may ask for is capped."""

    connect_seconds: float = 3.0
    total_seconds: float = 30.0
    most_bytes: int = 5 * 1024 * 1024
    tries: int = 5
    backoff_base: float = 0.5
    backoff_cap: float = 20.0
    retry_after_cap: float = 60.0
    breaker_failures: int = 8
    breaker_pause: float = 30.0
    calls_in_flight: int = 16


@dataclass(frozen=True)
class Response:
    """A complete answer; ``json`` is None where the body was empty, or no JSON in an error."""

    status: int
    headers: Mapping[str, str]
    json: Any = field(repr=False)

    @property
    def fault(self) -> Fault:
        return read_fault(self.json)


@dataclass(frozen=True)
class Call(Generic[T]):
    """One call to make. ``parse`` reads the answers of ``accepts``; it may raise Unreadable or what the error means.

    ``route`` is a template (``/api/cases/{case_id}``); ``body`` may be made afresh for each try.
    """

    method: str
    route: str
    parse: Callable[[Response], T]
    effect: Literal["reads", "idempotent", "writes"]
    ids: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Callable[[], bytes] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    accepts: frozenset[int] = frozenset({200})
    may_be_empty: bool = False
    signed_in: bool = True


@dataclass(frozen=True)
class SignedIn:
    """Headers that prove who calls, and how many seconds they are good for (None: until a 401)."""

    headers: Mapping[str, str] = field(repr=False)
    seconds: float | None = None
