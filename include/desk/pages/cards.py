"""The rules with their fix cards, and what the gate sees of each field of the CRM and what it does not."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from etl.load.ledger.desk import queries
from etl.load.ledger.desk.queries import Filters
from etl.values import VENDORS
from expectations.rules import FAMILIES, read_overrides
from expectations.rules.cards import Card, cards, title
from expectations.rules.types import Rule
from include.coverage.table import BLANK, BLANK_IS_NO_FAULT, MAY_LOOK_RIGHT, PROTECTED, Line, committed
from include.desk import kit
from include.desk.context import desk_of
from include.desk.security import User

router = APIRouter()


@dataclass(frozen=True)
class Listed:
    """A rule on the page: its severity now, whether the office has set that, and its open items."""

    rule: Rule
    card: Card
    severity: str
    is_overridden: bool
    open: int


@dataclass(frozen=True)
class Gap:
    """A way in which a field goes wrong that no rule finds, at these vendors; ``why``: if that is meant."""

    field: str
    corruption: str
    vendors: tuple[str, ...]
    why: str


@router.get("/checks")
def show_checks(request: Request, user: User) -> Response:
    """All rules by family with their cards, their severity as the office has it, and the user's open items."""
    desk = desk_of(request)
    overrides = read_overrides(desk.settings.rules.file)
    counts = queries.count_items(desk.ledger, user.offices, Filters(day=desk.today)).by_rule
    families = {
        family: [
            Listed(
                rule,
                cards()[rule.rule_id],
                overrides.get(rule.rule_id, rule.severity),
                overrides.get(rule.rule_id, rule.severity) != rule.severity,
                counts.get(rule.rule_id, 0),
            )
            for rule in rules
        ]
        for family, rules in FAMILIES.items()
    }
    return kit.page(request, "checks.html.j2", families=families)


@router.get("/coverage")
def show_coverage(request: Request, user: User) -> Response:
    """What the gate sees of each mapped field that goes wrong, from the table that was measured."""
    lines = committed()
    open_lines = [line for line in lines if any(line.is_open(vendor) for vendor in VENDORS)]
    looks_wrong = [line for line in open_lines if line.corruption not in MAY_LOOK_RIGHT]
    found = {line.field for line in lines if any(line.rules(vendor) for vendor in VENDORS)}
    return kit.page(
        request,
        "coverage.html.j2",
        fields=sorted({line.field for line in lines}),
        unprotected=sorted({line.field for line in lines} - found),
        protected=[(group, field, _rules_of(lines, field)) for group, fields in PROTECTED.items() for field in fields],
        open_lines=[_gap(line) for line in looks_wrong],
        plausible=[_gap(line) for line in open_lines if line.corruption in MAY_LOOK_RIGHT],
        lines=lines,
        rule_title=title,
    )


def _rules_of(lines: tuple[Line, ...], field: str) -> list[str]:
    """The rules that find a blank, mistyped or impossible value of a field at either vendor, each once."""
    of_field = [line for line in lines if line.field == field and line.corruption not in MAY_LOOK_RIGHT]
    return list(dict.fromkeys(rule for line in of_field for vendor in VENDORS for rule in line.rules(vendor)))


def _gap(line: Line) -> Gap:
    why = BLANK_IS_NO_FAULT.get(line.field, "") if line.corruption == BLANK else ""
    return Gap(line.field, line.corruption, tuple(vendor for vendor in VENDORS if line.is_open(vendor)), why)
