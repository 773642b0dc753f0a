"""What the stewards' report is made of: one frozen :class:`RunReport`, checked when it is put together."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from typing import Any, Literal

import pandas as pd

from etl.frames import empty, require_columns
from include.report.display import asked_by, vendor_name
from include.report.run.proposals import Proposal

SEVERITIES = ("critical", "warning", "info")
STATUSES = ("new", "known", "mended")

OUTCOME_COLUMNS = ("vendor", "unit_key", "outcome", "reason", "vendor_id", "code")
FINDING_COLUMNS = (
    *("vendor", "unit_key", "rule_id", "severity", "entity", "entity_id", "field", "message", "remedy", "status"),
)
LABEL_COLUMNS = ("unit_key", "household_name", "head_name", "office_name", "assigned_user")
AVAILABLE_COLUMNS = ("vendor", "unit_key", "source_key", "category", "owner", "since")
CHANGE_COLUMNS = ("vendor", "unit_key", "field", "decision")
RECEIPT_COLUMNS = ("vendor", "rule_id", "entity", "records")
LINEAGE_COLUMNS = ("vendor", "unit_key", "field", "decision", "rule_id", "source", "shape", "run_id", "as_of")
PIN_COLUMNS = ("unit_key", "field", "side", "reason", "pinned_by", "pinned_at")

# What happens if nobody mends it, by severity; ``{vendor}`` is replaced by the vendor's name.
CONSEQUENCES: Mapping[str, str] = {
    "critical": "This household is not sent to {vendor} until it is mended.",
    "warning": "This does not hold the household back, but what goes to {vendor} may be incomplete or wrong.",
    "info": "Nothing has to be done; this is for information.",
}


@dataclass(frozen=True)
class Run:
    """The run the report is about. ``finished_at`` is None while it is not known."""

    run_id: str
    dag_id: str
    as_of: date
    requested_by: str
    dry_run: bool
    status: str
    started_at: datetime
    finished_at: datetime | None
    triggered_by: str | None = None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Run":
        """The run of a row of the ledger."""
        values = {one.name: row[one.name] for one in fields(cls)}
        return cls(**values | {"requested_by": row["requested_by"] or "the schedule"})

    @property
    def asked_by(self) -> str:
        """In whose name the run was made, and by whom where that is somebody else (LIC-ACTING)."""
        return asked_by(self.requested_by, self.triggered_by)

    @property
    def seconds(self) -> float | None:
        """How long the run took, in seconds."""
        return (self.finished_at - self.started_at).total_seconds() if self.finished_at else None


@dataclass(frozen=True)
class Told:
    """The words of a run that is no refresh: what its units are called, and the page's first words.

    ``meanings``: outcome -> what it means; ``steps``: who should do what (`include.report.run.advice.Step`).
    """

    noun: str
    headline: tuple[str, ...]
    steps: tuple[Any, ...]
    meanings: Mapping[str, str]


@dataclass(frozen=True)
class Removal:
    """What a night has removed from the ledger by age: rows by kind, whether all of it, and what stopped it."""

    rows: Mapping[str, int]
    is_through: bool
    stopped: str | None = None

    @property
    def in_short(self) -> str:
        """In words; blank where nothing was old enough."""
        rows = ", ".join(f"{count:,} rows of {kind}" for kind, count in self.rows.items())
        rest = self.stopped or ("" if self.is_through else "the next night goes on")
        return "; ".join(part for part in (rows, rest) if part)


@dataclass(frozen=True)
class RunReport:
    """Everything the report tells. Frames may come in any row order and are not changed.

    - ``units``: different units in scope, over all vendors
    - ``units_in_scope``: vendor -> units in scope, counted at the extract and not from the outcomes
    - ``outcomes``: vendor, unit_key, outcome, reason, vendor_id, code; one row for each vendor and unit in scope
    - ``findings``: vendor, unit_key, rule_id, severity, entity, entity_id, field, message, remedy, status;
      with ``since``, the date of the run that found it first, where the caller gives it
    - ``labels``: unit_key, household_name, head_name, office_name, assigned_user; units may be missing
    - ``newly_available``: vendor, unit_key, source_key, the proposal (category, owner), and since when (EMY-NEW)
    - ``changes``: vendor, unit_key, field, decision; with ``old`` and ``new`` where the caller gives them
    - ``receipts``: vendor, rule_id, entity, records
    - ``stages``: stage -> seconds
    - ``stopped``: why a step stopped the run, in words
    - ``mistake``: where what stopped it is a person's mistake: in the ``form``, or in the ``answer`` to its question
    - ``guarded``: of a dry run, vendor -> what a guard would stop, in words
    - ``life_events``: what somebody has to decide, or has decided, of couples that have changed (LIFE-EVENT)
    - ``lineage``: `LINEAGE_COLUMNS`: where values come from and what was decided about them
    - ``pins``: `PIN_COLUMNS`: the fields of its households that are pinned to one side
    - ``open_elsewhere``: vendor, unit_key of findings that stand open in households that this run did not look at
    - ``removed``: what the night has removed from the ledger by age; None where it was not asked to
    - ``told``: words of its own, where the units are not households

    Raises ValueError where a frame lacks a column or a stage's time is not finite, naming it.
    """

    run: Run
    units: int
    units_in_scope: Mapping[str, int]
    outcomes: pd.DataFrame
    findings: pd.DataFrame
    labels: pd.DataFrame = field(default_factory=lambda: empty(LABEL_COLUMNS))
    newly_available: pd.DataFrame = field(default_factory=lambda: empty(AVAILABLE_COLUMNS))
    changes: pd.DataFrame = field(default_factory=lambda: empty(CHANGE_COLUMNS))
    receipts: pd.DataFrame = field(default_factory=lambda: empty(RECEIPT_COLUMNS))
    consequences: Mapping[str, str] = field(default_factory=lambda: CONSEQUENCES)
    stages: Mapping[str, float] = field(default_factory=dict)
    settings: Mapping[str, str | int | float | bool | None] = field(default_factory=dict)
    stopped: str | None = None
    mistake: Literal["form", "answer"] | None = None
    guarded: Mapping[str, str] = field(default_factory=dict)
    life_events: tuple[Proposal, ...] = ()
    lineage: pd.DataFrame = field(default_factory=lambda: empty(LINEAGE_COLUMNS))
    pins: pd.DataFrame = field(default_factory=lambda: empty(PIN_COLUMNS))
    open_elsewhere: pd.DataFrame = field(default_factory=lambda: empty(("vendor", "unit_key")))
    removed: Removal | None = None
    told: Told | None = None

    def __post_init__(self) -> None:
        require_columns(
            self,
            "report",
            outcomes=OUTCOME_COLUMNS,
            findings=FINDING_COLUMNS,
            labels=LABEL_COLUMNS,
            newly_available=AVAILABLE_COLUMNS,
            changes=CHANGE_COLUMNS,
            receipts=RECEIPT_COLUMNS,
            lineage=LINEAGE_COLUMNS,
            pins=PIN_COLUMNS,
        )
        crooked = [stage for stage, seconds in self.stages.items() if not math.isfinite(seconds)]
        if crooked:
            raise ValueError(f"The time of {', '.join(crooked)} is no number of seconds")

    @property
    def noun(self) -> str:
        """What a unit is called."""
        return self.told.noun if self.told else "household"

    @property
    def guard_lines(self) -> dict[str, str]:
        """What a guard would stop, each vendor's words under a name for people."""
        return {f"{vendor_name(vendor)} guards would stop this": words for vendor, words in self.guarded.items()}

    @property
    def vendors(self) -> list[str]:
        """The vendors of the run, in the alphabet's order backwards: Profiles before eMoney, as in the rule book."""
        return sorted({*self.units_in_scope, *self.outcomes["vendor"].dropna()}, reverse=True)

    def consequence(self, severity: str, vendor_words: str) -> str:
        """What happens if nobody mends it, at the vendor or vendors named."""
        return self.consequences.get(severity, "").replace("{vendor}", vendor_words)
