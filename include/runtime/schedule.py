"""The schedule of the weeknight run, read while the DAG is parsed: by libraries that Airflow has loaded already.

An invalid setting must not remove the DAG from Airflow. Here the default replaces it, and the first task of every run
refuses it in words (`include.runtime.settings` checks with the same functions).
"""

from __future__ import annotations

import os
from datetime import date, datetime
from zoneinfo import ZoneInfo

from croniter import CroniterError, croniter

CRON = "0 22 * * 1-5"
NOTICES = "*/15 * * * *"
FORECAST = "0 16 * * 1-5"
TIMEZONE = "America/New_York"
FIELDS = 5


def cron_and_timezone(setting: str = "SCHEDULE", default: str = CRON) -> tuple[str, str]:
    """A schedule and its time zone as they are set, with the default in place of an invalid one."""
    cron = os.environ.get(f"PLANBRIDGE__REFRESH__{setting}", default)
    timezone = os.environ.get("PLANBRIDGE__REFRESH__TIMEZONE", TIMEZONE)
    return cron if is_cron(cron) else default, timezone if is_timezone(timezone) else TIMEZONE


def day_of_next(cron: str, timezone: str, after: datetime) -> date:
    """The day, by the office's clock, on which a run of this schedule starts next."""
    upcoming: datetime = croniter(cron, after.astimezone(ZoneInfo(timezone))).get_next(datetime)
    return upcoming.date()


def notices_cron_and_timezone() -> tuple[str | None, str]:
    """When notices are sent, and the time zone; no schedule where nobody has an address."""
    _, timezone = cron_and_timezone()
    return NOTICES if os.environ.get("PLANBRIDGE__NOTICES__ADDRESSES_FILE") else None, timezone


def is_timezone(name: str) -> bool:
    """Whether this machine knows a time zone of that name."""
    try:
        ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        return False
    return True


def is_cron(text: str) -> bool:
    """Whether this is a cron expression of five fields by which a run ever starts: not on 31 February."""
    try:
        return len(text.split()) == FIELDS and croniter(text).get_next() > 0
    except (CroniterError, ValueError):
        return False
