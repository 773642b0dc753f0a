"""The values of a document by the names under which people ask for them, and what a value looks like."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from etl.load.profiles.document import flatten, show

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}$")


def named_values(vendor: str, document: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Name and value: ``clientA.homePhone`` at Profiles; ``client.email``, ``items[account:5].value`` at eMoney."""
    if vendor == "profiles":
        yield from ((show(path), value) for path, value in flatten(document["document"]).items())
        return
    yield from _walk(document["client"], "client")
    yield from _walk(document["spouse"] or {}, "spouse")
    for item in document["items"]:
        yield from ((f"items[{item['sourceKey']}].{name}", value) for name, value in item.items())


def _walk(node: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in node.items():
        if isinstance(value, dict):
            yield from _walk(value, f"{prefix}.{name}")
        else:
            yield f"{prefix}.{name}", value


def shape_of(value: Any) -> str:
    """What a value looks like, without the value: ``text of 12 characters``, ``a date``, ``null``."""
    if value is None or value == [] or value == {}:
        return "null"
    if isinstance(value, bool):
        return "yes or no"
    if isinstance(value, int | float | Decimal):
        whole = abs(int(value))
        sign = "negative " if value < 0 else ""
        digits = len(str(whole))
        return "0" if value == 0 else f"a {sign}number of {digits} digit{'s' if digits > 1 else ''} before the point"
    if isinstance(value, str):
        return "a date" if _DATE.match(value) else f"text of {len(value)} character{'s' if len(value) != 1 else ''}"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return "an object"
