"""Every setting, its default and its range: environment variables ``PLANBRIDGE__SECTION__NAME``.

A misspelt name or a value out of range is refused with the variable's name, before anything runs.
"""

from __future__ import annotations

import difflib
import os
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from etl.errors import SettingsError
from etl.load.emoney.patch import KEEPABLE
from include import DATA_FOLDER
from include.runtime.schedule import CRON, FORECAST, TIMEZONE, is_cron, is_timezone

PREFIX = "PLANBRIDGE__"
CENTURY = timedelta(days=36_525)


def _by_commas(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


# A list in an environment variable.
_BY_COMMAS = BeforeValidator(_by_commas)


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Data(_Section):
    folder: Path = Field(DATA_FOLDER, description="Folder of staging files, reports and the default ledger")
    keep_days: int = Field(7, ge=0, description="Days for which staged files of a failed run are kept")
    lineage_days: int = Field(
        400, ge=0, description="Days for which replaced lineage is kept; the latest of each unit always stays"
    )
    values_days: int = Field(
        90, ge=30, description="Days for which values before and after a write are kept; undo works for as long"
    )
    facts_days: int = Field(
        2555, ge=365, description="Days for which runs, outcomes, findings, decisions and feeds are kept"
    )
    items_days: int = Field(400, ge=200, description="Days for which mended work items and their history are kept")
    removal_rows: int = Field(
        5000, ge=100, le=100_000, description="Rows that a night removes by age in one transaction"
    )
    removal_seconds: float = Field(
        60, ge=1, le=3600, description="Seconds for which a night removes rows by age; the next night continues"
    )


class Profiles(_Section):
    enroll: str = Field(
        "linked",
        pattern=r"^(linked|all|set:.+)$",
        description="Units that a weeknight run sends: linked, all, or set:<name> for the members of a CRM set",
    )
    calls_in_flight: int = Field(4, ge=1, le=64, description="Calls in flight at once")
    call_seconds: float = Field(30, ge=1, le=120, description="Seconds for one call, from the first byte to the last")
    search_lag_seconds: float = Field(
        10, ge=0, le=300, description="Seconds for which a new household may be missing from the search"
    )
    answer_within: timedelta = Field(
        timedelta(days=1), gt=timedelta(0), description="How long a question of a run by hand waits for its answer"
    )


class Emoney(_Section):
    enroll: str = Field(
        "linked",
        pattern=r"^(linked|all|set:.+)$",
        description="Units that a weeknight run sends: linked, all, or set:<name> for the members of a CRM set",
    )
    calls_per_minute: int = Field(
        60,
        ge=1,
        description="Calls a minute for each API key: of this machine, or of all that share a PostgreSQL ledger",
    )
    calls_in_flight: int = Field(8, ge=1, le=60, description="Calls in flight at once")
    call_seconds: float = Field(30, ge=1, le=120, description="Seconds for one call, from the first byte to the last")
    auto_link: Annotated[tuple[str, ...], NoDecode, _BY_COMMAS] = Field(
        (), description="Categories that a weeknight run may link, separated by commas"
    )
    keep: Annotated[tuple[str, ...], NoDecode, _BY_COMMAS] = Field(
        (), description="Fields that keep an edit made at eMoney although the CRM's value changed, separated by commas"
    )
    feed_deadline_seconds: float = Field(300, ge=1, description="Seconds that eMoney may take for a feed")
    search_lag_seconds: float = Field(
        10, ge=0, le=300, description="Seconds for which a new client may be missing from the search"
    )

    @field_validator("keep")
    @classmethod
    def _known_fields(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        unknown = sorted(set(value) - KEEPABLE)
        if unknown:
            raise ValueError(f"{', '.join(unknown)}: what may stay as eMoney has it is {', '.join(sorted(KEEPABLE))}")
        return value


class Refresh(_Section):
    households_per_shard: int = Field(5000, ge=1, le=100_000, description="Units in one shard")
    overlap: timedelta = Field(
        timedelta(hours=1),
        ge=timedelta(0),
        le=CENTURY,
        description="How far a run reaches back before the last modified_at that it saw",
    )
    as_of_ahead: timedelta = Field(
        timedelta(0), ge=timedelta(0), le=CENTURY, description="How far as_of may lie ahead of the office's day"
    )
    timezone: str = Field(TIMEZONE, description="Time zone of the schedule and of the run's date")
    schedule: str = Field(CRON, description="Start of the weeknight run, as cron")
    forecast_schedule: str = Field(FORECAST, description="Start of the forecast of the night, as cron")
    holidays: Annotated[tuple[date, ...], NoDecode, _BY_COMMAS] = Field(
        (), description="Dates without a scheduled run, separated by commas"
    )

    @property
    def latest_as_of(self) -> date:
        """The last day that a run may be as of: the office's day plus ``as_of_ahead``."""
        return (datetime.now(ZoneInfo(self.timezone)) + self.as_of_ahead).date()

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if not is_timezone(value):
            raise ValueError(f"{value!r} is no time zone; use a name such as {TIMEZONE}")
        return value

    @field_validator("schedule", "forecast_schedule")
    @classmethod
    def _readable_cron(cls, value: str) -> str:
        if not is_cron(value):
            raise ValueError(
                f"{value!r} is no cron expression of five fields by which a run ever starts; use one such as {CRON}"
            )
        return value


class Guard(_Section):
    max_changed_percent: float = Field(
        30, ge=0, le=100, description="Percent of the linked units that may be updated by one run"
    )
    max_rule_percent: float = Field(
        30, ge=0, le=100, description="Percent of the units in scope that may break one critical rule"
    )
    max_created_percent: float = Field(
        30, ge=0, description="Units that one run may create, as percent of the linked units"
    )
    max_gone_percent: float = Field(
        10, ge=0, le=100, description="Percent of units, of a table's records or of a feed's items that may vanish"
    )
    max_alike_percent: float = Field(
        10, ge=0, le=100, description="Percent of the linked units in which one field may change in the same way"
    )
    at_least: int = Field(3, ge=1, description="Fewer units than this never trip a guard")


class Rules(_Section):
    file: Path | None = Field(None, description="File of severities that replace those of the rules, TOML or JSON")


class Crm(_Section):
    record_url: str | None = Field(
        None,
        pattern=r"^https?://.*\{id\}",
        description="Address of a record in the CRM, with {kind} and {id}; the desk and the reports link to it",
    )


class Desk(_Section):
    deciders: Annotated[tuple[str, ...], NoDecode, _BY_COMMAS] = Field(
        (), description="Airflow users who may decide on the desk, beside administrators, separated by commas"
    )


class Notices(_Section):
    addresses_file: Path | None = Field(
        None, description="File of who gets notices, CSV: recipient, address; without it no notice is sent"
    )
    desk_url: str | None = Field(
        None,
        pattern=r"^https?://",
        description="Address of the desk in notices, such as https://airflow.example.com/desk; none: by [api] base_url",
    )
    digest_at: time = Field(time(7), description="Time from which a weekday's digests are sent, by the office's clock")


class Vendors(_Section):
    users_file: Path | None = Field(
        None, description="File of vendor users, CSV: vendor, crm_user, vendor_user (EMY-OWNER)"
    )


class Service(_Section):
    user: str = Field("service", min_length=1, description="CRM user for units that are assigned to nobody")
    may_act_for_others: Annotated[tuple[str, ...], NoDecode, _BY_COMMAS] = Field(
        (), description="Airflow users who may act for another CRM user, separated by commas (LIC-ACTING)"
    )


class Settings(BaseSettings):
    """All sections. Read once per process by `settings`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )

    data: Data = Data()
    profiles: Profiles = Profiles()
    emoney: Emoney = Emoney()
    refresh: Refresh = Refresh()
    guard: Guard = Guard()
    rules: Rules = Rules()
    crm: Crm = Crm()
    desk: Desk = Desk()
    notices: Notices = Notices()
    vendors: Vendors = Vendors()
    service: Service = Service()


def read_settings() -> Settings:
    """The settings of the environment. Raises `SettingsError` naming each variable that is wrong and what it may be."""
    known = {
        f"{PREFIX}{section}__{name}".upper()
        for section, field in Settings.model_fields.items()
        for name in type(field.default).model_fields
    }
    ours = sorted(name for name in os.environ if name.upper().startswith(PREFIX))
    unknown = [name + _nearest(name, known) for name in ours if name.upper() not in known]
    if unknown:
        raise SettingsError(f"Unknown setting {'; '.join(unknown)}. docs/engineer.md lists all settings.")
    try:
        return Settings()
    except ValidationError as error:
        faults = [
            f"{PREFIX}{'__'.join(map(str, fault['loc'])).upper()}: {fault['msg'].removeprefix('Value error, ')}"
            for fault in error.errors()
        ]
        raise SettingsError("A setting is not valid. " + "; ".join(faults)) from None


def _nearest(name: str, known: set[str]) -> str:
    close = difflib.get_close_matches(name.upper(), known, n=1)
    return f" (did you mean {close[0]}?)" if close else ""


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings, read once."""
    return read_settings()
