"""The values of a document by the names under which people ask for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from etl.load.profiles.document import flatten, show


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
