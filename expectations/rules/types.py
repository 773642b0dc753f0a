"""What a rule is, what one of its checks is, and the words in which a row of the table is written."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from typing import Any, Literal, Self

from etl.values import VENDORS

Severity = Literal["critical", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("critical", "warning", "info")

PROFILES = ("profiles",)
EMONEY = ("emoney",)
BOTH: tuple[str, ...] = VENDORS
TRANSFER_ONLY = ("transfer",)
SUITES: tuple[str, ...] = (*VENDORS, *TRANSFER_ONLY)
"""Each vendor and the transfer between offices have a suite of checks."""

AS_OF = "as_of"
"""As the value of a check's argument: the date for which the run is made."""

Among = Mapping[str, tuple[str | bool | None, ...]]


@dataclass(frozen=True)
class Check:
    """One expectation on one frame of facts.

    ``condition`` names a function of `expectations.conditions`. It looks at ``columns`` under ``arguments`` and, with
    ``among``, only at rows whose column has one of the given values (None: null). ``labels`` are SmartOffice's own
    words for the fields to mend: one for the whole check, or one for each column. With one for each column, the finding
    names just the columns that fail.

    ``message`` and ``remedy`` replace the rule's where they differ. A message may hold ``{cells}`` (each failing label
    with the shape of its value: "Birth Date is blank") and the columns named in `expectations.wording.SHOWABLE`.
    """

    vendors: tuple[str, ...]
    frame: str
    condition: str
    columns: tuple[str, ...]
    labels: tuple[str, ...]
    arguments: Mapping[str, object] = field(default_factory=dict)
    among: Among = field(default_factory=dict)
    message: str | None = None
    remedy: str | None = None

    def arguments_on(self, as_of: date) -> dict[str, Any]:
        """The arguments of the condition and ``among``, as JSON has them, with the run's date filled in."""
        arguments: dict[str, Any] = {
            name: as_of.isoformat() if value == AS_OF else list(value) if isinstance(value, tuple) else value
            for name, value in self.arguments.items()
        }
        if self.among:
            arguments["among"] = {column: list(values) for column, values in self.among.items()}
        return arguments


@dataclass(frozen=True)
class Rule:
    """A rule of the rule book; ``checks`` is empty where the finding comes from the load."""

    rule_id: str
    severity: Severity
    message: str
    remedy: str
    checks: tuple[Check, ...] = ()

    @property
    def remedies(self) -> tuple[str, ...]:
        """Where to mend it, in the words of the rule and of its checks, each once."""
        own = [check.remedy or self.remedy for check in self.checks] or [self.remedy]
        return tuple(dict.fromkeys(own))

    @property
    def labels(self) -> tuple[str, ...]:
        """SmartOffice's own words for the fields, each once; none of a rule whose findings come from the load."""
        return tuple(dict.fromkeys(label for check in self.checks for label in check.labels))

    @property
    def vendors(self) -> tuple[str, ...]:
        """The suites that ask it; none of a rule whose findings come from the load."""
        return tuple(suite for suite in SUITES if any(suite in check.vendors for check in self.checks))

    def listed_in(self, frame: str, vendors: tuple[str, ...], label: str, message: str | None = None) -> Self:
        """The rule with one more check: no row of the frame (left_out, faults, leavings) names the rule."""
        arguments = {"value": self.rule_id}
        listed = Check(vendors, frame, "is_not", ("rule_id",), (label,), arguments, message=message)
        return replace(self, checks=(*self.checks, listed))


def checks_on(frame: str, among: Among | None = None) -> Callable[..., Check]:
    """How the checks of one frame are written: ``people(BOTH, "is_filled", "gender", "Gender")``.

    A single column or label stands without a tuple; further keywords are the condition's arguments.
    """
    return partial(_check, frame, among=among or {})


def _check(
    frame: str,
    vendors: tuple[str, ...],
    condition: str,
    columns: str | tuple[str, ...],
    labels: str | tuple[str, ...],
    *,
    among: Among,
    message: str | None = None,
    remedy: str | None = None,
    **arguments: object,
) -> Check:
    columns, labels = ((one,) if isinstance(one, str) else one for one in (columns, labels))
    return Check(vendors, frame, condition, columns, labels, arguments, among, message, remedy)


def critical(rule_id: str, message: str, remedy: str, *checks: Check) -> Rule:
    """A rule that holds the whole household back from the vendor."""
    return Rule(rule_id, "critical", message, remedy, checks)


def warning(rule_id: str, message: str, remedy: str, *checks: Check) -> Rule:
    """A rule that puts the household on the stewards' worklist; the household is sent."""
    return Rule(rule_id, "warning", message, remedy, checks)


def info(rule_id: str, message: str, remedy: str, *checks: Check) -> Rule:
    """A rule that is reported only."""
    return Rule(rule_id, "info", message, remedy, checks)
