"""Trends: what was open, new and mended over the last nights, by rule and by office, and units that never went."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from etl.errors import VENDOR_NAMES
from etl.load.ledger.desk import trends
from etl.load.ledger.desk.trends import Trends
from expectations.rules.cards import title
from include.desk import charts, kit
from include.desk.context import desk_of
from include.desk.security import User, not_there

router = APIRouter()

LISTED = 200
_SMALL = (120, 24)


@dataclass(frozen=True)
class Line:
    """A row of a table: its words, what its link shows, figures of all nights together, a small chart."""

    words: str
    query: dict[str, object]
    open: int
    new: int
    mended: int
    days: float | None
    points: str


@router.get("/trends")
def show(request: Request, user: User, rule: str = "", office: str = "") -> Response:
    """The figures of all rules and offices, of one rule, of one office, or of a rule in an office."""
    ledger = desk_of(request).ledger
    read = trends.read_trends(ledger, user.offices)
    office_id = _office(read, office)
    series = read.series(rule or None, office_id)
    rows = list(zip(read.nights, series.open.tolist(), series.new.tolist(), series.mended.tolist(), strict=True))
    return kit.page(
        request,
        "trends.html.j2",
        about=" in ".join(filter(None, (title(rule) if rule else "", read.offices.get(office_id or 0, "")))),
        rows=rows,
        open_now=read.open_now(rule or None, office_id),
        days=read.median_days(rule or None, office_id),
        rule=rule,
        office=office_id,
        chart=charts.line(series.open.tolist()),
        bars=charts.bars(series.new.tolist(), series.mended.tolist()),
        bar_width=charts.bar_width(len(rows)),
        by_rule=[] if rule else _by_rule(read, office_id),
        by_office=[] if office_id is not None else _by_office(read, rule or None),
        never_sent=trends.count_never_sent(ledger, user.offices) if not rule else [],
    )


@router.get("/trends/never-sent/{vendor}")
def never_sent(request: Request, user: User, vendor: str) -> Response:
    """The units that a vendor never got."""
    if vendor not in VENDOR_NAMES:
        raise not_there()
    ledger = desk_of(request).ledger
    units = trends.list_never_sent(ledger, user.offices, vendor, LISTED)
    count = sum(one.units for one in trends.count_never_sent(ledger, user.offices) if one.vendor == vendor)
    return kit.page(request, "never_sent.html.j2", vendor=vendor, units=units, count=count)


def _office(read: Trends, text: str) -> int | None:
    if not text:
        return None
    office = next((number for number in read.offices if str(number) == text), None)
    if office is None:
        raise not_there()
    return office


def _by_rule(read: Trends, office: int | None) -> list[Line]:
    return _most_open_first(_line(title(rule), read, rule, office) for rule in read.rules)


def _by_office(read: Trends, rule: str | None) -> list[Line]:
    return _most_open_first(_line(name or str(office), read, rule, office) for office, name in read.offices.items())


def _most_open_first(lines: Iterable[Line]) -> list[Line]:
    """Without those that had no item in these nights."""
    return sorted((one for one in lines if one.open or one.new or one.mended), key=lambda one: (-one.open, one.words))


def _line(words: str, read: Trends, rule: str | None, office: int | None) -> Line:
    series = read.series(rule, office)
    return Line(
        words,
        {"rule": rule, "office": office},
        read.open_now(rule, office),
        int(series.new.sum()),
        int(series.mended.sum()),
        read.median_days(rule, office),
        charts.line(series.open.tolist(), *_SMALL),
    )
