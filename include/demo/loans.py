"""Liabilities part way through: originating terms, and current figures that follow from them."""

from datetime import date

from include.demo.catalog import LENDERS, LOAN_KINDS, MORTGAGE, PAYMENT_METHODS, LoanKind
from include.demo.draft import Family, Row, weigh

# How the screen was filled in. recorded: Calculate is selected, with current figures. computed: it is selected, the
# figures are blank and computed from the terms. originating: it is not selected, the figures are blank.
_STYLES = weigh((("recorded", 45), ("computed", 20), ("originating", 35)))


def give_loans(family: Family) -> None:
    rng, owners = family.rng, family.couple
    for _ in range(rng.pick((0, 0, 0, 0, 1, 1, 1, 2)) if len(owners) == 2 else rng.pick((0, 0, 1))):
        add_loan(family, rng.pick(LOAN_KINDS), rng.pick(owners), rng.pick(_STYLES))


def add_loan(family: Family, kind: LoanKind, owner: Row, style: str) -> Row:
    """A loan of that kind; `style` is recorded, computed or originating (see above)."""
    draft, rng = family.draft, family.rng
    amount = rng.whole(*kind.amount) * 1000
    low, high = kind.rate
    rate = round((low + (high - low) * rng.random()) * 8) / 8
    years = rng.pick(kind.years)
    elapsed = rng.whole(2, years * 12 - 14)
    if style == "recorded" and kind is not MORTGAGE:
        style = "computed"  # a short loan's recorded balance would be out of date within weeks
    payment = _monthly_payment(amount, rate, years * 12)
    loan = draft.add(
        "liability",
        family.office.row,
        primary_contact_id=owner["contact_id"],
        account_id=family.accounts[0]["account_id"] if family.accounts and rng.chance(0.08) else None,
        lender=rng.pick(LENDERS) if rng.chance(0.85) else None,
        loan_number=f"L{rng.digits(7)}",
        account_name=kind.name,
        payment_method=rng.pick(PAYMENT_METHODS),
        calculate=True if style != "originating" else rng.pick((False, None)),
        orig_loan_date=_months_before(draft.today, elapsed, rng.whole(1, 28)).isoformat(),
        orig_loan_amount=float(amount),
        orig_interest_rate=rate,
        orig_monthly_payment=payment if style != "computed" or rng.chance(0.7) else None,
        orig_balloon_period=float(years),
    )
    if style == "recorded":
        payments = _months_between(date.fromisoformat(loan["orig_loan_date"]), draft.today)
        loan["loan_balance"] = _balance_after(amount, rate, payment, payments)
        loan["interest_rate"] = rate
        loan["monthly_payment"] = payment
        loan["balloon_period"] = round((years * 12 - payments) / 12, 3)
    return loan


def _monthly_payment(amount: int, rate: float, months: int) -> float:
    """The level payment that repays `amount` dollars at `rate` percent a year."""
    monthly = rate / 1200
    return round(amount * monthly / (1 - (1 + monthly) ** -months) if monthly else amount / months, 2)


def _balance_after(amount: int, rate: float, payment: float, payments: int) -> float:
    """What is still owed on a mortgage (its rate is never 0) after so many payments, never below 0."""
    growth = (1 + rate / 1200) ** payments
    return round(max(amount * growth - payment * (growth - 1) / (rate / 1200), 0.0), 2)


def _months_before(today: date, months: int, day: int) -> date:
    """The given day of the month that lies so many months before that of `today`."""
    index = today.year * 12 + today.month - 1 - months
    return date(index // 12, index % 12 + 1, day)


def _months_between(start: date, end: date) -> int:
    """Whole months from one date to a later one."""
    return (end.year - start.year) * 12 + end.month - start.month - (end.day < start.day)
