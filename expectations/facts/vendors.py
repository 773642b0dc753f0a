"""What the frames of facts must look like before any rule is asked.

A frame of another shape says nothing about a client's data: the check cannot run, and nothing is loaded (`GateBroken`).
A frame may be without rows: a run may have no liabilities.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from etl.errors import GateBroken
from etl.frames import are_among
from expectations.facts.columns import FLAG, KEY, NUMBER, TEXT, WHOLE, FactColumn
from expectations.facts.transfer import TRANSFER, TRANSFER_FRAMES

ENTITY = {
    "people": "contact",
    "accounts": "account",
    "positions": "position",
    "policies": "policy",
    "liabilities": "liability",
    "requests": "office",
    "movers": "contact",
}
"""The entity of a frame's rows; those of households, left_out, faults and leavings name theirs in a column."""

LEFT_OUT_RULES = (
    "ACC-SCOPE-PROFILES",
    "DEM-DEPENDENT",
    "LIA-SCOPE",
    "POL-BENEFICIARY",
    "POL-INSURED-OTHER",
    "POL-STATUS",
    "POL-TYPE",
)

FAULT_RULES = ("SCP-CELL", "SCP-KEY-TWICE")
"""What is wrong with the source's own rows, for both vendors alike."""

LOAN_FIGURES = ("loan_balance", "interest_rate", "monthly_payment", "balloon_period")
ORIGINAL_FIGURES = ("orig_loan_amount", "orig_interest_rate", "orig_monthly_payment", "orig_balloon_period")
TERM_FLAGS = ("orig_amount_is_possible", "orig_period_is_possible", "orig_date_is_possible")
SENT_FIGURES = ("sent_balance", "sent_rate", "sent_payment", "sent_years")

VENDOR_FRAMES: Mapping[str, Mapping[str, FactColumn]] = {
    "households": {
        "unit_key": KEY,
        "entity": KEY,
        "entity_id": NUMBER,
        "head_is_person": FLAG,
        "is_primary_household": FLAG,
        "client_deceased": FLAG,
        "counts_as_married": FLAG,
        "marital_status": TEXT,
        "spouse_candidates": NUMBER,
        "spouse_candidates_gone": NUMBER,
        "spouse_is_client": FLAG,
        "has_spouse": FLAG,
        "spouse_sources_agree": FLAG,
        "spouse_unit_key": TEXT,
        "unknown_owner": TEXT,
    },
    "people": {
        "unit_key": KEY,
        "entity_id": NUMBER,
        "person_role": FactColumn("text", required=True, values=("client", "spouse", "dependent")),
        "first_name": TEXT,
        "last_name": TEXT,
        "birth_date": FactColumn("date"),
        "gender": TEXT,
        "email": TEXT,
        "has_address": FLAG,
        "has_phone": FLAG,
        "has_employer": FLAG,
        "has_income": FLAG,
    },
    "accounts": {
        "unit_key": KEY,
        "entity_id": NUMBER,
        "category_source": FactColumn("text", required=True, values=("account_type", "how_held", "missing", "unknown")),
        "is_variable_annuity": FLAG,
        "position_count": NUMBER,
        "account_value": WHOLE,
        "loan_balance": WHOLE,
        "net_value": WHOLE,
        "twin_policy_id": WHOLE,
    },
    "positions": {"unit_key": KEY, "entity_id": NUMBER, "market_value": WHOLE},
    "policies": {
        "unit_key": KEY,
        "entity_id": NUMBER,
        # Null only where the policy has no product: POL-NAME-MISSING holds it.
        "kind": FactColumn("text", values=("life", "disability", "longTermCare", "annuity")),
        "plan_type": TEXT,
        "policy_name": TEXT,
        "annual_premium": WHOLE,
        "annualized_premium": WHOLE,
        "basic_face_amount": WHOLE,
        "total_death_benefit": WHOLE,
        "gross_cash_value": WHOLE,
        "elimination_period": TEXT,
        "elimination_is_readable": FLAG,
    },
    "liabilities": {
        "unit_key": KEY,
        "entity_id": NUMBER,
        "liability_name": TEXT,
        "calculate": FLAG,
        **dict.fromkeys(LOAN_FIGURES + ORIGINAL_FIGURES + SENT_FIGURES, WHOLE),
        "computed_figures": NUMBER,
        "has_current_figures": FLAG,
        "drift_permille": WHOLE,
        **dict.fromkeys(TERM_FLAGS, FLAG),
    },
    "left_out": {
        "unit_key": KEY,
        "entity": KEY,
        "entity_id": NUMBER,
        "rule_id": FactColumn("text", required=True, values=LEFT_OUT_RULES),
        "field": TEXT,
    },
    "faults": {
        "unit_key": KEY,
        "entity": KEY,
        "entity_id": NUMBER,
        "rule_id": FactColumn("text", required=True, values=FAULT_RULES),
        "field": KEY,
        "source_cell": KEY,
        "source_record": KEY,
        "reason": KEY,
    },
}

FRAMES: Mapping[str, Mapping[str, FactColumn]] = {**VENDOR_FRAMES, **TRANSFER_FRAMES}

FRAMES_OF: Mapping[str, tuple[str, ...]] = {
    "profiles": tuple(VENDOR_FRAMES),
    "emoney": tuple(name for name in VENDOR_FRAMES if name not in ("liabilities", "positions")),
    TRANSFER: tuple(TRANSFER_FRAMES),
}
"""eMoney's table has no liabilities and no holdings."""

UNIT_FRAMES: Mapping[str, tuple[str, ...]] = {
    "profiles": ("households",),
    "emoney": ("households",),
    TRANSFER: ("requests", "movers"),
}
"""The frames whose rows, taken together, are the units in scope, each once."""


def _check_units(vendor: str, facts: Mapping[str, pd.DataFrame], units: pd.Series) -> None:
    """Each unit in scope has one row among the frames of units, and no other unit has any row."""
    homes = UNIT_FRAMES[vendor]
    keys = pd.concat([facts[home]["unit_key"] for home in homes], ignore_index=True)
    repeated = int(keys.duplicated().sum())
    if repeated:
        raise GateBroken(f"facts {' and '.join(homes)}: {repeated} units have more than one row")
    absent = int(np.count_nonzero(~are_among(units, keys)))
    if absent:
        raise GateBroken(f"facts {' and '.join(homes)}: {absent} of {len(units)} units in scope have no row")
    for frame in FRAMES_OF[vendor]:
        strangers = int(np.count_nonzero(~are_among(facts[frame]["unit_key"], units)))
        if strangers:
            raise GateBroken(f"facts {frame}: {strangers} rows belong to no unit in scope")


def _check_people(households: pd.DataFrame, people: pd.DataFrame) -> None:
    """A client or spouse without a row would pass every rule about people. A unit without a client sends nobody."""
    with_client = households["head_is_person"].to_numpy(dtype=bool)
    for role, flag in (("client", "head_is_person"), ("spouse", "has_spouse")):
        of_role = people.loc[(people["person_role"] == role).to_numpy(dtype=bool), "unit_key"]
        expected = households["unit_key"][with_client & households[flag].to_numpy(dtype=bool)]
        absent = int(np.count_nonzero(~are_among(expected, of_role)))
        if absent:
            raise GateBroken(f"facts people: {absent} units have a {role} and no row for the {role}")


def check_frames(vendor: str, facts: Mapping[str, pd.DataFrame], units: Sequence[str]) -> None:
    """Refuse facts that the rules cannot be asked about.

    Raises `GateBroken` for a frame or column that is absent, of another dtype or null where it may not be, for a unit
    in scope without its household row, and for rows of units out of scope.
    """
    if len(set(units)) != len(units):
        raise GateBroken("a unit is listed in scope more than once")
    for frame in FRAMES_OF[vendor]:
        if frame not in facts:
            raise GateBroken(f"facts: the frame {frame} is missing")
        absent = [name for name in FRAMES[frame] if name not in facts[frame].columns]
        if absent:
            raise GateBroken(f"facts {frame}: columns are missing: {', '.join(absent)}")
        if len(facts[frame]):
            for name, column in FRAMES[frame].items():
                column.check(frame, name, facts[frame][name])
    _check_units(vendor, facts, pd.Series(list(units), dtype="str"))
    if units and "people" in FRAMES_OF[vendor]:
        _check_people(facts["households"], facts["people"])
