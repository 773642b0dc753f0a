"""Data Docs: every check and how often it failed, without any client's value or key.

The page is made from the counts of Great Expectations' results, by a template of the report. Great Expectations' site
builder is not used: its pages load a dozen outside addresses, write cell values into the page unescaped, and show
neither severity nor remedy.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from etl.files import write_whole
from expectations.rules.types import SUITES
from include.report.display import json_bytes
from include.report.html import render


def write_results(folder: Path, statistics: Mapping[str, Any]) -> Path:
    """Writes the results of one suite into the folder. Several suites may be written at the same time.

    ``statistics``: those of the gate's verdict (`expectations.gate.Verdict`).
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return write_whole(folder / f"{statistics['vendor']}.json", json_bytes(statistics))


def write_data_docs(folder: Path) -> Path | None:
    """Writes ``index.html``, the page of all suites with results in the folder; None, and no page, without any."""
    files = [file for file in (folder / f"{vendor}.json" for vendor in SUITES) if file.exists()]
    if not files:
        return None
    return write_whole(folder / "index.html", render_data_docs([json.loads(file.read_bytes()) for file in files]))


def render_data_docs(statistics: list[Mapping[str, Any]]) -> bytes:
    """The page of these suites."""
    return render("data_docs.html.j2", vendors=statistics, condition=condition).encode()


def condition(check: Mapping[str, Any]) -> str:
    """A check's condition for people: ``birth_date is within dates (earliest 1900-01-01, latest 2026-01-31)``."""
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
