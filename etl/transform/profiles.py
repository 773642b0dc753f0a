"""Profiles: the case of each unit, assembled in the order of the guide's headings."""

import numpy as np
import pandas as pd
import pyarrow as pa

from etl.transform.arrays import Ints, Objects, integers, trimmed
from etl.transform.documents import (
    Documents,
    Json,
    amounts,
    encoded,
    grouped,
    keys,
    no_lists,
    one_after_the_other,
    quoted,
    record,
    records,
)
from etl.transform.mapping.fields import ASSET_FIELDS, HOLDING_FIELDS, LIABILITY_FIELDS, POLICY_FIELDS
from etl.transform.portfolio import Portfolio
from etl.transform.rules import contacts, households
from etl.transform.rules.accounts import funds
from etl.transform.rules.contacts import Reach
from etl.transform.rules.households import Households
from etl.transform.rules.liabilities import liability_names
from etl.transform.rules.members import DEPENDENT
from etl.transform.rules.policies import eliminations, is_one_of_kinds, policy_names, premiums
from etl.values import ELIMINATION_KINDS, FIXED_ANNUITY

# ACC-OWNER, POL-OWNER-PROFILES: by the role of the primary contact.
OWNERS = np.array(["clientA", "clientB"], dtype=object)
_NOTHING = np.array(None, dtype=object)


def documents(family: Households, reached: Reach, owned: Portfolio) -> Documents:
    """``document`` and ``payload_hash`` of every unit."""
    units = len(family.units)
    parts = {
        "clientA": contacts.persons(reached, family.client_at, "clientA"),
        "clientB": contacts.spouses(reached, family.spouse_at, "clientB", shape_of="clientA"),
        "dependents": _dependents(family, reached, units),
        "assets": _assets(owned, units),
        "liabilities": _liabilities(owned, units),
        "insurancePolicies": _insurance_policies(owned, units),
    }
    document = record({"case_name": households.case_names(family), "document": record(parts)})
    return Documents({"document": document}, {"payload_hash": document})


def _dependents(family: Households, reached: Reach, units: int) -> Json:
    dependents = family.of_role(DEPENDENT)
    people = contacts.persons(reached, integers(dependents["contact_at"]), "dependent")
    return grouped(people, integers(dependents["unit_no"]), units)


def _assets(owned: Portfolio, units: int) -> Json:
    """Investment accounts, then fixed annuities, each in the order of their ids."""
    accounts, annuities = owned.sent_accounts, owned.annuities
    investments = records(
        ASSET_FIELDS,
        {
            "source_id": keys("account", integers(accounts["account_id"]), owned.households.book.aliases),
            "account_name": trimmed(accounts["account_name"]),
            "category": owned.categories[0],
            "account_value": amounts(integers(accounts["account_value"])),
            "loan_balance": amounts(integers(accounts["loan_balance"])),
            "funds": funds(accounts),
            "owner": OWNERS[integers(accounts["role"])],
            "holdings": _holdings(owned),
        },
    )
    unit_no = np.concatenate([integers(accounts["unit_no"]), integers(annuities["unit_no"])])
    return grouped(one_after_the_other(investments, _fixed_annuities(owned)), unit_no, units)


def _fixed_annuities(owned: Portfolio) -> Json:
    """ACC-FIXED-ANNUITY: annuity policies as assets, of any plan type.

    Name by POL-NAME, value = gross cash value; no cash balance, no type of funds, no holdings.
    """
    policies = owned.annuities
    return records(
        ASSET_FIELDS,
        {
            "source_id": keys("policy", integers(policies["policy_id"]), owned.households.book.aliases),
            "account_name": policy_names(policies),
            "category": FIXED_ANNUITY,
            "account_value": amounts(integers(policies["gross_cash_value"])),
            "loan_balance": None,
            "funds": None,
            "owner": OWNERS[integers(policies["role"])],
            "holdings": no_lists(len(policies)),
        },
    )


def _holdings(owned: Portfolio) -> Json:
    """ACC-VARIABLE-ANNUITY: the positions of each account; those of a variable annuity are its subaccounts."""
    positions = owned.sent_positions
    holdings = records(
        HOLDING_FIELDS,
        {
            "source_id": keys("position", integers(positions["position_id"]), owned.households.book.aliases),
            "symbol": trimmed(positions["symbol"]),
            "product_name": trimmed(positions["product_name"]),
            "market_value": amounts(integers(positions["market_value"])),
        },
    )
    return grouped(holdings, integers(positions["account_at"]), len(owned.sent_accounts))


def _liabilities(owned: Portfolio, units: int) -> Json:
    liabilities, figures = owned.sent_liabilities, owned.figures
    items = records(
        LIABILITY_FIELDS,
        {
            "source_id": keys("liability", integers(liabilities["liability_id"]), owned.households.book.aliases),
            "liability_name": liability_names(liabilities),
            "owner": OWNERS[integers(liabilities["role"])],
            "payment_method": trimmed(liabilities["payment_method"]),
            "balance": amounts(figures.balance),
            "years": amounts(figures.years, scale=3),
            "rate": amounts(figures.rate, scale=6),
            "payment": amounts(figures.payment),
        },
    )
    return grouped(items, integers(liabilities["unit_no"]), units)


def _insurance_policies(owned: Portfolio, units: int) -> Json:
    policies = owned.insurance
    kind: Objects = policies["kind"].to_numpy()
    has_elimination = is_one_of_kinds(kind, ELIMINATION_KINDS)
    items = records(
        POLICY_FIELDS,
        {
            "source_id": keys("policy", integers(policies["policy_id"]), owned.households.book.aliases),
            "kind": kind,
            "policy_name": policy_names(policies),
            "insured": OWNERS[integers(policies["insured"])],
            "beneficiaries": _beneficiaries(owned, len(policies)),
            "premium": amounts(premiums(policies)),
            "owner": OWNERS[integers(policies["role"])],
            "basic_face_amount": amounts(integers(policies["basic_face_amount"])),
            "elimination": encoded(np.where(has_elimination, eliminations(policies["elimination_period"]), _NOTHING)),
        },
    )
    return grouped(items, integers(policies["unit_no"]), units)


def _beneficiaries(owned: Portfolio, policies: int) -> Json:
    named: pd.DataFrame = owned.beneficiaries[owned.beneficiaries["name"].notna()].sort_values(["policy_at", "name"])
    policy_at: Ints = integers(named["policy_at"])
    return grouped(quoted(pa.array(named["name"], type=pa.large_string())), policy_at, policies)
