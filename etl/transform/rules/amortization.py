"""Amortization of a loan from its originating terms (LIA-COMPUTED).

Monthly rate ``i = rate / 1200``; ``n`` months; payment ``A*i / (1 - (1+i)**-n)``, or ``A / n`` where ``i = 0``; balance
after ``k`` payments ``A*(1+i)**k - pay*((1+i)**k - 1)/i``, never below 0. Vectorised in float64; a row that lies near
a rounding tie, is huge, or has no interest is computed again in exact integers. Rounding is half up, once, at the end.

Units: money in cents, rates in millionths of a percent, periods in thousandths of a year; ``NULL`` where a term is
missing or a result does not exist, is beyond NUMERIC(18,2) or takes more than `MOST_MONTHS`.
"""

import datetime as dt
from calendar import monthrange
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from etl.schema import NOT_FINITE
from etl.transform.arrays import NULL, Flags, Ints

RATE_SCALE = 1_200_000_000  # millionths of a percent a year in one, a month
MONTHS = 12
LARGEST = 10**18 - 1  # cents in NUMERIC(18,2)
# No power is taken of more months: 250 years, from the first date that a loan can have (LIA-TERM).
MOST_MONTHS = 3_000
# Float64 results are trusted to this part of the magnitudes that went into them, times what the exponents multiply
# (the error of (1 + i) ** k grows with k * log(1 + i)). About ten times what is seen.
RELATIVE_ERROR = 4e-15


@dataclass(frozen=True)
class Loans:
    """Originating terms, one element a loan: cents, millionths of a percent, thousandths of a year, payments made."""

    amount: Ints
    rate: Ints
    years: Ints
    payment: Ints  # as recorded, NULL where it is computed
    payments_made: Ints


def payments_made(originated: npt.NDArray[np.datetime64], as_of: dt.date) -> Ints:
    """``k``: whole months to ``as_of``, a payment due on ``as_of`` counted; 0 before the first, NULL without a date.

    Payment dates fall on the same day of the month; a later day than the month has means its last day.
    """
    days = originated.astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    day = (days - months).astype(np.int64) + 1
    month = np.datetime64(f"{as_of:%Y-%m}", "M")
    last_day = monthrange(as_of.year, as_of.month)[1]
    passed = (month - months).astype(np.int64) - (as_of.day < np.minimum(day, last_day))
    return np.where(np.isnat(days), NULL, np.maximum(passed, 0))


def months_of(years: Ints) -> Ints:
    """``n``: thousandths of a year as whole months, half up; NULL stays."""
    return np.where(_is_known(years), (np.where(_is_known(years), years, 0) * MONTHS + 500) // 1000, NULL)


def remaining_years(loans: Loans) -> Ints:
    """``(n - k) / 12`` in thousandths of a year, half up, never below 0."""
    n, k = months_of(loans.years), loans.payments_made
    known = _is_known(n) & _is_known(k)
    left = np.maximum(np.where(known, n, 0) - np.where(known, k, 0), 0)
    return np.where(known, (left * 2000 + MONTHS) // (2 * MONTHS), NULL)


def computed_payments(loans: Loans) -> Ints:
    """The payment of the formula in cents; NULL without amount, rate or a period of at least one month."""
    n = months_of(loans.years)
    known = _is_known(loans.amount) & _is_interest(loans.rate) & _is_term(n)
    amount, rate, n = (np.where(known, term, 1) for term in (loans.amount, loans.rate, n))
    with np.errstate(all="ignore"):
        payment = _float_payment(amount, rate / RATE_SCALE, n)
        error = np.abs(payment) * _relative_error(rate / RATE_SCALE, n)
        exact = known & (_is_close_to_tie(payment, error) | (rate == 0) | (amount < 0))
    cents = _round_half_up(payment, known & ~exact)
    for at in np.flatnonzero(exact):
        cents[at] = _in_range(exact_payment(int(amount[at]), int(rate[at]), int(n[at])))
    return cents


def computed_balances(loans: Loans) -> Ints:
    """The balance after ``k`` payments in cents, with the recorded payment, else the unrounded one of the formula."""
    n, k = months_of(loans.years), loans.payments_made
    recorded = _is_known(loans.payment)
    known = _is_known(loans.amount) & _is_interest(loans.rate) & (recorded | _is_term(n))
    known &= (k >= 0) & (k <= MOST_MONTHS)
    known &= loans.payment != NOT_FINITE
    amount, rate, n, k = (np.where(known, term, 1) for term in (loans.amount, loans.rate, n, k))
    n, payment = np.where(recorded, 1, n), np.where(recorded, loans.payment, 0)
    with np.errstate(all="ignore"):
        balance, magnitude = _float_balance(amount, rate / RATE_SCALE, n, k, payment, recorded)
        error = magnitude * _relative_error(rate / RATE_SCALE, n + k)
        exact = known & (_is_close_to_tie(balance, error) | (rate == 0) | (amount < 0))
    cents = _round_half_up(np.maximum(balance, 0), known & ~exact)
    for at in np.flatnonzero(exact):
        pay = int(payment[at]) if recorded[at] else None
        cents[at] = _in_range(exact_balance(int(amount[at]), int(rate[at]), int(n[at]), int(k[at]), pay))
    return cents


def exact_payment(amount: int, rate: int, n: int) -> Fraction:
    """The unrounded payment of the formula, exact. Raises `ValueError` beyond `MOST_MONTHS`."""
    _check_exponent(n)
    if rate == 0:
        return Fraction(amount, n)
    grown, base = (RATE_SCALE + rate) ** n, RATE_SCALE**n
    return Fraction(amount * rate * grown, RATE_SCALE * (grown - base))


def exact_balance(amount: int, rate: int, n: int, k: int, payment: int | None) -> Fraction:
    """The unrounded balance after ``k`` payments, exact and never below 0. Raises `ValueError` beyond `MOST_MONTHS`."""
    _check_exponent(k)
    pay = exact_payment(amount, rate, n) if payment is None else Fraction(payment)
    if rate == 0:
        return max(amount - k * pay, Fraction(0))
    growth = Fraction(RATE_SCALE + rate, RATE_SCALE) ** k
    return max(amount * growth - pay * (growth - 1) * Fraction(RATE_SCALE, rate), Fraction(0))


def _float_payment(amount: Ints, i: npt.NDArray[np.float64], n: Ints) -> npt.NDArray[np.float64]:
    return amount * i / -np.expm1(-n * np.log1p(i))


def _float_balance(
    amount: Ints, i: npt.NDArray[np.float64], n: Ints, k: Ints, payment: Ints, recorded: Flags
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Balances, and the size of the figures they are differences of."""
    grown = np.expm1(k * np.log1p(i))
    pay = np.where(recorded, payment, _float_payment(amount, i, n))
    paid = pay * grown / i
    principal = amount * (1 + grown)
    return principal - paid, np.abs(principal) + np.abs(paid)


def _relative_error(i: npt.NDArray[np.float64], months: Ints) -> npt.NDArray[np.float64]:
    return RELATIVE_ERROR * (8 + np.abs(months * np.log1p(i)))


def _is_close_to_tie(cents: npt.NDArray[np.float64], error: npt.NDArray[np.float64]) -> Flags:
    """Whether rounding could go either way within the error; so is what is not finite."""
    distance = np.abs(cents - np.floor(cents) - 0.5)
    is_far: Flags = distance > error + 1e-9
    return ~is_far


def _round_half_up(cents: npt.NDArray[np.float64], known: Flags) -> Ints:
    in_range = known & (np.abs(cents) < LARGEST)
    return np.where(in_range, np.floor(np.where(in_range, cents, 0) + 0.5).astype(np.int64), NULL)


def _in_range(cents: Fraction) -> int:
    """Rounded half up (away from zero); NULL beyond NUMERIC(18,2)."""
    rounded = (2 * abs(cents.numerator) + cents.denominator) // (2 * cents.denominator)
    if rounded > LARGEST:
        return NULL
    return rounded if cents >= 0 else -rounded


def _check_exponent(months: int) -> None:
    if not 0 <= months <= MOST_MONTHS:
        raise ValueError(f"{months} months are beyond any loan: at most {MOST_MONTHS} are computed")


def _is_term(months: Ints) -> Flags:
    is_term: Flags = (months > 0) & (months <= MOST_MONTHS)
    return is_term


def _is_interest(rate: Ints) -> Flags:
    """Known, and above -100 % a month, where the formula ends."""
    is_interest: Flags = _is_known(rate) & (rate > -RATE_SCALE)
    return is_interest


def _is_known(values: Ints) -> Flags:
    known: Flags = (values != NULL) & (values != NOT_FINITE)
    return known
