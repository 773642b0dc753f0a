"""Annuities among the policies: the fixed annuities of Profiles (ACC-FIXED-ANNUITY)."""

from typing import Any

import pandas as pd

from etl.transform.arrays import Objects, integers
from etl.transform.documents import amounts, keys, records
from etl.transform.mapping.fields import ASSET_FIELDS
from etl.transform.mapping.values import FIXED_ANNUITY
from etl.transform.policies import policy_names


def fixed_annuities(policies: pd.DataFrame, owners: Objects) -> list[dict[str, Any]]:
    """ACC-FIXED-ANNUITY: annuity policies as assets of Profiles, whatever their plan type.

    Name by POL-NAME, value = gross cash value; no cash balance, no type of funds, no holdings.
    """
    nothing = [None] * len(policies)
    return records(
        ASSET_FIELDS,
        {
            "source_id": keys("policy", integers(policies["policy_id"])),
            "account_name": policy_names(policies),
            "category": [FIXED_ANNUITY] * len(policies),
            "account_value": amounts(integers(policies["gross_cash_value"])),
            "loan_balance": nothing,
            "funds": nothing,
            "owner": owners,
            "holdings": [[] for _ in nothing],
        },
    )
