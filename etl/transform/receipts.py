"""Receipts: every source value or record that does not go, and the rule by which it does not."""

import pandas as pd

from etl.transform.contacts import Reach
from etl.transform.households import Households
from etl.transform.mapping.values import Vendor
from etl.transform.portfolio import Portfolio


def receipts_of(households: Households, reached: Reach, portfolio: Portfolio, vendor: Vendor) -> pd.DataFrame:
    """unit_key, entity, entity_id, field (``*``: the whole record), rule_id."""
    return pd.DataFrame({c: pd.Series(dtype="str") for c in ("unit_key", "entity", "entity_id", "field", "rule_id")})
