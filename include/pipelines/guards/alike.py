"""Values that change alike: one field of many units by the same pattern, such as all states to blank, money times 100.

One such unit is ordinary work; a tenth of all units is a fault of the extract, an import or a migration. Texts hold
values of drop-down fields only; other values are described by their shape.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

# Fields that a person chooses from a list: their values identify nobody.
DROP_DOWNS = frozenset(
    {"state", "country", "gender", "maritalStatus", "accountType", "typeOfFund", "typeOfFunds", "owner", "insured",
     "kind", "paymentMethod"}
)  # fmt: skip
# The CRM table of a field: by the key of its item, else by its name.
TABLE_OF_KEY = {
    "account": "investment_account", "policy": "policy", "position": "investment_position", "liability": "liability",
    "contact": "contact",
}  # fmt: skip
TABLE_OF_NAME = dict.fromkeys(("homePhone", "cellPhone", "fax", "workPhone", "workFax"), "contact_phone") | {
    "businessPhone": "contact_phone", "businessFax": "contact_phone", "email": "contact_email",
    "addressInfo": "contact_address", "employerAddress": "contact_address", "address": "contact_address",
}  # fmt: skip

_KEY = re.compile(r"\[(\w+):[^\]]*\]")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
# Characters of a value, or of its shape, that are shown.
SHOWN = 40
# How far a factor may differ from a power of ten and still count as one: amounts are rounded to cents.
_ROUNDING = 0.001


@dataclass(frozen=True)
class Alike:
    """The number of units with a field that changed by one pattern; ``table``: the CRM's, ``field``: the vendor's."""

    table: str
    field: str
    pattern: str
    units: int


@dataclass(frozen=True)
class _Group:
    """``level``: the same change, then the same kind of text, then the same value now. ``key`` may hold values."""

    table: str
    field: str
    level: int
    key: tuple[str, ...]
    words: str


class ChangesAlike:
    """Counts changes by field and pattern, unit by unit."""

    def __init__(self) -> None:
        self._units: Counter[_Group] = Counter()

    def add(self, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
        """Adds one unit's values, as last sent and now, by names such as ``assets[account:5].holdingsValue``.

        A value that is in one of them only has come or gone, and did not change.
        """
        shared = ((name, before[name], value) for name, value in now.items() if name in before)
        self._units.update({group for name, old, new in shared if old != new for group in _groups(name, old, new)})

    def of_at_least(self, units: float) -> list[Alike]:
        """The patterns that at least so many units share; of each field the closest patterns only."""
        fields: dict[tuple[str, str], dict[int, list[Alike]]] = defaultdict(lambda: defaultdict(list))
        for group, count in self._units.items():
            if count >= units:
                alike = Alike(group.table, group.field, group.words, count)
                fields[group.table, group.field][group.level].append(alike)
        closest = (levels[min(levels)] for levels in fields.values())
        return sorted((one for found in closest for one in found), key=lambda one: (-one.units, one.field, one.pattern))


def _groups(name: str, old: Any, new: Any) -> Iterator[_Group]:
    table, field = _place(name)
    for level, key, words in _patterns(old, new, field.rpartition(".")[2] in DROP_DOWNS):
        yield _Group(table, field, level, key, words)


def _place(name: str) -> tuple[str, str]:
    kinds = _KEY.findall(name)
    field = _KEY.sub("[]", name)
    by_name = (TABLE_OF_NAME[part] for part in field.split(".") if part in TABLE_OF_NAME)
    return TABLE_OF_KEY.get(kinds[-1], kinds[-1]) if kinds else next(by_name, "contact"), field


def _patterns(old: Any, new: Any, is_shown: bool) -> Iterator[tuple[int, tuple[str, ...], str]]:
    """Level, key and words of each pattern that a change follows; none where both values are the same text or blank."""
    if _text(old) == _text(new) or (_is_blank(old) and _is_blank(new)):
        return
    if _is_blank(new):
        yield 0, ("blank",), "→ blank"
        return
    if _is_number(old) and _is_number(new):
        factor = _factor(float(old), float(new))
        if factor:
            yield 0, (factor,), factor
    elif not _is_blank(old):
        yield from _of_texts(_text(old), _text(new), is_shown)
    yield 2, ("same", _text(new)), f"→ {_text(new)[:SHOWN]}" if is_shown else "→ one value, the same for all"


def _of_texts(old: str, new: str, is_shown: bool) -> Iterator[tuple[int, tuple[str, ...], str]]:
    if _DAY.fullmatch(old) and _DAY.fullmatch(new):
        words = _days_apart(old, new)
        yield 0, (words,), words
        return
    yield 0, (old, new), f"{old[:SHOWN]} → {new[:SHOWN]}" if is_shown else "one value → another, the same two for all"
    shapes = looks_like(old), looks_like(new)
    if shapes[0] != shapes[1]:
        yield 1, shapes, f"'{shapes[0]}' → '{shapes[1]}'"


def _factor(old: float, new: float) -> str | None:
    """How a number changed, where that is implausible; else None."""
    if old == 0 or old == new:
        return None
    if new == 0:
        return "→ 0"
    if math.isclose(new, -old):
        return "sign turned"
    tens = math.log10(abs(new / old))
    if round(tens) and abs(tens - round(tens)) < _ROUNDING:
        return f"{'×' if tens > 0 else '÷'} {10 ** abs(round(tens)):,}"
    if abs(tens) >= 1:
        return f"{'×' if tens > 0 else '÷'} more than 10"
    return None


def _days_apart(old: str, new: str) -> str:
    try:
        before, after = date.fromisoformat(old), date.fromisoformat(new)
    except ValueError:
        return "a date → another"
    if (before.year, before.month, before.day) == (after.year, after.day, after.month):
        return "day and month exchanged"
    days = (after - before).days
    return f"{abs(days):,} day{'s' if abs(days) > 1 else ''} {'later' if days > 0 else 'earlier'}"


def looks_like(text: str) -> str:
    """The shape of a text: ``Aa`` for Portsmouth and New York, ``9-9-9`` for a phone number."""
    kinds = "".join(map(_kind, text[: 5 * SHOWN]))
    runs = re.sub(r"(.)\1+", r"\1", kinds)
    return re.sub(r"(\S+)( \1)+(?!\S)", r"\1", runs)[:SHOWN]


def _kind(character: str) -> str:
    if character.isalpha():
        return "A" if character.isupper() else "a"
    return "9" if character.isalnum() else character


def _is_blank(value: Any) -> bool:
    return value is None or value in ("", [], {})


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Iterable) and not isinstance(value, Mapping):
        return json.dumps(sorted(map(str, value)))
    return f"{float(value):.6f}" if _is_number(value) else json.dumps(value, sort_keys=True, default=str)
