"""Which findings a waiver covers."""

import pandas as pd

from expectations.rules import FINDING_COLUMNS, RULES
from expectations.waivers import NEVER_WAIVED, covered_by


def findings(*rows: tuple[str, str, str, str, int]) -> pd.DataFrame:
    """unit, rule, severity, entity, entity_id of each."""
    names = ("unit_key", "rule_id", "severity", "entity", "entity_id")
    return pd.DataFrame(rows, columns=list(names)).reindex(columns=list(FINDING_COLUMNS))


def waivers(*rows: tuple[int, str, str, str, str, bool]) -> pd.DataFrame:
    names = ("waiver_id", "unit_key", "rule_id", "entity", "entity_id", "is_approved")
    return pd.DataFrame(rows, columns=list(names))


FOUND = findings(
    ("H1", "LIA-TERM", "critical", "liability", 5), ("H1", "LIA-TERM", "critical", "liability", 6),
    ("H1", "ACC-NET", "warning", "account", 5), ("H2", "LIA-TERM", "critical", "liability", 7),
)  # fmt: skip


def test_waiver_of_a_unit_and_a_rule_covers_all_its_records() -> None:
    covered = covered_by(FOUND, waivers((3, "H1", "LIA-TERM", "", "", True)))
    assert covered.fillna(0).tolist() == [3, 3, 0, 0]


def test_waiver_of_a_record_covers_that_record_alone() -> None:
    covered = covered_by(FOUND, waivers((3, "H1", "LIA-TERM", "liability", "6", True)))
    assert covered.fillna(0).tolist() == [0, 3, 0, 0]


def test_waiver_that_nobody_has_approved_covers_nothing_critical() -> None:
    asked = waivers((3, "H1", "LIA-TERM", "", "", False), (4, "H1", "ACC-NET", "", "", False))
    assert covered_by(FOUND, asked).fillna(0).tolist() == [0, 0, 4, 0]


def test_oldest_of_several_waivers_counts() -> None:
    both = waivers((9, "H1", "LIA-TERM", "", "", True), (4, "H1", "LIA-TERM", "liability", "5", True))
    assert covered_by(FOUND, both).fillna(0).tolist() == [4, 9, 0, 0]


def test_rule_that_protects_identity_is_never_covered() -> None:
    found = findings(*((f"H{n}", rule_id, "critical", "", 1) for n, rule_id in enumerate(NEVER_WAIVED)))
    asked = waivers(*((n, f"H{n}", rule_id, "", "", True) for n, rule_id in enumerate(NEVER_WAIVED)))
    assert covered_by(found, asked).isna().all()


def test_findings_without_a_waiver_keep_their_index_and_have_none() -> None:
    chosen = FOUND[FOUND["unit_key"] == "H2"]
    covered = covered_by(chosen, waivers((3, "H1", "LIA-TERM", "", "", True)))
    assert covered.index.equals(chosen.index)
    assert covered.isna().all()


def test_every_rule_that_cannot_be_waived_exists_and_says_why() -> None:
    assert set(NEVER_WAIVED) <= set(RULES)
    assert all(NEVER_WAIVED.values())
