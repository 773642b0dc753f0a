"""eMoney: client, spouse and the feed's items of each unit, assembled in the order of the guide's headings."""

import datetime as dt

import numpy as np
import pandas as pd
import pyarrow as pa

from etl.transform.arrays import NULL, Objects, integers, strings, trimmed
from etl.transform.documents import (
    Documents,
    Json,
    Values,
    amounts,
    grouped,
    keys,
    no_texts,
    one_after_the_other,
    quoted,
    record,
    records,
)
from etl.transform.mapping.fields import INVESTMENT_ITEM_FIELDS, POLICY_ITEM_FIELDS
from etl.transform.portfolio import Portfolio
from etl.transform.rules import contacts
from etl.transform.rules.accounts import funds
from etl.transform.rules.contacts import Reach
from etl.transform.rules.households import Households
from etl.transform.rules.licenses import RunAs
from etl.transform.rules.policies import masked_numbers, owner_roles, policy_names
from etl.values import EMONEY_POLICY_CATEGORIES, EMONEY_STATUS_WITH_SPOUSE, EMONEY_STATUS_WITHOUT_SPOUSE

# ACC-OWNER, POL-OWNER-EMONEY: by role; -1, the last, stands for all others.
OWNERS = np.array(["client", "spouse", "other"], dtype=object)


def documents(family: Households, reached: Reach, owned: Portfolio, owner_ids: Objects, as_of: dt.date) -> Documents:
    """The document of every unit, and its two ways to go: people by call (``people_hash``), values by feed.

    ``items``: the values as a line of the feed has them, each with its date. ``items_hash`` is without the date: equal
    values have equal hashes.
    """
    more = {"ownerId": owner_ids, "maritalStatus": _marital_statuses(family)}
    people: dict[str, Values] = {
        "client": contacts.persons(reached, family.client_at, "client", more=more),
        "spouse": contacts.spouses(reached, family.spouse_at, "spouse"),
    }
    items, dated = _items(family, owned, as_of)
    document = record({**people, "items": items})
    # The ledgers hold this text's hash: the document, with nothing in the place of its items.
    without_items = record({**people, "items": no_texts(len(family.units))})
    return Documents(
        {"document": document, "items": dated},
        {"payload_hash": document, "people_hash": without_items, "items_hash": items},
    )


def _items(family: Households, owned: Portfolio, as_of: dt.date) -> tuple[Json, Json]:
    """The list of every unit's items, without the date and with it."""
    kinds = (INVESTMENT_ITEM_FIELDS, _investments(owned)), (POLICY_ITEM_FIELDS, _policies(owned))
    unit_no = np.concatenate([integers(owned.sent_accounts["unit_no"]), integers(owned.sent_policies["unit_no"])])
    dated, date = (("asOf", "asOf"),), {"asOf": str(as_of)}
    plain = [records(table, columns) for table, columns in kinds]
    lines = [records((*table, *dated), {**columns, **date}) for table, columns in kinds]
    both = [grouped(one_after_the_other(*parts), unit_no, len(family.units)) for parts in (plain, lines)]
    return both[0], both[1]


def _marital_statuses(family: Households) -> Objects:
    """EMY-MARRIED: the API needs ``Married`` before it takes a spouse."""
    has_spouse = family.spouse_id != NULL
    return np.where(has_spouse, EMONEY_STATUS_WITH_SPOUSE, EMONEY_STATUS_WITHOUT_SPOUSE).astype(object)


def _investments(owned: Portfolio) -> dict[str, Values]:
    accounts, aliases = owned.sent_accounts, owned.households.book.aliases
    return {
        "source_id": keys("account", integers(accounts["account_id"]), aliases),
        "kind": "investment",
        "account_name": quoted(trimmed(accounts["account_name"])),
        "account_value": amounts(integers(accounts["account_value"])),
        "loan_balance": amounts(integers(accounts["loan_balance"])),
        "net_value": amounts(integers(accounts["net_value"])),
        "funds": quoted(funds(accounts)),
        "owner": quoted(OWNERS[integers(accounts["role"])]),
    }


def _policies(owned: Portfolio) -> dict[str, Values]:
    policies, aliases = owned.sent_policies, owned.households.book.aliases
    return {
        "source_id": keys("policy", integers(policies["policy_id"]), aliases),
        "kind": "policy",
        "policy_name": quoted(policy_names(policies)),
        "masked_number": quoted(masked_numbers(policies)),
        "owner": quoted(OWNERS[owner_roles(owned.households, policies)]),
        "total_death_benefit": amounts(integers(policies["total_death_benefit"])),
    }


def items(family: Households, owned: Portfolio) -> pd.DataFrame:
    """EMY-LINK: unit_key, source_key, category, owner of every item; Profiles' categories and the insurance types."""
    accounts, policies, aliases = owned.sent_accounts, owned.sent_policies, family.book.aliases
    kinds = [EMONEY_POLICY_CATEGORIES.get(kind) for kind in policies["kind"]]
    owners = np.concatenate([integers(accounts["role"]), owner_roles(family, policies)])
    ids = [
        keys("account", integers(accounts["account_id"]), aliases),
        keys("policy", integers(policies["policy_id"]), aliases),
    ]
    unit_no = np.concatenate([integers(accounts["unit_no"]), integers(policies["unit_no"])])
    return pd.DataFrame(
        {
            "unit_key": family.keys_of(unit_no),
            "source_key": pd.Series(pd.array(pa.concat_arrays(ids), dtype="str")),
            "category": strings(np.concatenate([owned.categories[0], np.array(kinds, dtype=object)])),
            "owner": strings(OWNERS[owners]),
        }
    )


def withheld(family: Households, owned: Portfolio, run_as: RunAs) -> pd.DataFrame:
    """LIC-EMONEY-*: unit_key, source_key, rule_id, lacking (names of rights) of records that would otherwise go."""
    parts = []
    for entity, found, lacking in (
        ("account", owned.accounts, run_as.lacks_for_investments),
        ("policy", owned.policies, run_as.lacks_for_policies),
    ):
        rows = found[found["is_withheld"].to_numpy()]
        unit_no = integers(rows["unit_no"])
        ids = keys(entity, integers(rows[f"{entity}_id"]), family.book.aliases)
        columns = {
            "unit_key": family.keys_of(unit_no),
            "source_key": pd.Series(pd.array(ids, dtype="str")),
            "rule_id": strings(rows["rule_id"].to_numpy(dtype=object)),
            "lacking": strings(lacking[unit_no]),
        }
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)
