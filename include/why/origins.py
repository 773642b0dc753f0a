"""Which column each field of the vendors' documents is filled from, by the field tables, with the rule.

What depends on the data (which phone was picked, which set of a loan's figures went) is in the recorded lineage and
wins over these.
"""

from __future__ import annotations

from dataclasses import dataclass

from etl.transform.mapping.columns import source_columns
from etl.transform.mapping.fields import ADDRESS_FIELDS, person_fields
from etl.values import Vendor

NOT_MAPPED = "not mapped for this role"


@dataclass(frozen=True)
class Origin:
    """A CRM table and column (several, where a value is made of them), and the rule by which they go."""

    table: str
    column: str
    rule_id: str


def _of(table: str, rule_id: str = "DEM-TEXT", **columns: str) -> dict[str, Origin]:
    return {name: Origin(table, column, rule_id) for name, column in columns.items()}


# The values of the field matrix, by the columns that they are.
PERSON_VALUES: dict[str, Origin] = {
    **_of("contact", "SCP-1", source_id="contact_id"),
    **_of("contact", "DEM-NAME", first_name="first_name", last_name="last_name"),
    **_of("contact", "DEM-BIRTH-DATE", birth_date="birth_date"),
    **_of("contact", "DEM-GENDER", gender="gender"),
    **_of("contact", marital_status="marital_status", company="company", job_title="job_title"),
    **_of("contact_address", "DEM-ADDRESS", residence="", business_address=""),
    **_of("contact_phone", "DEM-PHONE", home_phone="number, extension", mobile_phone="number, extension"),
    **_of("contact_phone", "DEM-PHONE", fax="number, extension", business_phone="number, extension"),
    **_of("contact_phone", "DEM-PHONE", business_fax="number, extension"),
    **_of("contact_email", "DEM-E-MAIL", email="address"),
    **_of("contact", "DEM-MATRIX", income="annual_salary"),
}
_FUNDS = "is_qualified, is_held_away, is_discretionary"
_ACCOUNT: dict[str, Origin] = {
    **_of("investment_account", "SCP-1", externalSourceId="account_id"),
    **_of("investment_account", accountName="account_name"),
    **_of("investment_account", "ACC-CATEGORY", accountType="account_type"),
    **_of("investment_account", "ACC-MONEY", holdingsValue="account_value"),
    **_of("investment_account", "ACC-CASH", cashBalance="loan_balance"),
    **_of("investment_account", "ACC-FUNDS", typeOfFund=_FUNDS),
    **_of("investment_account", "ACC-OWNER", owner="primary_contact_id"),
}
_POSITION: dict[str, Origin] = {
    **_of("investment_position", "SCP-1", externalSourceId="position_id"),
    **_of("investment_position", ticker="symbol", holdingName="product_name"),
    **_of("investment_position", "ACC-MONEY", holdingsValue="market_value"),
}
_LIABILITY: dict[str, Origin] = {
    **_of("liability", "SCP-1", externalSourceId="liability_id"),
    **_of("liability", "LIA-NAME", liabilityName="lender"),
    **_of("liability", "LIA-SCOPE", owner="primary_contact_id"),
    **_of("liability", paymentMethod="payment_method"),
    **_of("liability", "LIA-CALCULATE", currentBalance="loan_balance", annualInterestRate="interest_rate"),
    **_of("liability", "LIA-CALCULATE", scheduledMonthlyPayment="monthly_payment", remainingYears="balloon_period"),
}
_POLICY: dict[str, Origin] = {
    **_of("policy", "SCP-1", externalSourceId="policy_id"),
    **_of("product", "POL-TYPE", kind="insurance_type"),
    **_of("carrier", "POL-NAME", insurancePolicy="name, product.plan_name"),
    **_of("policy", "POL-INSURED", insured="primary_insured_id"),
    **_of("policy_beneficiary", "POL-BENEFICIARY", beneficiaries="contact_id"),
    **_of("policy", "POL-PREMIUM", annualPremium="annual_premium"),
    **_of("policy", "POL-OWNER-PROFILES", owner="primary_contact_id"),
    **_of("policy", "POL-DEATH-BENEFIT", deathBenefit="basic_face_amount"),
    **_of("policy", "POL-ELIMINATION", eliminationPeriod="elimination_period"),
}
_ANNUITY: dict[str, Origin] = {
    **_of("policy", "SCP-1", externalSourceId="policy_id"),
    **_of("carrier", "POL-NAME", accountName="name, product.plan_name"),
    **_of("product", "ACC-FIXED-ANNUITY", accountType="insurance_type"),
    **_of("policy", "ACC-FIXED-ANNUITY", holdingsValue="gross_cash_value"),
    **_of("policy", "ACC-OWNER", owner="primary_contact_id"),
}
_ITEM_ACCOUNT: dict[str, Origin] = {
    **_of("investment_account", "SCP-1", sourceKey="account_id", kind="account_id"),
    **_of("investment_account", assetName="account_name"),
    **_of("investment_account", "ACC-MONEY", holdingsValue="account_value", totalValue="net_value"),
    **_of("investment_account", "ACC-CASH", cashBalance="loan_balance"),
    **_of("investment_account", "ACC-FUNDS", typeOfFunds=_FUNDS),
    **_of("investment_account", "ACC-OWNER", owner="primary_contact_id"),
}
_ITEM_POLICY: dict[str, Origin] = {
    **_of("policy", "SCP-1", sourceKey="policy_id", kind="policy_id"),
    **_of("carrier", "POL-NAME", policyName="name, product.plan_name"),
    **_of("policy", "POL-NUMBER", policyNumber="policy_number"),
    **_of("policy", "POL-OWNER-EMONEY", owner="owner_contact_id"),
    **_of("policy", "POL-DEATH-BENEFIT", currentDeathBenefits="total_death_benefit"),
}
# Tables that an item reaches by its policy: that is the key to look them up with.
BY_POLICY = ("carrier", "product", "policy_beneficiary")
# By the list in which an item stands (eMoney: items), and what its key begins with.
ITEMS: dict[tuple[Vendor, str, str], dict[str, Origin]] = {
    ("profiles", "assets", "account"): _ACCOUNT,
    ("profiles", "assets", "policy"): _ANNUITY,
    ("profiles", "holdings", "position"): _POSITION,
    ("profiles", "liabilities", "liability"): _LIABILITY,
    ("profiles", "insurancePolicies", "policy"): _POLICY,
    ("emoney", "items", "account"): _ITEM_ACCOUNT,
    ("emoney", "items", "policy"): _ITEM_POLICY,
}
ROLES: dict[Vendor, tuple[str, ...]] = {"profiles": ("clientA", "clientB"), "emoney": ("client", "spouse")}
# What the assembly sets by itself.
SET_BY_RULE: dict[str, Origin] = {
    "client.maritalStatus": Origin("key_relation", "relation", "EMY-MARRIED"),
    "client.ownerId": Origin("contact", "assigned_user_id", "EMY-OWNER"),
}
# The CRM's tables by the entities of receipts and keys.
TABLES = {
    "contact": "contact", "address": "contact_address", "phone": "contact_phone", "email": "contact_email",
    "account": "investment_account", "position": "investment_position", "liability": "liability", "policy": "policy",
    "household": "household",
}  # fmt: skip


def person_origin(vendor: Vendor, role: str, leaf: str) -> Origin | None:
    """The origin of a person's field; None where the field matrix sends none for that role."""
    if f"{role}.{leaf}" in SET_BY_RULE:
        return SET_BY_RULE[f"{role}.{leaf}"]
    for name, value in person_fields(role):
        if name == leaf:
            return PERSON_VALUES[value]
        if leaf.startswith(f"{name}.") and value in ("residence", "business_address"):
            column = dict(ADDRESS_FIELDS).get(leaf.removeprefix(f"{name}."))
            return Origin("contact_address", column, "DEM-ADDRESS") if column else None
    return None


def person_names(vendor: Vendor, role: str) -> tuple[str, ...]:
    """All fields that the vendor has for a client, also those that this role never gets."""
    names: list[str] = []
    for name, value in person_fields(ROLES[vendor][0]) + person_fields(role):
        inner = value in ("residence", "business_address")
        names += [f"{name}.{part}" for part, _ in ADDRESS_FIELDS] if inner else [name]
    more = ("maritalStatus", "ownerId") if (vendor, role) == ("emoney", "client") else ()
    return tuple(dict.fromkeys((*names, *more)))


def fate_of_column(entity: str, column: str, vendor: Vendor) -> str | None:
    """What the table of source columns says of a CRM column; None for none of that name."""
    table = TABLES.get(entity)
    found = (each for each in source_columns() if (each.table, each.column) == (table, column))
    return next((each.fate(vendor) for each in found), None)
