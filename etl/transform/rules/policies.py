"""Insurance policies: scope, status, type, names, premiums, parties (POL-*)."""

import re
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from etl.transform.arrays import (
    NULL,
    Flags,
    Frames,
    Ints,
    Objects,
    Series,
    first_reason,
    integers,
    is_none,
    join,
    sort_order,
    strings,
    trimmed,
)
from etl.transform.rules.households import Households, records_of
from etl.transform.rules.members import CLIENT, DEPENDENT, SPOUSE
from etl.values import (
    ELIMINATION_KINDS,
    ELIMINATION_UNITS,
    INSURANCE_KINDS,
    INSURANCE_POLICY_KINDS,
    POLICY_STATUSES,
    Vendor,
    by_label,
    is_one_of,
)

# POL-ELIMINATION: a count and a unit.
ELIMINATION = re.compile(r"([0-9]{1,9})\s*(day|week|month|year)s?")

# POL-NUMBER
MASK, SHOWN = "***", 4


def policies_of(households: Households, frames: Frames, vendor: Vendor, may_send: Flags) -> pd.DataFrame:
    """POL-SCOPE, LIC-EMONEY-POLICIES, POL-STATUS, POL-TYPE, POL-INSURED-OTHER: the policies of everybody in the units.

    unit_no, role, row_at, policy_id, kind, insured (role), rule_id (why a policy does not go; null for those that go)
    and is_withheld (it would go with the licenses), ordered by unit and policy. A policy without a product has no kind;
    it counts as going, so that the gate holds its household (POL-NAME-MISSING); Profiles has no place for it.
    """
    policies = frames["policies"]
    found = records_of(households, policies, "policy_id")
    unit_no, row_at = integers(found["unit_no"]), integers(found["row_at"])
    kind = by_label(policies["insurance_type"], INSURANCE_KINDS)[row_at]
    insured = insured_roles(households, policies, unit_no, row_at)
    is_ended = ~is_one_of(policies["status"], POLICY_STATUSES)[row_at]
    has_product = policies["insurance_type"].notna() | policies["plan_name"].notna()
    is_other_type = is_none(kind) & has_product.to_numpy()[row_at]
    checks = {
        "HH-HEAD": ~households.is_usable[unit_no],
        "POL-SCOPE": integers(found["role"]) > SPOUSE,
        "LIC-EMONEY-POLICIES": ~may_send[unit_no],
        "POL-STATUS": is_ended,
        "POL-TYPE": is_other_type,
        "POL-INSURED-OTHER": (insured < 0) & is_one_of_kinds(kind, INSURANCE_POLICY_KINDS) & (vendor == "profiles"),
    }
    rule_id = first_reason(checks, len(found))
    is_withheld = (rule_id == "LIC-EMONEY-POLICIES") & ~is_ended & ~is_other_type
    return found.assign(kind=kind, insured=insured, rule_id=rule_id, is_withheld=is_withheld)


def is_one_of_kinds(kind: Objects, kinds: frozenset[str]) -> Flags:
    """Whether each policy is of one of these kinds."""
    is_one: Flags = np.logical_or.reduce([kind == name for name in sorted(kinds)])
    return is_one


def role_of(households: Households, unit_no: Ints, contact_id: Ints) -> Ints:
    """CLIENT or SPOUSE where the contact is that person of the unit, else -1."""
    is_client = contact_id == households.client_id[unit_no]
    is_spouse = (contact_id == households.spouse_id[unit_no]) & (contact_id != NULL)
    return np.select([is_client, is_spouse], [CLIENT, SPOUSE], -1)


def insured_roles(households: Households, policies: pd.DataFrame, unit_no: Ints, row_at: Ints) -> Ints:
    """POL-INSURED: the primary insured, or, where none is recorded, the primary contact, as a role; -1 for others."""
    insured = integers(policies["primary_insured_id"])
    insured = np.where(insured == NULL, integers(policies["primary_contact_id"]), insured)
    return role_of(households, unit_no, insured[row_at])


def owner_roles(households: Households, policies: pd.DataFrame) -> Ints:
    """POL-OWNER-EMONEY: the recorded owner, else the primary insured, else the primary contact; -1 for others."""
    owner = integers(policies["owner_contact_id"])
    for column in ("primary_insured_id", "primary_contact_id"):
        owner = np.where(owner == NULL, integers(policies[column]), owner)
    return role_of(households, integers(policies["unit_no"]), owner)


def policy_names(policies: pd.DataFrame) -> pa.Array:
    """POL-NAME, POL-NAME-MISSING: carrier name, a space, plan name; null where either is missing."""
    carrier, plan = trimmed(policies["carrier_name"]), trimmed(policies["plan_name"])
    return pc.binary_join_element_wise(carrier, plan, pa.scalar(" ", pa.large_string()))


def premiums(policies: pd.DataFrame) -> Ints:
    """POL-PREMIUM, POL-PREMIUM-MISSING: Annual Prem, where it is NULL Annlzd Prem; 0 is a value."""
    annual = integers(policies["annual_premium"])
    return np.where(annual == NULL, integers(policies["annualized_premium"]), annual)


def eliminations(column: Series) -> Objects:
    """POL-ELIMINATION: ``{"count", "unit"}`` of each text; null where blank or unreadable (POL-ELIMINATION-TEXT)."""
    return by_label(column, _elimination)


def _elimination(text: str) -> dict[str, Any] | None:
    found = ELIMINATION.fullmatch(text)
    return {"count": int(found[1]), "unit": ELIMINATION_UNITS[found[2]]} if found else None


def masked_numbers(policies: pd.DataFrame) -> pa.Array:
    """POL-NUMBER: the last four characters behind a mask. A number of up to four characters goes as the mask alone."""
    numbers = trimmed(policies["policy_number"])
    shown = pc.if_else(pc.greater(pc.utf8_length(numbers), SHOWN), pc.utf8_slice_codeunits(numbers, -SHOWN), "")
    mask, nothing = (pa.scalar(text, pa.large_string()) for text in (MASK, ""))
    return pc.binary_join_element_wise(mask, shown, nothing)


def beneficiaries_of(households: Households, policies: pd.DataFrame, frames: Frames) -> pd.DataFrame:
    """POL-BENEFICIARY: policy_at, unit_no, policy_id, contact_id, name (null: left out), by policy and contact."""
    entries = frames["beneficiaries"]
    policy_at, entry_at = join(integers(policies["policy_id"]), integers(entries["policy_id"]))
    contact_id = integers(entries["contact_id"])[entry_at]
    unit_no = integers(policies["unit_no"])[policy_at]
    role = role_of(households, unit_no, contact_id)
    dependents = households.of_role(DEPENDENT)
    pairs = pd.MultiIndex.from_arrays([dependents["unit_no"], dependents["contact_id"]])
    is_dependent = pairs.get_indexer(pd.MultiIndex.from_arrays([unit_no, contact_id])) >= 0
    names = np.full(len(role), None, dtype=object)
    names[role == CLIENT], names[role == SPOUSE] = "clientA", "clientB"
    for at in np.flatnonzero(is_dependent & (role < 0)):
        key = f"contact:{contact_id[at]}"
        names[at] = f"dependent:{households.book.aliases.get(key, key)}"
    found = pd.DataFrame({"policy_at": policy_at, "unit_no": unit_no, "contact_id": contact_id, "name": names})
    found["policy_id"] = integers(policies["policy_id"])[policy_at]
    return found.take(sort_order(policy_at, contact_id)).reset_index(drop=True)


def policy_facts(households: Households, policies: pd.DataFrame) -> pd.DataFrame:
    """POL-*, ACC-FIXED-ANNUITY-VA, ACC-MONEY: what the gate asks of each policy that goes, annuities included."""
    kind = policies["kind"].to_numpy()
    has_elimination = is_one_of_kinds(kind, ELIMINATION_KINDS)
    text = strings(trimmed(policies["elimination_period"]))
    is_readable = ~is_none(eliminations(policies["elimination_period"]))
    return pd.DataFrame(
        {
            "unit_key": households.keys_of(integers(policies["unit_no"])),
            "entity_id": integers(policies["policy_id"]),
            "kind": strings(kind),
            "plan_type": strings(trimmed(policies["plan_type"])),
            "policy_name": strings(policy_names(policies)),
            "annual_premium": policies["annual_premium"].array,
            "annualized_premium": policies["annualized_premium"].array,
            "basic_face_amount": policies["basic_face_amount"].array,
            "total_death_benefit": policies["total_death_benefit"].array,
            "gross_cash_value": policies["gross_cash_value"].array,
            "elimination_period": text,
            "elimination_is_readable": is_readable | text.isna().to_numpy() | ~has_elimination,
            "owner_is_couple": owner_roles(households, policies) >= 0,
        }
    )
