"""What the page of a household says of each vendor: where it stands, what went, what did not, what an edit kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby, islice

from etl.errors import VENDOR_NAMES
from etl.load.ledger.desk.households import LinkRow, read_links
from etl.load.ledger.store import Ledger
from etl.load.ledger.story import PinnedField, UnitRun
from etl.outcomes import DONE
from expectations.rules.cards import title, titles
from include.why.answers import WORDS, Answer
from include.why.asking import answer_all
from include.why.history import History, read_history
from include.why.rows import DIFFERING

_PERIODS = 30

# Why a value or a record does not go, by rules that find nothing wrong: those have a card.
LEFT_OUT = {
    "ACC-CATEGORY": "another field decides the category",
    "ACC-FIXED-ANNUITY": "an annuity goes without it",
    "ACC-SCOPE-EMONEY": "it belongs to neither the client nor the spouse",
    "DEM-ADDRESS": "the address is blank",
    "DEM-MATRIX": "the vendor does not take it of this person",
    "DEM-PHONE": "the number is blank",
    "DEM-PICK": "another one of its type goes, or its type does not go",
    "DEM-TEXT": "it is blank",
    "LIA-CALCULATE": "the other figures of the loan go",
    "LIA-NAME": "another field gives the name",
    "POL-ELIMINATION": "only disability and LTC policies have one",
    "POL-INSURED": "it insures neither the client nor the spouse",
    "POL-OWNER-EMONEY": "another field gives the owner",
    "POL-PREMIUM": "the annual premium goes",
    "POL-SCOPE": "it belongs to neither the client nor the spouse",
}


@dataclass(frozen=True)
class LeftOut:
    """A record, or one value of it (``name``), that does not go; why in words, and the rule that says so."""

    record: str
    name: str
    why: str
    rule: str


@dataclass(frozen=True)
class Kept:
    """A field that keeps what somebody typed at the vendor, and since which run's data."""

    field: str
    words: str
    since: date


@dataclass(frozen=True)
class Period:
    """Runs one after another in which a unit ended alike: how, why, how many they were, and the last of them."""

    outcome: str
    why: str
    runs: int
    first: date
    last: UnitRun


@dataclass(frozen=True)
class AtVendor:
    """Where a unit stands at a vendor.

    ``last``: the run that had it in scope last; ``refreshed``: the last run after which the vendor had it all.
    ``went``: fields that were sent, ``stayed``: fields with a value that were not; ``kept``: fields that keep an edit
    made there. Values by their shape.
    """

    vendor: str
    link: LinkRow | None
    last: UnitRun | None
    refreshed: UnitRun | None
    why: str
    went: tuple[Answer, ...] = ()
    stayed: tuple[Answer, ...] = ()
    kept: tuple[Kept, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    pins: tuple[PinnedField, ...] = ()
    periods: tuple[Period, ...] = ()


def stand_at_vendors(ledger: Ledger, unit_key: str) -> list[AtVendor]:
    """Where a unit stands at each vendor."""
    links = read_links(ledger, unit_key)
    return [_stand(read_history(ledger, vendor, unit_key), links.get(vendor)) for vendor in VENDOR_NAMES]


def _stand(history: History, link: LinkRow | None) -> AtVendor:
    if not history.runs:
        return AtVendor(history.vendor, link, None, None, "")
    last = history.runs[0]
    refreshed = next((ran for ran in history.runs if ran.outcome in DONE), None)
    return AtVendor(
        vendor=history.vendor,
        link=link,
        last=last,
        refreshed=refreshed,
        why=why(last),
        went=_went(history, refreshed) if refreshed else (),
        stayed=_stayed(history),
        kept=_kept(history),
        left_out=_left_out(history),
        pins=history.pins,
        periods=tuple(islice(_periods(history.runs), _PERIODS)),
    )


def _went(history: History, refreshed: UnitRun) -> tuple[Answer, ...]:
    """The fields that the vendor has from us, as the last run that refreshed it says: later runs sent nothing."""
    until = replace(history, runs=history.runs[history.runs.index(refreshed) :], settled=None)
    has_gone = {name for name, value in history.sent_values.items() if value is not None}
    return tuple(one for one in answer_all(until) if one.field in has_gone)


def _stayed(history: History) -> tuple[Answer, ...]:
    """The fields with a value that were never sent; what the CRM does not have is no news."""
    has_gone = {name for name, value in history.sent_values.items() if value is not None}
    return tuple(one for one in answer_all(history) if one.field not in has_gone and one.shape not in ("", "null"))


def _kept(history: History) -> tuple[Kept, ...]:
    """Fields whose last decision was for what the vendor has."""
    latest = {name: decided[0] for name, decided in history.changes.items() if decided[0].decision in DIFFERING}
    vendor = VENDOR_NAMES[history.vendor]
    return tuple(
        Kept(name, WORDS[one.decision].format(vendor=vendor), one.ran.as_of) for name, one in sorted(latest.items())
    )


def why(ran: UnitRun) -> str:
    """Why a unit ended so, in words: the titles of the rules that decided it, else the reason that the run gave."""
    return titles(ran.rule_ids) or ran.reason or ""


def _left_out(history: History) -> tuple[LeftOut, ...]:
    rows = (row for row in history.rows if row["kind"] == "receipt")
    found = {(row["subject"] or history.unit_key, row["name"], row["rule_id"]) for row in rows}
    return tuple(
        LeftOut(record, name, LEFT_OUT[rule] if rule in LEFT_OUT else title(rule), rule)
        for record, name, rule in sorted(found)
    )


def _periods(runs: Sequence[UnitRun]) -> list[Period]:
    """The same end in runs one after another is one period, the latest first."""
    alike = (list(group) for _, group in groupby(runs, key=lambda ran: (ran.outcome, ran.reason)))
    return [Period(some[0].outcome, why(some[0]), len(some), some[-1].as_of, some[0]) for some in alike]
