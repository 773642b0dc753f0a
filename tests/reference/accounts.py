"""ACC: investment accounts and annuities."""

from decimal import Decimal
from typing import Any

from tests.reference.records import Crm, Row
from tests.reference.tables import (
    ACCOUNT_TYPE,
    HOW_HELD,
    VARIABLE_ANNUITY,
    Finding,
    finding,
    is_bad,
    label,
    money,
    text,
)

Json = dict[str, Any]


def accounts_of(crm: Crm, contact_ids: list[int]) -> list[Row]:
    """ACC-SCOPE-PROFILES, ACC-SCOPE-EMONEY: not deleted, primary contact among `contact_ids`."""
    found = [row for contact_id in contact_ids for row in crm.rows("investment_account", primary_contact_id=contact_id)]
    return [row for row in found if row.deleted_at is None]


def positions_of(crm: Crm, account: Row) -> list[Row]:
    return crm.rows("investment_position", account_id=account.account_id)


def category(account: Row) -> tuple[str, str | None]:
    """ACC-CATEGORY: the category and, where a fall-back gave it, the rule that says so."""
    account_type, how_held = label(account.account_type), label(account.how_held)
    if how_held == VARIABLE_ANNUITY:
        return HOW_HELD[VARIABLE_ANNUITY], None
    if account_type in ACCOUNT_TYPE:
        return ACCOUNT_TYPE[account_type], None
    if how_held in HOW_HELD:
        return HOW_HELD[how_held], None
    fall_back = "Other Retirement Account" if account.is_qualified else "Investment Account"
    return fall_back, "ACC-CATEGORY-UNKNOWN" if account_type or how_held else "ACC-CATEGORY-MISSING"


def type_of_funds(account: Row) -> str:
    """ACC-FUNDS."""
    selected = []
    if account.is_qualified:
        selected.append("Qualified")
    if account.is_held_away:
        selected.append("Held Away")
    if account.is_discretionary:
        selected.append("Discretionary")
    return ", ".join(selected) or "Non-Qualified"


def profiles_asset(crm: Crm, account: Row, owner: str) -> Json:
    """An investment account at Profiles: ACC-CATEGORY, ACC-VARIABLE-ANNUITY, ACC-FUNDS, ACC-CASH, ACC-OWNER."""
    return {
        "externalSourceId": f"account:{account.account_id}",
        "accountName": text(account.account_name),
        "accountType": category(account)[0],
        "holdingsValue": money(account.account_value),
        "cashBalance": money(account.loan_balance),
        "typeOfFund": type_of_funds(account),
        "owner": owner,
        "holdings": [
            {
                "externalSourceId": f"position:{position.position_id}",
                "ticker": text(position.symbol),
                "holdingName": text(position.product_name),
                "holdingsValue": money(position.market_value),
            }
            for position in positions_of(crm, account)
        ],
    }


def emoney_investment(account: Row, owner: str) -> Json:
    """An investment account at eMoney: ACC-CASH, ACC-FUNDS, ACC-OWNER; the total is the recorded net value."""
    return {
        "sourceKey": f"account:{account.account_id}",
        "kind": "investment",
        "assetName": text(account.account_name),
        "holdingsValue": money(account.account_value),
        "cashBalance": money(account.loan_balance),
        "totalValue": money(account.net_value),
        "typeOfFunds": type_of_funds(account),
        "owner": owner,
    }


def contract_number(number: str | None) -> str:
    """ACC-TWICE: nothing but letters and digits, any case."""
    return "".join(character for character in number or "" if character.isalnum()).lower()


def account_findings(crm: Crm, account: Row, policies_that_go: list[Row], vendor: str) -> list[Finding]:
    """The ACC rules of one account that goes."""
    broken = []
    if vendor == "profiles":
        fall_back_rule = category(account)[1]
        if fall_back_rule is not None:
            broken.append(fall_back_rule)
        if label(account.how_held) == VARIABLE_ANNUITY and not positions_of(crm, account):
            broken.append("ACC-VARIABLE-ANNUITY-EMPTY")
    if any(_is_same_contract(account, policy) for policy in policies_that_go):
        broken.append("ACC-TWICE")
    if (
        is_bad(account.account_value, may_be_negative=False)
        or is_bad(account.loan_balance, may_be_negative=True)
        or is_bad(account.net_value, may_be_negative=True)
    ):
        broken.append("ACC-MONEY")
    if _net_value_is_off(account):
        broken.append("ACC-NET")
    if account.account_value is None:
        broken.append("ACC-VALUE-MISSING")
    found = [finding(rule_id, "account", account.account_id) for rule_id in broken]
    if vendor == "profiles":
        for position in positions_of(crm, account):
            if is_bad(position.market_value, may_be_negative=False):
                found.append(finding("ACC-MONEY", "position", position.position_id))
            if position.market_value is None:
                found.append(finding("ACC-VALUE-MISSING", "position", position.position_id))
    return found


def _is_same_contract(account: Row, policy: Row) -> bool:
    """ACC-TWICE."""
    number = contract_number(account.account_number)
    same_contact = account.primary_contact_id == policy.primary_contact_id
    return same_contact and number != "" and number == contract_number(policy.policy_number)


def _net_value_is_off(account: Row) -> bool:
    """ACC-NET; a blank loan balance counts as 0, blank values are not compared."""
    value, net = account.account_value, account.net_value
    loan = account.loan_balance if account.loan_balance is not None else Decimal(0)
    if value is None or net is None or not (value.is_finite() and net.is_finite() and loan.is_finite()):
        return False
    return bool(abs(net - (value - loan)) > Decimal("0.01"))
