"""Each rule, broken and kept: what facts look like, which rules they break at which vendor."""

from __future__ import annotations

from typing import Any

import pytest

from etl.schema import NOT_FINITE
from etl.values import VENDORS
from expectations.facts.vendors import FRAMES
from expectations.gate import Verdict
from expectations.rules import RULES, TABLE
from tests.expectations.facts import facts_with, rules_broken, sound_facts, verdict_of, verdict_of_all

NBSP = "\N{NO-BREAK SPACE}"
BOTH, PROFILES, EMONEY = ("profiles", "emoney"), ("profiles",), ("emoney",)
NO_SPOUSE = {"spouse_candidates": 0, "has_spouse": False}
ANNUITY = {"kind": "annuity", "elimination_period": None}
CHILD = {"person_role": "dependent", "entity_id": 13}
LIFE = {"kind": "life", "elimination_period": None}

Case = tuple[str, tuple[str, ...], str, dict[str, Any]]

BROKEN: list[Case] = [
    ("HH-HEAD", BOTH, "households", {"head_is_person": False}),
    ("HH-PRIMARY", BOTH, "households", {"is_primary_household": False}),
    ("HH-SPOUSE-ROLE-MISSING", PROFILES, "households", NO_SPOUSE),
    ("HH-SPOUSE-RELATION-MISSING", EMONEY, "households", NO_SPOUSE),
    ("HH-MARITAL-STATUS", EMONEY, "households", {"marital_status": None, "counts_as_married": False}),
    ("HH-MARITAL-STATUS", EMONEY, "households", {"marital_status": NBSP, "counts_as_married": False}),
    ("HH-MARITAL-STATUS-PROFILES", PROFILES, "households", {"marital_status": f" {NBSP}\t"}),
    ("HH-MARITAL-STATUS-PROFILES", PROFILES, "households", {"marital_status": None}),
    ("HH-SPOUSE-AMBIGUOUS", BOTH, "households", {"spouse_candidates": 2, "has_spouse": False}),
    ("HH-SPOUSE-AMBIGUOUS", BOTH, "households", {"spouse_is_client": True, "has_spouse": False}),
    ("HH-SPOUSE-GONE", BOTH, "households", NO_SPOUSE | {"spouse_candidates_gone": 1}),
    *[
        ("HH-ROLE-RELATION", BOTH, "households", {"spouse_difference": difference})
        for difference in FRAMES["households"]["spouse_difference"].values
        if difference != "same"
    ],
    ("HH-DECEASED-HEAD", BOTH, "households", {"client_deceased": True}),
    ("HH-COUPLE-TWICE", BOTH, "households", {"spouse_unit_key": "C7"}),
    ("DEM-NAME", BOTH, "people", {"first_name": None}),
    ("DEM-NAME", BOTH, "people", {"last_name": NBSP}),
    ("DEM-NAME", BOTH, "people", {"first_name": "", "last_name": "\u2003"}),
    ("SCP-CELL", BOTH, "faults", {}),
    ("SCP-KEY-TWICE", BOTH, "faults", {"rule_id": "SCP-KEY-TWICE"}),
    ("DEM-BIRTH-DATE", BOTH, "people", {"birth_date": None}),
    ("DEM-BIRTH-DATE", BOTH, "people", {"birth_date": "1899-12-31"}),
    ("DEM-BIRTH-DATE", BOTH, "people", {"birth_date": "2026-02-01"}),
    ("DEM-NAME-ODD", BOTH, "people", {"first_name": "???"}),
    ("DEM-NAME-ODD", BOTH, "people", {"last_name": "B\N{REPLACEMENT CHARACTER}ron"}),
    ("DEM-AGES", PROFILES, "people", CHILD | {"birth_date": "2026-02-01"}),
    ("DEM-AGES", PROFILES, "people", CHILD | {"is_older_than_client": True}),
    ("DEM-INCOME", PROFILES, "people", {"income": -1}),
    ("DEM-GENDER", PROFILES, "people", {"gender": None}),
    ("DEM-GENDER", PROFILES, "people", {"gender": f"{NBSP}"}),
    ("DEM-SPARSE", BOTH, "people", {"has_address": False}),
    ("DEM-SPARSE", BOTH, "people", {"has_phone": False}),
    ("DEM-SPARSE", BOTH, "people", {"has_employer": False}),
    ("DEM-SPARSE", BOTH, "people", {"has_income": False}),
    ("EMY-OWNER", EMONEY, "households", {"unknown_owner": "amy"}),
    ("DEM-E-MAIL", BOTH, "people", {"email": "ada"}),
    ("DEM-E-MAIL", BOTH, "people", {"email": "ada@example@com"}),
    ("DEM-E-MAIL", BOTH, "people", {"email": "@example.com"}),
    ("DEM-E-MAIL", BOTH, "people", {"email": "ada@"}),
    ("DEM-E-MAIL", BOTH, "people", {"email": "ada b@example.com"}),
    ("DEM-E-MAIL", BOTH, "people", {"email": f"ada{NBSP}b@example.com"}),
    ("DEM-E-MAIL", BOTH, "people", {"email": "ada@example.com\nb"}),
    ("DEM-DEPENDENT", PROFILES, "left_out", {"entity": "contact", "rule_id": "DEM-DEPENDENT"}),
    ("ACC-SCOPE-PROFILES", PROFILES, "left_out", {"entity": "account", "rule_id": "ACC-SCOPE-PROFILES"}),
    ("ACC-CATEGORY-MISSING", PROFILES, "accounts", {"category_source": "missing"}),
    ("ACC-CATEGORY-UNKNOWN", PROFILES, "accounts", {"category_source": "unknown"}),
    ("ACC-VARIABLE-ANNUITY-EMPTY", PROFILES, "accounts", {"is_variable_annuity": True, "position_count": 0}),
    ("ACC-FIXED-ANNUITY-VA", PROFILES, "policies", ANNUITY | {"plan_type": f" va{NBSP}"}),
    ("ACC-TWICE", BOTH, "accounts", {"twin_policy_id": 41}),
    ("ACC-MONEY", BOTH, "accounts", {"account_value": NOT_FINITE}),
    ("ACC-MONEY", BOTH, "accounts", {"account_value": -1, "net_value": -100_01}),
    ("ACC-MONEY", BOTH, "accounts", {"loan_balance": NOT_FINITE}),
    ("ACC-MONEY", BOTH, "accounts", {"net_value": NOT_FINITE}),
    ("ACC-MONEY", PROFILES, "positions", {"market_value": NOT_FINITE}),
    ("ACC-MONEY", PROFILES, "positions", {"market_value": -1}),
    ("ACC-MONEY", BOTH, "policies", {"annual_premium": NOT_FINITE}),
    ("ACC-MONEY", BOTH, "policies", {"annualized_premium": -1}),
    ("ACC-MONEY", BOTH, "policies", {"basic_face_amount": -1}),
    ("ACC-MONEY", PROFILES, "policies", ANNUITY | {"gross_cash_value": -1}),
    ("ACC-MONEY", PROFILES, "policies", ANNUITY | {"gross_cash_value": NOT_FINITE, "annual_premium": -1}),
    ("ACC-MONEY", EMONEY, "policies", {"total_death_benefit": NOT_FINITE}),
    ("ACC-MONEY", PROFILES, "liabilities", {"orig_balloon_period": NOT_FINITE}),
    ("ACC-MONEY", PROFILES, "liabilities", {"loan_balance": NOT_FINITE}),
    ("ACC-NET", BOTH, "accounts", {"net_value": 900_02}),
    ("ACC-NET", BOTH, "accounts", {"net_value": 899_98}),
    ("ACC-NET", BOTH, "accounts", {"loan_balance": None}),
    ("LIA-NAME-MISSING", PROFILES, "liabilities", {"liability_name": NBSP}),
    ("LIA-NAME-MISSING", PROFILES, "liabilities", {"liability_name": None}),
    ("LIA-COMPUTED", PROFILES, "liabilities", {"computed_figures": 2}),
    ("LIA-INCOMPLETE", PROFILES, "liabilities", {"sent_payment": None}),
    ("LIA-INCOMPLETE", PROFILES, "liabilities", {"sent_balance": NOT_FINITE}),
    ("LIA-TERM", PROFILES, "liabilities", {"orig_amount_is_possible": False}),
    ("LIA-TERM", PROFILES, "liabilities", {"orig_period_is_possible": False}),
    ("LIA-TERM", PROFILES, "liabilities", {"orig_date_is_possible": False}),
    ("LIA-NOT-CALCULATED", PROFILES, "liabilities", {"calculate": False}),
    ("LIA-DRIFT", PROFILES, "liabilities", {"drift_permille": 51}),
    ("LIA-PAID-OFF", PROFILES, "liabilities", {"sent_balance": 0}),
    ("LIA-PAID-OFF", PROFILES, "liabilities", {"sent_years": 0}),
    ("LIA-RATE", PROFILES, "liabilities", {"sent_rate": 50_000_001}),
    ("LIA-RATE", PROFILES, "liabilities", {"sent_rate": -1}),
    ("LIA-NEGATIVE", PROFILES, "liabilities", {"sent_balance": -1}),
    ("LIA-NEGATIVE", PROFILES, "liabilities", {"sent_payment": -1}),
    ("LIA-NEGATIVE", PROFILES, "liabilities", {"sent_years": -1}),
    ("LIA-SCOPE", PROFILES, "left_out", {"entity": "liability", "rule_id": "LIA-SCOPE"}),
    ("POL-STATUS", BOTH, "left_out", {"rule_id": "POL-STATUS"}),
    ("POL-TYPE", BOTH, "left_out", {"rule_id": "POL-TYPE"}),
    ("POL-NAME-MISSING", BOTH, "policies", {"policy_name": None}),
    ("POL-NAME-MISSING", BOTH, "policies", {"policy_name": None, "kind": None}),
    ("POL-PREMIUM-MISSING", PROFILES, "policies", {"annual_premium": None}),
    ("ACC-VALUE-MISSING", BOTH, "accounts", {"account_value": None}),
    ("ACC-VALUE-MISSING", PROFILES, "positions", {"market_value": None}),
    ("ACC-VALUE-MISSING", PROFILES, "policies", ANNUITY | {"gross_cash_value": None}),
    ("POL-BENEFIT", PROFILES, "policies", LIFE | {"basic_face_amount": None}),
    ("POL-BENEFIT", EMONEY, "policies", {"total_death_benefit": -1}),
    ("POL-OWNER-OTHER", EMONEY, "policies", {"owner_is_couple": False}),
    ("POL-ELIMINATION-TEXT", PROFILES, "policies", {"elimination_period": "?", "elimination_is_readable": False}),
    ("POL-INSURED-OTHER", PROFILES, "left_out", {"rule_id": "POL-INSURED-OTHER"}),
    ("POL-BENEFICIARY", PROFILES, "left_out", {"rule_id": "POL-BENEFICIARY", "field": "beneficiary contact:9"}),
]

KEPT: list[Case] = [
    ("a single client without status needs none", EMONEY, "households",
     NO_SPOUSE | {"marital_status": None, "counts_as_married": False}),
    ("a spouse who has died is not missing", EMONEY, "households",
     {"spouse_candidates_gone": 1, "marital_status": "Widowed"}),
    ("born in 1900", BOTH, "people", {"birth_date": "1900-01-01"}),
    ("born on the run's date", BOTH, "people", {"birth_date": "2026-01-31"}),
    ("no e-mail address", BOTH, "people", {"email": None}),
    ("a blank e-mail address", BOTH, "people", {"email": NBSP}),
    ("an e-mail address beyond ASCII", BOTH, "people", {"email": "ädä@exämple.com"}),
    ("gender is not eMoney's business", EMONEY, "people", {"gender": None}),
    ("category is not eMoney's business", EMONEY, "accounts", {"category_source": "missing"}),
    ("a variable annuity with positions", PROFILES, "accounts", {"is_variable_annuity": True}),
    ("one cent off", BOTH, "accounts", {"net_value": 900_01}),
    ("a loan balance below 0", BOTH, "accounts", {"loan_balance": -100_00, "net_value": 1_100_00}),
    ("no net value", BOTH, "accounts", {"net_value": None}),
    ("an account value of 0", BOTH, "accounts", {"account_value": 0, "loan_balance": 0, "net_value": 0}),
    ("the largest amounts there can be", BOTH, "accounts",
     {"account_value": 10**18 - 1, "loan_balance": 1 - 10**18, "net_value": 2 * (10**18 - 1)}),
    ("a position that is worth nothing", PROFILES, "positions", {"market_value": 0}),
    ("cash value of a policy that is no annuity", PROFILES, "policies", {"gross_cash_value": NOT_FINITE}),
    ("cash value at eMoney", EMONEY, "policies", ANNUITY | {"gross_cash_value": -1}),
    ("total death benefit at Profiles", PROFILES, "policies", {"total_death_benefit": NOT_FINITE}),
    ("no death benefit of a policy that is no life policy", BOTH, "policies",
     {"basic_face_amount": None, "total_death_benefit": None}),
    ("no total death benefit", EMONEY, "policies", LIFE | {"total_death_benefit": None}),
    ("a name in another script", BOTH, "people", {"first_name": "李", "last_name": "O'Neil-Ünal"}),
    ("no income", BOTH, "people", {"income": None}),
    ("plan type VA of a policy that is no annuity", PROFILES, "policies", {"plan_type": "VA"}),
    ("a premium of 0", BOTH, "policies", {"annual_premium": 0}),
    ("an annualized premium alone", BOTH, "policies", {"annual_premium": None, "annualized_premium": 0}),
    ("an annuity without premium", PROFILES, "policies", ANNUITY | {"annual_premium": None}),
    ("no elimination period", PROFILES, "policies", {"elimination_period": NBSP, "elimination_is_readable": False}),
    ("an unreadable elimination period of a life policy", PROFILES, "policies",
     {"kind": "life", "elimination_period": "?", "elimination_is_readable": False}),
    ("a drift of exactly 5 %", PROFILES, "liabilities", {"drift_permille": 50}),
    ("no drift to compare", PROFILES, "liabilities", {"drift_permille": None}),
    ("an interest rate of 0", PROFILES, "liabilities", {"sent_rate": 0}),
    ("an interest rate of 50", PROFILES, "liabilities", {"sent_rate": 50_000_000}),
    ("an originating loan without current figures", PROFILES, "liabilities",
     {"calculate": False, "has_current_figures": False}),
]  # fmt: skip


def _cases(cases: list[Case]) -> list[Any]:
    return [
        pytest.param(vendor, name, number, id=f"{name} {vendor} {' '.join(cells)}")
        for number, (name, vendors, _, cells) in enumerate(cases)
        for vendor in vendors
    ]


@pytest.fixture(scope="module")
def verdicts():
    """All cases at once, each as a unit of its own; a case that is not asked of a vendor is sound there."""

    def all_of(vendor: str, cases: list[Case]) -> Verdict:
        facts = [
            facts_with(vendor, frame, **cells) if vendor in vendors else sound_facts(vendor)
            for _, vendors, frame, cells in cases
        ]
        return verdict_of_all(vendor, facts)

    return {
        (vendor, kind): all_of(vendor, cases) for vendor in BOTH for kind, cases in (("broken", BROKEN), ("kept", KEPT))
    }


@pytest.mark.parametrize("vendor", BOTH)
def test_sound_facts_break_no_rule(vendor):
    verdict = verdict_of(vendor, sound_facts(vendor))
    assert rules_broken(verdict) == []
    assert list(verdict.accepted["unit_key"]) == ["H1"]
    assert verdict.held.empty


@pytest.mark.parametrize(("vendor", "rule_id", "number"), _cases(BROKEN))
def test_a_broken_rule_is_found_and_holds_if_it_is_critical(verdicts, vendor, rule_id, number):
    verdict, key = verdicts[vendor, "broken"], f"H{number}"
    findings = verdict.findings[verdict.findings["unit_key"] == key]
    assert list(findings["rule_id"]) == [rule_id]
    finding, (_, _, frame, cells) = findings.iloc[0], BROKEN[number]
    assert finding["vendor"] == vendor
    assert finding["entity_id"] == facts_with(vendor, frame, **cells)[frame]["entity_id"][0]
    assert finding["severity"] == RULES[rule_id].severity
    is_critical = finding["severity"] == "critical"
    assert (key in set(verdict.held["unit_key"])) == is_critical
    assert (key in set(verdict.accepted["unit_key"])) != is_critical
    assert not finding[["entity", "field", "message", "remedy"]].str.strip().eq("").any()


@pytest.mark.parametrize(("vendor", "name", "number"), _cases(KEPT))
def test_what_is_no_fault_is_not_found(verdicts, vendor, name, number):
    findings = verdicts[vendor, "kept"].findings
    assert list(findings.loc[findings["unit_key"] == f"H{number}", "rule_id"]) == []


def test_every_rule_with_a_check_is_broken_here_at_each_of_its_vendors():
    asked = ((rule.rule_id, vendor) for rule in TABLE for check in rule.checks for vendor in check.vendors)
    checked = {(rule_id, vendor) for rule_id, vendor in asked if vendor in VENDORS}
    assert {(rule_id, vendor) for rule_id, vendors, _, _ in BROKEN for vendor in vendors} == checked


def test_a_sparse_person_is_one_finding_that_names_what_is_blank():
    facts = facts_with("profiles", "people", has_address=False, has_income=False)
    [found] = verdict_of("profiles", facts).findings.to_dict("records")
    assert (found["severity"], found["entity"], found["field"]) == ("info", "contact", "Address, Income")
    assert found["message"] == "Of the client: Address is blank, Income is blank."
    [warned] = verdict_of("profiles", facts, overrides={"DEM-SPARSE": "warning"}).findings.to_dict("records")
    assert warned["severity"] == "warning"


@pytest.mark.parametrize("person", ["client", "spouse"])
def test_names_and_birth_dates_of_client_and_spouse_are_asked_for(person):
    facts = sound_facts()
    of_person = facts["people"]["person_role"] == person
    facts["people"].loc[of_person, ["first_name", "birth_date"]] = None
    findings = verdict_of("profiles", facts).findings
    assert list(findings["rule_id"]) == ["DEM-NAME", "DEM-BIRTH-DATE"]
    assert all(person in message for message in findings["message"])


def test_a_dependent_is_asked_for_a_name_and_a_birth_date_alone():
    facts = sound_facts()
    facts["people"].loc[1, "person_role"] = "dependent"
    facts["people"].loc[1, ["first_name", "gender"]] = None
    facts["people"].loc[1, ["has_address", "has_phone", "has_employer", "has_income"]] = False
    facts["households"]["has_spouse"] = False
    assert rules_broken(verdict_of("profiles", facts)) == []


def test_of_a_unit_without_client_nothing_else_is_said():
    cells = {"head_is_person": False, "marital_status": None, "is_primary_household": False, "client_deceased": True}
    assert rules_broken(verdict_of("profiles", facts_with("profiles", "households", **cells))) == ["HH-HEAD"]
