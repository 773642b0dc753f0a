"""Finds the answers to a question: the vendors at which a field exists, and the fields that a name stands for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from etl.errors import VENDOR_NAMES, ParamsError
from etl.load.ledger import story
from etl.load.ledger.story import Rows
from etl.names import near
from etl.units import CONTACT, HOUSEHOLD, is_unit_key
from include.why.answers import Answer, answer, answer_for_column, known_fields, unknown_record
from include.why.fields import ROLES, field_names, is_part_of, person_names, record_column
from include.why.history import History, read_history

VENDORS = tuple(VENDOR_NAMES)


@dataclass(frozen=True)
class UnitAnswers:
    """A unit's history at one vendor, and the answers about it."""

    history: History
    answers: list[Answer]


def ask(ledger: Rows, unit_key: str, name: str | None, vendor: str | None, until: date | None) -> list[UnitAnswers]:
    """The answers by vendor; without a name all fields of the unit.

    Raises `ParamsError`, with similar names, for an unknown unit, field or vendor, and for a date before the first run.
    """
    if vendor is not None and vendor not in VENDORS:
        raise ParamsError(f"Unknown vendor {vendor}: it is profiles or emoney.")
    histories = {one: read_history(ledger, one, unit_key, until) for one in ([vendor] if vendor else VENDORS)}
    known = {one: history for one, history in histories.items() if history.runs}
    if not known:
        raise ParamsError(_unknown_unit(ledger, unit_key, vendor, until))
    column = record_column(name) if name else None
    if column is not None:
        # A record may be known only by what the other vendor got of it.
        both = [histories.get(one) or read_history(ledger, one, unit_key, until) for one in VENDORS]
        if not any(f"{column[0]}:{column[1]}" in history.records for history in both):
            raise unknown_record(both if vendor is None else [histories[vendor]], f"{column[0]}:{column[1]}")
    answered, refused = [], []
    for history in known.values():
        try:
            answered.append(UnitAnswers(history, _answers(history, name)))
        except ParamsError as error:
            refused.append(error)
    if not answered:
        raise ParamsError("\n".join(dict.fromkeys(map(str, refused))))
    return answered


def answer_all(history: History) -> list[Answer]:
    """Every field of the unit at the vendor."""
    return [answer(history, name) for name in known_fields(history)]


def _answers(history: History, name: str | None) -> list[Answer]:
    if name is None:
        return answer_all(history)
    try:
        wanted = field_names(history.vendor, name)
    except ParamsError:
        by_column = answer_for_column(history, name)
        if by_column is not None:
            return [by_column]
        raise
    fields = [
        *known_fields(history),
        *(f"{role}.{one}" for role in ROLES[history.vendor] for one in person_names(history.vendor, role)),
    ]
    found = [one for one in dict.fromkeys(fields) if any(is_part_of(one, each) for each in wanted)]
    if found:
        return [answer(history, one) for one in found]
    return [_first(history, wanted)]


def _first(history: History, wanted: Iterable[str]) -> Answer:
    """The answer of the first of these lists that has the item."""
    refused: ParamsError | None = None
    for name in wanted:
        try:
            return answer(history, name)
        except ParamsError as error:
            refused = refused or error
    assert refused is not None
    raise refused


def _unknown_unit(ledger: Rows, unit_key: str, vendor: str | None, until: date | None) -> str:
    where = f" at {VENDOR_NAMES[vendor]}" if vendor else ""
    dealt = {one: read_history(ledger, one, unit_key).runs for one in VENDORS}
    asked = [ran for one, found in dealt.items() if vendor in (None, one) for ran in found]
    if asked and until:
        first = min(ran.as_of for ran in asked)
        return f"{unit_key} was in no run{where} up to {until}: its first was as of {first}. Ask for that day or later."
    if any(dealt.values()):
        other = " and ".join(VENDOR_NAMES[one] for one, found in dealt.items() if found)
        return f"{unit_key} was in no run{where}; it was in scope at {other}."
    stem, number = unit_key[:-1] or unit_key, unit_key.lstrip(HOUSEHOLD + CONTACT)
    close = story.known_units(ledger, f"{stem}%", f"{HOUSEHOLD}{number}", f"{CONTACT}{number}")
    example = "" if is_unit_key(unit_key) else " A unit is such as H12 or C7."
    if unit_key.isdecimal():
        example = f" The household is {HOUSEHOLD}{unit_key}, the contact {CONTACT}{unit_key}."
    return f"The ledger knows no unit {unit_key}{where}.{near(unit_key, close)}{example}"
