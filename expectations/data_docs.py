"""Data Docs: what was checked and how often it failed, without any client's value or key.

Made from the counts of Great Expectations' results by a template of our own. Great Expectations' site builder is not
used: its pages load a dozen outside addresses, write cell values into the page unescaped, and show neither severity
nor remedy.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from etl.files import write_whole
from expectations.rules.types import SUITES

_TEMPLATE = Path(__file__).parent / "data_docs.html.j2"

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:80rem;padding:0 1rem;color:#1b1f24;background:#fff}
table{border-collapse:collapse;width:100%;margin:0 0 2rem}
th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;border-bottom:1px solid #d0d7de}
td.number,th.number{text-align:right;font-variant-numeric:tabular-nums}
tr.failed td.outcome{font-weight:600}
tr.critical.failed{background:#fff1f0}tr.warning.failed{background:#fff8e6}
.muted{color:#57606a}
"""


def _in_words(check: Mapping[str, Any]) -> str:
    """The condition as one reads it: ``birth_date is within dates (earliest 1900-01-01, latest 2026-01-31)``."""
    arguments = [
        f"{name} {', '.join(map(str, value)) if isinstance(value, list) else value}"
        for name, value in check["arguments"].items()
        if name != "among"
    ]
    among = [
        f"{column}: {' or '.join(map(str, values))}" for column, values in check["arguments"].get("among", {}).items()
    ]
    words = f"{', '.join(check['columns'])} {check['condition'].replace('_', ' ')}"
    return f"{words} ({'; '.join([*arguments, *among])})" if arguments or among else words


def render(statistics: list[dict[str, Any]]) -> str:
    """One page for the suites of all vendors given; autoescaped, no script, nothing from outside."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATE.parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["in_words"] = _in_words
    style_hash = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    return environment.get_template(_TEMPLATE.name).render(
        vendors=statistics, style=Markup(_STYLE), style_hash=style_hash
    )


def write_results(folder: Path, statistics: dict[str, Any]) -> Path:
    """Write the results of one suite into the folder; those of several may be written at the same time."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return _write(folder / f"{statistics['vendor']}.json", json.dumps(statistics, indent=1, allow_nan=False))


def write_data_docs(folder: Path) -> Path | None:
    """Write the page of all suites whose results are there, ``index.html``, once all have been checked.

    None, and no page, where nothing was checked.
    """
    files = [file for file in (folder / f"{vendor}.json" for vendor in SUITES) if file.exists()]
    if not files:
        return None
    return _write(folder / "index.html", render([json.loads(file.read_bytes()) for file in files]))


def _write(path: Path, text: str) -> Path:
    def write(file: BinaryIO) -> None:
        file.write(text.encode())

    return write_whole(path, write)
