"""When the weeknight run starts: read while the DAG is parsed, so from the standard library alone.

A setting that cannot be read must not make the DAG vanish from Airflow: the default stands in for it here, and the
first task of every run refuses it in words (`include.settings` checks with the same functions).
"""

from __future__ import annotations

import os
import re
from zoneinfo import ZoneInfo

CRON = "0 22 * * 1-5"
TIMEZONE = "America/New_York"

# The least and the most that each field may hold, and names that stand for its figures.
_FIELDS = (
    (0, 59, ""),  # minute
    (0, 23, ""),  # hour
    (1, 31, ""),  # day of the month
    (1, 12, "jan feb mar apr may jun jul aug sep oct nov dec"),
    (0, 7, "sun mon tue wed thu fri sat"),
)
_PART = re.compile(r"(\*|(?P<first>\w+)(-(?P<last>\w+))?)(/[1-9]\d*)?")


def cron_and_timezone() -> tuple[str, str]:
    """The schedule as it is set; a default in place of what cannot be read."""
    cron = os.environ.get("PLANBRIDGE__REFRESH__SCHEDULE", CRON)
    timezone = os.environ.get("PLANBRIDGE__REFRESH__TIMEZONE", TIMEZONE)
    return cron if is_cron(cron) else CRON, timezone if is_timezone(timezone) else TIMEZONE


def is_timezone(name: str) -> bool:
    """Whether this machine knows a time zone of that name."""
    try:
        ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        return False
    return True


def is_cron(text: str) -> bool:
    """Whether these are five fields of a cron expression, each within its range."""
    fields = text.lower().split()
    return len(fields) == len(_FIELDS) and all(map(_is_field, fields, _FIELDS))


def _is_field(text: str, allowed: tuple[int, int, str]) -> bool:
    least, most, names = allowed
    figures = {form.format(figure) for figure in range(least, most + 1) for form in ("{}", "{:02}")} | {*names.split()}
    parts = [_PART.fullmatch(part) for part in text.split(",")]
    return all(part is not None and {part["first"], part["last"]} - {None} <= figures for part in parts)
