"""Who breaks which rule: the list that is written beside the database, and the recipes' common ground."""

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from include.demo.desk import Desk, Family

PROFILES = ("profiles",)
EMONEY = ("emoney",)
BOTH = ("profiles", "emoney")


@dataclass(frozen=True, order=True)
class Break:
    """One rule broken by one record of one unit at one vendor."""

    unit_key: str
    vendor: str
    rule_id: str
    severity: str
    entity: str
    entity_id: int


Recipe = Callable[[Desk, Family], list[Break]]


@dataclass(frozen=True)
class Plot:
    """A rule and the ways in which families break it, taken in turn. A way comes with the family it needs:
    a shape (couple, single), `child` for a couple with a child at home, or `any`."""

    rule_id: str
    ways: tuple[tuple[str, Recipe], ...]


def broken(
    family: Family, rule_id: str, severity: str, vendors: Iterable[str], entity: str, entity_id: int
) -> list[Break]:
    """The entries for one broken rule, one for each vendor."""
    return [Break(family.unit_key, vendor, rule_id, severity, entity, entity_id) for vendor in vendors]


def of_unit(family: Family, rule_id: str, severity: str, vendors: Iterable[str]) -> list[Break]:
    """The entries for a rule about the household as a whole (or the contact that is a unit of its own)."""
    if family.household:
        return broken(family, rule_id, severity, vendors, "household", family.household["household_id"])
    return broken(family, rule_id, severity, vendors, "contact", family.head["contact_id"])


def write_breaks(path: Path, breaks: Iterable[Break]) -> None:
    """Write the list as JSON, one entry a line, sorted."""
    lines = ",\n".join(json.dumps(asdict(each), sort_keys=True) for each in sorted(breaks))
    path.write_text(f"[\n{lines}\n]\n" if lines else "[]\n", encoding="utf-8")
