"""Annuities among the policies: the fixed annuities of Profiles (ACC-FIXED-ANNUITY)."""

import pandas as pd

from etl.transform.arrays import Objects, integers
from etl.transform.documents import Json, amounts, keys, no_lists, records
from etl.transform.mapping.fields import ASSET_FIELDS
from etl.transform.rules.policies import policy_names
from etl.values import FIXED_ANNUITY


def fixed_annuities(policies: pd.DataFrame, owners: Objects) -> Json:
    """ACC-FIXED-ANNUITY: annuity policies as assets of Profiles, whatever their plan type.

    Name by POL-NAME, value = gross cash value; no cash balance, no type of funds, no holdings.
    """
    return records(
        ASSET_FIELDS,
        {
            "source_id": keys("policy", integers(policies["policy_id"])),
            "account_name": policy_names(policies),
            "category": FIXED_ANNUITY,
            "account_value": amounts(integers(policies["gross_cash_value"])),
            "loan_balance": None,
            "funds": None,
            "owner": owners,
            "holdings": no_lists(len(policies)),
        },
    )
