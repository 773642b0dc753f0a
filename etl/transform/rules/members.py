"""The members of households: primary flag, dependents, everybody's role in a unit (HH-PRIMARY, HH-DEPENDENT)."""

import numpy as np
import pandas as pd

from etl.transform.arrays import Flags, Ints, first_reason, flags, integers, join, sort_order
from etl.transform.rules.contacts import ContactBook
from etl.transform.rules.spouses import Candidates
from etl.values import CHILD_ROLES, DEPENDENT_SUBSYSTEM_TYPES, OWN_CHILD_ROLES, SPOUSE_ROLES, Vendor, is_one_of

# What somebody is in a unit.
CLIENT, SPOUSE, DEPENDENT, OTHER = range(4)

# What somebody enters a unit as; the first counts.
_CLIENT, _CANDIDATE, _MEMBER = range(3)


def memberships_of(memberships: pd.DataFrame, units: pd.DataFrame, client_id: Ints, book: ContactBook) -> pd.DataFrame:
    """Memberships of the units: unit_no, contact_id, contact_at, is_head, is_primary, role and what it says."""
    household_id = integers(units["household_id"])
    unit_at, member_at = join(household_id, integers(memberships["household_id"]))
    taken = memberships.take(member_at)
    contact_id = integers(taken["contact_id"])
    contact_at = book.at(contact_id)
    subsystem = is_one_of(book.contacts["subsystem_type"], DEPENDENT_SUBSYSTEM_TYPES)
    return pd.DataFrame(
        {
            "unit_no": unit_at,
            "contact_id": contact_id,
            "contact_at": contact_at,
            "is_head": contact_id == client_id[unit_at],
            "is_primary": flags(taken["is_primary"]),
            "has_spouse_role": is_one_of(taken["role"], SPOUSE_ROLES),
            "is_child": is_one_of(taken["role"], CHILD_ROLES) | np.append(subsystem, False)[contact_at],
            "is_own_child": is_one_of(taken["role"], OWN_CHILD_ROLES),
        }
    )


def is_primary_household(units: pd.DataFrame, members: pd.DataFrame) -> Flags:
    """HH-PRIMARY: the household is flagged as its head's primary household; a contact unit has none to flag."""
    flagged = np.zeros(len(units), dtype=np.bool_)
    flagged[members["unit_no"].to_numpy()[flags(members["is_head"]) & flags(members["is_primary"])]] = True
    return flagged | units["household_id"].isna().to_numpy()


def people_of(
    vendor: Vendor,
    memberships: pd.DataFrame,
    chosen: Candidates,
    client_id: Ints,
    is_usable: Flags,
    spouse_id: Ints,
    book: ContactBook,
) -> pd.DataFrame:
    """Everybody of the units: client, spouse candidates of the vendor's source, members; ordered by unit and contact.

    unit_no, contact_id, contact_at, is_own_child (DEM-AGES), role, and rule_id: by which rule one of the others does
    not go.
    """
    entries = _entries(memberships, chosen, client_id, book)
    unit_no, contact_id = integers(entries["unit_no"]), integers(entries["contact_id"])
    contact_at, source = integers(entries["contact_at"]), integers(entries["source"])
    usable = is_usable[unit_no]
    is_client = usable & (source == _CLIENT)
    is_spouse = usable & (contact_id == spouse_id[unit_no])
    could_depend = flags(entries["is_child"]) & usable & ~is_client & ~is_spouse & (vendor == "profiles")
    could_depend &= ~book.is_deleted[contact_at]
    is_dependent = could_depend & book.is_complete[contact_at]
    is_ambiguous = (chosen.living[unit_no] > 1) | chosen.is_client[unit_no]
    is_candidate = source == _CANDIDATE
    reasons = {
        "HH-HEAD": ~usable,
        "DEM-DEPENDENT": could_depend,
        "HH-SPOUSE-AMBIGUOUS": is_candidate & is_ambiguous,
        "HH-SPOUSE-GONE": is_candidate,
        "HH-DEPENDENT": np.ones(len(entries), dtype=np.bool_),
    }
    goes = is_client | is_spouse | is_dependent
    rule_id = first_reason({reason: holds & ~goes for reason, holds in reasons.items()}, len(entries))
    role = np.select([is_client, is_spouse, is_dependent], [CLIENT, SPOUSE, DEPENDENT], OTHER)
    return entries.drop(columns=["source", "is_child"]).assign(role=role, rule_id=rule_id)


def _entries(memberships: pd.DataFrame, chosen: Candidates, client_id: Ints, book: ContactBook) -> pd.DataFrame:
    """Everybody once a unit, with the first of what they enter as; and whether one of their entries says *child*."""
    unit_no = np.concatenate([np.arange(len(client_id)), chosen.unit_no, integers(memberships["unit_no"])])
    contact_id = np.concatenate([client_id, chosen.contact_id, integers(memberships["contact_id"])])
    sizes = [len(client_id), len(chosen.unit_no), len(memberships)]
    source = np.repeat([_CLIENT, _CANDIDATE, _MEMBER], sizes)
    contact_at = book.at(contact_id)
    known = np.flatnonzero(contact_at >= 0)
    order = known[sort_order(unit_no[known], contact_id[known] * 3 + source[known])]
    is_first = np.ones(len(order), dtype=np.bool_)
    is_first[1:] = (np.diff(unit_no[order]) != 0) | (np.diff(contact_id[order]) != 0)
    at = order[is_first]
    entries = {"unit_no": unit_no[at], "contact_id": contact_id[at], "contact_at": contact_at[at], "source": source[at]}
    for name in ("is_child", "is_own_child"):
        says = np.append(np.zeros(sum(sizes[:2]), dtype=np.bool_), flags(memberships[name]))[order]
        entries[name] = np.logical_or.reduceat(says, np.flatnonzero(is_first)) if len(order) else says
    return pd.DataFrame(entries)
