"""The gate: which units may be loaded, which are held, and every finding with its remedy.

The gate fails closed: where a check cannot run, it raises `GateBroken`, and nothing is loaded. *The check is broken* is
never mistaken for *the data are wrong*.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from etl.errors import VENDOR_NAMES, GateBroken
from etl.frames import are_among, empty
from expectations.facts.vendors import FRAMES_OF, check_frames
from expectations.rules import FINDING_COLUMNS, Overrides, checks_of
from expectations.wording import LEFT_OUT_KEY, needed_columns, word_findings

if TYPE_CHECKING:
    from expectations.gx import CheckResult


@dataclass(frozen=True)
class Verdict:
    """What the gate decided for one vendor.

    accepted    unit_key, in the order of the units in scope
    held        unit_key, rule_ids (the critical rules it breaks, sorted, comma-joined)
    findings    FINDING_COLUMNS, in the order of the rules and of the facts
    statistics  for JSON: vendor, as_of, units, accepted, held, rows by frame (0: the run has none), and for each check
                its rule, severity, frame, condition, rows and failures; no keys, no values
    """

    vendor: str
    accepted: pd.DataFrame
    held: pd.DataFrame
    findings: pd.DataFrame
    statistics: dict[str, Any]


def validate(
    vendor: str,
    facts: Mapping[str, pd.DataFrame],
    units: Sequence[str],
    *,
    as_of: date,
    overrides: Overrides | None = None,
) -> Verdict:
    """Check the facts of all units in scope for a vendor.

    Raises `GateBroken` when any check cannot run, when facts are missing or malformed, and when the failing rows
    listed are not as many as were counted.
    """
    if vendor not in FRAMES_OF:
        raise GateBroken(f"there is no suite for the vendor {vendor!r}")
    check_frames(vendor, facts, units)
    try:
        from expectations.gx import run_suites  # imports Great Expectations

        results = run_suites(vendor, facts, as_of, overrides) if len(units) else []
    except GateBroken:
        raise
    except Exception as error:  # its message may quote values
        raise GateBroken(
            f"the suites of {VENDOR_NAMES.get(vendor, vendor)} could not run: {type(error).__name__}"
        ) from None
    findings = _word_all(vendor, facts, results, as_of, overrides)
    return _decide(vendor, units, findings, _statistics(vendor, facts, results, as_of, overrides))


def combine(verdicts: Sequence[Verdict]) -> Verdict:
    """One verdict of one vendor from those of several chunks of units."""
    if len({verdict.vendor for verdict in verdicts}) != 1:
        raise GateBroken("only verdicts of one vendor can be combined")
    statistics = [verdict.statistics for verdict in verdicts]
    checks = [
        {**same[0], "rows": sum(check["rows"] for check in same), "failures": sum(check["failures"] for check in same)}
        for same in zip(*(each["checks"] for each in statistics), strict=True)
    ]
    rows = {frame: sum(each["rows"][frame] for each in statistics) for frame in statistics[0]["rows"]}
    units = {name: sum(each[name] for each in statistics) for name in ("units", "accepted", "held")}
    return Verdict(
        verdicts[0].vendor,
        pd.concat([verdict.accepted for verdict in verdicts], ignore_index=True),
        pd.concat([verdict.held for verdict in verdicts], ignore_index=True),
        pd.concat([verdict.findings for verdict in verdicts], ignore_index=True),
        {**statistics[0], **units, "rows": rows, "checks": checks},
    )


def _word_all(
    vendor: str,
    facts: Mapping[str, pd.DataFrame],
    results: Iterable[CheckResult],
    as_of: date,
    overrides: Overrides | None,
) -> pd.DataFrame:
    checks = checks_of(vendor, overrides)
    worded = []
    for result in results:
        if len(result.failing_rows):
            of_rule, check = checks[result.place]
            rows = facts[check.frame][needed_columns(of_rule, check)].take(result.failing_rows)
            worded.append(word_findings(vendor, of_rule, check, rows, check.arguments_on(as_of)))
            merged = len(rows) - len(worded[-1])
            if merged and (check.frame != "left_out" or merged != rows.duplicated(LEFT_OUT_KEY).sum()):
                raise GateBroken(f"{of_rule.rule_id}: not every failing row became a finding")
    if worded:
        return pd.concat(worded, ignore_index=True)
    return pd.DataFrame({name: pd.Series(dtype="int64" if name == "entity_id" else "str") for name in FINDING_COLUMNS})


def held_units(findings: pd.DataFrame) -> pd.DataFrame:
    """unit_key, rule_ids of the units with a critical finding: the rules that they break, sorted, comma-joined."""
    is_critical = (findings["severity"] == "critical").to_numpy(dtype=bool)
    if not is_critical.any():
        return empty(("unit_key", "rule_ids"))
    critical = findings.loc[is_critical, ["unit_key", "rule_id"]]
    broken = critical.drop_duplicates().sort_values(["unit_key", "rule_id"])
    keys, rules = broken["unit_key"].to_list(), broken["rule_id"].to_list()
    starts = np.flatnonzero(~broken["unit_key"].duplicated().to_numpy(dtype=bool)).tolist()
    ends = [*starts[1:], len(keys)]
    held = {
        "unit_key": [keys[start] for start in starts],
        "rule_ids": [",".join(rules[start:end]) for start, end in zip(starts, ends, strict=True)],
    }
    return pd.DataFrame(held, dtype="str")


def _decide(vendor: str, units: Sequence[str], findings: pd.DataFrame, statistics: dict[str, Any]) -> Verdict:
    """Held are the units with a critical finding; accepted are all others."""
    in_scope = pd.Series(list(units), dtype="str", name="unit_key")
    held = held_units(findings)
    accepted = in_scope[~are_among(in_scope, held["unit_key"])].to_frame().reset_index(drop=True)
    counts = {"units": len(in_scope), "accepted": len(accepted), "held": len(held)}
    if counts["accepted"] + counts["held"] != counts["units"]:
        raise GateBroken("accepted and held units are not all units in scope")
    return Verdict(vendor, accepted, held, findings, {**statistics, **counts})


def _statistics(
    vendor: str,
    facts: Mapping[str, pd.DataFrame],
    results: Iterable[CheckResult],
    as_of: date,
    overrides: Overrides | None,
) -> dict[str, Any]:
    by_place = {result.place: result for result in results}
    checks = []
    for place, (of_rule, check) in enumerate(checks_of(vendor, overrides)):
        result = by_place.get(place)
        checks.append(
            {
                "rule_id": of_rule.rule_id,
                "severity": of_rule.severity,
                "frame": check.frame,
                "fields": list(check.labels),
                "columns": list(check.columns),
                "condition": check.condition,
                "arguments": check.arguments_on(as_of),
                "remedy": check.remedy or of_rule.remedy,
                "rows": result.rows if result else 0,
                "failures": len(result.failing_rows) if result else 0,
            }
        )
    return {
        "vendor": vendor,
        "as_of": as_of.isoformat(),
        "rows": {frame: len(facts[frame]) for frame in FRAMES_OF[vendor]},
        "checks": checks,
    }
