"""The fix cards: what a steward reads about a rule beside its message and remedy. They stand in ``cards.toml``.

Where to mend it, with the path and the label of the field in SmartOffice, is the rule's remedy and is not said again.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True)
class Card:
    """``title``: the rule in a steward's words; ``why`` it matters for the plan; ``example`` of a right value.

    ``stays``: what happens if nobody mends it. It holds under any severity that an office gives the rule.
    """

    title: str
    why: str
    example: str
    stays: str


@cache
def cards() -> Mapping[str, Card]:
    """The card of every rule by its id, in the order of the rules."""
    text = files("expectations.rules").joinpath("cards.toml").read_text(encoding="utf-8")
    return {rule_id: Card(**fields) for rule_id, fields in tomllib.loads(text).items()}


def title(rule_id: str) -> str:
    """The title of a rule. A rule that is in the table no more goes by its id: the ledger may know it still."""
    known = cards().get(rule_id)
    return known.title if known else rule_id


def titles(rule_ids: str | None) -> str:
    """The titles of rules, such as those that hold a unit: ``HH-HEAD, DEM-NAME``. Empty for none."""
    return "; ".join(title(one.strip()) for one in (rule_ids or "").split(",") if one.strip())
