"""What a rule is, and what one of its checks is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Severity = Literal["critical", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("critical", "warning", "info")

PROFILES = ("profiles",)
EMONEY = ("emoney",)
BOTH = ("profiles", "emoney")
VENDORS = BOTH
TRANSFER_ONLY = ("transfer",)
SUITES = (*VENDORS, *TRANSFER_ONLY)
"""Whoever has a suite: both vendors, and the transfer between offices."""

AS_OF = "as_of"
"""As the value of a check's argument: the date the run is made for."""


@dataclass(frozen=True)
class Check:
    """One expectation on one frame of facts.

    ``condition`` names a function of `expectations.conditions`, which looks at ``columns`` under ``arguments`` and,
    with ``among``, only at rows whose column has one of the given values (None: it is null). ``labels`` are
    SmartOffice's own words for the fields to mend: one for the whole check, or one for each column, when the finding
    names just the columns that fail.

    ``message`` and ``remedy`` stand in for the rule's where they differ. A message may hold ``{cells}`` (each failing
    label with the shape of its value: "Birth Date is blank") and the columns named in `expectations.wording.SHOWABLE`.
    """

    vendors: tuple[str, ...]
    frame: str
    condition: str
    columns: tuple[str, ...]
    labels: tuple[str, ...]
    arguments: Mapping[str, object] = field(default_factory=dict)
    among: Mapping[str, tuple[str | bool | None, ...]] = field(default_factory=dict)
    message: str | None = None
    remedy: str | None = None


@dataclass(frozen=True)
class Rule:
    """A rule of the rule book; ``checks`` is empty where the finding comes from the load."""

    rule_id: str
    severity: Severity
    message: str
    remedy: str
    checks: tuple[Check, ...] = ()
