"""Spouse candidates by household role and by key relation, and which of them counts (HH-SPOUSE-*)."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from etl.transform.arrays import NULL, Flags, Ints, Objects, flags, integers, join, strings
from etl.transform.rules.contacts import ContactBook
from etl.values import FAMILY_RELATION_TYPES, MARRIED_STATUSES, SPOUSE_ROLES, is_one_of


@dataclass(frozen=True)
class Candidates:
    """Spouse candidates by one source: distinct contacts, several a unit where the CRM names several."""

    unit_no: Ints
    contact_id: Ints
    contact_at: Ints
    living: Ints  # how many a unit has that are neither deceased nor deleted
    gone: Ints  # how many a unit has that are
    is_client: Flags  # whether the client is one of them
    spouse_id: Ints  # the one that counts, NULL for none


def role_candidates(members: pd.DataFrame, client_id: Ints, book: ContactBook) -> Candidates:
    """HH-SPOUSE-ROLE: the other members whose role is one of the spouse roles."""
    named = members[flags(members["has_spouse_role"]) & ~flags(members["is_head"])]
    return _candidates(named[["unit_no", "contact_id"]], client_id, book)


def relation_candidates(relations: pd.DataFrame, client_id: Ints, book: ContactBook) -> Candidates:
    """HH-SPOUSE-RELATION: contacts tied to the client by a Family relation of the spouse roles, from either side."""
    is_spouse = is_one_of(relations["relation_type"], FAMILY_RELATION_TYPES)
    spouses = relations[is_spouse & is_one_of(relations["relation"], SPOUSE_ROLES)]
    one, other = integers(spouses["contact_id"]), integers(spouses["related_contact_id"])
    forward_unit, forward_at = join(client_id, one)
    backward_unit, backward_at = join(client_id, other)
    named = pd.DataFrame(
        {
            "unit_no": np.concatenate([forward_unit, backward_unit]),
            "contact_id": np.concatenate([other[forward_at], one[backward_at]]),
        }
    )
    return _candidates(named.drop_duplicates(), client_id, book)


def differences(by_role: Candidates, by_relation: Candidates, client_at: Ints, book: ContactBook) -> Objects:
    """HH-ROLE-RELATION: how the two sources of the spouse differ, by unit; ``same`` where they do not.

    ``no_relation``, ``no_role``: one source names the spouse of somebody who may be married, the other names nobody.
    ``old_role``, ``old_relation``: it names the spouse of somebody who is not married any more. ``other_role``,
    ``other_relation``: of two people this one does not count as married, and the other one does. ``unclear``: the facts
    do not say which source is right.
    """
    role, relation = by_role.spouse_id, by_relation.spouse_id
    status = strings(book.texts("marital_status"))
    counts = np.append(is_one_of(status, MARRIED_STATUSES), False)
    is_single = (np.append(status.notna().to_numpy(), False) & ~counts)[client_at]
    of_role, of_relation = (counts[book.at(spouse_id)] for spouse_id in (role, relation))
    several = (by_role.living > 1) | (by_relation.living > 1) | by_role.is_client | by_relation.is_client
    cases = {
        "same": role == relation,
        "unclear": several,
        "old_role": (relation == NULL) & is_single,
        "no_relation": relation == NULL,
        "old_relation": (role == NULL) & is_single,
        "no_role": role == NULL,
        "other_role": of_relation & ~of_role,
        "other_relation": of_role & ~of_relation,
    }
    found: Objects = np.select(list(cases.values()), list(cases), "unclear").astype(object)
    return found


def _candidates(named: pd.DataFrame, client_id: Ints, book: ContactBook) -> Candidates:
    """HH-SPOUSE-AMBIGUOUS, HH-SPOUSE-GONE: one living candidate who is not the client counts; else nobody does."""
    unit_no, contact_id = integers(named["unit_no"]), integers(named["contact_id"])
    contact_at = book.at(contact_id)
    is_living = ~(book.is_deleted | book.is_deceased)[contact_at]
    units = len(client_id)
    living = np.bincount(unit_no[is_living], minlength=units)
    is_client = np.zeros(units, dtype=np.bool_)
    is_client[unit_no[contact_id == client_id[unit_no]]] = True
    spouse_id = np.full(units, NULL, dtype=np.int64)
    spouse_id[unit_no[is_living]] = contact_id[is_living]
    spouse_id[(living != 1) | is_client] = NULL
    gone = np.bincount(unit_no[~is_living], minlength=units)
    return Candidates(unit_no, contact_id, contact_at, living, gone, is_client, spouse_id)
