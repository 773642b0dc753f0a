"""LIA: liabilities, Profiles only."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from tests.reference import amortization
from tests.reference.records import Crm, Row
from tests.reference.tables import Finding, finding, is_bad, money, text

Json = dict[str, Any]
CURRENT = ("loan_balance", "interest_rate", "monthly_payment", "balloon_period")
ORIGINATING = ("orig_loan_amount", "orig_interest_rate", "orig_monthly_payment", "orig_balloon_period")


@dataclass(frozen=True)
class Sent:
    """The four figures that go: balance, rate, payment, years; and which of them were computed."""

    figures: tuple[Decimal | None, Decimal | None, Decimal | None, Decimal | None]
    recorded: tuple[Decimal | None, ...]

    @property
    def has_computed(self) -> bool:
        """LIA-COMPUTED."""
        return any(old is None and new is not None for old, new in zip(self.recorded, self.figures, strict=True))

    @property
    def is_incomplete(self) -> bool:
        """LIA-INCOMPLETE."""
        return any(old is None and new is None for old, new in zip(self.recorded, self.figures, strict=True))


def liabilities_of(crm: Crm, contact_ids: list[int]) -> list[Row]:
    """LIA-SCOPE: not deleted, primary contact among `contact_ids`."""
    found = [row for contact_id in contact_ids for row in crm.rows("liability", primary_contact_id=contact_id)]
    return [row for row in found if row.deleted_at is None]


def name(liability: Row) -> str | None:
    """LIA-NAME."""
    return text(liability.lender) or text(liability.loan_number) or text(liability.account_name)


def possible_amount(liability: Row) -> Decimal | None:
    """LIA-TERM: the originating amount, if a loan can have it."""
    amount = money(liability.orig_loan_amount)
    return amount if amount is not None and 0 <= amount < amortization.TOO_LARGE else None


def possible_years(liability: Row) -> Decimal | None:
    """LIA-TERM: the originating period, if a loan can have it."""
    years = money(liability.orig_balloon_period)
    return years if years is not None and years <= 100 else None


def possible_date(liability: Row, as_of: date) -> date | None:
    """LIA-TERM: the originating date, if a loan can have it."""
    lent = liability.orig_loan_date
    return lent if lent is not None and date(1900, 1, 1) <= lent <= as_of else None


def _has_impossible_term(liability: Row, as_of: date) -> bool:
    terms = (
        (liability.orig_loan_amount, possible_amount(liability)),
        (liability.orig_balloon_period, possible_years(liability)),
        (liability.orig_loan_date, possible_date(liability, as_of)),
    )
    return any(recorded is not None and possible is None for recorded, possible in terms)


def originating_payment(liability: Row) -> Decimal | None:
    """The recorded originating payment, else the one computed from amount, rate and period, not rounded."""
    if liability.orig_monthly_payment is not None:
        return money(liability.orig_monthly_payment)
    amount, rate = possible_amount(liability), money(liability.orig_interest_rate)
    years = possible_years(liability)
    if amount is None or rate is None or years is None:
        return None
    return amortization.payment(amount, rate, amortization.months_of(years))


def computed_balance(liability: Row, as_of: date) -> Decimal | None:
    """The balance as of `as_of` by the originating terms."""
    amount, rate = possible_amount(liability), money(liability.orig_interest_rate)
    monthly, lent = originating_payment(liability), possible_date(liability, as_of)
    if amount is None or rate is None or monthly is None or lent is None:
        return None
    paid = amortization.months_between(lent, as_of)
    return amortization.balance(amount, rate, monthly, paid)


def computed_years(liability: Row, as_of: date) -> Decimal | None:
    """The years that remain as of `as_of` by the originating terms."""
    years, lent = possible_years(liability), possible_date(liability, as_of)
    if years is None or lent is None:
        return None
    paid = amortization.months_between(lent, as_of)
    return amortization.remaining_years(amortization.months_of(years), paid)


def sent(liability: Row, as_of: date) -> Sent:
    """LIA-CALCULATE: the current set or the originating set, as a whole; LIA-COMPUTED fills its blanks."""
    monthly = originating_payment(liability)
    monthly_in_cents = amortization.cents(monthly) if monthly is not None else None
    if liability.calculate:
        recorded = tuple(getattr(liability, column) for column in CURRENT)
        computed = (
            computed_balance(liability, as_of),
            money(liability.orig_interest_rate),
            monthly_in_cents,
            computed_years(liability, as_of),
        )
    else:
        recorded = tuple(getattr(liability, column) for column in ORIGINATING)
        computed = (None, None, monthly_in_cents, None)
    first, second, third, fourth = (
        money(old) if old is not None else new for old, new in zip(recorded, computed, strict=True)
    )
    return Sent((first, second, third, fourth), recorded)


def profiles_liability(liability: Row, owner: str, as_of: date) -> Json:
    """A liability at Profiles."""
    current_balance, rate, monthly, years = sent(liability, as_of).figures
    return {
        "externalSourceId": f"liability:{liability.liability_id}",
        "liabilityName": name(liability),
        "owner": owner,
        "paymentMethod": text(liability.payment_method),
        "currentBalance": current_balance,
        "remainingYears": years,
        "annualInterestRate": rate,
        "scheduledMonthlyPayment": monthly,
    }


def liability_findings(liability: Row, as_of: date) -> list[Finding]:
    """The LIA rules of one liability that goes, and ACC-MONEY for its figures."""
    goes = sent(liability, as_of)
    current_balance, rate, payment, years = goes.figures
    broken = []
    if name(liability) is None:
        broken.append("LIA-NAME-MISSING")
    if goes.has_computed:
        broken.append("LIA-COMPUTED")
    if goes.is_incomplete:
        broken.append("LIA-INCOMPLETE")
    if _has_impossible_term(liability, as_of):
        broken.append("LIA-TERM")
    if not liability.calculate and any(getattr(liability, column) is not None for column in CURRENT):
        broken.append("LIA-NOT-CALCULATED")
    if liability.calculate and _has_drifted(liability, as_of):
        broken.append("LIA-DRIFT")
    if current_balance == 0 or years == 0:
        broken.append("LIA-PAID-OFF")
    if rate is not None and not 0 <= rate <= 50:
        broken.append("LIA-RATE")
    if any(figure is not None and figure.is_finite() and figure < 0 for figure in (current_balance, payment, years)):
        broken.append("LIA-NEGATIVE")
    if any(is_bad(getattr(liability, column), may_be_negative=True) for column in CURRENT + ORIGINATING):
        broken.append("ACC-MONEY")
    return [finding(rule_id, "liability", liability.liability_id) for rule_id in broken]


def _has_drifted(liability: Row, as_of: date) -> bool:
    """LIA-DRIFT: recorded and computed balance are more than 5 % of the original amount apart.

    Nothing is measured against an original amount that is not above 0.
    """
    recorded, computed = money(liability.loan_balance), computed_balance(liability, as_of)
    if recorded is None or computed is None or liability.orig_loan_amount <= 0:
        return False
    return bool(abs(recorded - computed) > Decimal("0.05") * liability.orig_loan_amount)
