"""A run's pages: the worklist, the life events, and where the values come from. No script, no outside addresses."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from etl.outcomes import OUTCOMES
from expectations.rules.cards import Card, cards, title
from include.report.display import as_texts, rows_of, vendor_name
from include.report.html import render
from include.report.run.advice import advice, decided, ending, headline, meanings
from include.report.run.households import Household, households, rule_anchor, urgent_units
from include.report.run.model import (
    AVAILABLE_COLUMNS,
    CHANGE_COLUMNS,
    LINEAGE_COLUMNS,
    PIN_COLUMNS,
    SEVERITIES,
    STATUSES,
    RunReport,
)
from include.report.run.proposals import together
from include.report.run.tallies import Book, Tallies

# What a person can still read on one page: about five megabytes at most.
HOUSEHOLDS_SHOWN = 2_000
LINKS_SHOWN = 100
ROWS_SHOWN = 200
EVENTS_SHOWN = 300
FIELDS_SHOWN = 1_000
USERS_OFFERED = 60

# Up to so many units the page shows each outcome, and up to so many each field.
EACH_OUTCOME = 2
EACH_FIELD = 20
_BAR = 1000


@dataclass(frozen=True)
class RuleSection:
    """One rule in the section “By rule”: its card, its counts, and the households on the page that break it.

    A rule that is in the table no more has no card.
    """

    anchor: str
    rule_id: str
    title: str
    card: Card | None
    severity: str
    vendors: str
    message: str
    is_example: bool
    remedy: str
    units: int
    findings: int
    counts: dict[str, int]
    links: list[Household]

    @property
    def is_listed(self) -> bool:
        """Whether the page lists the rule's households; info and mended findings are only counted."""
        return self.severity != "info" and self.findings > 0


def render_worklist(report: RunReport, tallies: Tallies, limit: int = HOUSEHOLDS_SHOWN) -> str:
    """worklist.html as text (`include.report.html.render`)."""
    keys, total = urgent_units(tallies, limit)
    shown = households(report, tallies, keys)
    users = _users(shown)
    return render(
        "worklist.html.j2",
        users,
        **_content(report, tallies),
        households=shown,
        households_total=total,
        rules=_rules(tallies, shown),
        rows_shown=ROWS_SHOWN,
        rule_anchor=rule_anchor,
        ending=ending,
        decided=decided,
    )


def render_life_events(report: RunReport) -> str:
    """life_events.html as text: proposals for people who decide about changed couples."""
    labels = report.labels
    named = labels["household_name"].fillna("").str.strip().where(lambda names: names != "", labels["head_name"])
    return render(
        "life_events.html.j2",
        run=report.run,
        is_held=not all(one.is_confirmed for one in report.life_events),
        events=together(report.life_events)[:EVENTS_SHOWN],
        names=dict(zip(labels["unit_key"], named.fillna(""), strict=True)),
        rows_shown=ROWS_SHOWN,
    )


def render_why(report: RunReport) -> str:
    """why.html as text: the source of each value and the decision about it, without the values."""
    lineage = as_texts(report.lineage, LINEAGE_COLUMNS)
    shown = lineage.head(FIELDS_SHOWN)
    return render(
        "why.html.j2",
        run=report.run,
        units=lineage.groupby(["unit_key", "vendor"], sort=False).ngroups,
        total=len(lineage),
        groups=[
            (key, vendor, len(rows), [(holder, rows_of(inner)) for holder, inner in _by_holder(rows)])
            for (key, vendor), rows in shown.groupby(["unit_key", "vendor"], sort=False)
        ],
        pins=rows_of(as_texts(report.pins, PIN_COLUMNS).head(FIELDS_SHOWN)),
        rows_shown=FIELDS_SHOWN,
    )


def _content(report: RunReport, tallies: Tallies) -> dict[str, Any]:
    wording = report.wording
    return {
        "run": report.run,
        "report": report,
        "books": tallies.books,
        "bars": {book.vendor: _bar(book) for book in tallies.books},
        "outcomes": OUTCOMES,
        "meanings": wording.meanings if wording else meanings(report),
        "headline": wording.headline if wording else headline(report, tallies),
        "advice": wording.steps if wording else advice(report, tallies),
        "are_skipped": wording is None and tallies.outcomes["outcome"].eq("skipped").all(),
        "is_first": tallies.is_first,
        "households_in_scope": tallies.households,
        "persons_in_scope": tallies.persons,
        "rule_title": title,
        "by_severity": {severity: len(tallies.open_findings(severity)) for severity in SEVERITIES},
        "by_status": tallies.by_status(),
        "waived": len(tallies.waived),
        "ended": _head(tallies.outcomes) if report.units <= EACH_OUTCOME else [],
        "reasons": _head(tallies.reasons),
        "available": _head(tallies.available),
        "proposed": _proposed(report),
        "available_units": report.newly_available["unit_key"].nunique(),
        "changed": _head(tallies.changed),
        "field_by_field": _field_by_field(report),
        "receipts": _head(tallies.receipts),
        "life_events": len({one.unit_key for one in report.life_events}),
    }


def _proposed(report: RunReport) -> list[dict[str, Any]]:
    """Each proposal if they are few, as in a run by hand; those of a whole night are only counted."""
    waiting = as_texts(report.newly_available, AVAILABLE_COLUMNS)
    return _head(waiting) if len(waiting) <= ROWS_SHOWN else []


def _field_by_field(report: RunReport) -> list[dict[str, Any]]:
    """Each field of few households; those of a whole night are only counted. The workbook has old and new values."""
    changed = as_texts(report.changes, CHANGE_COLUMNS)
    if changed["unit_key"].nunique() > EACH_FIELD or len(changed) > ROWS_SHOWN:
        return []
    return _head(changed.sort_values(["unit_key", "vendor", "field"], kind="stable"))


def _head(rows: pd.DataFrame) -> list[dict[str, Any]]:
    return rows_of(rows.head(ROWS_SHOWN))


def _by_holder(rows: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """The fields of each person and item, with their names within it."""
    parts = rows["field"].str.extract(r"^(?P<holder>.*\]|[^.]*)\.?(?P<name>.*)$")
    for holder, inner in rows.assign(name=parts["name"]).groupby(parts["holder"], sort=False):
        yield str(holder), inner


def _bar(book: Book) -> list[tuple[str, int, int, int]]:
    """The parts of a stacked bar: outcome, units, left edge and width in thousandths. Each is wide enough to see."""
    parts = {outcome: units for outcome, units in book.outcomes.items() if units}
    raw = {outcome: max(_BAR * units / book.counted, 8.0) for outcome, units in parts.items()}
    scale = _BAR / sum(raw.values()) if raw else 1.0
    bar, left = [], 0.0
    for outcome, units in parts.items():
        width = raw[outcome] * scale
        bar.append((outcome, units, round(left), max(round(left + width) - round(left) - 2, 1)))
        left += width
    return bar


def _users(shown: list[Household]) -> dict[str, int]:
    """The users by whom the page can be filtered: those with the most households, numbered for the style sheet."""
    counts = pd.Series([household.user for household in shown if household.user], dtype="str").value_counts()
    return {user: number for number, user in enumerate(sorted(counts.head(USERS_OFFERED).index), 1)}


def _rules(tallies: Tallies, shown: list[Household]) -> list[RuleSection]:
    on_page: dict[str, list[Household]] = {}
    for household in shown:
        for rule_id in {problem.rule_id for problem in household.problems}:
            on_page.setdefault(rule_id, []).append(household)
    return [
        RuleSection(
            anchor=rule_anchor(rule["rule_id"], rule["severity"]),
            rule_id=rule["rule_id"],
            title=title(rule["rule_id"]),
            card=cards().get(rule["rule_id"]),
            severity=rule["severity"],
            vendors=" and ".join(vendor_name(vendor) for vendor in sorted(rule["vendors"], reverse=True)),
            message=rule["message"],
            is_example=rule["messages"] > 1,
            remedy=rule["remedy"],
            units=rule["units"],
            findings=rule["findings"],
            counts={status: rule[status] for status in (*STATUSES, "waived")},
            links=on_page.get(rule["rule_id"], [])[:LINKS_SHOWN],
        )
        for rule in tallies.by_rule.to_dict("records")
    ]
