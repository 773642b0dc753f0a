"""The field tables of both guides: which CRM value goes into which field of the vendors' documents.

A row reads *API field, value*. A value is a CRM column or, in the notes, what a rule makes of columns.
"""

import csv
from functools import cache
from importlib.resources import files
from typing import TypeAlias

FieldTable: TypeAlias = tuple[tuple[str, str], ...]

# DEM-ADDRESS: the six fields of the API, which are the CRM's but for one name.
ADDRESS_FIELDS: FieldTable = (
    ("line1", "line1"),
    ("line2", "line2"),
    ("city", "city"),
    ("state", "state"),
    ("postalCode", "postal_code"),
    ("country", "country"),
)

# ACC: Profiles, investment accounts.
ASSET_FIELDS: FieldTable = (
    ("externalSourceId", "source_id"),
    ("accountName", "account_name"),
    ("accountType", "category"),  # ACC-CATEGORY
    ("holdingsValue", "account_value"),
    ("cashBalance", "loan_balance"),  # ACC-CASH
    ("typeOfFund", "funds"),  # ACC-FUNDS
    ("owner", "owner"),  # ACC-OWNER
    ("holdings", "holdings"),
)
HOLDING_FIELDS: FieldTable = (
    ("externalSourceId", "source_id"),
    ("ticker", "symbol"),
    ("holdingName", "product_name"),
    ("holdingsValue", "market_value"),
)

# LIA: Profiles only.
LIABILITY_FIELDS: FieldTable = (
    ("externalSourceId", "source_id"),
    ("liabilityName", "liability_name"),  # LIA-NAME
    ("owner", "owner"),
    ("paymentMethod", "payment_method"),
    ("currentBalance", "balance"),  # LIA-CALCULATE
    ("remainingYears", "years"),
    ("annualInterestRate", "rate"),
    ("scheduledMonthlyPayment", "payment"),
)

# POL: Profiles insurance policies.
POLICY_FIELDS: FieldTable = (
    ("externalSourceId", "source_id"),
    ("kind", "kind"),  # POL-TYPE
    ("insurancePolicy", "policy_name"),  # POL-NAME
    ("insured", "insured"),  # POL-INSURED
    ("beneficiaries", "beneficiaries"),  # POL-BENEFICIARY
    ("annualPremium", "premium"),  # POL-PREMIUM
    ("owner", "owner"),  # POL-OWNER-PROFILES
    ("deathBenefit", "basic_face_amount"),  # POL-DEATH-BENEFIT
    ("eliminationPeriod", "elimination"),  # POL-ELIMINATION
)

# eMoney: the lines of the feed, without `asOf`.
INVESTMENT_ITEM_FIELDS: FieldTable = (
    ("sourceKey", "source_id"),
    ("kind", "kind"),
    ("assetName", "account_name"),
    ("holdingsValue", "account_value"),
    ("cashBalance", "loan_balance"),  # ACC-CASH
    ("totalValue", "net_value"),
    ("typeOfFunds", "funds"),  # ACC-FUNDS
    ("owner", "owner"),  # ACC-OWNER
)
POLICY_ITEM_FIELDS: FieldTable = (
    ("sourceKey", "source_id"),
    ("kind", "kind"),
    ("policyName", "policy_name"),  # POL-NAME
    ("policyNumber", "masked_number"),  # POL-NUMBER
    ("owner", "owner"),  # POL-OWNER-EMONEY
    ("currentDeathBenefits", "total_death_benefit"),  # POL-DEATH-BENEFIT
)


def person_fields(role: str) -> FieldTable:
    """DEM, the field matrix: one role's column of ``person_fields.csv`` as *API field, value*.

    Roles: ``clientA``, ``clientB`` and ``dependent`` of Profiles, ``client`` and ``spouse`` of eMoney. An empty cell is
    the guides' dash: never sent, whatever the CRM holds. A dot in a field opens an object.
    """
    return tuple((row[role], row["value"]) for row in _person_rows() if row[role])


@cache
def _person_rows() -> list[dict[str, str]]:
    table = files("etl.transform.mapping").joinpath("person_fields.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(table.splitlines()))
