"""The gate is complete, fails closed and shows no client's value."""

from __future__ import annotations

import json
import logging
import tempfile
import time
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from etl.errors import GateBroken
from expectations import conditions
from expectations.facts.vendors import FRAMES, FRAMES_OF, VENDOR_FRAMES
from expectations.gate import Verdict, combine, validate
from expectations.rules import FINDING_COLUMNS
from tests.expectations.facts import (
    AS_OF,
    facts_with,
    frame,
    many_households,
    rules_broken,
    sound_facts,
    verdict_of,
    verdict_of_all,
)


def test_every_failing_record_is_listed_by_key_however_many_there_are():
    facts, keys = many_households(5_000, head_is_person=False)
    verdict = validate("profiles", facts, keys, as_of=AS_OF)
    assert list(verdict.findings["unit_key"]) == keys
    assert list(verdict.findings["entity_id"]) == list(range(5_000))
    assert set(verdict.held["rule_ids"]) == {"HH-HEAD"}
    assert verdict.accepted.empty


def test_listing_every_failing_row_costs_little_more_than_asking_for_booleans():
    facts, _ = many_households(20_000, is_primary_household=False, spouse_difference="no_role")

    from expectations import gx

    def seconds(result_format: str) -> float:
        with gx.open_context() as context:
            suite = gx.build_suites("profiles", AS_OF)["households"]
            start = time.process_time()
            results = gx.run_suite(context, suite, facts["households"], result_format)
            spent = time.process_time() - start
        listed = sum(len(result.result.get("failing_rows", [])) for result in results)
        assert listed == (0 if result_format == "BOOLEAN_ONLY" else 40_000)
        return spent

    boolean, complete = (min(seconds(form) for _ in range(3)) for form in ("BOOLEAN_ONLY", "BASIC"))
    assert complete <= 3 * boolean


def test_a_unit_is_held_with_all_its_critical_rules_and_warnings_do_not_hold():
    facts = facts_with("profiles", "people", first_name=None, birth_date=None, gender=None)
    verdict = verdict_of("profiles", facts)
    assert verdict.held.to_dict("records") == [{"unit_key": "H1", "rule_ids": "DEM-BIRTH-DATE,DEM-NAME"}]
    assert rules_broken(verdict) == ["DEM-BIRTH-DATE", "DEM-GENDER", "DEM-NAME"]


def test_one_bad_household_does_not_hold_its_neighbours():
    cases = [sound_facts(), facts_with("profiles", "accounts", account_value=-1, net_value=None), sound_facts()]
    verdict = verdict_of_all("profiles", cases)
    assert list(verdict.accepted["unit_key"]) == ["H0", "H2"]
    assert list(verdict.held["unit_key"]) == ["H1"]


def test_findings_keep_their_columns_when_there_are_none():
    findings = verdict_of("profiles", sound_facts()).findings
    assert tuple(findings.columns) == FINDING_COLUMNS
    assert (
        tuple(verdict_of("profiles", facts_with("profiles", "people", gender=None)).findings.columns) == FINDING_COLUMNS
    )


def test_the_answer_does_not_depend_on_the_index_of_the_facts():
    facts = facts_with("profiles", "accounts", account_value=-1, net_value=None)
    odd = {name: rows.set_axis([7] * len(rows)) for name, rows in facts.items()}
    pd.testing.assert_frame_equal(verdict_of("profiles", facts).findings, verdict_of("profiles", odd).findings)


def test_the_facts_are_left_as_they_were():
    facts = facts_with("profiles", "accounts", account_value=-1, net_value=None)
    before = {name: rows.copy(deep=True) for name, rows in facts.items()}
    verdict_of("profiles", facts)
    for name, rows in facts.items():
        pd.testing.assert_frame_equal(rows, before[name])


def test_chunks_combine_to_the_verdict_of_all():
    facts, keys = many_households(6, client_deceased=True)
    facts["households"].loc[::2, "client_deceased"] = False

    def part(keys: list[str]) -> Verdict:
        taken = {name: rows[rows["unit_key"].isin(keys)] for name, rows in facts.items()}
        return validate("profiles", taken, keys, as_of=AS_OF)

    whole, combined = part(keys), combine([part(keys[:2]), part(keys[2:])])
    for name in ("accepted", "held", "findings"):
        pd.testing.assert_frame_equal(getattr(whole, name), getattr(combined, name))
    assert whole.statistics == combined.statistics


def test_verdicts_of_different_vendors_do_not_combine():
    verdicts = [verdict_of(vendor, sound_facts(vendor)) for vendor in ("profiles", "emoney")]
    with pytest.raises(GateBroken, match="one vendor"):
        combine(verdicts)


def test_a_policy_that_leaves_out_two_beneficiaries_is_one_finding_that_names_both():
    facts = sound_facts()
    row = {"unit_key": "H1", "entity": "policy", "entity_id": 41, "rule_id": "POL-BENEFICIARY"}
    facts["left_out"] = frame("left_out", [row | {"field": f"beneficiary contact:{number}"} for number in (8, 9)])
    findings = verdict_of("profiles", facts).findings
    assert list(findings["field"]) == ["beneficiary contact:8, beneficiary contact:9"]


# --- fail closed -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vendor", ["profiles", "emoney"])
def test_frames_without_rows_are_no_fault_and_counted_as_none(vendor):
    facts = sound_facts(vendor)
    empty = [name for name in FRAMES_OF[vendor] if name not in ("households", "people")]
    facts |= {name: pd.DataFrame(columns=list(FRAMES[name])) for name in empty}
    verdict = verdict_of(vendor, facts)
    assert list(verdict.accepted["unit_key"]) == ["H1"]
    assert {name: verdict.statistics["rows"][name] for name in empty} == dict.fromkeys(empty, 0)
    assert all(check["rows"] == 0 for check in verdict.statistics["checks"] if check["frame"] in empty)


def test_no_unit_in_scope_is_an_empty_verdict():
    facts, _ = many_households(0)
    verdict = validate("emoney", facts, [], as_of=AS_OF)
    assert verdict.accepted.empty
    assert verdict.held.empty
    assert verdict.statistics["units"] == 0


def test_an_empty_batch_with_units_in_scope_breaks_the_gate():
    facts, _ = many_households(0)
    with pytest.raises(GateBroken, match="1 of 1 units in scope have no row"):
        verdict_of("profiles", facts)


@pytest.mark.parametrize(
    ("name", "column"), [(name, column) for name, columns in VENDOR_FRAMES.items() for column in columns]
)
def test_a_missing_column_breaks_the_gate(name, column):
    facts = facts_with("profiles", name)
    facts[name] = facts[name].drop(columns=column)
    with pytest.raises(GateBroken, match=f"facts {name}: columns are missing: {column}"):
        verdict_of("profiles", facts)


@pytest.mark.parametrize("name", list(VENDOR_FRAMES))
def test_a_missing_frame_breaks_the_gate(name):
    facts = sound_facts()
    del facts[name]
    with pytest.raises(GateBroken, match=f"the frame {name} is missing"):
        verdict_of("profiles", facts)


@pytest.mark.parametrize(
    ("name", "column", "dtype"),
    [
        ("accounts", "account_value", "float64"),
        ("accounts", "net_value", "str"),
        ("households", "head_is_person", "int64"),
        ("households", "head_is_person", "object"),
        ("people", "birth_date", "str"),
        ("people", "first_name", "category"),
        ("households", "spouse_candidates", "float64"),
    ],
)
def test_a_column_of_another_type_breaks_the_gate(name, column, dtype):
    facts = facts_with("profiles", name)
    facts[name] = facts[name].astype({column: dtype})
    with pytest.raises(GateBroken, match=f"facts {name}: column {column} is "):
        verdict_of("profiles", facts)


def test_text_columns_may_be_objects_that_hold_text_only():
    facts = facts_with("profiles", "people", gender=None)
    facts["people"] = facts["people"].astype({"first_name": object, "gender": object})
    assert rules_broken(verdict_of("profiles", facts)) == ["DEM-GENDER"]
    facts["people"]["first_name"] = pd.Series([1, "Ben"], dtype=object)
    with pytest.raises(GateBroken, match="first_name"):
        verdict_of("profiles", facts)


@pytest.mark.parametrize(
    ("name", "cells", "words"),
    [
        ("people", {"person_role": None}, "person_role is null in 1 rows"),
        ("people", {"person_role": "head"}, "person_role holds values outside"),
        ("policies", {"kind": "auto"}, "kind holds values outside"),
        ("left_out", {"rule_id": "POL-OTHER"}, "rule_id holds values outside"),
        ("people", {"unit_key": None}, "unit_key is null"),
        ("accounts", {"unit_key": "H2"}, "1 rows belong to no unit in scope"),
        ("people", {"person_role": "dependent"}, "1 units have a client and no row for the client"),
    ],
)
def test_facts_that_cannot_be_right_break_the_gate(name, cells, words):
    with pytest.raises(GateBroken, match=words):
        verdict_of("profiles", facts_with("profiles", name, **cells))


def test_a_spouse_without_a_row_breaks_the_gate():
    facts = sound_facts()
    facts["people"] = facts["people"].head(1)
    with pytest.raises(GateBroken, match="1 units have a spouse and no row for the spouse"):
        verdict_of("profiles", facts)


def test_a_unit_with_two_household_rows_breaks_the_gate():
    facts = sound_facts()
    facts["households"] = pd.concat([facts["households"]] * 2)
    with pytest.raises(GateBroken, match="more than one row"):
        verdict_of("profiles", facts)


def test_a_unit_listed_twice_breaks_the_gate():
    with pytest.raises(GateBroken, match="more than once"):
        validate("profiles", sound_facts(), ["H1", "H1"], as_of=AS_OF)


def test_an_unknown_vendor_has_no_suite():
    with pytest.raises(GateBroken, match="no suite"):
        verdict_of("other", sound_facts())


def test_an_empty_suite_breaks_the_gate(monkeypatch):
    from expectations import gx

    monkeypatch.setattr(
        gx, "build_suites", lambda *_: {"households": type("Suite", (), {"name": "x", "expectations": []})}
    )
    with pytest.raises(GateBroken, match="the suite x is empty"):
        verdict_of("profiles", sound_facts())


@pytest.mark.parametrize(
    "broken",
    [
        lambda rows, *_, **__: 1 / 0,
        lambda rows, *_, **__: np.ones(len(rows) + 1, dtype=bool),
        lambda rows, *_, **__: np.ones(len(rows), dtype=int),
        lambda rows, *_, **__: rows["no such column"],
    ],
    ids=["raises", "too many rows", "no booleans", "no column"],
)
def test_a_check_that_cannot_run_breaks_the_gate_and_quotes_nothing(monkeypatch, broken):
    monkeypatch.setitem(conditions.CONDITIONS, "is_filled", broken)
    with pytest.raises(GateBroken, match=r"HH-MARITAL-STATUS-PROFILES: the check could not run: \w+") as raised:
        verdict_of("profiles", facts_with("profiles", "households", marital_status="Secret"))
    assert "Secret" not in str(raised.value)


def test_a_listing_that_is_not_as_long_as_the_count_breaks_the_gate():
    result = SimpleNamespace(
        expectation_config=SimpleNamespace(meta={"rule_id": "HH-HEAD", "check": 0}),
        exception_info={"raised_exception": False},
        success=False,
        result={"element_count": 3, "unexpected_count": 3, "failing_rows": np.array([0, 2])},
    )
    from expectations import gx

    with pytest.raises(GateBroken, match="2 failing rows are listed, and 3 were counted"):
        gx._read_result(result, 3)
    with pytest.raises(GateBroken, match="did not see all 4 rows"):
        gx._read_result(result, 4)


# --- nothing of a client's -----------------------------------------------------------------------------------------


def test_no_finding_and_no_statistic_holds_a_value():
    mark, amount = "Zanzibar", -987_654_321
    facts = facts_with("profiles", "people", first_name=" ", last_name=mark, gender=None, email=mark)
    facts["households"]["marital_status"] = mark
    facts["accounts"] = facts_with("profiles", "accounts", account_value=amount, net_value=amount)["accounts"]
    texts = {"plan_type": mark, "policy_name": None, "annual_premium": amount, "basic_face_amount": amount}
    unread = {"elimination_period": mark, "elimination_is_readable": False}
    facts["policies"] = facts_with("profiles", "policies", **texts, **unread)["policies"]
    facts["liabilities"] = facts_with("profiles", "liabilities", liability_name=None, sent_rate=amount)["liabilities"]
    verdict = verdict_of("profiles", facts)
    assert len(verdict.findings) >= 8
    shown = verdict.findings.to_csv() + json.dumps(verdict.statistics)
    assert not [word for word in (mark, str(amount), "987", "Byron") if word in shown]


def test_the_finding_shows_the_shape_of_each_failing_field():
    facts = facts_with("profiles", "accounts", account_value=-1, loan_balance=-(2**63) + 1, net_value=None)
    finding = verdict_of("profiles", facts).findings.iloc[0]
    assert finding["field"] == "Account Value, Loan Balance"
    assert finding["message"] == "Account Value is negative, Loan Balance is not a number."


@pytest.mark.parametrize(
    ("date", "shape"), [(None, "is blank"), ("1899-12-31", "is before 1900"), ("2026-02-01", "is in the future")]
)
def test_a_birth_date_is_shown_by_its_shape(date, shape):
    finding = verdict_of("profiles", facts_with("profiles", "people", birth_date=date)).findings.iloc[0]
    assert finding["message"] == f"Of the client: Birth Date {shape}."


def test_the_gate_is_silent_and_leaves_no_files(caplog, capfd, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with caplog.at_level(logging.DEBUG):
        verdict_of("profiles", facts_with("profiles", "people", gender=None))
    assert [record for record in caplog.records if record.name.startswith("great_expectations")] == []
    assert capfd.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []
