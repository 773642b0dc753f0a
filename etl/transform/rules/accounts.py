"""Investment accounts and their positions: scope, category, type of funds (ACC-*)."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from etl.frames import text_array
from etl.transform.arrays import (
    NULL,
    Flags,
    Frames,
    Ints,
    Objects,
    Series,
    first_reason,
    flags,
    integers,
    is_none,
    join,
    nullable,
    strings,
    trimmed,
)
from etl.transform.rules.households import Households, records_of
from etl.transform.rules.members import SPOUSE
from etl.values import (
    ACCOUNT_TYPE_CATEGORIES,
    CATEGORY_NOT_QUALIFIED,
    CATEGORY_QUALIFIED,
    FUNDS_NONE_SELECTED,
    FUNDS_OPTIONS,
    HOW_HELD_CATEGORIES,
    VARIABLE_ANNUITY,
    Vendor,
    by_label,
)

# ACC-TWICE: everything but letters and digits.
NOT_ALPHANUMERIC = r"[^\pL\pN]+"
NOT_ASCII_ALPHANUMERIC = "[^A-Za-z0-9]+"
SCOPE_RULES: dict[Vendor, str] = {"profiles": "ACC-SCOPE-PROFILES", "emoney": "ACC-SCOPE-EMONEY"}


def accounts_of(households: Households, frames: Frames, vendor: Vendor, may_send: Flags) -> pd.DataFrame:
    """ACC-SCOPE-PROFILES, ACC-SCOPE-EMONEY, LIC-EMONEY-INVESTMENTS: the accounts of everybody in the units.

    unit_no, role, row_at, account_id, rule_id (why an account does not go; null for those that go) and is_withheld (it
    would go with the license), ordered by unit and account.
    """
    accounts = records_of(households, frames["accounts"], "account_id")
    unit_no = integers(accounts["unit_no"])
    checks = {
        "HH-HEAD": ~households.is_usable[unit_no],
        SCOPE_RULES[vendor]: integers(accounts["role"]) > SPOUSE,
        "LIC-EMONEY-INVESTMENTS": ~may_send[unit_no],
    }
    rule_id = first_reason(checks, len(accounts))
    return accounts.assign(rule_id=rule_id, is_withheld=rule_id == "LIC-EMONEY-INVESTMENTS")


def categories(accounts: pd.DataFrame) -> tuple[Objects, Objects]:
    """ACC-CATEGORY, ACC-CATEGORY-MISSING, ACC-CATEGORY-UNKNOWN, ACC-VARIABLE-ANNUITY: category and where it is from.

    The source is ``account_type``, ``how_held``, ``missing`` (no selection) or ``unknown`` (no row of the table knows
    any selection); the last two fall back by Qualified Account.
    """
    by_type = by_label(accounts["account_type"], ACCOUNT_TYPE_CATEGORIES)
    by_held = by_label(accounts["how_held"], HOW_HELD_CATEGORIES)
    has_selection = is_selected(accounts["account_type"]) | is_selected(accounts["how_held"])
    fall_back = np.where(flags(accounts["is_qualified"]), CATEGORY_QUALIFIED, CATEGORY_NOT_QUALIFIED)
    known = [by_held == VARIABLE_ANNUITY, ~is_none(by_type), ~is_none(by_held)]
    category = np.select(known, [by_held, by_type, by_held], fall_back.astype(object))
    source = np.select([*known, has_selection], ["how_held", "account_type", "how_held", "unknown"], "missing")
    return category, source.astype(object)


def is_selected(labels: Series) -> Flags:
    """Whether a drop-down holds something other than blanks."""
    return by_label(labels, bool, False).astype(bool)


def funds(accounts: pd.DataFrame) -> Objects:
    """ACC-FUNDS: the selected options joined by ``, ``."""
    code = np.zeros(len(accounts), dtype=np.int64)
    for bit, (column, _) in enumerate(FUNDS_OPTIONS):
        code |= flags(accounts[column]).astype(np.int64) << bit
    spelled = [
        ", ".join(name for bit, (_, name) in enumerate(FUNDS_OPTIONS) if number >> bit & 1) or FUNDS_NONE_SELECTED
        for number in range(2 ** len(FUNDS_OPTIONS))
    ]
    options: Objects = np.array(spelled, dtype=object)
    return options[code]


def positions_of(accounts: pd.DataFrame, positions: pd.DataFrame) -> pd.DataFrame:
    """The positions of accounts, with account_at (the account's row) and unit_no, ordered by account and position."""
    account_at, row_at = join(
        integers(accounts["account_id"]), integers(positions["account_id"]), integers(positions["position_id"])
    )
    rows = positions.take(row_at).reset_index(drop=True)
    return rows.assign(account_at=account_at, unit_no=integers(accounts["unit_no"])[account_at])


def position_counts(accounts: pd.DataFrame, positions: pd.DataFrame) -> Ints:
    """ACC-VARIABLE-ANNUITY-EMPTY: how many positions each account has."""
    held, account_id = np.sort(integers(positions["account_id"])), integers(accounts["account_id"])
    count: Ints = np.searchsorted(held, account_id, side="right") - np.searchsorted(held, account_id, side="left")
    return count


def twin_policies(accounts: pd.DataFrame, policies: pd.DataFrame) -> Ints:
    """ACC-TWICE: the policy that is the same contract as an account, the lowest id; NULL for none.

    Same unit and primary contact, and the numbers are equal, in any case, after dropping everything but letters and
    digits. Blank numbers never match. Both frames hold what goes to the vendor.
    """
    account_owner, policy_owner = _owner_numbers(accounts), _owner_numbers(policies)
    account_at, policy_at = join(account_owner, policy_owner, integers(policies["policy_id"]))
    account_numbers = _contract_numbers(accounts["account_number"]).take(pa.array(account_at))
    policy_numbers = _contract_numbers(policies["policy_number"]).take(pa.array(policy_at))
    equal = pc.fill_null(pc.equal(account_numbers, policy_numbers), False)
    is_same = equal.to_numpy(zero_copy_only=False)
    same_account, first = np.unique(account_at[is_same], return_index=True)
    twins = np.full(len(accounts), NULL, dtype=np.int64)
    twins[same_account] = integers(policies["policy_id"])[policy_at[is_same][first]]
    return twins


def _owner_numbers(records: pd.DataFrame) -> Ints:
    """One number for each unit's client and spouse."""
    return integers(records["unit_no"]) * 2 + integers(records["role"])


def _contract_numbers(column: Series) -> pa.Array:
    """The letters and digits, in one case; null where there are none."""
    numbers = text_array(column)
    # To prepare the classes of Unicode takes milliseconds.
    is_ascii = pc.all(pc.string_is_ascii(numbers)).as_py() is not False
    dropped = NOT_ASCII_ALPHANUMERIC if is_ascii else NOT_ALPHANUMERIC
    plain = pc.utf8_lower(pc.replace_substring_regex(numbers, dropped, ""))
    return pc.if_else(pc.equal(plain, ""), None, plain)


def account_facts(
    households: Households,
    accounts: pd.DataFrame,
    category: Objects,
    source: Objects,
    position_count: Ints,
    twins: Ints,
) -> pd.DataFrame:
    """ACC-CATEGORY-*, ACC-VARIABLE-ANNUITY-EMPTY, ACC-TWICE, ACC-MONEY, ACC-NET: what the gate asks of each account."""
    return pd.DataFrame(
        {
            "unit_key": households.keys_of(integers(accounts["unit_no"])),
            "entity_id": integers(accounts["account_id"]),
            "account_type": strings(trimmed(accounts["account_type"])),
            "how_held": strings(trimmed(accounts["how_held"])),
            "category": strings(category),
            "category_source": strings(source),
            "is_variable_annuity": category == VARIABLE_ANNUITY,
            "position_count": position_count,
            "account_value": accounts["account_value"].array,
            "loan_balance": accounts["loan_balance"].array,
            "net_value": accounts["net_value"].array,
            "twin_policy_id": nullable(twins),
        }
    )


def position_facts(households: Households, held: pd.DataFrame) -> pd.DataFrame:
    """ACC-MONEY: the market values of the positions that go."""
    return pd.DataFrame(
        {
            "unit_key": households.keys_of(integers(held["unit_no"])),
            "entity_id": integers(held["position_id"]),
            "account_id": integers(held["account_id"]),
            "market_value": held["market_value"].array,
        }
    )
