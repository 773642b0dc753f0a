"""The table of rules is whole: every rule can be shown to a steward, and every check can be run."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from etl.errors import SettingsError
from expectations.conditions import CONDITIONS
from expectations.facts.vendors import FRAMES, FRAMES_OF
from expectations.rules import FINDING_COLUMNS, RULES, TABLE, checks_of, finding, read_overrides, rule
from expectations.rules.types import SEVERITIES, SUITES
from expectations.wording import SHOWABLE, placeholders
from tests.expectations.facts import AS_OF, facts_with, verdict_of

CHECKS = [pytest.param(of_rule, check, id=of_rule.rule_id) for of_rule in TABLE for check in of_rule.checks]


def test_every_rule_has_its_id_once_a_severity_and_a_remedy():
    assert len(RULES) == len(TABLE)
    for of_rule in TABLE:
        assert of_rule.severity in SEVERITIES
        assert of_rule.message.endswith(".")
        assert of_rule.remedy.endswith(".")


@pytest.mark.parametrize(("of_rule", "check"), CHECKS)
def test_a_check_names_a_condition_and_columns_that_exist(of_rule, check):
    assert check.condition in CONDITIONS
    assert set(check.vendors) <= {vendor for vendor, frames in FRAMES_OF.items() if check.frame in frames}
    assert {*check.columns, *check.among} <= set(FRAMES[check.frame])
    assert len(check.labels) in (1, len(check.columns))


@pytest.mark.parametrize(("of_rule", "check"), CHECKS)
def test_a_message_shows_roles_counts_and_keys_only(of_rule, check):
    assert set(placeholders(check.message or of_rule.message)) <= SHOWABLE | {"cells"}


@pytest.mark.parametrize("rule_id", FRAMES["left_out"]["rule_id"].values)
def test_every_rule_by_which_a_record_is_left_out_is_in_the_table(rule_id):
    assert [check.frame for check in RULES[rule_id].checks] == ["left_out"]


@pytest.mark.parametrize("vendor", SUITES)
def test_the_suites_hold_every_check_with_its_severity_and_rule(vendor):
    from expectations.gx import build_suites

    suites = build_suites(vendor, AS_OF, {"ACC-NET": "critical"})
    expectations = [expectation for suite in suites.values() for expectation in suite.expectations]
    listed = sorted(
        (expectation.meta["check"], expectation.meta["rule_id"], expectation.severity) for expectation in expectations
    )
    assert listed == [
        (place, of_rule.rule_id, "critical" if of_rule.rule_id == "ACC-NET" else of_rule.severity)
        for place, (of_rule, _) in enumerate(checks_of(vendor))
    ]


def test_a_rule_overridden_to_critical_holds():
    facts = facts_with("profiles", "accounts", net_value=0)
    assert list(verdict_of("profiles", facts).held["unit_key"]) == []
    verdict = verdict_of("profiles", facts, overrides={"ACC-NET": "critical"})
    assert list(verdict.held["rule_ids"]) == ["ACC-NET"]
    assert list(verdict.findings["severity"]) == ["critical"]


@pytest.mark.parametrize("severity", ["warning", "info"])
def test_a_critical_rule_overridden_to_less_does_not_hold(severity):
    facts = facts_with("profiles", "policies", policy_name=None)
    verdict = verdict_of("profiles", facts, overrides={"POL-NAME-MISSING": severity})
    assert list(verdict.accepted["unit_key"]) == ["H1"]
    assert list(verdict.findings["severity"]) == [severity]


@pytest.mark.parametrize(
    ("name", "text"), [("rules.toml", 'ACC-NET = "critical"\n'), ("rules.json", '{"ACC-NET": "critical"}')]
)
def test_overrides_are_read_from_toml_and_json(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text)
    assert read_overrides(path) == {"ACC-NET": "critical"}


def test_without_a_file_nothing_is_overridden():
    assert read_overrides(None) == {}


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("rules.toml", 'ACC-NETT = "critical"', "ACC-NETT: no such rule; the rules are ACC-CATEGORY-MISSING, "),
        ("rules.toml", 'ACC-NET = "fatal"', "ACC-NET = 'fatal': a severity is one of critical, warning, info"),
        ("rules.toml", "ACC-NET = 1", "ACC-NET = 1: a severity"),
        ("rules.toml", "ACC-NET\n", "line 1"),
        ("rules.json", '{"ACC-NET": ["critical"]}', "a severity is one of"),
        ("rules.json", '{"ACC-NET": "info", "ACC-NET": "critical"}', "more than once"),
        ("rules.json", '["ACC-NET"]', "must be a table"),
        ("rules.json", "{", "line 1"),
    ],
)
def test_an_override_that_cannot_be_meant_is_refused_by_its_name(tmp_path, name, text, words):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(SettingsError) as raised:
        read_overrides(path)
    assert words in str(raised.value)
    assert str(path) in str(raised.value)


def test_a_missing_file_of_overrides_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="cannot be read"):
        read_overrides(tmp_path / "none.toml")


def test_findings_of_the_load_are_worded_by_the_same_table():
    found = finding("MATCH-GONE", "profiles", "H1", entity="household", entity_id=1)
    assert tuple(found) == FINDING_COLUMNS
    assert (found["severity"], found["message"]) == ("critical", RULES["MATCH-GONE"].message)
    assert json.dumps(found)
    own = finding(
        "EMY-GONE", "emoney", "H1", entity="account", entity_id=5, message="Gone.", overrides={"EMY-GONE": "info"}
    )
    assert (own["severity"], own["message"]) == ("info", "Gone.")


def test_a_rule_that_is_not_in_the_table_has_no_finding():
    with pytest.raises(KeyError):
        rule("HH-NOTHING")


def test_importing_the_gate_imports_no_great_expectations_and_running_it_no_charts_or_statistics():
    program = """
import sys
import expectations.gate, expectations.rules
assert "great_expectations" not in sys.modules
from expectations.gx import open_context
with open_context():
    pass
assert "altair" not in sys.modules and "scipy.stats" not in sys.modules
from great_expectations.expectations.core import expect_column_kl_divergence_to_be_less_than as used_by_gx
assert used_by_gx.stats.entropy([1.0]) == 0 and used_by_gx.alt.Chart
import scipy.stats
assert scipy.stats.norm
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
