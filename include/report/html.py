"""How the report's pages are made: templates that escape everything, one style sheet, which the page's policy names."""

import base64
import hashlib
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from include.report.display import label, show, side_name, vendor_name

_TEMPLATES = Path(__file__).parent / "templates"


@cache
def page_environment() -> Environment:
    """The templates, compiled once; everything that is not theirs is escaped, and unseen characters are spelled out."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        vendor=vendor_name, side=side_name, label=label, number=_number, moment=_moment, duration=duration
    )
    return environment


def styled(environment: Environment, users: int = 0) -> dict[str, Any]:
    """``style`` and ``style_hash`` for a page, with the filters of so many users."""
    style = environment.get_template("style.css.j2").render(users=users)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return {"style": Markup(style), "style_hash": digest}


def _visible(value: object) -> object:
    return value if isinstance(value, Markup) or not isinstance(value, str) else show(value)


def _number(value: int) -> str:
    return f"{value:,}"


def _moment(value: datetime | None) -> str:
    if value is None:
        return "not yet"
    return f"{value.day} {value:%B %Y, %H:%M} {value.tzname() or 'UTC'}"


def duration(seconds: float | None) -> str:
    """Seconds as people say them: ``0.4 s``, ``12 s``, ``3 min 20 s``, ``1 h 05 min``."""
    if seconds is None:
        return "not known"
    if seconds < 59.5:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
