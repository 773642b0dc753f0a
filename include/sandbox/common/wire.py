"""What is on the wire: JSON and form bodies, and which page a request comes from.

Numbers keep every digit they came with: a document that holds more than fifteen digits in a row is read with decimals
instead of binary floats, so that the largest NUMERIC(18,2) comes back to the cent.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import orjson
from starlette.requests import Request
from starlette.responses import Response

MANY_DIGITS = re.compile(rb"\d[\d.]{14}")
DIGITS_OF_INT64 = 18
FORM_FIELDS_AT_MOST = 300
Json = dict[str, Any]
LOOPBACK_NAMES = {"127.0.0.1", "localhost", "::1"}


class Refused(Exception):
    """A handler's way to end a call early: carries the response that the caller gets."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


class Problem(NamedTuple):
    """One thing wrong with a record. `code` is pydantic's name of the error, or "required" for an absent value."""

    path: str
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class Invalid(ValueError):
    """A record is refused; carries its problems."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(problems)
        self.problems = problems


class Unreadable(ValueError):
    """The body is not the JSON object that the call needs; the text says why and goes to the caller."""


class TooLarge(ValueError):
    """The body is larger than the call allows."""


def _refuse_constant(name: str) -> Any:
    raise Unreadable(f"{name} is not JSON")


def _exact_integer(digits: str) -> int | Decimal:
    return int(digits) if len(digits) <= DIGITS_OF_INT64 else Decimal(digits)


def parse(body: bytes) -> Any:
    """The value in strict JSON (no NaN, UTF-8 only); raises Unreadable."""
    try:
        if MANY_DIGITS.search(body) is None:
            return orjson.loads(body)
        return json.loads(
            body.decode("utf-8"),
            parse_float=Decimal,
            parse_int=_exact_integer,
            parse_constant=_refuse_constant,
        )
    except (orjson.JSONDecodeError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise Unreadable("the body is not valid JSON") from error


def _write_decimal(value: Any) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(str(value))
    raise TypeError(type(value).__name__)


def dump(value: Any, *, sort_keys: bool = False) -> bytes:
    """The value as JSON; decimals keep their digits, `orjson.Fragment` goes in as it is."""
    option = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS if sort_keys else orjson.OPT_NON_STR_KEYS
    return orjson.dumps(value, default=_write_decimal, option=option)


def answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON response; bytes are taken for JSON already written."""
    body = value if isinstance(value, bytes) else dump(value)
    return Response(body, status, headers, media_type="application/json")


async def read_body(request: Request, at_most: int) -> bytes:
    """The whole body; raises TooLarge as soon as more than `at_most` bytes are announced or have come."""
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > at_most:
        raise TooLarge
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > at_most:
            raise TooLarge
        parts.append(part)
    return b"".join(parts)


async def read_object(request: Request, at_most: int = 5 * 1024 * 1024) -> dict[str, Any]:
    """The body as a JSON object; raises Unreadable or TooLarge."""
    value = parse(await read_body(request, at_most))
    if not isinstance(value, dict):
        raise Unreadable("the body must be a JSON object")
    return value


async def read_form(request: Request) -> dict[str, str]:
    """What a form was filled in with (of a name that occurs twice the last value)."""
    body = await request.body()
    pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=FORM_FIELDS_AT_MOST)
    return dict(pairs)


def is_from_elsewhere(request: Request) -> bool:
    """Whether a browser says that another site's page sent this."""
    said = request.headers.get("origin") or request.headers.get("referer")
    return said is not None and urlsplit(said).netloc != request.headers.get("host")


def may_change(request: Request) -> bool:
    """Whether a form may be taken: it must say that our own page sent it, to a loopback name."""
    says = request.headers.get("origin") or request.headers.get("referer")
    return says is not None and not is_from_elsewhere(request) and request.url.hostname in LOOPBACK_NAMES


def as_timestamp(seconds: float) -> str:
    """Seconds since 1970 as the vendors write an instant: `2026-03-02T22:00:00Z`."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
