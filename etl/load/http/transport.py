"""HTTP to one vendor: deadlines, retries, one log-in at a time. The only module that imports requests.

What follows from an answer depends on what the call does. ``reads`` and ``idempotent`` calls are tried again after a
failed connection, a reset, a timeout, 408, 425, 429, 5xx and an unreadable body. ``writes`` are tried again only where
the vendor surely did nothing (no byte left; 425; 429); a write whose outcome is unknown is InDoubt and never repeated
here: the caller reads first. 401 brings one new log-in and one replay; a second one stops this vendor's load.

Messages name vendor, method, route and status, never a body, a query or an id. Failures are raised outside the
``except`` blocks that noticed them: the libraries' own errors hold whole URLs.
"""

import itertools
import logging
import random
import threading
import time
import urllib.parse
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Generic, NoReturn, TypeVar

import requests
import requests.adapters
import urllib3.exceptions

from etl import meters
from etl.errors import VENDOR_NAMES, CredentialsRefused, InDoubt, LockLost, Rejected, VendorUnavailable
from etl.load.http import deadline
from etl.load.http.request import Call, Limiter, Response, SignedIn, TransportSettings
from etl.load.http.retry import CircuitBreaker, RetryBudget, full_jitter, read_date, retry_after
from etl.load.http.strict_json import Unreadable, read_json

T = TypeVar("T")
CHUNK = 65536
# Characters of an address that servers have to take (RFC 9110); many cut the connection at a longer one.
MOST_ADDRESS = 8_000
THROTTLED = frozenset({425, 429})
USE_OF_A_TOKEN = 0.9  # of its life; the rest is for clocks that differ and calls under way

# urllib3 writes whole paths and queries (names, birth dates) to its log at DEBUG.
logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)


@dataclass(frozen=True)
class _Failure:
    """A try that gave no answer to use; ``surely_not_done``: the vendor cannot have carried it out."""

    what: str
    surely_not_done: bool
    again: bool = True
    wait: float | None = None


@dataclass(frozen=True)
class _Done(Generic[T]):
    value: T


@dataclass
class _Exchange:
    """A request under way; ``status``: that of a whole answer."""

    status: int | None = None


class _Adapter(requests.adapters.HTTPAdapter):
    """requests' pooled connections, with sockets that keep our deadline."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = deadline.POOLS


class Transport:
    """All calls to one vendor, by any number of threads, which take turns.

    ``budget`` may be shared by several transports of a run.
    """

    def __init__(
        self,
        vendor: str,
        base_url: str,
        *,
        settings: TransportSettings | None = None,
        budget: RetryBudget | None = None,
        limiter: Limiter | None = None,
        before_call: Callable[[bool], None] | None = None,
        rng: random.Random | None = None,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.vendor = vendor
        self.base_url = base_url.rstrip("/")
        self._settings = settings or TransportSettings()
        self._budget = budget or RetryBudget(100)
        self._limiter = limiter
        self._before_call = before_call
        self._rng = rng or random.Random()
        self._sleep, self._now, self._wall_clock = sleep, now, wall_clock
        self._breaker = CircuitBreaker(self._settings.breaker_failures, self._settings.breaker_pause, now)
        # The adapter without a Session: no cookies, no .netrc, no proxies from the environment, no redirects.
        self._adapter = _Adapter(pool_connections=1, pool_maxsize=self._settings.calls_in_flight)
        self._places = threading.Semaphore(self._settings.calls_in_flight)
        self._counts: Counter[str] = Counter()
        self._counting = threading.Lock()
        self._log_in: Callable[[], SignedIn] | None = None
        self._logging_in = threading.Lock()
        self._session: SignedIn | None = None
        self._session_ends = float("inf")
        self._refused: str | None = None
        self._answered: tuple[str | None, float] = (None, 0.0)

    def log_in_with(self, log_in: Callable[[], SignedIn]) -> None:
        """How to log in; it calls back with ``signed_in=False``."""
        self._log_in = log_in

    @property
    def counts(self) -> dict[str, int]:
        """Requests sent so far, by method and route, retries and replays included."""
        with self._counting:
            return dict(self._counts)

    @property
    def clock_ahead(self) -> float | None:
        """Seconds by which the vendor's clock was ahead of ours at its last answer; None where it gave no time."""
        date, at = self._answered
        then = read_date(date)
        return None if then is None else then - at

    def close(self) -> None:
        """Close idle connections."""
        self._adapter.close()

    def call(self, call: Call[T]) -> T:
        """Make the call; raises VendorUnavailable, InDoubt, Rejected, CredentialsRefused and the errors of parse."""
        in_doubt = False
        for tries in itertools.count(1):
            try:
                result = self._try(call)
            except (VendorUnavailable, LockLost) as error:
                # Not sent again for want of a log-in or of the household: what became of the tries before is open.
                if not in_doubt or call.effect == "reads":
                    raise
                result = _Failure(f"had no answer, and was not sent again ({error})", surely_not_done=True, again=False)
            if isinstance(result, _Done):
                return result.value
            failure: _Failure = result
            in_doubt = in_doubt or not failure.surely_not_done
            repeatable = failure.again and (call.effect != "writes" or failure.surely_not_done)
            if not repeatable or tries >= self._settings.tries or not self._budget.take():
                break
            meters.count(f"retries.{self.vendor}")
            jitter = full_jitter(tries - 1, self._settings.backoff_base, self._settings.backoff_cap, self._rng)
            self._sleep(jitter if failure.wait is None else failure.wait + min(jitter, 1.0))
        if in_doubt and call.effect != "reads":
            raise InDoubt(f"{self._name(call)} {failure.what}: it may or may not have been carried out")
        raise VendorUnavailable(f"{self._name(call)} {failure.what}")

    def _try(self, call: Call[T]) -> _Done[T] | _Failure:
        if not call.signed_in:
            return self._request(call, {})
        session = self._signed_in()
        result = self._request(call, session.headers)
        if result is _UNAUTHORIZED:
            result = self._request(call, self._signed_in(instead_of=session).headers)
            if result is _UNAUTHORIZED:
                self._refuse(
                    f"{self._name(call)} answered 401 again after a new log-in: a credential of the connection "
                    f"`{self.vendor}` is wrong (login or password; at eMoney client id, API key or private key)"
                )
        return result

    def _signed_in(self, instead_of: SignedIn | None = None) -> SignedIn:
        with self._logging_in:
            if self._refused is not None:  # asking again with the same credentials could lock the account
                raise CredentialsRefused(self._refused)
            if self._session is None or self._session is instead_of or self._now() >= self._session_ends:
                self._session = None
                self._session = self._new_session()
                lasts = self._session.seconds
                self._session_ends = float("inf") if lasts is None else self._now() + lasts * USE_OF_A_TOKEN
            return self._session

    def _new_session(self) -> SignedIn:
        if self._log_in is None:
            return SignedIn({})
        try:
            return self._log_in()
        except CredentialsRefused as refusal:
            self._refused = str(refusal)
            raise
        except Rejected as refusal:  # of the log-in, not of any household's data
            words = str(refusal)
        raise VendorUnavailable(words)

    def _refuse(self, reason: str) -> NoReturn:
        with self._logging_in:
            self._refused = reason
        raise CredentialsRefused(reason)

    def _request(self, call: Call[T], headers: Mapping[str, str]) -> _Done[T] | _Failure:
        """One HTTP request, when the breaker, the limiter and the caller's check allow it."""
        if self._breaker.is_open():
            return _BREAKER_OPEN
        prepared, limits = self._prepared(call, headers), self._settings
        timeout = (limits.connect_seconds, limits.total_seconds)
        with self._admitted(call) as exchange:
            if exchange is None:
                return _BREAKER_OPEN
            with deadline.deadline(limits.total_seconds) as running:
                try:
                    response = self._adapter.send(prepared, stream=True, timeout=timeout)
                    body = _read_body(response, limits.most_bytes)
                except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
                    return _Failure(_describe(error, running.bytes_left), surely_not_done=not running.bytes_left)
            if body is None:
                return _Failure("gave a body beyond the limit", surely_not_done=False)
            exchange.status = response.status_code
            self._answered = (response.headers.get("Date"), self._wall_clock())
        return self._judge(call, response.status_code, dict(response.headers), body)

    @contextmanager
    def _admitted(self, call: Call[Any]) -> Iterator[_Exchange | None]:
        """A place among the calls in flight, counted; None: the breaker refuses. The breaker learns how it ended."""
        asked_at = self._now()
        with self._places, self._limiter.place() if self._limiter else nullcontext():
            meters.count(f"waited_ms.{self.vendor}", round((self._now() - asked_at) * 1000))
            if not self._breaker.enter():
                yield None
                return
            exchange, report = _Exchange(), self._breaker.withdrew
            try:
                if self._before_call is not None:
                    self._before_call(call.effect != "reads")
                with self._counting:
                    self._counts[f"{call.method} {call.route}"] += 1
                meters.count(f"calls.{self.vendor}")
                yield exchange
                report = self._health(exchange.status)
            finally:
                report()

    def _health(self, status: int | None) -> Callable[[], None]:
        if status is None or status >= 500:
            return self._breaker.failed
        return self._breaker.withdrew if status in THROTTLED else self._breaker.succeeded

    def _prepared(self, call: Call[T], headers: Mapping[str, str]) -> requests.PreparedRequest:
        for value in call.ids.values():
            if not value.strip("."):
                raise ValueError(f"{self._name(call)}: an id is empty or made of dots")
        path = call.route.format(**{name: urllib.parse.quote(value, safe="") for name, value in call.ids.items()})
        body = call.body() if callable(call.body) else call.body
        own = {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": "planbridge"}
        if body is not None:
            own["Content-Type"] = "application/json"
        prepared = requests.Request(
            call.method,
            self.base_url + path,
            params=dict(call.query),
            data=body,
            headers={**own, **headers, **call.headers},
        ).prepare()
        if len(prepared.url or "") > MOST_ADDRESS:
            raise Rejected(
                f"{self._name(call)}: an address of {len(prepared.url or ''):,} characters is more than any server "
                "takes: a name in it is too long",
                status=414,
            )
        return prepared

    def _judge(self, call: Call[T], status: int, headers: Mapping[str, str], body: bytes) -> _Done[T] | _Failure:
        if status == 401 and call.signed_in:
            return _UNAUTHORIZED
        seconds = self._asked_to_wait(headers)
        if status in THROTTLED:
            return _Failure(f"answered {status}", surely_not_done=True, wait=seconds)
        if status == 408 or status >= 500:
            return _Failure(f"answered {status}", surely_not_done=False, wait=seconds)
        unreadable: str | None = None
        parsed: Any = None
        try:
            parsed = read_json(body) if body or not call.may_be_empty else None
        except Unreadable as error:
            unreadable = str(error)
        response = Response(status, requests.structures.CaseInsensitiveDict(headers), parsed)
        if status >= 400:
            return self._judge_refusal(call, response)
        if call.effect != "reads" and isinstance(parsed, dict) and parsed.get("success") is False:
            raise Rejected(f"{self._name(call)} answered {status} with success false: nothing was written", (), status)
        if status not in call.accepts:
            return _Failure(f"answered {status}, which the contract does not know", surely_not_done=False, again=False)
        if unreadable is None:
            try:
                return _Done(call.parse(response))
            except Unreadable as error:
                unreadable = str(error)
        return _Failure(f"answered {status} with a body that {unreadable}", surely_not_done=False)

    def _judge_refusal(self, call: Call[T], response: Response) -> _Done[T] | _Failure:
        """A 4xx. What a status means to the caller it means only in the application's own words, not a gateway's."""
        fault = response.fault
        if response.status in call.accepts:
            of_the_log_in = not call.signed_in and (fault.origin == "token" or response.status == 401)
            if fault.origin == "application" or of_the_log_in:
                return _Done(call.parse(response))
            return _Failure(
                f"answered {response.status}, but not in the vendor's words", surely_not_done=True, again=False
            )
        raise Rejected(f"{self._name(call)} answered {response.status} ({fault})", fault.fields, response.status)

    def _asked_to_wait(self, headers: Mapping[str, str]) -> float | None:
        plain = requests.structures.CaseInsensitiveDict(headers)
        cap = self._settings.retry_after_cap
        return retry_after(plain.get("Retry-After"), plain.get("Date"), self._wall_clock, cap)

    def _name(self, call: Call[Any]) -> str:
        return f"{VENDOR_NAMES.get(self.vendor, self.vendor)}: {call.method} {call.route}"


_UNAUTHORIZED = _Failure("answered 401", surely_not_done=True, again=False)
_BREAKER_OPEN = _Failure("was not sent: too many calls failed in a row", surely_not_done=True, again=False)


def _read_body(response: requests.Response, most: int) -> bytes | None:
    """The whole body, unpacked; None where it is longer than ``most`` bytes."""
    body = bytearray()
    try:
        for chunk in response.raw.stream(CHUNK, decode_content=True):
            body += chunk
            if len(body) > most:
                return None
    finally:
        response.close()
    return bytes(body)


def _describe(error: Exception, sent: bool) -> str:
    if not sent:
        return "found no connection"
    timed_out = isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError | TimeoutError)
    if timed_out:
        return "gave no complete answer in time"
    if isinstance(error, urllib3.exceptions.DecodeError | requests.exceptions.ContentDecodingError):
        return "gave a body that cannot be unpacked"
    return "lost the connection"
