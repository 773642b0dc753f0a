"""A view of the work list: what is shown and in which order. It stands in the address, so that it can be sent.

Addresses stand in logs: a name of a client is no filter of a view (`include.desk.pages.search`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from etl.errors import VENDOR_NAMES
from etl.load.ledger.desk.items import SEVERITIES
from etl.load.ledger.desk.queries import SORTS, STATES, Choices, Filters
from etl.outcomes import OUTCOMES
from expectations.rules.cards import title
from include.desk.context import Refused
from include.report.display import counted, label

ROWS = (50, 200, 500)
# Open for at least so many days.
_AGES = (1, 7, 30, 90)
_STATE_WORDS = {"open": "All that are open", "all": "All, mended too"}
FILTERS = ("state", "office", "advisor", "rule", "severity", "vendor", "outcome", "days", "assigned_to")
_CHOICES = {"severity": SEVERITIES, "vendor": tuple(VENDOR_NAMES), "state": STATES, "outcome": OUTCOMES}


@dataclass(frozen=True)
class Select:
    """A list to choose a filter from: its name in the address, its label, values with their words, what is chosen."""

    name: str
    label: str
    options: Sequence[tuple[str, str]]
    chosen: str

    @property
    def words(self) -> str:
        """What is chosen, in words; empty for everything."""
        return dict(self.options).get(self.chosen, self.chosen) if self.chosen else ""


@dataclass(frozen=True)
class View:
    """What a work list shows. ``page`` counts from 1; ``rows``: one of `ROWS`."""

    filters: Filters = field(default_factory=Filters)
    sort: str = "severity"
    descending: bool = False
    page: int = 1
    rows: int = ROWS[0]

    @classmethod
    def of(cls, given: Mapping[str, Any], day: date) -> View:
        """The view of an address, or of a form that keeps one, with the waivers of a day.

        Raises `Refused` for what no view can be.
        """
        filters = {"day": day} | {name: value for name in FILTERS if (value := _value(name, given)) != ""}
        sort, rows = str(given.get("sort") or "severity"), _number("rows", given) or ROWS[0]
        if sort not in SORTS or rows not in ROWS:
            raise _unreadable("sort" if sort not in SORTS else "rows")
        return cls(Filters(**filters), sort, given.get("order") == "down", max(_number("page", given) or 1, 1), rows)

    def query(self, **changes: Any) -> dict[str, Any]:
        """The names and values of the address, with these changes; without what is as in every view."""
        usual = View()
        standing = {
            **_named(self.filters), "sort": self.sort, "order": "down" if self.descending else "",
            "page": self.page, "rows": self.rows,
        }  # fmt: skip
        same = {**_named(usual.filters), "sort": usual.sort, "order": "", "page": 1, "rows": usual.rows}
        if changes and "page" not in changes:
            changes["page"] = 1
        return {name: value for name, value in {**standing, **changes}.items() if value != same.get(name)}

    def sorted_by(self, column: str) -> dict[str, Any]:
        """The query of this view by another column, or by the same one the other way round."""
        return self.query(sort=column, order="down" if column == self.sort and not self.descending else "")

    @property
    def offset(self) -> int:
        """How many items stand on the pages before."""
        return (self.page - 1) * self.rows


def selects(view: View, choices: Choices, name: str) -> list[Select]:
    """The filters that are chosen from a list; ``name``: of the user, whose items are the first choice."""
    filters = view.filters
    offices = [(str(office_id), office) for office_id, office in choices.offices.items()]
    rules = sorted(((rule_id, title(rule_id)) for rule_id in choices.rules), key=lambda one: one[1])
    states = [(state, _STATE_WORDS.get(state, label(state))) for state in STATES]
    ages = [(str(days), f"{counted(days, 'day')} or longer") for days in _AGES]
    people = sorted({name, *choices.assigned_to})
    return [
        Select("state", "State", states, filters.state),
        Select("office", "Office", [("", "All"), *offices], "" if filters.office is None else str(filters.office)),
        Select("advisor", "Advisor", [("", "All"), *_same(choices.advisors)], filters.advisor),
        Select("rule", "Rule", [("", "All"), *rules], filters.rule),
        Select("severity", "Severity", [("", "All"), *((one, label(one)) for one in SEVERITIES)], filters.severity),
        Select("vendor", "Vendor", [("", "Both"), *VENDOR_NAMES.items()], filters.vendor),
        Select("outcome", "Last outcome", [("", "Any"), *((one, label(one)) for one in OUTCOMES)], filters.outcome),
        Select("days", "Open for", [("", "Any time"), *ages], "" if filters.days is None else str(filters.days)),
        Select("assigned_to", "Assigned to", [("", "Anybody or nobody"), *_same(people)], filters.assigned_to),
    ]


def _named(filters: Filters) -> dict[str, Any]:
    """The filters that stand in the address."""
    return {name: getattr(filters, name) for name in FILTERS}


def _same(texts: Iterable[str]) -> list[tuple[str, str]]:
    return [(text, text) for text in texts]


def _value(name: str, given: Mapping[str, Any]) -> Any:
    text = str(given.get(name) or "").strip()
    if name in ("office", "days"):
        return "" if not text else _number(name, given)
    if text and name in _CHOICES and text not in _CHOICES[name]:
        raise _unreadable(name)
    return text


def _number(name: str, given: Mapping[str, Any]) -> int | None:
    text = str(given.get(name) or "").strip()
    if text and not (text.isascii() and text.isdigit() and len(text) < (19 if name == "office" else 7)):
        raise _unreadable(name)
    return int(text) if text else None


def _unreadable(name: str) -> Refused:
    return Refused(f"The address has a value of “{name}” that no list has. Choose it on the work list again.", 422)
