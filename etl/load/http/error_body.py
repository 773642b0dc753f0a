"""What a vendor's error answer says, in whichever shape it comes; never any of its values.

Shapes: the token endpoint ``{"error", "error_description"}``, a gateway ``{"fault": {"faultstring"}}``, the
applications ``{"Message", "reason", "ModelState": {path: [...]}}`` and ``{"errors": [{"code", "field"}], "traceId"}``,
and HTML pages. Only codes and field paths are taken over, and only where they look like codes and paths: free text
may repeat what was sent.
"""

import re
from dataclasses import dataclass
from typing import Any, Literal

CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?:[.\[:][A-Za-z0-9_]+\]?)*")

Origin = Literal["token", "gateway", "application", "unknown"]


@dataclass(frozen=True)
class Fault:
    """Who refused, with which codes, on account of which fields."""

    origin: Origin
    codes: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = [", ".join(self.codes), f"fields: {', '.join(self.fields)}" if self.fields else ""]
        return "; ".join(part for part in parts if part) or {"unknown": "no readable reason"}.get(
            self.origin, f"by the {self.origin}, no reason given"
        )


def read_fault(body: Any) -> Fault:
    """The fault in a parsed error body (None where the body was no JSON)."""
    if not isinstance(body, dict):
        return Fault("unknown")
    if "fault" in body:
        return Fault("gateway")
    if isinstance(body.get("error"), str):
        return Fault("token", _codes([body["error"]]))
    if isinstance(body.get("errors"), list):
        errors = [error for error in body["errors"] if isinstance(error, dict)]
        return Fault(
            "application",
            _codes([error.get("code") for error in errors]),
            _fields([error.get("field") for error in errors]),
        )
    if not isinstance(body.get("Message"), str):
        return Fault("unknown")
    model_state = body.get("ModelState")
    fields = _fields(list(model_state)) if isinstance(model_state, dict) else ()
    return Fault("application", _codes([body.get("reason")]), fields)


def _codes(texts: list[Any]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in texts if isinstance(text, str) and CODE.fullmatch(text)))[:20]


def _fields(texts: list[Any]) -> tuple[str, ...]:
    return tuple(
        dict.fromkeys(text for text in texts if isinstance(text, str) and len(text) <= 120 and FIELD.fullmatch(text))
    )[:50]
