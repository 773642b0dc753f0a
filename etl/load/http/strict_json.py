"""JSON as it goes over the wire: exact and strict, both ways.

Out: money keeps its digits (Decimal included), NaN and infinity are refused. In: UTF-8, no duplicate keys, no NaN, a
number with a fraction is a Decimal; all other text that claims to be JSON is unreadable.
"""

import json
import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NoReturn

import orjson

MOST_DIGITS = 40


class Unreadable(ValueError):
    """An answer that is no JSON, or not of the shape or of the record that was asked for. The text names no values."""


def write_json(value: Any) -> bytes:
    """The value as JSON; ValueError for a number that is not finite, TypeError for what JSON cannot hold."""
    _require_finite(value)
    return orjson.dumps(value, default=_exact)


def read_json(body: bytes) -> Any:
    """The value of a JSON text, or Unreadable."""
    try:
        value = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_object,
            parse_float=_decimal,
            parse_constant=_refuse_constant,
        )
        if rb"\u" in body:
            json.dumps(value, ensure_ascii=False, default=str).encode("utf-8")  # half a surrogate pair is no text
    except Unreadable:
        raise
    except (ValueError, RecursionError):
        raise Unreadable("is not JSON") from None
    return value


def canonical(value: Any, is_set: bool = False) -> str:
    """Text that two values share when they mean the same: 5, 5.0 and Decimal("5.00"); sets in any order; else exact."""
    if is_set:
        return json.dumps(sorted({canonical(element) for element in value or ()}) or None)
    return json.dumps(_plain(value), sort_keys=True)


def _plain(value: Any) -> Any:
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int | float | Decimal):
        number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
        return {"number": f"{number.normalize() + 0:f}"}
    if isinstance(value, Mapping):
        return {"object": {str(name): _plain(inner) for name, inner in value.items()}}
    return [_plain(inner) for inner in value]


def _require_finite(value: Any) -> None:
    if isinstance(value, float | Decimal) and not math.isfinite(value):
        raise ValueError("a number that is not finite cannot be sent")
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ():
        _require_finite(inner)


def _exact(value: Any) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(f"{value:f}")
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Unreadable("has an object with one key twice")
    return members


def _decimal(digits: str) -> Decimal:
    number = Decimal(digits)
    if len(digits) > MOST_DIGITS or abs(number.adjusted()) > MOST_DIGITS:
        raise Unreadable("has a number of absurd size")  # written out it would fill the memory
    return number


def _refuse_constant(_name: str) -> NoReturn:
    raise Unreadable("has a number that is not finite")
