"""An eMoney document has two ways to go: people by call, values by feed. This cuts its canonical bytes in two.

Keys are sorted and quotes inside texts are escaped, so that ``"items":`` and ``,"spouse":`` each stand there once.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import orjson


@dataclass(frozen=True)
class Parts:
    """``people_hash``: of client and spouse; ``items``: the values' canonical bytes; ``source_keys``: of each item."""

    people_hash: str
    items: bytes = field(repr=False)
    source_keys: tuple[str, ...]


def split(document: bytes) -> Parts:
    """The parts of ``{"client":…,"items":[…],"spouse":…}``."""
    start = document.index(b'"items":') + len(b'"items":')
    end = document.rindex(b',"spouse":')
    items = document[start:end]
    people = hashlib.sha256(document[:start] + document[end:]).hexdigest()
    return Parts(people, items, tuple(item["sourceKey"] for item in orjson.loads(items)))
