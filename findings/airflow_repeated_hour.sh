#!/usr/bin/env bash
# In the night in which the clocks go back, a schedule with a range of hours has one hour without a run in Airflow.
#
# Seen with Airflow 3.3.2 (its CronTriggerTimetable, with croniter 7.0.0): "*/30 1-3 * * *" in New York, asked at eight
# in the evening of 2026-10-31, is next due at 01:00 winter time. The runs at 01:00 and 01:30 of summer time, an hour
# before, do not exist. The same half-hours written as "*/30 * * * *" are due in both hours, and croniter by itself
# names all four for either. In spring "30 2 * * *" is due at 03:30, where croniter says 03:00.
# What is to run each half-hour of the night is better scheduled in UTC.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check uv==0.13.9
"$folder/venv/bin/uv" pip install --quiet --python "$folder/venv" \
    apache-airflow-core==3.3.2 apache-airflow-task-sdk==1.3.2 croniter==7.0.0
cat >"$folder/seen.py" <<'PYTHON'
from datetime import datetime
from zoneinfo import ZoneInfo

import pendulum
from airflow.timetables.base import TimeRestriction
from airflow.timetables.trigger import CronTriggerTimetable
from croniter import croniter

NEW_YORK = "America/New_York"


def by_airflow(cron, moment, runs):
    timetable, found, last = CronTriggerTimetable(cron, timezone=NEW_YORK), [], None
    begin = TimeRestriction(earliest=pendulum.instance(moment), latest=None, catchup=True)
    for _ in range(runs):
        last = timetable.next_dagrun_info(
            last_automated_data_interval=last and last.data_interval, restriction=begin
        )
        found.append(last.run_after.in_timezone(NEW_YORK).strftime("%d %H:%M%z"))
    return found


def by_croniter(cron, moment, runs):
    due = croniter(cron, moment)
    return [due.get_next(datetime).strftime("%d %H:%M%z") for _ in range(runs)]


autumn = datetime(2026, 10, 31, 20, 0, 1, tzinfo=ZoneInfo(NEW_YORK))
airflow, alone = (by("*/30 1-3 * * *", autumn, 3) for by in (by_airflow, by_croniter))
print("airflow ", airflow)
print("croniter", alone)
assert airflow == ["01 01:00-0500", "01 01:30-0500", "01 02:00-0500"], "the behaviour has changed"
assert alone == ["01 01:00-0400", "01 01:30-0400", "01 01:00-0500"], "the behaviour has changed"
midnight = datetime(2026, 11, 1, 0, 45, tzinfo=ZoneInfo(NEW_YORK))
every = by_airflow("*/30 * * * *", midnight, 4)
print("airflow ", every)
assert every == ["01 01:00-0400", "01 01:30-0400", "01 01:00-0500", "01 01:30-0500"], "the behaviour has changed"
spring = datetime(2027, 3, 13, 20, 0, 1, tzinfo=ZoneInfo(NEW_YORK))
airflow, alone = (by("30 2 * * *", spring, 1) for by in (by_airflow, by_croniter))
print("airflow ", airflow, "croniter", alone)
assert (airflow, alone) == (["14 03:30-0400"], ["14 03:00-0400"]), "the behaviour has changed"
print("As described.")
PYTHON
AIRFLOW_HOME="$folder/airflow" "$folder/venv/bin/python" -W ignore "$folder/seen.py" 2>"$folder/errors" ||
    { tail -5 "$folder/errors"; exit 1; }
