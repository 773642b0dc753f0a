"""Investment accounts with their positions. Positions add up to the account value to the cent."""

from include.demo.catalog import ACCOUNT_KINDS, CHILD_ACCOUNTS, FUNDS, SUBACCOUNTS, AccountKind, Fund
from include.demo.draft import Draft, Family, Row


def give_accounts(family: Family) -> None:
    """Up to six accounts for a couple, fewer for one person, now and then one for a child at home."""
    rng, owners = family.rng, family.couple
    for _ in range(rng.whole(1, 6) if len(owners) == 2 else rng.whole(0, 4)):
        add_account(family, rng.pick(ACCOUNT_KINDS), owners[0] if rng.chance(0.6) else owners[-1])
    if family.children and rng.chance(0.12):
        add_account(family, rng.pick(CHILD_ACCOUNTS), rng.pick(family.children))


def add_account(family: Family, kind: AccountKind, owner: Row) -> Row:
    """An account of that kind with its positions; net value = account value less loan balance."""
    draft, rng = family.draft, family.rng
    account = draft.add(
        "investment_account",
        family.office.row,
        primary_contact_id=owner["contact_id"],
        account_name=f"{owner['first_name'].strip()}'s {kind.name}" if rng.chance(0.5) else kind.name,
        account_number=f"{rng.digits(4)}-{rng.digits(5)}" if rng.chance(0.95) else None,
        account_type=rng.label(kind.account_type) if kind.account_type else None,
        how_held=rng.label(kind.how_held) if kind.how_held else None,
        is_qualified=True if kind.qualified else rng.flag(0),
        is_held_away=rng.flag(kind.held_away),
        is_discretionary=rng.flag(0.3),
        roll_up_liabilities=rng.flag(0.05),
    )
    worth = rng.whole(kind.worth[0] * 100_000, kind.worth[1] * 100_000)  # cents
    count = rng.whole(*kind.positions)
    if count:
        funds = SUBACCOUNTS if kind.how_held == "Variable Annuity" else FUNDS
        worth = sum(_add_position(draft, account, rng.pick(funds), worth // count) for _ in range(count))
    loan = rng.whole(100_000, max(worth // 3, 100_001)) if rng.chance(0.06) else 0
    account["account_value"] = worth / 100
    account["loan_balance"] = loan / 100 if loan else rng.pick((0.0, None))
    account["net_value"] = None if rng.chance(0.03) else (worth - loan) / 100
    family.accounts.append(account)
    return account


def _add_position(draft: Draft, account: Row, fund: Fund, worth: int) -> int:
    """A position of about `worth` cents; gives its market value in cents (shares times price, rounded)."""
    shares = round(worth / 100 / fund.price * (0.4 + 1.2 * draft.rng.random()), 3)
    market_value = round(shares * fund.price * 100)
    draft.add("investment_position", account, **fund._asdict(), shares=shares, market_value=market_value / 100)
    return market_value
