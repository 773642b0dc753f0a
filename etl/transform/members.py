"""The members of households: primary flag, dependents, everybody's role in a unit (HH-PRIMARY, HH-DEPENDENT)."""

import numpy as np
import pandas as pd

from etl.transform.arrays import Flags, Ints, first_reason, flags, integers, is_one_of, join
from etl.transform.contacts import ContactBook
from etl.transform.mapping.values import CHILD_ROLES, DEPENDENT_SUBSYSTEM_TYPES, SPOUSE_ROLES, Vendor
from etl.transform.spouses import Candidates

# What somebody is in a unit.
CLIENT, SPOUSE, DEPENDENT, OTHER = range(4)


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

    unit_no, contact_id, contact_at, role, and rule_id: by which rule one of the others does not go.
    """
    clients = pd.DataFrame({"unit_no": np.arange(len(client_id)), "contact_id": client_id, "source": 0})
    candidates = pd.DataFrame({"unit_no": chosen.unit_no, "contact_id": chosen.contact_id, "source": 1})
    members = memberships[["unit_no", "contact_id", "is_child"]].assign(source=2)
    entries = pd.concat([clients.assign(is_child=False), candidates.assign(is_child=False), members])
    entries = entries.sort_values(["unit_no", "contact_id", "source"], ignore_index=True)
    entries["contact_at"] = book.at(integers(entries["contact_id"]))
    entries["is_child"] = entries["is_child"] & (entries["source"] == 2)
    entries = entries[entries["contact_at"] >= 0]
    is_last = ~entries.duplicated(["unit_no", "contact_id"], keep="last").to_numpy()
    is_first = ~entries.duplicated(["unit_no", "contact_id"]).to_numpy()
    is_child = flags(entries["is_child"])[is_last]
    people = entries[is_first].drop(columns="is_child").reset_index(drop=True)
    unit_no, contact_id = integers(people["unit_no"]), integers(people["contact_id"])
    usable = is_usable[unit_no]
    is_client = usable & (integers(people["source"]) == 0)
    is_spouse = usable & (contact_id == spouse_id[unit_no])
    could_depend = is_child & usable & ~is_client & ~is_spouse & (vendor == "profiles")
    could_depend &= ~book.is_deleted[integers(people["contact_at"])]
    is_dependent = could_depend & is_complete(integers(people["contact_at"]), book)
    is_ambiguous = (chosen.living[unit_no] > 1) | chosen.is_client[unit_no]
    is_candidate = integers(people["source"]) == 1
    reasons = {
        "HH-HEAD": ~usable,
        "DEM-DEPENDENT": could_depend,
        "HH-SPOUSE-AMBIGUOUS": is_candidate & is_ambiguous,
        "HH-SPOUSE-GONE": is_candidate,
        "HH-DEPENDENT": np.ones(len(people), dtype=np.bool_),
    }
    goes = is_client | is_spouse | is_dependent
    rule_id = first_reason({reason: holds & ~goes for reason, holds in reasons.items()}, len(people))
    role = np.select([is_client, is_spouse, is_dependent], [CLIENT, SPOUSE, DEPENDENT], OTHER)
    return people.drop(columns="source").assign(role=role, rule_id=rule_id)


def is_complete(contact_at: Ints, book: ContactBook) -> Flags:
    """DEM-DEPENDENT: a dependent goes with first name, last name and birth date."""
    needed = (book.first_names, book.last_names, book.birth_dates)
    complete: Flags = np.logical_and.reduce([values[contact_at] != None for values in needed])  # noqa: E711 - elementwise
    return complete
