"""Makes the pages: templates that escape everything, and one style sheet, which the page's content policy names."""

import base64
import hashlib
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from include.report.display import clients, counted, label, show, side_name, vendor_name

_TEMPLATES = Path(__file__).parent / "templates"


def render(template: str, users: Mapping[str, int] = MappingProxyType({}), **content: Any) -> str:
    """A page as text. What is not the template's own is escaped, and unseen characters are spelled out.

    ``users``: the users by whom the page can be filtered, each with a number for the style sheet.
    """
    environment = environment_of(_TEMPLATES)
    style, digest = styled(environment.get_template("style.css.j2").render(users=len(users)))
    return environment.get_template(template).render(style=style, style_hash=digest, users=users, **content)


def styled(style: str) -> tuple[Markup, str]:
    """A style sheet as it stands in a page, and the hash by which the page's policy allows it."""
    return Markup(style), base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()


@cache
def environment_of(*folders: Path) -> Environment:
    """The templates of these folders and of the reports, compiled once."""
    environment = Environment(
        loader=FileSystemLoader([*folders, _TEMPLATES]),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        vendor=vendor_name, side=side_name, label=label, number=_number, moment=_moment, duration=duration
    )
    environment.globals.update(counted=counted, clients=clients)
    return environment


def _visible(value: object) -> object:
    return value if isinstance(value, Markup) or not isinstance(value, str) else show(value)


def _number(value: int) -> str:
    return f"{value:,}"


def _moment(value: datetime | None) -> str:
    if value is None:
        return "not yet"
    return f"{value.day} {value:%B %Y, %H:%M} {value.tzname() or 'UTC'}"


def duration(seconds: float | None) -> str:
    """Seconds in words: ``0.4 s``, ``12 s``, ``3 min 20 s``, ``1 h 05 min``."""
    if seconds is None:
        return "not known"
    if seconds < 59.5:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
