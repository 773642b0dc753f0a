"""LIA: the loan arithmetic of the rule book, in Decimal with more digits than it can lose."""

from calendar import monthrange
from datetime import date
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext

# What a NUMERIC(18, 2) cannot hold is no figure: such a result counts as not computable.
TOO_LARGE = Decimal(10) ** 16
# 600 digits: at the highest rate a century of interest is a factor of 10 ** 300, and then takes itself away again.
PRECISION = Context(prec=600, rounding=ROUND_HALF_UP, Emax=999_999, Emin=-999_999)


def months_between(start: date, as_of: date) -> int:
    """k: payment dates up to and with `as_of`, on the same day each month or the month's last; at least 0."""
    months = (as_of.year - start.year) * 12 + as_of.month - start.month
    payment_day = min(start.day, monthrange(as_of.year, as_of.month)[1])
    if as_of.day < payment_day:
        months -= 1
    return max(months, 0)


def months_of(years: Decimal) -> int:
    """n: the originating years in whole months."""
    return int((years * 12).quantize(Decimal(1), ROUND_HALF_UP))


def payment(amount: Decimal, rate: Decimal, months: int) -> Decimal | None:
    """The level payment, not rounded; None where there is no month to pay in."""
    if months <= 0:
        return None
    with localcontext(PRECISION):
        interest = rate / 1200
        level = amount / months if interest == 0 else amount * interest / (1 - (1 + interest) ** -months)
    return level if abs(level) < TOO_LARGE else None


def balance(amount: Decimal, rate: Decimal, monthly_payment: Decimal, paid: int) -> Decimal | None:
    """What is left after `paid` payments, in cents, never below 0; None where no NUMERIC(18, 2) can hold it."""
    with localcontext(PRECISION):
        interest = rate / 1200
        if interest == 0:
            left = amount - paid * monthly_payment
        else:
            growth = (1 + interest) ** paid
            left = amount * growth - monthly_payment * (growth - 1) / interest
    return cents(max(left, Decimal(0))) if left < TOO_LARGE else None


def remaining_years(months: int, paid: int) -> Decimal:
    """Years that are left, to 3 decimals, never below 0."""
    left = max(months - paid, 0)
    return (Decimal(left) / 12).quantize(Decimal("0.001"), ROUND_HALF_UP)


def cents(figure: Decimal) -> Decimal:
    """Rounded half up to cents, from 20 decimals: a tie is a tie although ``rate / 1200`` seldom ends."""
    with localcontext(PRECISION):
        return figure.quantize(Decimal(1).scaleb(-20)).quantize(Decimal("0.01"), ROUND_HALF_UP)
