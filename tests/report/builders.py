"""Reports for tests: valid by default, a test says only what matters."""

from datetime import UTC, date, datetime
from typing import Any

import pandas as pd

from include.report.run.model import (
    AVAILABLE_COLUMNS,
    CHANGE_COLUMNS,
    FINDING_COLUMNS,
    LABEL_COLUMNS,
    OUTCOME_COLUMNS,
    RECEIPT_COLUMNS,
    Run,
    RunReport,
)

FINDING: dict[str, Any] = {
    "vendor": "profiles",
    "unit_key": "H1",
    "rule_id": "DEM-BIRTH-DATE",
    "severity": "critical",
    "entity": "contact",
    "entity_id": 11,
    "field": "birth_date",
    "message": "The client has no birth date.",
    "remedy": "Contact > Personal > Birth Date",
    "status": "new",
    "since": date(2026, 11, 20),
}
OUTCOME: dict[str, Any] = {
    "vendor": "profiles",
    "unit_key": "H1",
    "outcome": "unchanged",
    "reason": None,
    "vendor_id": None,
    "code": None,
}
LABEL: dict[str, Any] = {
    "unit_key": "H1",
    "household_name": "Abbott",
    "head_name": "Ann Abbott",
    "office_name": "Denver",
    "assigned_user": "kate",
}


def a_run(**changes: Any) -> Run:
    """A finished weeknight run."""
    defaults: dict[str, Any] = {
        "run_id": "scheduled__2026-11-20",
        "dag_id": "weeknight_refresh",
        "as_of": date(2026, 11, 20),
        "requested_by": "scheduler",
        "dry_run": False,
        "status": "finished",
        "started_at": datetime(2026, 11, 21, 3, 0, tzinfo=UTC),
        "finished_at": datetime(2026, 11, 21, 3, 3, 20, tzinfo=UTC),
    }
    return Run(**(defaults | changes))


def rows(columns: tuple[str, ...], default: dict[str, Any], *changes: dict[str, Any]) -> pd.DataFrame:
    """A frame with these columns: the default row with each of the changes."""
    return pd.DataFrame([default | change for change in changes], columns=list(columns))


def findings(*changes: dict[str, Any]) -> pd.DataFrame:
    """Findings like FINDING, one for each change."""
    return rows((*FINDING_COLUMNS, "since", "waiver_id"), FINDING, *changes)


def outcomes(*changes: dict[str, Any]) -> pd.DataFrame:
    """Outcomes like OUTCOME, one for each change."""
    return rows(OUTCOME_COLUMNS, OUTCOME, *changes)


def labels(*changes: dict[str, Any]) -> pd.DataFrame:
    """Labels like LABEL, one for each change."""
    return rows(LABEL_COLUMNS, LABEL, *changes)


def available(*changes: dict[str, Any]) -> pd.DataFrame:
    """Newly available accounts at eMoney."""
    proposal = {"category": "Investment", "owner": "client", "since": date(2026, 11, 18)}
    default = {"vendor": "emoney", "unit_key": "H1", "source_key": "account:5", **proposal}
    return rows(AVAILABLE_COLUMNS, default, *changes)


def changes(*different: dict[str, Any]) -> pd.DataFrame:
    """Changed fields, written."""
    default = {"vendor": "profiles", "unit_key": "H1", "field": "clientA.lastName", "decision": "written"}
    return rows(CHANGE_COLUMNS, default, *different)


def receipts(*different: dict[str, Any]) -> pd.DataFrame:
    """Counts of records that do not go."""
    default = {"vendor": "profiles", "rule_id": "POL-STATUS", "entity": "policy", "records": 3}
    return rows(RECEIPT_COLUMNS, default, *different)


def a_report(**different: Any) -> RunReport:
    """One household, unchanged at Profiles, nothing found."""
    found = different.pop("outcomes", outcomes({}))
    defaults: dict[str, Any] = {
        "run": a_run(),
        "units": found["unit_key"].nunique(),
        "units_in_scope": found["vendor"].value_counts().to_dict(),
        "outcomes": found,
        "findings": findings(),
        "labels": labels({}),
    }
    return RunReport(**(defaults | different))


def a_busy_report() -> RunReport:
    """Two households: one held with a critical and a warning, one failed; every section has something to say."""
    return a_report(
        outcomes=outcomes(
            {"outcome": "held", "reason": "DEM-BIRTH-DATE", "code": "DEM-BIRTH-DATE"},
            {"vendor": "emoney", "outcome": "created", "vendor_id": "e-1"},
            {"unit_key": "H2", "outcome": "failed", "reason": "HTTP 500 three times"},
            {"vendor": "emoney", "unit_key": "H2", "outcome": "deferred", "reason": "the vendor was down"},
        ),
        findings=findings(
            {},
            {"rule_id": "HH-PRIMARY", "severity": "warning", "status": "known", "since": date(2026, 11, 17),
             "message": "Not the primary one."},
            {"vendor": "emoney", "rule_id": "HH-PRIMARY", "severity": "warning", "status": "known",
             "message": "Not the primary one."},
            {"unit_key": "H2", "status": "mended"},
            {"unit_key": "H2", "rule_id": "LIA-COMPUTED", "severity": "info", "entity": "liability"},
        ),
        labels=labels({}, {"unit_key": "H2", "household_name": "Baker", "head_name": "Bo Baker", "assigned_user": "j"}),
        newly_available=available({}),
        changes=changes({}),
        receipts=receipts({}),
        stages={"extract": 0.4, "load_profiles": 75.0},
        settings={"vendors": "profiles, emoney", "holidays": None},
    )  # fmt: skip
