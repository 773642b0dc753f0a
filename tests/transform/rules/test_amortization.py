"""LIA-COMPUTED: against published schedules, numpy-financial and an independent Decimal loop."""

import random
from calendar import monthrange
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, localcontext

import numpy as np
import numpy_financial as npf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.schema import NOT_FINITE
from etl.transform.arrays import NULL
from etl.transform.rules.amortization import (
    MOST_MONTHS,
    Loans,
    computed_balances,
    computed_payments,
    exact_balance,
    exact_payment,
    payments_made,
    remaining_years,
)

CENT = Decimal("0.01")


def loans(*rows: tuple[int, int, int, int, int]) -> Loans:
    """Rows of amount (cents), rate (millionths), years (thousandths), recorded payment (cents), payments made."""
    amount, rate, years, payment, made = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
    return Loans(amount, rate, years, payment, made)


def made(originated: date | None, as_of: date) -> int:
    return int(payments_made(np.array([originated], dtype="datetime64[D]"), as_of)[0])


# Textbook schedules: $200,000 at 6 % over 30 years, $100,000 at 8 % over 15 years.
@pytest.mark.parametrize(
    ("amount", "rate", "years", "payment", "balances"),
    [
        (200_000_00, 6_000_000, 30_000, 1_199_10, {0: 200_000_00, 1: 199_800_90, 12: 197_543_98, 360: 0, 400: 0}),
        (100_000_00, 8_000_000, 15_000, 955_65, {0: 100_000_00, 1: 99_711_01, 180: 0}),
    ],
)
def test_published_schedules_come_out_to_the_cent(amount, rate, years, payment, balances):
    book = loans(*((amount, rate, years, NULL, k) for k in balances))
    assert computed_payments(book).tolist() == [payment] * len(balances)
    assert computed_balances(book).tolist() == list(balances.values())


@pytest.mark.parametrize(
    ("originated", "as_of", "expected"),
    [
        (date(2024, 1, 31), date(2024, 2, 28), 0),
        (date(2024, 1, 31), date(2024, 2, 29), 1),
        (date(2023, 1, 31), date(2023, 2, 28), 1),
        (date(2024, 1, 31), date(2024, 3, 30), 1),
        (date(2024, 1, 31), date(2024, 3, 31), 2),
        (date(2024, 2, 29), date(2025, 2, 28), 12),
        (date(2024, 2, 29), date(2025, 3, 28), 12),
        (date(2024, 2, 29), date(2025, 3, 29), 13),
        (date(2024, 5, 15), date(2024, 5, 15), 0),
        (date(2024, 5, 15), date(2024, 6, 15), 1),
        (date(2024, 5, 15), date(2024, 6, 14), 0),
        (date(2024, 12, 15), date(2025, 1, 15), 1),
        (date(2026, 5, 15), date(2024, 5, 15), 0),
        (None, date(2024, 5, 15), NULL),
    ],
)
def test_a_payment_due_on_the_day_counts_and_a_short_month_pays_on_its_last_day(originated, as_of, expected):
    assert made(originated, as_of) == expected


def test_payments_made_are_the_due_dates_that_have_passed():
    draw = random.Random(1)
    for _ in range(300):
        start = date.fromordinal(draw.randint(date(1990, 1, 1).toordinal(), date(2026, 1, 1).toordinal()))
        as_of = date.fromordinal(start.toordinal() + draw.randint(0, 4000))
        due, count = start, 0
        while True:
            months = start.year * 12 + start.month + count
            year, month = divmod(months, 12)
            due = date(year, month + 1, min(start.day, monthrange(year, month + 1)[1]))
            if due > as_of:
                break
            count += 1
        assert made(start, as_of) == count, (start, as_of)


@pytest.mark.parametrize(
    ("years", "k", "expected"),
    [(30_000, 72, 24_000), (30_000, 71, 24_083), (30_000, 400, 0), (2_500, 1, 2_417), (125, 0, 167), (NULL, 3, NULL)],
)
def test_remaining_years_are_whole_months_to_three_decimals_and_never_below_zero(years, k, expected):
    assert remaining_years(loans((100, 1, years, NULL, k))).tolist() == [expected]


def test_a_loan_without_interest_is_exact():
    rows = loans(
        (100_00, 0, 250, NULL, 1), (100_00, 0, 250, 33_00, 2), (100_01, 0, 1_000, NULL, 6), (10**17, 0, 583, NULL, 3)
    )
    assert computed_payments(rows).tolist() == [33_33, 33_33, 8_33, 14285714285714286]
    assert computed_balances(rows).tolist() == [66_67, 34_00, 50_01, 57142857142857143]


def test_an_exact_tie_is_rounded_up():
    # 18,000.00 at 3.875 % less one payment of 1,540.32 is 16,517.805 exactly.
    assert computed_balances(loans((18_000_00, 3_875_000, 30_000, 1_540_32, 1))).tolist() == [16_517_81]


@pytest.mark.parametrize(
    "terms",
    [
        (NULL, 6_000_000, 30_000, NULL, 5),
        (100_00, NULL, 30_000, NULL, 5),
        (100_00, 6_000_000, NULL, NULL, 5),
        (100_00, 6_000_000, 30_000, NULL, NULL),
        (NOT_FINITE, 6_000_000, 30_000, NULL, 5),
        (100_00, NOT_FINITE, 30_000, NULL, 5),
        (100_00, 6_000_000, 30_000, NOT_FINITE, 5),
        (100_00, 6_000_000, 0, NULL, 5),
        (10**17, 999_999_999, 999_000, 1, 9_000),
    ],
)
def test_what_lacks_a_term_or_fits_no_column_has_no_balance(terms):
    assert computed_balances(loans(terms)).tolist() == [NULL]


@settings(max_examples=60, deadline=2_000)
@given(
    terms=st.tuples(
        *[st.sampled_from([NULL, NOT_FINITE, -(2**62), -1, 0, 1, 1_200, 10**6, 10**18, 2**63 - 1]) for _ in range(4)]
    ),
    k=st.sampled_from([NULL, -1, 0, 1, MOST_MONTHS, MOST_MONTHS + 1, 70_000_000, 2**63 - 1]),
)
def test_the_computation_ends_for_all_terms(terms, k):
    rows = loans((*terms, k))
    assert abs(int(computed_payments(rows)[0])) <= 2**63
    balance = int(computed_balances(rows)[0])
    assert balance == NULL or balance >= 0
    if not 0 <= k <= MOST_MONTHS:
        assert balance == NULL


def test_no_power_is_taken_of_more_months_than_any_loan_has():
    with pytest.raises(ValueError, match="beyond any loan"):
        exact_payment(100_00, 6_000_000, MOST_MONTHS + 1)
    with pytest.raises(ValueError, match="beyond any loan"):
        exact_balance(100_00, 6_000_000, 360, 70_000_000, 1)


def test_a_recorded_payment_needs_no_period():
    assert computed_balances(loans((100_00, 12_000_000, NULL, 11_00, 1))).tolist() == [90_00]


def generated(count: int, seed: int) -> list[tuple[int, int, int, int, int]]:
    draw = random.Random(seed)
    rows = []
    for _ in range(count):
        amount = draw.choice([draw.randint(1, 10**6), draw.randint(10**6, 10**8), draw.randint(10**8, 10**12)])
        rate = draw.choice([draw.randint(1, 20_000_000), draw.randint(0, 160) * 125_000])
        years = draw.choice([draw.randint(84, 40_000), draw.choice([5, 10, 15, 20, 30]) * 1000])
        payment = draw.choice([NULL, NULL, amount * draw.randint(1, 40) // 2_000])
        rows.append((amount, rate, years, payment, draw.randint(0, 400)))
    return rows


def decimal_loan(amount: int, rate: int, years: int, payment: int, k: int) -> tuple[int, int]:
    """Payment and balance in cents, month by month, with 60 digits."""
    with localcontext() as context:
        context.prec = 60
        i, n = Decimal(rate) / 1_200_000_000, (years * 12 + 500) // 1000
        left = Decimal(amount) / 100
        pay = left / n if i == 0 else left * i / (1 - (1 + i) ** -n)
        paid = pay if payment == NULL else Decimal(payment) / 100
        for _ in range(k):
            left += left * i - paid
        cents = (
            figure.quantize(Decimal("1e-40")).quantize(CENT, ROUND_HALF_UP) for figure in (pay, max(left, Decimal(0)))
        )
        level, balance = (int(figure * 100) for figure in cents)
    return level, balance


def test_three_thousand_loans_agree_with_a_decimal_loop():
    rows = generated(3_000, seed=2)
    book = loans(*rows)
    expected = [decimal_loan(*row) for row in rows]
    # A balance that the payment does not cover may outgrow the column.
    fits = [balance if balance < 10**18 else NULL for _, balance in expected]
    assert computed_payments(book).tolist() == [payment for payment, _ in expected]
    assert computed_balances(book).tolist() == fits


def test_two_thousand_loans_agree_with_numpy_financial():
    rows = [row for row in generated(2_000, seed=3) if row[1] > 0]
    amount, rate, years, payment, k = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    n = np.floor(years * 12 / 1000 + 0.5)
    i = rate / 1_200_000_000
    level = -npf.pmt(i, n, amount)
    paid = np.where(np.array([row[3] for row in rows]) == NULL, level, payment)
    balance = np.maximum(npf.fv(i, k, paid, -amount), 0)
    book = loans(*rows)
    assert np.allclose(computed_payments(book), level, rtol=1e-9, atol=0.51)
    known = computed_balances(book) != NULL
    assert np.allclose(computed_balances(book)[known], balance[known], rtol=1e-9, atol=0.51 + 1e-9 * amount[known])
