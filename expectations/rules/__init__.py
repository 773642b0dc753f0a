"""The table of rules: the one home of ids, severities, words and remedies, for checks and for the load alike.

A rule's severity says what follows: ``critical`` holds the whole household back from that vendor, ``warning`` sends it
and puts it on the stewards' worklist, ``info`` is reported only. A file of overrides changes severities, rule by rule.
"""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from etl.errors import SettingsError
from expectations.rules.accounts import ACCOUNT_RULES
from expectations.rules.households import HOUSEHOLD_RULES
from expectations.rules.liabilities import LIABILITY_RULES
from expectations.rules.load import LOAD_RULES
from expectations.rules.people import PEOPLE_RULES
from expectations.rules.policies import POLICY_RULES
from expectations.rules.source import SOURCE_RULES
from expectations.rules.transfer import TRANSFER_RULES
from expectations.rules.types import SEVERITIES, SUITES, Check, Rule, Severity

FAMILIES: Final[Mapping[str, tuple[Rule, ...]]] = {
    "Rows of the CRM": SOURCE_RULES,
    "Households": HOUSEHOLD_RULES,
    "People": PEOPLE_RULES,
    "Accounts": ACCOUNT_RULES,
    "Liabilities": LIABILITY_RULES,
    "Policies": POLICY_RULES,
    "At the vendors": LOAD_RULES,
    "Transfers between offices": TRANSFER_RULES,
}
"""The rules in the order in which stewards should read them."""

TABLE: Final[tuple[Rule, ...]] = tuple(rule for family in FAMILIES.values() for rule in family)
RULES: Final[Mapping[str, Rule]] = {rule.rule_id: rule for rule in TABLE}

FINDING_COLUMNS: Final = (
    "vendor",
    "unit_key",
    "rule_id",
    "severity",
    "entity",
    "entity_id",
    "field",
    "message",
    "remedy",
)

Overrides = Mapping[str, Severity]
NO_OVERRIDES: Final[Overrides] = {}


def rule(rule_id: str, overrides: Overrides | None = None) -> Rule:
    """The rule of that id, with its severity as overridden. Raises `KeyError` for an id that is in no table."""
    found = RULES[rule_id]
    severity = (overrides or NO_OVERRIDES).get(rule_id, found.severity)
    return found if severity == found.severity else replace(found, severity=severity)


def checks_of(vendor: str, overrides: Overrides | None = None) -> list[tuple[Rule, Check]]:
    """The checks of a vendor or of the transfer with their rules, severities as overridden, in the order of the table.

    Raises `KeyError` for a vendor that has no suite.
    """
    if vendor not in SUITES:
        raise KeyError(vendor)
    return [
        (rule(listed.rule_id, overrides), check)
        for listed in TABLE
        for check in listed.checks
        if vendor in check.vendors
    ]


def finding(
    rule_id: str,
    vendor: str,
    unit_key: str,
    *,
    entity: str,
    entity_id: int,
    field: str = "",
    message: str | None = None,
    overrides: Overrides | None = None,
) -> dict[str, object]:
    """One finding of the load, with the keys of FINDING_COLUMNS.

    ``message`` stands in for the rule's own; it may name keys, counts and fields, never a client's value.
    """
    of_rule = rule(rule_id, overrides)
    words = message or of_rule.message
    values = (vendor, unit_key, rule_id, of_rule.severity, entity, entity_id, field, words, of_rule.remedy)
    return dict(zip(FINDING_COLUMNS, values, strict=True))


def _read_json(text: str) -> object:
    def refuse_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
        entries = dict(pairs)
        if len(entries) < len(pairs):
            raise ValueError("a rule is named more than once")
        return entries

    return json.loads(text, object_pairs_hook=refuse_repeats)


def read_overrides(path: Path | None) -> Overrides:
    """Severities by rule id from a TOML or JSON file: ``{"ACC-NET": "critical"}``; none without a file.

    Raises `SettingsError`, naming the file and the key, for a file that cannot be read, a rule id or a severity that
    does not exist.
    """
    if path is None:
        return NO_OVERRIDES
    try:
        text = path.read_text(encoding="utf-8")
        entries = _read_json(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path}: the severity overrides cannot be read: {error}") from error
    if not isinstance(entries, dict):
        raise SettingsError(f'{path}: the severity overrides must be a table such as {{"ACC-NET": "critical"}}')
    for rule_id, severity in entries.items():
        if rule_id not in RULES:
            raise SettingsError(f"{path}: {rule_id}: no such rule; the rules are {', '.join(sorted(RULES))}")
        if severity not in SEVERITIES:
            raise SettingsError(f"{path}: {rule_id} = {severity!r}: a severity is one of {', '.join(SEVERITIES)}")
    return entries
