"""What a check says: one line for each thing that it looks at. Checks run side by side, each with a deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from etl.errors import PlanbridgeError

Status = Literal["ok", "warning", "failed"]
# Clocks that differ by more seconds than this are named; by more than the second number nothing works reliably.
CLOCKS_MAY_DIFFER, CLOCKS_MUST_NOT_DIFFER = 5.0, 60.0


@dataclass(frozen=True)
class Line:
    """What was found of one thing, and what to do about it; no client's data, no credentials."""

    name: str
    status: Status
    found: str
    to_do: str = ""


Check = Callable[[], Iterable[Line]]


def ok(name: str, found: str) -> Line:
    """Nothing has to be done."""
    return Line(name, "ok", found)


def warning(name: str, found: str, to_do: str) -> Line:
    """The night goes, but somebody should act."""
    return Line(name, "warning", found, to_do)


def failed(name: str, found: str, to_do: str = "") -> Line:
    """The night would fail, in whole or in part."""
    return Line(name, "failed", found, to_do)


def clock_line(name: str, ahead: float, whose: str) -> Line:
    """``ahead``: the seconds by which the other clock is ahead of this machine's."""
    apart = f"{whose} clock is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} this machine's"
    to_do = "Set the clock of this machine, or of the other one, by a time server (NTP)."
    if abs(ahead) > CLOCKS_MUST_NOT_DIFFER:
        return failed(name, apart, to_do)
    if abs(ahead) > CLOCKS_MAY_DIFFER:
        return warning(name, apart, to_do)
    return ok(name, f"{whose} clock agrees with this machine's")


def run_all(checks: Mapping[str, Check], deadline_seconds: float) -> list[Line]:
    """The lines of all checks, in their order; a check that is not through by the deadline has failed.

    A thread that hangs ends with this process.
    """
    found: dict[str, list[Line]] = {}

    def run(name: str, check: Check) -> None:
        found[name] = _lines_of(name, check)

    threads = [threading.Thread(target=run, args=one, daemon=True) for one in checks.items()]
    for thread in threads:
        thread.start()
    ends_at = time.monotonic() + deadline_seconds
    for thread in threads:
        thread.join(max(0.0, ends_at - time.monotonic()))
    late = f"no answer within {deadline_seconds:.0f} s"
    to_do = "Check that the place can be reached from this machine, then check again."
    return [line for name in checks for line in found.get(name, [failed(name, late, to_do)])]


def _lines_of(name: str, check: Check) -> list[Line]:
    lines: list[Line] = []
    try:
        lines.extend(check())
    except PlanbridgeError as error:
        lines.append(failed(name, str(error)))
    except Exception as error:
        lines.append(failed(name, f"the check itself broke ({type(error).__name__})", "Report this as a defect."))
    return lines
