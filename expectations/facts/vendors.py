"""What the frames of facts must look like before any rule is asked.

A frame of another shape says nothing about a client's data: the check cannot run, and nothing is loaded (`GateBroken`).
A frame may be without rows: a run may have no liabilities.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from etl.errors import GateBroken
from etl.frames import are_among
from expectations.facts.columns import FactColumn, read_frames
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

LOAN_FIGURES = ("loan_balance", "interest_rate", "monthly_payment", "balloon_period")
ORIGINAL_FIGURES = ("orig_loan_amount", "orig_interest_rate", "orig_monthly_payment", "orig_balloon_period")
TERM_FLAGS = ("orig_amount_is_possible", "orig_period_is_possible", "orig_date_is_possible")
SENT_FIGURES = ("sent_balance", "sent_rate", "sent_payment", "sent_years")

VENDOR_FRAMES = read_frames(f"""
households
    unit_key entity key, entity_id number, head_is_person is_primary_household client_deceased counts_as_married flag,
    marital_status text, spouse_candidates spouse_candidates_gone number,
    spouse_is_client has_spouse flag,
    spouse_difference same | no_relation | old_role | no_role | old_relation | other_role | other_relation | unclear,
    spouse_by_role spouse_by_relation whole, spouse_word spouse_unit_key unknown_owner text

people
    unit_key key, entity_id number, person_role client | spouse | dependent, first_name last_name text, birth_date date,
    is_older_than_client flag,  -- a child by role
    gender email text, has_address has_phone has_employer has_income flag, income whole

accounts
    unit_key key, entity_id number, category_source account_type | how_held | missing | unknown,
    is_variable_annuity flag, position_count number, account_value loan_balance net_value twin_policy_id whole

positions
    unit_key key, entity_id number, market_value whole

policies
    unit_key key, entity_id number,
    kind life | disability | longTermCare | annuity | null,  -- null only without a product: POL-NAME-MISSING holds it
    plan_type policy_name text,
    annual_premium annualized_premium basic_face_amount total_death_benefit gross_cash_value whole,
    elimination_period text, elimination_is_readable flag,
    owner_is_couple flag  -- by POL-OWNER-EMONEY

liabilities
    unit_key key, entity_id number, liability_name text, calculate flag,
    {" ".join(LOAN_FIGURES + ORIGINAL_FIGURES + SENT_FIGURES)} whole,
    computed_figures number, has_current_figures flag, drift_permille whole, {" ".join(TERM_FLAGS)} flag

left_out
    unit_key entity key, entity_id number, field text,
    rule_id ACC-SCOPE-PROFILES | DEM-DEPENDENT | LIA-SCOPE | POL-BENEFICIARY | POL-INSURED-OTHER | POL-STATUS | POL-TYPE

faults  -- what is wrong with the source's own rows, for both vendors alike
    unit_key entity key, entity_id number, rule_id SCP-CELL | SCP-KEY-TWICE, field source_cell source_record reason key
""")

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
