"""An eMoney document has two ways to go: people by call, values by feed. This cuts its canonical bytes in two.

Keys are sorted and quotes inside texts are escaped, so that ``"items":`` and ``,"spouse":`` each stand there once.
"""

from __future__ import annotations

import hashlib


def people_hash(document: bytes) -> str:
    """The hash of client and spouse, whatever the values."""
    start, end = _span(document)
    return hashlib.sha256(document[:start] + document[end:]).hexdigest()


def items_hash(document: bytes) -> str:
    """The hash of the values."""
    return hashlib.sha256(items_of(document)).hexdigest()


def items_of(document: bytes) -> bytes:
    """The values: a canonical JSON list."""
    start, end = _span(document)
    return document[start:end]


def _span(document: bytes) -> tuple[int, int]:
    """Where the items of ``{"client":…,"items":[…],"spouse":…}`` stand."""
    return document.index(b'"items":') + len(b'"items":'), document.rindex(b',"spouse":')
