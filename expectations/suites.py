"""The suites of Great Expectations, one for each vendor and frame of facts, made from the table of rules."""

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from expectations.facts.vendors import FRAMES_OF
from expectations.rules import Overrides, checks_of, rule
from expectations.rules.types import AS_OF, Check

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite


def arguments_of(check: Check, as_of: date) -> dict[str, Any]:
    """The arguments of a check's condition, as JSON would have them, with the run's date filled in."""
    arguments: dict[str, Any] = {
        name: as_of.isoformat() if value == AS_OF else list(value) if isinstance(value, tuple) else value
        for name, value in check.arguments.items()
    }
    if check.among:
        arguments["among"] = {column: list(values) for column, values in check.among.items()}
    return arguments


def columns_of(check: Check) -> list[str]:
    """The columns a check looks at, the record's key first."""
    return ["entity_id", *check.among, *check.columns]


def build_suites(vendor: str, as_of: date, overrides: Overrides | None = None) -> Mapping[str, "ExpectationSuite"]:
    """The suites of a vendor by frame; each expectation has its severity, and in ``meta`` its rule and check.

    ``meta``: ``rule_id``, ``check`` (place among `checks_of` the vendor), ``remedy``. Raises `KeyError` for a vendor
    that has none.
    """
    from great_expectations import ExpectationSuite

    from expectations.gx import ExpectRowsToKeepCondition

    by_frame: dict[str, list[Any]] = {frame: [] for frame in FRAMES_OF[vendor]}
    for place, (of_rule, check) in enumerate(checks_of(vendor)):
        by_frame[check.frame].append(
            ExpectRowsToKeepCondition(
                column_list=columns_of(check),
                condition=check.condition,
                columns=list(check.columns),
                arguments=arguments_of(check, as_of),
                ignore_row_if="never",
                severity=rule(of_rule.rule_id, overrides).severity,
                meta={"rule_id": of_rule.rule_id, "check": place, "remedy": check.remedy or of_rule.remedy},
            )
        )
    return {
        frame: ExpectationSuite(name=f"{vendor}.{frame}", expectations=expectations)
        for frame, expectations in by_frame.items()
    }
