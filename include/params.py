"""What every run's form asks for, read: refused in words (`ParamsError`) where it is not as the form says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from etl.errors import ParamsError


def refuse_unknown(conf: Mapping[str, Any], params: Mapping[str, Any]) -> None:
    """Airflow takes any key in silence. Raises `ParamsError` naming those that the DAG does not know."""
    unknown = sorted(set(conf) - set(params))
    if unknown:
        raise ParamsError(f"Unknown parameter {', '.join(unknown)}. Known: {', '.join(sorted(params))}.")


def read_date(value: object, default: date) -> date:
    """The day of a run. Raises `ParamsError` for what is no date."""
    if value in (None, ""):
        return default
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise ParamsError(f"as_of is a date such as 2026-03-31, not {value!r}.") from None


def read_number(name: str, value: object) -> int | None:
    """The number of a record; it may come as text. Raises `ParamsError` for what is none."""
    if value in (None, ""):
        return None
    text = str(value).strip()
    if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,18}", text):
        raise ParamsError(f"{name} is a number in the CRM, for example 12, not {value!r}.")
    return int(text)


def read_switch(name: str, params: Mapping[str, Any]) -> bool:
    """A switch, off where it is not given. Raises `ParamsError` for what is neither true nor false."""
    value = params.get(name, False)
    if not isinstance(value, bool):
        raise ParamsError(f"{name} is true or false, not {value!r}.")
    return value
