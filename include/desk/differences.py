"""How what we last sent of a unit to Profiles differs from what we last sent to eMoney, for no reason of a rule.

Left out is what the rules want: eMoney has no dependents, liabilities or premiums; each vendor has its own death
benefit, its own scope of policies and its own source of the spouse.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from etl.load.ledger import links
from etl.load.ledger.desk import queries
from etl.load.ledger.desk.differences import KEPT, Apart, read_broken
from etl.load.ledger.desk.queries import Filters, Item
from etl.load.ledger.desk.units import Scope
from etl.load.ledger.store import Ledger

Values = Mapping[str, Any]

# Field of a person in Profiles, at eMoney, and in words.
PERSON = (("firstName", "firstName", "First Name"), ("lastName", "lastName", "Last Name"),
          ("birthDate", "dateOfBirth", "Birth Date"))  # fmt: skip
MONEY = (("holdingsValue", "Account Value"), ("cashBalance", "Loan Balance"))
ACCOUNT = "account:"
# Rules by which the two vendors have another spouse, and so other people's accounts.
OF_THE_SPOUSE = ("HH-ROLE-RELATION", "HH-SPOUSE-ROLE-MISSING", "HH-SPOUSE-RELATION-MISSING", "HH-SPOUSE-AMBIGUOUS")
# … and by which eMoney gets no accounts.
OF_ACCOUNTS = ("LIC-EMONEY-INVESTMENTS",)
# What an edit in Profiles can change of what both vendors have.
COMPARED = ("firstName", "lastName", "birthDate", "holdingsValue", "cashBalance")


@dataclass(frozen=True)
class Difference:
    """``record``: whose; ``field``: in SmartOffice's words, or what one side lacks; never a value."""

    record: str
    field: str


@dataclass(frozen=True)
class Compared:
    """A unit and its differences; ``kept``: fields that keep an edit in Profiles."""

    unit: Apart
    differences: tuple[Difference, ...]
    kept: tuple[str, ...]


def compare_units(ledger: Ledger, units: Sequence[Apart]) -> list[Compared]:
    """Those of some units, found in the person's scope, that differ; five statements for any number of units."""
    keys = [unit.unit_key for unit in units]
    broken = read_broken(ledger, keys)
    parts = {part: links.read_bases(ledger, "emoney", part, keys) for part in ("client", "spouse", "items")}
    cases = links.read_bases(ledger, "profiles", "case", keys)
    compared = []
    for unit in units:
        rules = broken.get(unit.unit_key, {})
        sent = {part: bases.get(unit.unit_key) for part, bases in parts.items()}
        found = differences(cases.get(unit.unit_key), **sent, rules=rules)
        compared.append(Compared(unit, tuple(found), tuple(_kept(rules.get(KEPT, ())))))
    return [one for one in compared if one.differences or one.kept]


def differences(
    case: Values | None, client: Values | None, spouse: Values | None, items: Values | None, rules: Collection[str] = ()
) -> Iterator[Difference]:
    """How a unit's case differs from its client at eMoney. ``rules``: what the unit breaks, which may be the reason.

    A vendor that nothing is known of differs in nothing.
    """
    if not case or not client:
        return
    yield from _of_person("client", case.get("clientA"), client)
    if not _among(rules, OF_THE_SPOUSE):
        yield from _of_person("spouse", case.get("clientB"), spouse)
    if items is not None and not _among(rules, OF_ACCOUNTS):
        yield from _of_accounts(case.get("assets") or (), items, _among(rules, OF_THE_SPOUSE))


def _of_person(who: str, profiles: Values | None, emoney: Values | None) -> Iterator[Difference]:
    if not profiles or not emoney:
        if profiles or emoney:
            yield Difference(who, f"only {'Profiles' if profiles else 'eMoney'} has one")
        return
    for ours, theirs, words in PERSON:
        if profiles.get(ours) != emoney.get(theirs):
            yield Difference(who, words)


def _of_accounts(assets: Iterable[Values], items: Values, other_spouse: bool) -> Iterator[Difference]:
    """Values of accounts that both have and, where they have the same people, accounts that one has not."""
    profiles = {asset["externalSourceId"]: asset for asset in assets if asset["externalSourceId"].startswith(ACCOUNT)}
    emoney = {key: item for key, item in items.items() if key.startswith(ACCOUNT) and item is not None}
    both = profiles.keys() & emoney.keys()
    for key in sorted(both):
        for name, words in MONEY:
            if profiles[key].get(name) != emoney[key].get(name):
                yield Difference(key.replace(":", " "), words)
    if other_spouse:
        return
    for key in sorted(profiles.keys() ^ emoney.keys()):
        yield Difference(key.replace(":", " "), f"only {'Profiles' if key in profiles else 'eMoney'} has it")
    if _total(profiles.values()) != _total(emoney.values()):
        yield Difference("accounts", "total of Account Value")


def _total(records: Iterable[Values]) -> Decimal:
    return sum((Decimal(str(record.get("holdingsValue") or 0)) for record in records), Decimal(0))


def _kept(named: Iterable[str]) -> Iterator[str]:
    """The fields that keep an edit in Profiles, of those that both vendors have; ``named``: as items name them."""
    fields = dict.fromkeys(field for names in named for field in names.split(", "))
    yield from (field for field in fields if field.rpartition(".")[2] in COMPARED)


def _among(rules: Collection[str], names: Iterable[str]) -> bool:
    return any(name in rules for name in names)


def families_apart(ledger: Ledger, scope: Scope, office: int | None, limit: int) -> list[Item]:
    """The open items of families whose household role and key relation name different spouses (HH-ROLE-RELATION)."""
    chosen = Filters(rule=OF_THE_SPOUSE[0], office=office)
    return queries.list_items(ledger, scope, chosen, sort="office", limit=limit)
