"""``python -m tests.documents``: renews what documents and ``.env.example`` take from the code, and the coverage.

A table stands between ``generated: NAME`` and ``/generated``. Everything else in these files is written by hand.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from pydantic.fields import FieldInfo

from include import ROOT

if TYPE_CHECKING:
    from expectations.rules.types import Rule

FILES = ("docs/stewards.md", "docs/operate.md", "docs/engineer.md", ".env.example")
VIEW_PURPOSES = {
    "run_v": "one row for each run",
    "outcome_v": "how each unit of a run ended at each vendor",
    "outcome_count_v": "outcomes of a run by kind, also those whose rows were removed by age",
    "finding_v": "what the rules found in each run",
    "open_finding_v": "findings that stand open now, and since when",
    "link_v": "which vendor record belongs to which unit",
    "link_change_v": "links that a person made or ended",
    "distinct_people_v": "contacts that a person has declared to be two people",
    "answer_v": "questions of runs by hand, and their answers",
    "transfer_v": "what became of each record of a transfer",
    "id_map_v": "old and new keys of moved records",
    "work_item_v": "one row for each unit, rule and record that has, or had, an open finding",
    "work_item_event_v": "what became of each item, by runs and by people",
    "audit_v": "who did what on the desk, in a chain of hashes",
}
_MARKED = re.compile(r"(generated: (?P<name>[^\n>]*?)(?: -->)?\n)(?P<table>.*?)((?:<!-- |# )/generated)", re.DOTALL)

_FIGURE = re.compile(r"\{(\w+)\}")  # what a message takes from the record


def renew(root: Path = ROOT) -> list[str]:
    """Writes the files whose tables are not current. Gives their names."""
    changed = _renew_coverage(root)
    for name in FILES:
        path = root / name
        text = path.read_text(encoding="utf-8")
        if (current := current_text(text, in_shell=name.startswith("."))) != text:
            path.write_text(current, encoding="utf-8")
            changed.append(name)
    return changed


def _renew_coverage(root: Path) -> list[str]:
    from include.coverage.measure import measure
    from include.coverage.table import FILE, as_text

    path = root / "include" / "coverage" / FILE
    text = as_text(measure())
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return []
    path.write_text(text, encoding="utf-8")
    return [str(path.relative_to(root))]


def current_text(text: str, *, in_shell: bool = False) -> str:
    """The text with its generated tables as the code has them. Raises `KeyError` for a table that nobody makes."""
    tables: dict[str, Callable[[], Iterable[str]]] = {
        "rules": _rules,
        "settings": _example_settings if in_shell else _settings,
        "views": _views,
        **{f"params {dag_id}": partial(_params, dag_id) for dag_id in _forms()},
    }

    def fresh(match: re.Match[str]) -> str:
        return match[1] + "\n".join(tables[match["name"]]()) + "\n" + match[4]

    return _MARKED.sub(fresh, text)


def _table(heads: Iterable[str], rows: Iterable[Iterable[object]]) -> list[str]:
    lines = [list(heads)]
    lines += [["---"] * len(lines[0])]
    lines += [[str(cell).replace("|", "\\|") for cell in row] for row in rows]
    return [f"| {' | '.join(line)} |" for line in lines]


def _rules() -> list[str]:
    from expectations.rules import TABLE
    from expectations.rules.cards import title

    return _table(
        ("title", "rule", "severity", "what is wrong", "where to mend it"),
        (
            (
                title(rule.rule_id),
                rule.rule_id,
                rule.severity,
                _in_general(rule, rule.message),
                _in_general(rule, rule.remedy),
            )
            for rule in sorted(TABLE, key=lambda rule: rule.rule_id)
        ),
    )


def _in_general(rule: Rule, text: str) -> str:
    """A text of a rule without a record: what it takes from one is named in angle brackets."""
    labels = ", ".join(rule.labels)

    def name(match: re.Match[str]) -> str:
        return f"‹{labels}: blank or not possible›" if match[1] == "cells" else f"‹{match[1].replace('_', ' ')}›"

    return _FIGURE.sub(name, text)


def _fields() -> Iterable[tuple[str, FieldInfo]]:
    from include.runtime.settings import PREFIX, Settings

    for section, model in Settings.model_fields.items():
        for name, field in type(model.default).model_fields.items():
            yield f"{PREFIX}{section}__{name}".upper(), field


def _settings() -> list[str]:
    return _table(
        ("setting", "default", "meaning"),
        ((f"`{name}`", f"`{_shown(field.default)}`" if _shown(field.default) else "none", field.description or "")
         for name, field in _fields()),
    )  # fmt: skip


def _example_settings() -> Iterable[str]:
    for name, field in _fields():
        default = _shown(field.default)
        yield f"# {field.description}"
        yield f"#{name}={chr(39) + default + chr(39) if ' ' in default else default}"


def _shown(value: object) -> str:
    """A default as it stands in an environment variable."""
    if value is None or value == ():
        return ""
    if isinstance(value, timedelta):
        hours = value.total_seconds() / 3600
        return f"P{value.days}D" if value.seconds == 0 else f"PT{hours:g}H"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _views() -> list[str]:
    from etl.load.ledger.store import Ledger

    with TemporaryDirectory() as folder:
        ledger = Ledger(f"sqlite:///{folder}/ledger.db")
        ledger.migrate()
        with ledger.read() as connection:
            columns = {
                view: ", ".join(f"`{column['name']}`" for column in sa.inspect(connection).get_columns(view))
                for view in sorted(sa.inspect(connection).get_view_names())
            }
        ledger.engine.dispose()
    return _table(
        ("view", "what it has", "columns"),
        ((f"`{view}`", VIEW_PURPOSES[view], of_view) for view, of_view in columns.items()),
    )


def _forms() -> Mapping[str, Mapping[str, Any]]:
    from include.runtime.forms import HOUSEHOLD_CHECK, HOUSEHOLD_SYNC, OFFICE_TRANSFER, WEEKNIGHT_REFRESH

    return {
        "weeknight_refresh": WEEKNIGHT_REFRESH,
        "household_check": HOUSEHOLD_CHECK,
        "household_sync": HOUSEHOLD_SYNC,
        "office_transfer": OFFICE_TRANSFER,
    }


def _params(dag_id: str) -> list[str]:
    return _table(
        ("param", "default", "meaning"),
        ((f"`{name}`", _default(param), param.description) for name, param in _forms()[dag_id].items()),
    )


def _default(param: Any) -> str:
    if not param.has_value and "null" not in param.schema.get("type", "null"):
        return "must be given"
    return "none" if param.value is None or not param.has_value else f"`{param.value}`"


if __name__ == "__main__":
    for renewed in renew():
        print(f"{renewed}: renewed")
