"""Errors that nobody foresaw: their way goes to the log under an id, their own words nowhere.

An error's message may hold a client's data; the places that it came through never do.
"""

from __future__ import annotations

import hashlib
import logging
import traceback
from pathlib import Path

log = logging.getLogger(__name__)


def note_defect(error: BaseException, *about: str) -> str:
    """Logs where an error came from; gives what to tell people of it: kind, place, and the id that the log has.

    ``about``: what it happened to (a step, a vendor, a unit key); the same error of the same has one id every night.
    """
    chain = _chain(error)
    ways = [traceback.extract_tb(each.__traceback__) for each in chain]
    kind, last = type(chain[0]).__name__, ways[0][-1] if ways[0] else None
    place = f"{Path(last.filename).name}:{last.lineno}" if last else "an unknown place"
    defect_id = f"defect-{hashlib.blake2b(chr(31).join((*about, kind, place)).encode(), digest_size=4).hexdigest()}"
    notes = [note for each in chain for note in getattr(each, "__notes__", ())]
    way = "".join([*(line for frames in ways for line in traceback.format_list(frames)), *notes])
    log.error("%s: an unexpected %s, %s. Where it happened:\n%s", defect_id, kind, " ".join(about), way)
    return f"an unexpected {kind} at {place}: a defect. The log shows its way under {defect_id}."


def _chain(error: BaseException) -> list[BaseException]:
    """The error that came first, and those that were raised of it."""
    chain = [error]
    while (before := chain[0].__cause__ or chain[0].__context__) is not None and before not in chain:
        chain.insert(0, before)
    return chain
