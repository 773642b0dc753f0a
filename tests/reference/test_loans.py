"""The reference model's loans against examples worked out by hand."""

from datetime import date
from decimal import Decimal

import pytest

from tests.reference import amortization, liabilities
from tests.reference.model import Model
from tests.reference.records import Row
from tests.reference.small import AS_OF, family, rule_ids

D = Decimal


@pytest.mark.parametrize(
    ("start", "as_of", "months"),
    [
        (date(2025, 12, 31), date(2026, 1, 30), 0),
        (date(2025, 12, 31), date(2026, 1, 31), 1),
        (date(2025, 12, 31), date(2026, 2, 28), 2),
        (date(2024, 2, 29), date(2025, 2, 28), 12),
        (date(2024, 2, 29), date(2025, 3, 28), 12),
        (date(2025, 1, 15), date(2026, 1, 14), 11),
        (date(2026, 1, 31), date(2026, 1, 31), 0),
        (date(2027, 1, 1), date(2026, 1, 31), 0),
    ],
    ids=str,
)
def test_payments_fall_on_the_same_day_or_the_months_last(start, as_of, months):
    assert amortization.months_between(start, as_of) == months


def test_amortization_of_a_textbook_loan():
    level = amortization.payment(D(250000), D(6), 360)
    assert amortization.cents(level) == D("1498.88")
    assert amortization.balance(D(250000), D(6), level, 12) == D("246929.97")
    assert amortization.balance(D(250000), D(6), level, 360) == 0
    assert amortization.balance(D(12000), D(0), D(1000), 3) == 9000
    assert amortization.balance(D(18000), D("3.875"), D("1540.32"), 1) == D("16517.81")  # 16517.805: a tie goes up
    assert amortization.balance(D(12000), D(0), D(1000), 20) == 0
    assert amortization.remaining_years(360, 13) == D("28.917")
    assert amortization.payment(D(1000), D(0), 4) == 250
    assert amortization.payment(D(1000), D(5), 0) is None


LOAN = {
    "liability_id": 4, "primary_contact_id": 1, "orig_loan_date": date(2025, 1, 31), "orig_loan_amount": D("12000.00"),
    "orig_interest_rate": D(0), "orig_balloon_period": D(2),
}  # fmt: skip
NOTHING_CURRENT = dict.fromkeys(liabilities.CURRENT)


@pytest.mark.parametrize(
    ("fields", "figures", "expected"),
    [
        ({"calculate": True, "orig_loan_amount": None}, ("9000.00", "3", "100.00", "8"), []),
        ({"calculate": True, **NOTHING_CURRENT}, ("6000.00", "0", "500.00", "1.000"), ["LIA-COMPUTED"]),
        ({"calculate": True}, ("9000.00", "3", "100.00", "8"), ["LIA-DRIFT"]),
        ({"calculate": True, "loan_balance": D("6600.00")}, ("6600.00", "3", "100.00", "8"), []),
        ({"calculate": True, "loan_balance": D("6600.01")}, ("6600.01", "3", "100.00", "8"), ["LIA-DRIFT"]),
        ({"calculate": False}, ("12000.00", "0", "500.00", "2"), ["LIA-COMPUTED", "LIA-NOT-CALCULATED"]),
        (
            {"calculate": None, **NOTHING_CURRENT, "orig_interest_rate": None},
            ("12000.00", None, None, "2"),
            ["LIA-INCOMPLETE"],
        ),
        (
            {"calculate": True, **NOTHING_CURRENT, "orig_loan_date": None},
            (None, "0", "500.00", None),
            ["LIA-COMPUTED", "LIA-INCOMPLETE"],
        ),
        (
            {"calculate": True, "orig_loan_amount": None, "loan_balance": D(0), "interest_rate": D("50.000001")},
            ("0", "50.000001", "100.00", "8"),
            ["LIA-PAID-OFF", "LIA-RATE"],
        ),
    ],
    ids=["current", "computed", "drift", "5 percent", "more than 5 percent", "original", "no rate", "no date", "odd"],
)
def test_LIA_CALCULATE_switches_the_set_as_a_whole(fields, figures, expected):
    verdict = Model(family({}, liability=[LOAN | fields]), AS_OF).profiles("H1")
    (sent,) = verdict.document["document"]["liabilities"]
    names = ("currentBalance", "annualInterestRate", "scheduledMonthlyPayment", "remainingYears")
    assert tuple(sent[name] for name in names) == tuple(None if figure is None else D(figure) for figure in figures)
    assert rule_ids(verdict.findings) == expected


def test_LIA_NAME_is_the_first_that_is_not_blank():
    assert liabilities.name(Row(lender=" ", loan_number="LN-1", account_name="Mortgage")) == "LN-1"
    assert liabilities.name(Row(lender=None, loan_number="", account_name="\u00a0")) is None
