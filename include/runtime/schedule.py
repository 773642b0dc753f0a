"""When the weeknight run starts: read while the DAG is parsed, so by what Airflow has loaded anyway.

A setting that cannot be read must not make the DAG vanish from Airflow: the default stands in for it here, and the
first task of every run refuses it in words (`include.runtime.settings` checks with the same functions).
"""

from __future__ import annotations

import os
from zoneinfo import ZoneInfo

from croniter import CroniterError, croniter

CRON = "0 22 * * 1-5"
TIMEZONE = "America/New_York"
FIELDS = 5


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
    """Whether these are five fields of a cron expression by which a run starts one day: not on 31 February."""
    try:
        return len(text.split()) == FIELDS and croniter(text).get_next() > 0
    except (CroniterError, ValueError):
        return False
