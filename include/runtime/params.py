"""The parameters of a run, read from its form. What is not as the form says is refused in words (`ParamsError`).

Numbers may come as text, as the command line and other programs send them. A message names the field and what the value
looks like: somebody may have typed a client's name into the wrong field.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from etl.errors import ParamsError
from etl.shapes import shape_of
from etl.units import is_key
from include.runtime.fields import named


def refuse_unknown(conf: Mapping[str, Any], params: Mapping[str, Any]) -> None:
    """Airflow takes any key in silence. Raises `ParamsError` naming those that the DAG does not know."""
    unknown = sorted(set(conf) - set(params))
    if unknown:
        raise ParamsError(f"Unknown parameter {', '.join(unknown)}. Known: {', '.join(sorted(params))}.")


def read_date(value: object, default: date) -> date:
    """The day of a run. Raises `ParamsError` for a text that is no date."""
    if value in (None, ""):
        return default
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise ParamsError(f"{named('as_of')} is a date such as 2026-03-31, not {shape_of(value)}.") from None


def read_as_of(params: Mapping[str, Any], default: date, latest: date) -> date:
    """The day that a run is as of. Only a dry run may be as of a day later than ``latest``. Raises `ParamsError`.

    A household that was sent as of a later day is not sent as of an earlier one: a mistyped year would stop them all.
    """
    as_of = read_date(params.get("as_of"), default)
    if as_of > latest and not read_switch("dry_run", params):
        raise ParamsError(
            f"{named('as_of')}: {as_of} is ahead of the office's day. {latest} is the last that a run may be as of "
            "(PLANBRIDGE__REFRESH__AS_OF_AHEAD). Correct it; a dry run may look further ahead."
        )
    return as_of


def read_number(name: str, value: object) -> int | None:
    """The number of a record, None for an empty field. Raises `ParamsError`."""
    if value in (None, ""):
        return None
    text = str(value).strip()
    if isinstance(value, bool) or not is_key(text):
        raise ParamsError(f"{named(name)} is a number in the CRM, for example 12, not {shape_of(value)}.")
    return int(text)


def read_text(name: str, value: object) -> str | None:
    """A text without blanks around it, None for an empty field. Raises `ParamsError`."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ParamsError(f"{named(name)} is a text, not {shape_of(value)}.")
    return str(value).strip()


def read_list(name: str, value: object) -> list[Any]:
    """A list, empty for an empty field. Raises `ParamsError`."""
    if value in (None, ""):
        return []
    if not isinstance(value, list):
        raise ParamsError(f"{named(name)} is a list, not {shape_of(value)}.")
    return value


def read_choice(name: str, value: object, allowed: Sequence[str], where: str = "") -> str:
    """One of several values; ``where``: to what the choice belongs. Raises `ParamsError`."""
    if value not in allowed:
        given = "is missing" if value in (None, "") else f"does not know {shape_of(value)}"
        raise ParamsError(f"{named(name)} {given}{where}: choose {', '.join(allowed[:-1])} or {allowed[-1]}.")
    return str(value)


def read_switch(name: str, params: Mapping[str, Any]) -> bool:
    """A switch, off for an empty field. Raises `ParamsError`."""
    value = params.get(name, False)
    if not isinstance(value, bool):
        raise ParamsError(f"{named(name)} is true or false, not {shape_of(value)}.")
    return value


def is_source_key(text: str) -> bool:
    """Whether this names an account or a policy: ``account:5``."""
    kind, colon, key = text.partition(":")
    return bool(colon) and kind in ("account", "policy") and is_key(key)
