"""Facts for the gate: sound by default, and a test changes only what it is about."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd

from expectations.facts.columns import FactColumn
from expectations.facts.vendors import FRAMES, FRAMES_OF
from expectations.gate import Verdict, validate

AS_OF = date(2026, 1, 31)

SOUND: dict[str, dict[str, Any]] = {
    "households": {
        "unit_key": "H1",
        "entity": "household",
        "entity_id": 1,
        "head_is_person": True,
        "is_primary_household": True,
        "client_deceased": False,
        "counts_as_married": True,
        "marital_status": "Married",
        "spouse_candidates": 1,
        "spouse_candidates_gone": 0,
        "spouse_is_client": False,
        "has_spouse": True,
        "spouse_difference": "same",
        "spouse_by_role": 12,
        "spouse_by_relation": 12,
        "spouse_word": "Wife",
        "spouse_unit_key": None,
        "unknown_owner": None,
    },
    "people": {
        "unit_key": "H1",
        "entity_id": 11,
        "person_role": "client",
        "first_name": "Ada",
        "last_name": "Byron",
        "birth_date": "1960-05-04",
        "gender": "Female",
        "email": "ada@example.com",
        "has_address": True,
        "has_phone": True,
        "has_employer": True,
        "has_income": True,
        "income": 84_000_00,
        "is_older_than_client": False,
    },
    "accounts": {
        "unit_key": "H1",
        "entity_id": 21,
        "category_source": "account_type",
        "is_variable_annuity": False,
        "position_count": 2,
        "account_value": 1_000_00,
        "loan_balance": 100_00,
        "net_value": 900_00,
        "twin_policy_id": None,
    },
    "positions": {"unit_key": "H1", "entity_id": 31, "market_value": 500_00},
    "policies": {
        "unit_key": "H1",
        "entity_id": 41,
        "kind": "disability",
        "plan_type": "DI Income",
        "policy_name": "Example Life Shield",
        "annual_premium": 1_200_00,
        "annualized_premium": None,
        "basic_face_amount": 100_000_00,
        "total_death_benefit": 0,
        "gross_cash_value": 0,
        "elimination_period": "90 Days",
        "elimination_is_readable": True,
        "owner_is_couple": True,
    },
    "liabilities": {
        "unit_key": "H1",
        "entity_id": 51,
        "liability_name": "Example Bank",
        "calculate": True,
        "loan_balance": 90_000_00,
        "interest_rate": 4_500_000,
        "monthly_payment": 1_000_00,
        "balloon_period": 9_000,
        "orig_loan_amount": 100_000_00,
        "orig_interest_rate": 4_500_000,
        "orig_monthly_payment": 1_000_00,
        "orig_balloon_period": 10_000,
        "sent_balance": 90_000_00,
        "sent_rate": 4_500_000,
        "sent_payment": 1_000_00,
        "sent_years": 9_000,
        "computed_figures": 0,
        "has_current_figures": True,
        "drift_permille": 3,
        "orig_amount_is_possible": True,
        "orig_period_is_possible": True,
        "orig_date_is_possible": True,
    },
    "left_out": {"unit_key": "H1", "entity": "policy", "entity_id": 61, "rule_id": "POL-STATUS", "field": "*"},
    "faults": {
        "unit_key": "H1",
        "entity": "policy",
        "entity_id": 61,
        "rule_id": "SCP-CELL",
        "field": "owner_contact_id",
        "source_cell": "policy.owner_contact_id",
        "source_record": "policy_id 61",
        "reason": "is no whole number",
    },
}

SPOUSE = SOUND["people"] | {"entity_id": 12, "person_role": "spouse", "first_name": "Ben", "email": None}

DTYPES = {"text": "str", "whole": "Int64", "flag": "bool", "date": "datetime64[s]"}


def frame(name: str, rows: list[dict[str, Any]]) -> pd.DataFrame:
    """A frame of facts with the dtypes of the pipeline; required whole numbers are plain int64."""
    columns = FRAMES[name]
    return pd.DataFrame(
        {column: pd.Series([row[column] for row in rows], dtype=_dtype(kind)) for column, kind in columns.items()}
    )


def _dtype(column: FactColumn) -> str:
    return "int64" if column.kind == "whole" and column.required else DTYPES[column.kind]


def sound_facts(vendor: str = "profiles") -> dict[str, pd.DataFrame]:
    """One couple with one record of each kind, nothing left out, nothing wrong."""
    rows = {name: [SOUND[name]] for name in FRAMES_OF[vendor]}
    rows["people"] = [SOUND["people"], SPOUSE]
    rows["left_out"] = rows["faults"] = []
    return {name: frame(name, records) for name, records in rows.items()}


def facts_with(vendor: str, name: str, **cells: Any) -> dict[str, pd.DataFrame]:
    """Sound facts whose first row of one frame has other cells; a row of ``left_out`` or ``faults`` is added.

    A person with another id is added to the couple.
    """
    facts = sound_facts(vendor)
    rest = [SPOUSE] if name == "people" else []
    if name == "people" and "entity_id" in cells:
        rest = [SOUND["people"], SPOUSE]
    facts[name] = frame(name, [SOUND[name] | cells, *rest])
    return facts


def many_households(count: int, **cells: Any) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """Facts of that many households of one person each, all with the same cells, and their keys."""
    keys = [f"H{number}" for number in range(count)]
    single = {"counts_as_married": False, "marital_status": "Single", "spouse_candidates": 0, "has_spouse": False}
    sole = SOUND["households"] | single | cells
    households = [sole | {"unit_key": key, "entity_id": number} for number, key in enumerate(keys)]
    people = [SOUND["people"] | {"unit_key": key, "entity_id": number} for number, key in enumerate(keys)]
    facts = {name: frame(name, []) for name in FRAMES}
    return facts | {"households": frame("households", households), "people": frame("people", people)}, keys


def verdict_of(vendor: str, facts: dict[str, pd.DataFrame], **options: Any) -> Verdict:
    """The gate's verdict over the one unit of `sound_facts`."""
    return validate(vendor, facts, ["H1"], as_of=AS_OF, **options)


def rules_broken(verdict: Verdict) -> list[str]:
    return sorted(verdict.findings["rule_id"])


def verdict_of_all(vendor: str, cases: list[dict[str, pd.DataFrame]]) -> Verdict:
    """One verdict over many facts at once: case n is unit ``H<n>``."""
    keys = [f"H{number}" for number in range(len(cases))]
    frames = {
        name: pd.concat([facts[name].assign(unit_key=key) for key, facts in zip(keys, cases, strict=True)])
        for name in FRAMES_OF[vendor]
    }
    return validate(vendor, frames, keys, as_of=AS_OF)
