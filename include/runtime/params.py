"""What every run's form asks for, read: refused in words (`ParamsError`) where it is not as the form says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from etl.errors import ParamsError

# No more digits than the largest key has: a number of a million digits takes minutes to read.
_NUMBER = re.compile(r"-?[0-9]{1,19}")


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


def read_as_of(params: Mapping[str, Any], default: date, latest: date) -> date:
    """The day that a run is as of; later than ``latest`` in a dry run alone. Raises `ParamsError`.

    A household that was sent as of a later day is not sent as of an earlier one: a mistyped year would stop them all.
    """
    as_of = read_date(params.get("as_of"), default)
    if as_of > latest and not read_switch("dry_run", params):
        raise ParamsError(
            f"as_of {as_of} is ahead of the office's day: {latest} is the last that a run may be as of "
            "(PLANBRIDGE__REFRESH__AS_OF_AHEAD). Correct it; a dry run may look further ahead."
        )
    return as_of


def read_number(name: str, value: object) -> int | None:
    """The number of a record; it may come as text. Raises `ParamsError` for what is none."""
    if value in (None, ""):
        return None
    text = str(value).strip()
    if isinstance(value, bool) or not is_key(text):
        raise ParamsError(f"{name} is a number in the CRM, for example 12, not {value!r}.")
    return int(text)


def is_key(text: str) -> bool:
    """Whether these are the digits of a key that the CRM may have: of a whole number of 64 bits."""
    return _NUMBER.fullmatch(text) is not None and -(2**63) <= int(text) < 2**63


def is_source_key(text: str) -> bool:
    """Whether this names an account or a policy: ``account:5``."""
    kind, colon, key = text.partition(":")
    return bool(colon) and kind in ("account", "policy") and is_key(key)


def is_unit_key(text: object) -> bool:
    """Whether this names a unit (SCP-1, SCP-2): ``H12``, ``C7``."""
    return isinstance(text, str) and text[:1] in ("H", "C") and is_key(text[1:])


def read_switch(name: str, params: Mapping[str, Any]) -> bool:
    """A switch, off where it is not given. Raises `ParamsError` for what is neither true nor false."""
    value = params.get(name, False)
    if not isinstance(value, bool):
        raise ParamsError(f"{name} is true or false, not {value!r}.")
    return value
