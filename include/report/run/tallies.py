"""The counts of a report: outcomes and books by vendor, findings by rule, what is newly available."""

from dataclasses import dataclass

import pandas as pd

from etl.outcomes import NOT_SENT, OUTCOMES
from include.report.display import as_texts
from include.report.run.model import (
    AVAILABLE_COLUMNS,
    CHANGE_COLUMNS,
    FINDING_COLUMNS,
    OUTCOME_COLUMNS,
    RECEIPT_COLUMNS,
    SEVERITIES,
    STATUSES,
    RunReport,
)


@dataclass(frozen=True)
class Book:
    """The outcomes at one vendor. The books balance if every unit in scope has exactly one outcome."""

    vendor: str
    in_scope: int
    outcomes: dict[str, int]
    counted_twice: int
    unknown: int

    @property
    def counted(self) -> int:
        """The sum of all outcomes."""
        return sum(self.outcomes.values())

    @property
    def is_balanced(self) -> bool:
        """Whether units in scope = created + updated + unchanged + held + deferred + failed + skipped."""
        return self.in_scope == self.counted and not self.counted_twice and not self.unknown


@dataclass(frozen=True)
class Tallies:
    """The counts, with the frames they were made from (all text, no nulls).

    - ``households``, ``persons``: the units in scope by kind
    - ``is_first``: nothing was sent before, and everything that the rules found is new
    - ``by_rule``: rule_id, severity, vendors, findings, units, new, known, mended, waived, message, remedy; critical
      first. A waived finding counts as waived alone.
    - ``reasons``: vendor, outcome, reason, units
    - ``available``: vendor, category, since (the oldest), records ; ``changed``: vendor, field, decision, units
    """

    outcomes: pd.DataFrame
    findings: pd.DataFrame
    books: list[Book]
    by_rule: pd.DataFrame
    reasons: pd.DataFrame
    available: pd.DataFrame
    changed: pd.DataFrame
    receipts: pd.DataFrame
    households: int
    persons: int
    is_first: bool

    @property
    def open(self) -> pd.DataFrame:
        """The findings that stand and that no waiver covers."""
        return self.findings[(self.findings["status"] != "mended") & (self.findings["waiver_id"] == "")]

    @property
    def waived(self) -> pd.DataFrame:
        """The findings that a waiver covers: they hold nothing for a time."""
        return self.findings[self.findings["waiver_id"] != ""]

    def by_status(self) -> dict[str, int]:
        """status -> findings that are not waived."""
        own = self.findings[self.findings["waiver_id"] == ""]
        return {status: int((own["status"] == status).sum()) for status in STATUSES}

    def open_findings(self, severity: str) -> pd.DataFrame:
        """The open findings of one severity."""
        return self.open[self.open["severity"] == severity]


def tally(report: RunReport) -> Tallies:
    """Count the report's frames once, for the page, the workbook and run.json alike."""
    outcomes = as_texts(report.outcomes, OUTCOME_COLUMNS)
    columns = (*FINDING_COLUMNS, "since", "waiver_id")
    findings = as_texts(report.findings.reindex(columns=list(columns)), columns)
    not_sent = outcomes[outcomes["outcome"].isin(NOT_SENT)]
    households = outcomes.loc[outcomes["unit_key"].str.startswith("H"), "unit_key"].nunique()
    receipts = as_texts(report.receipts, RECEIPT_COLUMNS).assign(
        records=report.receipts["records"].astype("int64").to_numpy()
    )
    return Tallies(
        outcomes=outcomes,
        findings=findings,
        books=[_book(report, outcomes, vendor) for vendor in report.vendors],
        by_rule=_by_rule(findings),
        reasons=_counted(not_sent, ["vendor", "outcome", "reason"], "units"),
        available=_available(as_texts(report.newly_available, AVAILABLE_COLUMNS)),
        changed=_counted(as_texts(report.changes, CHANGE_COLUMNS), ["vendor", "field", "decision"], "units"),
        receipts=receipts.sort_values(["vendor", "rule_id", "entity"]).reset_index(drop=True),
        households=households,
        persons=report.units - households,
        is_first=_is_first(outcomes, findings),
    )


def _book(report: RunReport, outcomes: pd.DataFrame, vendor: str) -> Book:
    own = outcomes[outcomes["vendor"] == vendor]
    counts = own["outcome"].value_counts()
    return Book(
        vendor=vendor,
        in_scope=int(report.units_in_scope.get(vendor, 0)),
        outcomes={outcome: int(counts.get(outcome, 0)) for outcome in OUTCOMES},
        counted_twice=int(own["unit_key"].duplicated().sum()),
        unknown=int((~own["outcome"].isin(OUTCOMES)).sum()),
    )


def _is_first(outcomes: pd.DataFrame, findings: pd.DataFrame) -> bool:
    has_sent_before = outcomes["outcome"].isin(["updated", "unchanged"]).any()
    return bool(
        (outcomes["outcome"] == "created").any() and not has_sent_before and (findings["status"] == "new").all()
    )


def _counted(rows: pd.DataFrame, keys: list[str], name: str) -> pd.DataFrame:
    counts = rows.groupby(keys, sort=True).size().reset_index(name=name)
    return counts.sort_values([name, *keys], ascending=[False, *(True for _ in keys)]).reset_index(drop=True)


def _available(waiting: pd.DataFrame) -> pd.DataFrame:
    by = ["vendor", "category"]
    oldest = waiting.groupby(by, as_index=False)["since"].min()
    return _counted(waiting, by, "records").merge(oldest, on=by)[[*by, "since", "records"]]


def _by_rule(findings: pd.DataFrame) -> pd.DataFrame:
    keys = ["rule_id", "severity"]
    is_waived = findings["waiver_id"] != ""
    still_open = findings[(findings["status"] != "mended") & ~is_waived]
    counted = findings.assign(status=findings["status"].mask(is_waived, "waived"))
    counts = counted.groupby(keys)["status"].value_counts().unstack(fill_value=0)
    counts = counts.reindex(columns=[*STATUSES, "waived"], fill_value=0).astype("int64")
    counts["findings"] = counts["new"] + counts["known"]
    counts["units"] = still_open.groupby(keys)["unit_key"].nunique().reindex(counts.index, fill_value=0)
    grouped = findings.groupby(keys)
    counts["vendors"] = grouped["vendor"].unique().map(sorted)
    counts["messages"] = grouped["message"].nunique()
    counts["message"] = grouped["message"].first()
    counts["remedy"] = grouped["remedy"].first()
    rules = counts.reset_index()
    rules["rank"] = severity_ranks(rules["severity"])
    order = rules.sort_values(["rank", "units", "rule_id"], ascending=[True, False, True])
    return order.drop(columns="rank").reset_index(drop=True)


def severity_ranks(severities: pd.Series) -> pd.Series:
    """0 for critical, 1 for warning, 2 for info, 3 for any other word."""
    ranks = {severity: rank for rank, severity in enumerate(SEVERITIES)}
    return severities.map(ranks).fillna(len(SEVERITIES)).astype("int64")
