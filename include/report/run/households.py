"""The households of the page: their names, outcomes and problems, the most urgent first."""

import re
from dataclasses import dataclass

import pandas as pd

from etl.frames import are_among
from etl.outcomes import NOT_SENT
from include.report.crm_links import record_url, unit_url
from include.report.display import label, vendor_name
from include.report.run.model import LABEL_COLUMNS, RunReport
from include.report.run.tallies import Tallies
from include.report.run.worklist import unit_labels

FINDINGS_SHOWN = 20

_PLAIN_KEY = re.compile(r"[A-Za-z0-9-]{1,60}")
_FINDING = ["unit_key", "severity", "status", "rule_id", "entity", "entity_id", "field", "message", "remedy"]


@dataclass(frozen=True)
class Problem:
    """One thing to mend, listed once for all vendors.

    ``since``: the day when it was first found, or empty; ``url``: the record's address in the CRM.
    """

    severity: str
    status: str
    since: str
    rule_id: str
    record: str
    url: str | None
    message: str
    remedy: str
    consequence: str
    vendors: str


@dataclass(frozen=True)
class Fate:
    """How a household ended at one vendor; ``rule_ids``: the rules that decided it."""

    vendor: str
    outcome: str
    reason: str
    rule_ids: frozenset[str]


@dataclass(frozen=True)
class Household:
    """One unit of the worklist. ``more``: further problems, which are in the files only; ``url``: in the CRM."""

    anchor: str
    unit_key: str
    name: str
    head: str
    office: str
    user: str
    fates: list[Fate]
    problems: list[Problem]
    more: int
    url: str | None

    @property
    def severity(self) -> str:
        """The worst severity; a household that was held or failed without a finding is critical."""
        stuck = any(fate.outcome in ("held", "failed") for fate in self.fates)
        return "critical" if stuck or any(p.severity == "critical" for p in self.problems) else "warning"

    @property
    def reasons(self) -> list[Fate]:
        """The outcomes whose reason no problem of the household shows."""
        rules = {problem.rule_id for problem in self.problems}
        return [fate for fate in self.fates if fate.reason and not rules & fate.rule_ids]

    @property
    def is_new(self) -> bool:
        """Whether any of its problems is new."""
        return any(problem.status == "new" for problem in self.problems)

    def count(self, severity: str) -> int:
        """How many of the problems shown have this severity."""
        return sum(problem.severity == severity for problem in self.problems)


def anchor(kind: str, key: str) -> str:
    """The id of a household or a rule on the page; a key with other characters is spelled in hexadecimal."""
    return f"{kind}-{key}" if _PLAIN_KEY.fullmatch(key) else f"{kind}-x{key.encode('utf-8', 'replace').hex()}"


def rule_anchor(rule_id: str, severity: str) -> str:
    """The id of a rule on the page; a rule with another severity at one vendor has two."""
    return anchor("rule", f"{rule_id}-{severity}")


def urgent_units(tallies: Tallies, limit: int) -> tuple[list[str], int]:
    """The keys of the units to show, the most urgent first, and how many there are in all.

    Critical findings come first (new before known), then units that are not sent without a finding, then warnings.
    """
    listed = tallies.open[tallies.open["severity"].isin(["critical", "warning"])]
    ranks = (listed["severity"] == "warning") * 3 + (listed["status"] == "known") * 1
    troubled = tallies.outcomes[tallies.outcomes["outcome"].isin(NOT_SENT)]
    rank_of_unit = (
        pd.concat(
            [
                pd.DataFrame({"unit_key": listed["unit_key"], "rank": ranks}),
                pd.DataFrame({"unit_key": troubled["unit_key"], "rank": 2}),
            ]
        )
        .groupby("unit_key")["rank"]
        .min()
    )
    ordered = rank_of_unit.reset_index().assign(length=lambda units: units["unit_key"].str.len())
    ordered = ordered.sort_values(["rank", "length", "unit_key"])
    return ordered["unit_key"].head(limit).tolist(), len(ordered)


def households(report: RunReport, tallies: Tallies, keys: list[str]) -> list[Household]:
    """The households with these keys, in this order."""
    wanted = set(keys)
    labels = unit_labels(report)
    names = {
        row[0]: row[1:] for row in labels[are_among(labels["unit_key"], wanted)].itertuples(index=False, name=None)
    }
    nobody = ("",) * (len(LABEL_COLUMNS) - 1)
    fates = _fates(tallies.outcomes[are_among(tallies.outcomes["unit_key"], wanted)])
    problems = _problems(report, tallies.open[are_among(tallies.open["unit_key"], wanted)])
    return [_household(report, key, names.get(key, nobody), fates.get(key, []), problems.get(key, [])) for key in keys]


def _household(
    report: RunReport, key: str, names: tuple[str, ...], fates: list[Fate], problems: list[Problem]
) -> Household:
    household_name, head, office, user = (name.strip() for name in names)
    return Household(
        anchor=anchor("household", key),
        unit_key=key,
        name=household_name or head,
        head=head,
        office=office,
        user=user,
        fates=fates,
        problems=problems[:FINDINGS_SHOWN],
        more=max(len(problems) - FINDINGS_SHOWN, 0),
        url=unit_url(report.record_url, key),
    )


def _fates(outcomes: pd.DataFrame) -> dict[str, list[Fate]]:
    fates: dict[str, list[Fate]] = {}
    rows = outcomes.sort_values("vendor", ascending=False)[["unit_key", "vendor", "outcome", "reason", "code"]]
    for key, vendor, outcome, reason, code in rows.itertuples(index=False, name=None):
        fates.setdefault(key, []).append(
            Fate(vendor_name(vendor), outcome, reason, frozenset(code.replace(" ", "").split(",")))
        )
    return fates


def _problems(report: RunReport, findings: pd.DataFrame) -> dict[str, list[Problem]]:
    """Per unit: critical before warning, new before known; those for information are not listed."""
    listed = findings[findings["severity"].isin(["critical", "warning"])]
    grouped = listed.groupby(_FINDING, sort=False).agg(
        vendor=("vendor", lambda vendors: " and ".join(_names(vendors))), since=("since", "min")
    )
    order = ["unit_key", "severity", "status", "rule_id", "entity", "entity_id", "field"]
    ascending = [column != "status" for column in order]
    rows = grouped.reset_index().sort_values(order, ascending=ascending, kind="stable")
    problems: dict[str, list[Problem]] = {}
    for row in rows.to_dict("records"):
        problem = Problem(
            severity=row["severity"],
            status=row["status"],
            since=row["since"],
            rule_id=row["rule_id"],
            record=_record(row["entity"], row["entity_id"], row["field"]),
            url=record_url(report.record_url, row["entity"], row["entity_id"]),
            message=row["message"],
            remedy=row["remedy"],
            consequence=report.consequence(row["severity"], row["vendor"]),
            vendors=row["vendor"],
        )
        problems.setdefault(row["unit_key"], []).append(problem)
    return problems


def _names(vendors: pd.Series) -> list[str]:
    return [vendor_name(vendor) for vendor in sorted(set(vendors), reverse=True)]


def _record(entity: str, entity_id: str, field: str) -> str:
    record = f"{label(entity)} {entity_id}".strip()
    return f"{record} · {label(field)}" if field not in ("", "*") else record
