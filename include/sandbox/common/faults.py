"""Faults on demand: which calls go wrong, how often and in what way. They live as long as the process.

A fault is a JSON object. `kind` is one of KINDS; where and how often it strikes is said by
`method` ("*"), `path` (a pattern such as "/api/cases/*"), `probability` (0 to 1, drawn from `seed`), `nth` (the
1-based calls among the matching ones), `after` (so many matching calls pass first) and `count` (strikes at most so
often). Everything else is a parameter of its kind, listed with its default in KINDS.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from include.sandbox.common.wire import Json

# Breakages decide what the caller gets; of several that match, the first that strikes wins.
BREAKAGES: dict[str, Json] = {
    "too_many": {"retry_after": 1, "form": "seconds"},  # form: seconds | date | none
    "unavailable": {"retry_after": None, "after_commit": False},
    "html": {"status": 502, "after_commit": False},
    "reset_before": {},
    "reset_after": {},
    "drip": {"every_seconds": 0.2, "after_commit": True},
    "truncated": {"keep": 0.5, "announce_all": False},  # announce_all: Content-Length of the whole, then a close
    "unauthorized": {"revoke": False},  # revoke: every token handed out so far is void
    "forbidden": {"reason": "password_expired"},  # or eula_not_accepted
    "not_done": {"message": "The case could not be saved."},  # 200 with success: false
    "error": {
        "status": 500,
        "shape": "application",
        "code": "internal_error",
        "message": "Something went wrong.",
        "after_commit": False,
    },  # shape: token | gateway | application | message
}
# Marks change how the call is carried out; all that strike apply.
MARKS: dict[str, Json] = {
    "slow": {"seconds": 1.0},
    "search_lag": {"seconds": 3.0},
    "feed_stays_running": {"seconds": None},  # None: until the faults are replaced
    "feed_fails": {},
    "feed_rejects": {"share": 0.0, "lines": [], "code": "invalid_item", "message": "The line could not be read."},
}
KINDS = BREAKAGES | MARKS
TARGET: Json = {
    "method": "*",
    "path": "*",
    "probability": 1.0,
    "nth": [],
    "after": 0,
    "count": None,
    "seed": None,
}
# Where a kind strikes unless the fault says otherwise: at the calls that it makes sense for.
FEED_PUT = {"method": "PUT", "path": "*/feeds/*"}
USUAL_TARGET: dict[str, Json] = {
    "forbidden": {"path": "*/login"},
    "not_done": {"method": "PUT"},
    "search_lag": {"method": "POST"},
    "feed_stays_running": FEED_PUT,
    "feed_fails": FEED_PUT,
    "feed_rejects": FEED_PUT,
}


class FaultUnknown(ValueError):
    """The list of faults asks for something that does not exist; the text says what."""


@dataclass
class Fault:
    kind: str
    target: Json
    params: Json
    chance: random.Random
    matched: int = 0
    struck: int = 0

    @classmethod
    def read(cls, asked: Any, place: int, seed: int) -> "Fault":
        """One fault of the list; raises FaultUnknown."""
        if not isinstance(asked, dict) or asked.get("kind") not in KINDS:
            raise FaultUnknown(f"Fault {place + 1} needs a kind, one of: {', '.join(sorted(KINDS))}.")
        kind = asked["kind"]
        known = {**TARGET, **KINDS[kind]}
        strange = sorted(set(asked) - set(known) - {"kind"})
        if strange:
            raise FaultUnknown(
                f"Fault {place + 1} ({kind}) does not take {', '.join(strange)}; it takes: {', '.join(sorted(known))}."
            )
        given = {**known, **USUAL_TARGET.get(kind, {}), **asked}
        target, params = ({name: given[name] for name in names} for names in (TARGET, KINDS[kind]))
        own_seed = seed if target["seed"] is None else target["seed"]
        return cls(kind, target, params, random.Random(f"{own_seed}:{place}:{kind}"))

    def strikes(self, method: str, path: str) -> bool:
        """Whether this call goes wrong; counts the call when it is one of those aimed at."""
        aim = self.target
        if aim["method"] not in ("*", method) or not fnmatchcase(path, aim["path"]):
            return False
        self.matched += 1
        if aim["count"] is not None and self.struck >= aim["count"]:
            return False
        if self.matched <= aim["after"] or (aim["nth"] and self.matched not in aim["nth"]):
            return False
        if aim["probability"] < 1 and self.chance.random() >= aim["probability"]:
            return False
        self.struck += 1
        return True

    def describe(self) -> Json:
        return {"kind": self.kind, **self.target, **self.params, "matched": self.matched, "struck": self.struck}


class Plan(NamedTuple):
    """What befalls one call: at most one breakage, any number of marks by their kind."""

    breakage: Fault | None
    marks: dict[str, Fault]


class Deck:
    """The faults in force."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.faults: list[Fault] = []

    def replace(self, asked: Any) -> None:
        """Put a new list in force in place of the old one; raises FaultUnknown and keeps the old one."""
        if not isinstance(asked, list):
            raise FaultUnknown("Send a JSON list of faults; an empty list ends them all.")
        self.faults = [Fault.read(fault, place, self.seed) for place, fault in enumerate(asked)]

    def draw(self, method: str, path: str) -> Plan:
        marks = {fault.kind: fault for fault in self.faults if fault.kind in MARKS and fault.strikes(method, path)}
        breakages = (fault for fault in self.faults if fault.kind in BREAKAGES and fault.strikes(method, path))
        return Plan(next(breakages, None), marks)

    def has(self, kind: str) -> bool:
        return any(fault.kind == kind for fault in self.faults)

    def describe(self) -> Iterable[Json]:
        return [fault.describe() for fault in self.faults]
