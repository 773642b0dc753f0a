"""Liabilities part way through: originating terms, and current figures that follow from them."""

from datetime import date

from include.demo.book import Row
from include.demo.catalog import LENDERS, LOAN_KINDS, MORTGAGE, PAYMENT_METHODS, LoanKind
from include.demo.desk import Desk, Family
from include.demo.dice import weigh

# How the screen was filled in: Calculate selected with current figures; selected and left blank, so that they are
# computed; not selected, current figures blank.
_STYLES = weigh((("recorded", 45), ("computed", 20), ("originating", 35)))


def give_loans(desk: Desk, family: Family) -> None:
    dice = desk.dice
    owners = family.couple
    for _ in range(dice.pick((0, 0, 0, 0, 1, 1, 1, 2)) if len(owners) == 2 else dice.pick((0, 0, 1))):
        add_loan(desk, family, dice.pick(LOAN_KINDS), dice.pick(owners), dice.pick(_STYLES))


def add_loan(desk: Desk, family: Family, kind: LoanKind, owner: Row, style: str) -> Row:
    """A loan of that kind; `style` is recorded, computed or originating (see above)."""
    dice = desk.dice
    amount = dice.whole(*kind.amount) * 1000
    low, high = kind.rate
    rate = round((low + (high - low) * dice.random()) * 8) / 8
    years = dice.pick(kind.years)
    months = years * 12
    is_long = kind is MORTGAGE
    elapsed = dice.whole(2, months - 14)
    if style == "recorded" and not is_long:
        style = "computed"  # a short loan's recorded balance would be out of date within weeks
    payment = monthly_payment(amount, rate, months)
    loan = desk.book.add(
        "liability",
        office_id=family.office.office_id,
        primary_contact_id=owner["contact_id"],
        account_id=family.accounts[0]["account_id"] if family.accounts and dice.chance(0.08) else None,
        lender=dice.pick(LENDERS) if dice.chance(0.85) else None,
        loan_number=f"L{dice.digits(7)}",
        account_name=kind.name,
        payment_method=dice.pick(PAYMENT_METHODS),
        calculate=True if style != "originating" else dice.pick((False, None)),
        orig_loan_date=months_before(desk.today, elapsed, dice.whole(1, 28)).isoformat(),
        orig_loan_amount=float(amount),
        orig_interest_rate=rate,
        orig_monthly_payment=payment if style != "computed" or dice.chance(0.7) else None,
        orig_balloon_period=float(years),
    )
    if style == "recorded":
        payments = months_since(desk.today, loan["orig_loan_date"])
        loan["loan_balance"] = balance_after(amount, rate, payment, payments)
        loan["interest_rate"] = rate
        loan["monthly_payment"] = payment
        loan["balloon_period"] = round((months - payments) / 12, 3)
    return loan


def monthly_payment(amount: int, rate: float, months: int) -> float:
    """The level payment that repays `amount` dollars at `rate` percent a year."""
    monthly = rate / 1200
    return round(amount * monthly / (1 - (1 + monthly) ** -months) if monthly else amount / months, 2)


def balance_after(amount: int, rate: float, payment: float, payments: int) -> float:
    """What is still owed after so many payments, never below 0."""
    monthly = rate / 1200
    if not monthly:
        return round(max(amount - payment * payments, 0.0), 2)
    growth = (1 + monthly) ** payments
    return round(max(amount * growth - payment * (growth - 1) / monthly, 0.0), 2)


def months_before(today: int, months: int, day_of_month: int) -> date:
    """The given day of the month that lies so many months before that of `today`."""
    now = date.fromordinal(today)
    index = now.year * 12 + now.month - 1 - months
    return date(index // 12, index % 12 + 1, day_of_month)


def months_since(today: int, iso_day: str) -> int:
    """Whole months from a date to `today`."""
    start, now = date.fromisoformat(iso_day), date.fromordinal(today)
    return (now.year - start.year) * 12 + now.month - start.month - (1 if now.day < start.day else 0)
