"""Investment accounts with their positions. Positions add up to the account value to the cent."""

from include.demo.book import Row
from include.demo.catalog import ACCOUNT_KINDS, CHILD_ACCOUNTS, FUNDS, SUBACCOUNTS, AccountKind
from include.demo.desk import Desk, Family

Fund = tuple[str | None, str | None, str, float]


def give_accounts(desk: Desk, family: Family) -> None:
    """Three to five accounts for a couple, fewer for one person, now and then one for a child at home."""
    dice = desk.dice
    owners = family.couple
    for _ in range(dice.whole(1, 6) if len(owners) == 2 else dice.whole(0, 4)):
        add_account(desk, family, dice.pick(ACCOUNT_KINDS), owners[0] if dice.chance(0.6) else owners[-1])
    if family.children and dice.chance(0.12):
        add_account(desk, family, dice.pick(CHILD_ACCOUNTS), dice.pick(family.children))


def add_account(desk: Desk, family: Family, kind: AccountKind, owner: Row) -> Row:
    """An account of that kind with its positions; net value = account value less loan balance."""
    dice = desk.dice
    account = desk.book.add(
        "investment_account",
        office_id=family.office.office_id,
        primary_contact_id=owner["contact_id"],
        account_name=f"{str(owner['first_name']).strip()}'s {kind.name}" if dice.chance(0.5) else kind.name,
        account_number=f"{dice.digits(4)}-{dice.digits(5)}" if dice.chance(0.95) else None,
        account_type=dice.label(kind.account_type) if kind.account_type else kind.account_type,
        how_held=dice.label(kind.how_held) if kind.how_held else kind.how_held,
        is_qualified=True if kind.qualified else dice.flag(0),
        is_held_away=dice.flag(kind.held_away),
        is_discretionary=dice.flag(0.3),
        roll_up_liabilities=dice.flag(0.05),
    )
    worth = dice.whole(kind.worth[0] * 100_000, kind.worth[1] * 100_000)  # cents
    count = dice.whole(*kind.positions)
    if count:
        funds = SUBACCOUNTS if kind.how_held == "Variable Annuity" else FUNDS
        worth = sum(add_position(desk, account, dice.pick(funds), worth // count) for _ in range(count))
    loan = dice.whole(100_000, max(worth // 3, 100_001)) if dice.chance(0.06) else None
    account["account_value"] = worth / 100
    account["loan_balance"] = loan / 100 if loan else dice.pick((0.0, None))
    account["net_value"] = None if dice.chance(0.03) else (worth - (loan or 0)) / 100
    family.accounts.append(account)
    return account


def add_position(desk: Desk, account: Row, fund: Fund, worth: int) -> int:
    """A position of about `worth` cents; gives its market value in cents (shares times price, rounded)."""
    symbol, cusip, product_name, price = fund
    shares = round(worth / 100 / price * (0.4 + 1.2 * desk.dice.random()), 3)
    market_value = round(shares * price * 100)
    desk.book.add(
        "investment_position",
        account_id=account["account_id"],
        symbol=symbol,
        cusip=cusip,
        product_name=product_name,
        shares=shares,
        price=price,
        market_value=market_value / 100,
    )
    return market_value
