"""The content of the stewards' report: one frozen :class:`RunReport`, checked when it is made."""

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

# severity -> what happens until the finding is mended; ``{vendor}`` is replaced by the vendor's name.
CONSEQUENCES: Mapping[str, str] = {
    "critical": "This household is not sent to {vendor} until the finding is mended.",
    "warning": "The household is sent, but its data at {vendor} may be incomplete or wrong.",
    "info": "For information: there is nothing to do.",
}


@dataclass(frozen=True)
class Run:
    """The run that is reported. ``finished_at`` is None before its end."""

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
        """The user in whose name the run was made, and the user who triggered it, if another (LIC-ACTING)."""
        return asked_by(self.requested_by, self.triggered_by)

    @property
    def seconds(self) -> float | None:
        """How long the run took, in seconds."""
        return (self.finished_at - self.started_at).total_seconds() if self.finished_at else None


@dataclass(frozen=True)
class Wording:
    """The words of a run that is no refresh: the name of its units, and the page's first words.

    ``meanings``: outcome -> what it means; ``steps``: who should do what (`include.report.run.advice.Step`).
    """

    noun: str
    headline: tuple[str, ...]
    steps: tuple[Any, ...]
    meanings: Mapping[str, str]


@dataclass(frozen=True)
class Removal:
    """What a night has removed from the ledger by age.

    ``rows``: kind -> rows; ``is_through``: whether nothing old is left; ``stopped``: why the removal ended early.
    """

    rows: Mapping[str, int]
    is_through: bool
    stopped: str | None = None

    @property
    def in_short(self) -> str:
        """In words; empty if nothing was old enough."""
        rows = ", ".join(f"{count:,} rows of {kind}" for kind, count in self.rows.items())
        rest = self.stopped or ("" if self.is_through else "the next night goes on")
        return "; ".join(part for part in (rows, rest) if part)


@dataclass(frozen=True)
class RunReport:
    """Everything that the report shows. Frames may come in any row order and are not changed.

    - ``units``: different units in scope, over all vendors
    - ``units_in_scope``: vendor -> units in scope, counted at the extract and not from the outcomes
    - ``outcomes``: vendor, unit_key, outcome, reason, vendor_id, code; one row for each vendor and unit in scope
    - ``findings``: vendor, unit_key, rule_id, severity, entity, entity_id, field, message, remedy, status;
      and ``since``, the date of the run that found it first, if the caller gives it
    - ``labels``: unit_key, household_name, head_name, office_name, assigned_user; units may be missing
    - ``newly_available``: vendor, unit_key, source_key, the proposal (category, owner), and since when (EMY-NEW)
    - ``changes``: vendor, unit_key, field, decision; and ``old`` and ``new``, if the caller gives them
    - ``receipts``: vendor, rule_id, entity, records
    - ``stages``: stage -> seconds
    - ``stopped``: why a step stopped the run, in words
    - ``mistake``: whether a person's mistake stopped it, in the ``form`` or in the ``answer`` to its question
    - ``guarded``: of a dry run, vendor -> what a guard would stop, in words
    - ``life_events``: the decisions that couples need, or got, because they have changed (LIFE-EVENT)
    - ``lineage``: `LINEAGE_COLUMNS`: the sources of values and the decisions about them
    - ``pins``: `PIN_COLUMNS`: the fields of the run's households that are pinned to one side
    - ``open_elsewhere``: vendor, unit_key of the open findings of households outside this run
    - ``removed``: what the night has removed from the ledger by age; None for a run that removes nothing
    - ``wording``: the words for units that are not clients
    - ``record_url``: how an address of a record in the CRM is made (`include.report.crm_links`)

    Raises ValueError if a frame lacks a column or a stage's time is not finite, and names it.
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
    wording: Wording | None = None
    record_url: str | None = None

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
        unmeasured = [stage for stage, seconds in self.stages.items() if not math.isfinite(seconds)]
        if unmeasured:
            raise ValueError(f"The time of {', '.join(unmeasured)} is not a finite number of seconds")

    @property
    def noun(self) -> str:
        """The name of a unit: client (a household or a person), or contact in a transfer."""
        return self.wording.noun if self.wording else "client"

    @property
    def guard_lines(self) -> dict[str, str]:
        """What a guard would stop, each vendor's words under a name for people."""
        return {f"{vendor_name(vendor)} guards would stop this": words for vendor, words in self.guarded.items()}

    @property
    def vendors(self) -> list[str]:
        """The vendors of the run, in reverse alphabetical order: Profiles before eMoney."""
        return sorted({*self.units_in_scope, *self.outcomes["vendor"].dropna()}, reverse=True)

    def consequence(self, severity: str, vendor_words: str) -> str:
        """What happens at the named vendors until a finding of this severity is mended."""
        return self.consequences.get(severity, "").replace("{vendor}", vendor_words)
