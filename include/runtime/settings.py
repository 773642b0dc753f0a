"""Every setting, its default and its range: environment variables ``PLANBRIDGE__SECTION__NAME``.

A misspelt name or a value out of range is refused with the variable's name, before anything runs.
"""

from __future__ import annotations

import difflib
import os
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from etl.errors import SettingsError
from etl.load.emoney.patch import KEEPABLE
from include.runtime.schedule import CRON, TIMEZONE, is_cron, is_timezone

PREFIX = "PLANBRIDGE__"
CENTURY = timedelta(days=36_525)


def _by_commas(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


# How a list stands in an environment variable.
_BY_COMMAS = BeforeValidator(_by_commas)


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Data(_Section):
    folder: Path = Field(Path(".planbridge"), description="staging files, reports, the default ledger")
    keep_days: int = Field(7, ge=0, description="how long staged files of a failed run are kept")
    lineage_days: int = Field(400, ge=0, description="how long superseded lineage is kept; the latest always stays")
    repeats_days: int = Field(14, ge=7, description="how long rows are kept that only repeat the night before")
    values_days: int = Field(90, ge=30, description="how long values before and after are kept; so long undo works")
    facts_days: int = Field(2555, ge=365, description="how long runs, outcomes, findings, decisions and feeds are kept")
    removal_rows: int = Field(5000, ge=100, le=100_000, description="rows that a night removes in one transaction")
    removal_seconds: float = Field(60, ge=1, le=3600, description="how long a night removes what is old enough")


class Profiles(_Section):
    enroll: str = Field("linked", pattern=r"^(linked|all|set:.+)$", description="linked, all or set:<name>")
    calls_in_flight: int = Field(4, ge=1, le=64, description="calls under way at once")
    call_seconds: float = Field(30, ge=1, le=120, description="how long one call may take, from first to last byte")
    search_lag_seconds: float = Field(10, ge=0, le=300, description="how long a new household may stay unfindable")
    answer_within: timedelta = Field(timedelta(days=1), gt=timedelta(0), description="how long a question waits")


class Emoney(_Section):
    enroll: str = Field("linked", pattern=r"^(linked|all|set:.+)$", description="linked, all or set:<name>")
    calls_per_minute: int = Field(60, ge=1, description="of this machine, per api key")
    calls_in_flight: int = Field(8, ge=1, le=60, description="calls under way at once")
    call_seconds: float = Field(30, ge=1, le=120, description="how long one call may take, from first to last byte")
    auto_link: Annotated[tuple[str, ...], NoDecode, _BY_COMMAS] = Field(
        (), description="categories that a weeknight run may link"
    )
    keep: Annotated[tuple[str, ...], NoDecode, _BY_COMMAS] = Field(
        (), description="fields that stay as somebody edited them at eMoney, where they changed in SmartOffice, too"
    )
    feed_deadline_seconds: float = Field(300, ge=1, description="how long a feed may take at the vendor")
    search_lag_seconds: float = Field(10, ge=0, le=300, description="how long a new client may stay unfindable")

    @field_validator("keep")
    @classmethod
    def _known_fields(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        unknown = sorted(set(value) - KEEPABLE)
        if unknown:
            raise ValueError(f"{', '.join(unknown)}: what may stay as eMoney has it is {', '.join(sorted(KEEPABLE))}")
        return value


class Refresh(_Section):
    households_per_shard: int = Field(5000, ge=1, le=100_000, description="units in one shard")
    overlap: timedelta = Field(
        timedelta(hours=1), ge=timedelta(0), le=CENTURY, description="how far back before the last modified_at seen"
    )
    as_of_ahead: timedelta = Field(
        timedelta(0), ge=timedelta(0), le=CENTURY, description="how far as_of may lie ahead of the office's day"
    )
    timezone: str = Field(TIMEZONE, description="the zone of the schedule and of the run's date")
    schedule: str = Field(CRON, description="cron")
    holidays: Annotated[tuple[date, ...], NoDecode, _BY_COMMAS] = Field(
        (), description="dates without a scheduled run, by commas"
    )

    @property
    def latest_as_of(self) -> date:
        """The last day that a run may be as of: the office's day now, and what may lie ahead of it."""
        return (datetime.now(ZoneInfo(self.timezone)) + self.as_of_ahead).date()

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if not is_timezone(value):
            raise ValueError(f"{value!r} is no time zone; use a name such as {TIMEZONE}")
        return value

    @field_validator("schedule")
    @classmethod
    def _readable_cron(cls, value: str) -> str:
        if not is_cron(value):
            raise ValueError(
                f"{value!r} is no cron expression of five fields by which a run ever starts; use one such as {CRON}"
            )
        return value


class Guard(_Section):
    max_changed_percent: float = Field(30, ge=0, le=100, description="of the linked units, that would be updated")
    max_rule_percent: float = Field(30, ge=0, le=100, description="of the units in scope, that break one critical rule")
    max_created_percent: float = Field(30, ge=0, description="of the linked units, that would be created beside them")
    max_gone_percent: float = Field(10, ge=0, le=100, description="of units, a table's records or a feed's items, gone")
    max_alike_percent: float = Field(10, ge=0, le=100, description="of the linked units, with a field changed alike")
    at_least: int = Field(3, ge=1, description="fewer units than this never trip a guard")


class Rules(_Section):
    file: Path | None = Field(None, description="severity overrides")


class Vendors(_Section):
    users_file: Path | None = Field(None, description="CSV: vendor, crm_user, vendor_user (EMY-OWNER)")


class Service(_Section):
    user: str = Field("service", min_length=1, description="user name for units that nobody is assigned to")
    may_act_for_others: Annotated[tuple[str, ...], NoDecode, _BY_COMMAS] = Field(
        (), description="Airflow users who may run in the name of another CRM user, by commas (LIC-ACTING)"
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
        raise SettingsError(f"Unknown setting {'; '.join(unknown)}. All settings are in .env.example.")
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
