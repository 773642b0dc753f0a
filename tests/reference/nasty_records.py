"""Accounts, liabilities and policies of the nasty office."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.reference import nasty_words as words

if TYPE_CHECKING:
    from tests.reference.nasty import Office

LOAN_DATES = (
    date(2020, 2, 29), date(2024, 2, 29), date(2019, 1, 31), date(2025, 8, 31), date(2025, 11, 30), date(2025, 12, 31),
    date(2015, 6, 30), date(2016, 2, 28), date(1985, 5, 15), date(2026, 1, 31), date(2026, 2, 1), date(2027, 3, 1),
    date(2024, 12, 29),
)  # fmt: skip
RATES = ("0", "0", "6.25", "3.875", "0.000001", "50", "4.123456")
ODD_RATES = ("50.000001", "-0.5", "120", "999.999999", "-1", "49.999999")
YEARS = ("30", "15", "5", "7.5", "20.125", "0.375", "2.042", "1")
ODD_YEARS = ("0", "0.04", "-1", "0.001", "99", "9999.999")


def money(office: Office, highest: int = 900_000) -> Decimal | None:
    """A figure in cents: mostly plain; at times 0, NULL, negative, a single cent or very large."""
    if office.odd(0.3):
        return office.random.choice((None, Decimal("-0.01"), Decimal("-1234.56"), Decimal("4000000000000.07")))
    if office.chance(0.12):
        return office.random.choice((None, Decimal("0.00"), Decimal("0.01")))
    return Decimal(office.random.randint(100, highest * 100)) / 100


def add_account(office: Office, contact_id: int, family: list[int]) -> None:
    """An investment account with some positions."""
    value, loan = money(office), office.random.choice((None, Decimal("0.00"), money(office, 5000), Decimal("-250.75")))
    net = (value or Decimal(0)) - (loan or Decimal(0))
    if office.odd(0.5):
        net += office.random.choice(
            (Decimal("0.01"), Decimal("-0.01"), Decimal("0.02"), Decimal("-0.02"), Decimal(500))
        )
    account_type = office.label(*words.ACCOUNT_TYPES) if not office.odd() else office.label(*words.ODD_ACCOUNT_TYPES)
    how_held = office.label(*words.HOW_HELDS) if not office.odd() else office.label(*words.ODD_HOW_HELDS)
    account_id = office.add(
        "investment_account",
        primary_contact_id=office.random.choice((None, office.someone())) if office.odd(0.1) else contact_id,
        account_name=office.text("Brokerage", "Rollover 2020", "Für später"),
        account_number=office.random.choice(words.NUMBERS),
        account_type=None if office.chance(0.2) else account_type,
        how_held=None if office.chance(0.3) else how_held,
        is_qualified=office.flag(),
        is_held_away=office.flag(),
        is_discretionary=office.flag(),
        account_value=value,
        loan_balance=loan,
        net_value=None if office.odd(0.2) else net,
        deleted_at=_maybe_deleted(office),
    )
    for _ in range(office.random.choice((0, 1, 2, 5))):
        office.add(
            "investment_position", account_id=account_id, symbol=office.text("VTI", "BRK.B", " "),
            product_name=office.text("Total Market", "Sub\u00a0Account"), market_value=money(office),
        )  # fmt: skip


def add_liability(office: Office, contact_id: int, family: list[int]) -> None:
    """A loan; each set of figures is whole, empty or full of holes."""
    amount = office.random.choice((money(office), Decimal("250000.00"), Decimal("18000.00"), Decimal("0.01")))
    rate = Decimal(office.random.choice(ODD_RATES if office.odd(0.5) else RATES))
    years = Decimal(office.random.choice(ODD_YEARS if office.odd(0.5) else YEARS))
    lent = office.random.choice(LOAN_DATES)
    if office.chance(0.4):
        lent = date(2026, 2, 28) - timedelta(days=office.random.randint(0, 9000))
    current_rate = (
        None if office.chance(0.4) else Decimal(office.random.choice(ODD_RATES if office.odd(0.5) else RATES))
    )
    payment = office.random.choice((None, Decimal("1540.32"), Decimal("0.00"), Decimal("99.99"), money(office, 4000)))
    nothing_current, nothing_original = office.chance(0.2), office.odd(0.3)
    office.add(
        "liability",
        primary_contact_id=office.random.choice((None, office.someone())) if office.odd(0.1) else contact_id,
        lender=office.text("Harbor Bank") if office.chance(0.6) else office.random.choice((None, " ")),
        loan_number=office.text("LN-100") if office.chance(0.6) else office.random.choice((None, "")),
        account_name=office.text("Mortgage"),
        payment_method=office.text("Monthly", "Interest only"),
        calculate=office.flag(0.6),
        loan_balance=None if nothing_current or office.chance(0.3) else money(office, 250_000),
        interest_rate=None if nothing_current else current_rate,
        monthly_payment=None if nothing_current or office.chance(0.4) else money(office, 4000),
        balloon_period=None
        if nothing_current or office.chance(0.4)
        else Decimal(office.random.choice(YEARS + ODD_YEARS)),
        orig_loan_date=None if nothing_original or office.odd(0.3) else lent,
        orig_loan_amount=None if nothing_original or office.odd(0.3) else amount,
        orig_interest_rate=None if nothing_original or office.odd(0.3) else rate,
        orig_monthly_payment=None if nothing_original else payment,
        orig_balloon_period=None if nothing_original or office.odd(0.3) else years,
        deleted_at=_maybe_deleted(office),
    )


def add_policy(office: Office, contact_id: int, family: list[int]) -> None:
    """A policy with parties from the family and from anywhere."""
    policy_id = office.add(
        "policy",
        primary_contact_id=office.random.choice((None, office.someone())) if office.odd(0.1) else contact_id,
        product_id=None if office.odd(0.15) else office.random.choice(office.products),
        policy_number=office.random.choice(words.NUMBERS),
        status=office.label(*words.STATUSES) if not office.odd() else office.label(*words.ODD_STATUSES),
        owner_contact_id=_party(office, family),
        primary_insured_id=_party(office, family),
        annual_premium=money(office, 9000) if office.chance(0.7) else None,
        annualized_premium=money(office, 9000) if office.chance(0.7) else None,
        basic_face_amount=money(office),
        total_death_benefit=money(office),
        gross_cash_value=money(office),
        elimination_period=office.random.choice(words.ELIMINATIONS),
        deleted_at=_maybe_deleted(office),
    )
    parties = {_party(office, family) for _ in range(office.random.choice((0, 1, 2, 4)))} - {None}
    for party in sorted(filter(None, parties)):
        office.add("policy_beneficiary", policy_id=policy_id, contact_id=party, designation="Primary")


def _party(office: Office, family: list[int]) -> int | None:
    if office.chance(0.15):
        return office.random.choice((None, office.someone()))
    return office.random.choice((None, family[0], *family))


def _maybe_deleted(office: Office) -> object:
    from tests.reference.nasty import NOW

    return NOW if office.chance(0.05) else None
