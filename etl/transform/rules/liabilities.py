"""Liabilities: which set of loan information goes, and what is computed (LIA-*). Profiles only."""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from etl.schema import NOT_FINITE
from etl.transform.arrays import (
    NULL,
    Flags,
    Frames,
    Ints,
    first_reason,
    flags,
    integers,
    nullable,
    strings,
    trimmed,
)
from etl.transform.rules.amortization import (
    LARGEST,
    Loans,
    computed_balances,
    computed_payments,
    payments_made,
    remaining_years,
)
from etl.transform.rules.households import Households, records_of
from etl.transform.rules.members import SPOUSE

CURRENT_SET = ("loan_balance", "interest_rate", "monthly_payment", "balloon_period")
ORIGINATING_SET = ("orig_loan_amount", "orig_interest_rate", "orig_monthly_payment", "orig_balloon_period")
# LIA-TERM: what the originating terms of a loan can be; thousandths of a year.
LONGEST_PERIOD = 100_000
FIRST_LOAN_DATE = np.datetime64("1900-01-01", "D")
NAME_COLUMNS = ("lender", "loan_number", "account_name")
# LIA-DRIFT, per mille of the original amount; far beyond anything that matters.
LARGEST_DRIFT = 10**9


@dataclass(frozen=True)
class Figures:
    """LIA-CALCULATE, LIA-COMPUTED: the four figures that go, scaled; NULL where one cannot be computed."""

    balance: Ints
    rate: Ints
    payment: Ints
    years: Ints
    computed: Ints  # how many were blank in the chosen set and were computed
    drift_permille: Ints  # LIA-DRIFT


def liabilities_of(households: Households, frames: Frames) -> pd.DataFrame:
    """LIA-SCOPE: the liabilities of everybody in the units, ordered by unit and liability.

    unit_no, role, row_at, liability_id and rule_id (why one does not go; null for those that go).
    """
    liabilities = records_of(households, frames["liabilities"], "liability_id")
    is_usable = households.is_usable[integers(liabilities["unit_no"])]
    checks = {"HH-HEAD": ~is_usable, "LIA-SCOPE": integers(liabilities["role"]) > SPOUSE}
    return liabilities.assign(rule_id=first_reason(checks, len(liabilities)))


def liability_names(liabilities: pd.DataFrame) -> pa.Array:
    """LIA-NAME, LIA-NAME-MISSING: the first of lender, loan number and account name that is not blank; else null."""
    return pc.coalesce(*(trimmed(liabilities[column]) for column in NAME_COLUMNS))


def figures(liabilities: pd.DataFrame, as_of: dt.date) -> Figures:
    """LIA-CALCULATE: Calculate selected takes the current set, else the originating one; the two are never mixed.

    LIA-TERM: nothing is computed from a term that no loan can have.

    LIA-COMPUTED: a blank current figure is computed from the originating terms as of ``as_of``; a blank originating
    payment from the originating amount, rate and period.
    """
    calculate = flags(liabilities["calculate"])
    current = [integers(liabilities[column]) for column in CURRENT_SET]
    originating = [integers(liabilities[column]) for column in ORIGINATING_SET]
    amount, rate, payment, years = originating
    amount_is_possible, period_is_possible = _is_amount(amount), _is_period(years)
    made = payments_by(liabilities, as_of)
    loans = Loans(
        np.where(amount_is_possible, amount, NULL), rate, np.where(period_is_possible, years, NULL), payment, made
    )
    computed_balance = computed_balances(loans)
    originating_payment = np.where(payment == NULL, computed_payments(loans), payment)
    stand_ins = [computed_balance, rate, originating_payment, remaining_years(loans)]
    chosen = [np.where(calculate, now, then) for now, then in zip(current, originating, strict=True)]
    fall_backs = [
        np.where(calculate, now, then)
        for now, then in zip(stand_ins, (amount, rate, originating_payment, years), strict=True)
    ]
    sent = [_finite(np.where(has == NULL, other, has)) for has, other in zip(chosen, fall_backs, strict=True)]
    was_computed = [(has == NULL) & (goes != NULL) for has, goes in zip(chosen, sent, strict=True)]
    drift = _drift_permille(calculate, current[0], computed_balance, amount)
    balance, rate, payment, years = sent
    return Figures(balance, rate, payment, years, np.sum(was_computed, axis=0, dtype=np.int64), drift)


@dataclass(frozen=True)
class Terms:
    """LIA-TERM: whether each originating amount, period and date is one that a loan can have; a blank one is."""

    amount: Flags
    period: Flags
    date: Flags


def possible_terms(liabilities: pd.DataFrame, faults: pd.DataFrame, as_of: dt.date) -> Terms:
    """LIA-TERM: of each liability; ``faults`` has those whose date cannot be read."""
    odd = faults.loc[(faults["entity"] == "liability") & (faults["field"] == "orig_loan_date"), "entity_id"]
    is_readable = ~np.isin(integers(liabilities["liability_id"]), integers(odd))
    days = _days(liabilities)
    return Terms(
        _is_amount(integers(liabilities["orig_loan_amount"])),
        _is_period(integers(liabilities["orig_balloon_period"])),
        is_readable & (np.isnat(days) | ~np.isnat(_possible_dates(liabilities, as_of))),
    )


def _is_amount(amount: Ints) -> Flags:
    is_possible: Flags = (amount == NULL) | ((amount >= 0) & (amount <= LARGEST))
    return is_possible


def _is_period(years: Ints) -> Flags:
    is_possible: Flags = (years == NULL) | ((years != NOT_FINITE) & (years <= LONGEST_PERIOD))
    return is_possible


def _days(liabilities: pd.DataFrame) -> npt.NDArray[np.datetime64]:
    days: npt.NDArray[np.datetime64] = liabilities["orig_loan_date"].to_numpy().astype("datetime64[D]")
    return days


def _possible_dates(liabilities: pd.DataFrame, as_of: dt.date) -> npt.NDArray[np.datetime64]:
    """The originating dates from 1900 to ``as_of``; the others are none."""
    days = _days(liabilities)
    return np.where((days >= FIRST_LOAN_DATE) & (days <= np.datetime64(as_of, "D")), days, np.datetime64("NaT", "D"))


def payments_by(liabilities: pd.DataFrame, as_of: dt.date) -> Ints:
    """How many payments of each loan fell due up to ``as_of``; NULL where none can be (LIA-TERM)."""
    return payments_made(_possible_dates(liabilities, as_of), as_of)


def _finite(values: Ints) -> Ints:
    return np.where(values == NOT_FINITE, NULL, values)


def _drift_permille(calculate: Flags, recorded: Ints, computed: Ints, amount: Ints) -> Ints:
    """LIA-DRIFT: recorded against computed balance, per mille of the original amount, rounded up."""
    known = calculate & (_finite(recorded) != NULL) & (computed != NULL) & (amount > 0)
    drift = np.full(len(recorded), NULL, dtype=np.int64)
    for at in np.flatnonzero(known):
        distance = abs(int(recorded[at]) - int(computed[at]))
        drift[at] = min(-(-distance * 1000 // int(amount[at])), LARGEST_DRIFT)
    return drift


def liability_facts(households: Households, liabilities: pd.DataFrame, sent: Figures, terms: Terms) -> pd.DataFrame:
    """LIA-NAME-MISSING, LIA-COMPUTED, LIA-INCOMPLETE, LIA-TERM, LIA-NOT-CALCULATED, LIA-DRIFT, LIA-PAID-OFF, LIA-RATE.

    What the gate asks of each liability that goes; ACC-MONEY too.
    """
    has_current = np.logical_or.reduce([integers(liabilities[column]) != NULL for column in CURRENT_SET])
    recorded = {column: liabilities[column].array for column in (*CURRENT_SET, *ORIGINATING_SET)}
    return pd.DataFrame(
        {
            "unit_key": households.keys_of(integers(liabilities["unit_no"])),
            "entity_id": integers(liabilities["liability_id"]),
            "liability_name": strings(liability_names(liabilities)),
            "calculate": flags(liabilities["calculate"]),
            **recorded,
            "sent_balance": nullable(sent.balance),
            "sent_rate": nullable(sent.rate),
            "sent_payment": nullable(sent.payment),
            "sent_years": nullable(sent.years),
            "computed_figures": sent.computed,
            "has_current_figures": has_current,
            "drift_permille": nullable(sent.drift_permille),
            "orig_amount_is_possible": terms.amount,
            "orig_period_is_possible": terms.period,
            "orig_date_is_possible": terms.date,
        }
    )
